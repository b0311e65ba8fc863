"""The quickstart end to end: real backends, real probes, three enactors, the embedded DNS asked over UDP."""

from __future__ import annotations

import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from quickstart_world import ADDRESSES, NAME, Quickstart, quickstart

from servers.process import HOST


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Quickstart]:
    """A quickstart that nothing runs in yet."""
    with quickstart(tmp_path) as made:
        yield made


def test_a_dead_backend_leaves_the_name_and_comes_back(world: Quickstart) -> None:
    """Stopped: gone from DNS, with the reason in the log. Started again: back. Ctrl-C: exit 0, says DNS keeps."""
    up = world.demo_up()
    assert "stopped 127.0.0.12" in world.ok("demo", "stop", "127.0.0.12")
    world.until_answers("127.0.0.11", "127.0.0.13", "127.0.0.14")
    log = up.log.read_text()
    assert f"{NAME}/left-2 is down" in log
    assert f"{NAME}/left-2 is unhealthy: " in log
    assert "vantage points say down" in log
    status = world.ok("status")
    assert "out: 127.0.0.12" in status
    assert f"! {NAME}/left-2 down" in status
    too_few = world.run("demo", "stale")
    assert (too_few.code, "`holdfast demo start 127.0.0.12`" in too_few.err) == (1, True), too_few
    assert "127.0.0.12 runs" in world.ok("demo", "start", "127.0.0.12")
    world.until_answers(*ADDRESSES)
    assert world.end(up) == 0
    log = up.log.read_text()
    assert "holdfast: stopped; DNS keeps its answers" in log
    assert "Traceback" not in log


def test_all_backends_dead_the_answers_stay(world: Quickstart) -> None:
    """All stopped at once: whatever left before the probers doubted themselves, at least two of four stay."""
    up = world.demo_up()
    world.kill_backends(*ADDRESSES)
    world.until(lambda: world.ok("status").count(" down (") == 4, "status shows all four down")
    status = world.ok("status")
    assert "rather the prober than they" in status
    assert "NOTHING" not in status
    stays = world.answer()
    # Longer than the velocity window: what it has spent is refilled, and still nothing may leave.
    world.steady(2.0, lambda answer: answer == stays and len(answer) >= 2)
    assert not up.ended


def test_stale_write_is_refused_by_the_dns_server(world: Quickstart) -> None:
    """October 2025 on real DNS: the delayed write meets the fence of two newer plans; refused, and it says so."""
    world.demo_up()
    said = world.ok("demo", "stale")
    numbers = re.search(r"refused by the DNS server: the fence is at generation (\d+), mine is (\d+)", said)
    assert numbers is not None, said
    assert int(numbers[1]) >= int(numbers[2]) + 2
    world.until_answers(*ADDRESSES)
    assert "drained" not in world.ok("status")


def test_terminate_is_as_clean_as_interrupt(world: Quickstart) -> None:
    """SIGTERM, as a supervisor sends it: exit 0, backends gone, no traceback."""
    up = world.demo_up()
    assert world.end(up, signal.SIGTERM) == 0
    assert "Traceback" not in up.log.read_text()
    for address in ADDRESSES:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((address, world.backend_port), timeout=1.0).close()


@pytest.mark.parametrize("command", [("demo", "up"), ("up",), ("dns",)])
@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_occupied_dns_port_is_one_clear_line(
    world: Quickstart, command: tuple[str, ...], kind: socket.SocketKind
) -> None:
    """Somebody else has the port, by UDP or by TCP: one line that names it and the way round, exit 1."""
    with socket.socket(type=kind) as taken:
        taken.bind((HOST, world.dns_port))
        if kind is socket.SOCK_STREAM:
            taken.listen()
        up = world.start(*command, world.file.name)
        assert world.code(up) == 1
    log = up.log.read_text()
    lines = [line for line in log.splitlines() if line.startswith("holdfast: ")]
    assert len(lines) == 1, log
    assert str(world.dns_port) in lines[0]
    assert "Traceback" not in log


def test_occupied_backend_port_is_one_clear_line(world: Quickstart) -> None:
    """Somebody else has a backend's port: one line, exit 1, and the backends started before it are stopped."""
    with socket.socket() as taken:
        taken.bind((ADDRESSES[2], world.backend_port))
        taken.listen()
        up = world.start("demo", "up", world.file.name)
        assert world.code(up) == 1
    log = up.log.read_text()
    assert f"holdfast: cannot listen on {ADDRESSES[2]} port {world.backend_port}" in log
    assert "Traceback" not in log
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((ADDRESSES[0], world.backend_port), timeout=1.0).close()


@pytest.mark.parametrize("command", [("demo", "up"), ("up",), ("check",), ("apply",)])
def test_a_wrong_file_is_named_with_its_line(world: Quickstart, command: tuple[str, ...]) -> None:
    """A key that does not exist: file, line, the key and the nearest known one; exit 65; nothing is made."""
    text = world.text().replace("floor_share", "flor_share")
    line = next(i for i, found in enumerate(text.splitlines(), start=1) if "flor_share" in found)
    world.file.write_text(text)
    said = world.run(*command, world.file.name)
    assert said.code == 65, said
    assert f"{world.file.name}:{line}" in said.err
    assert "floor_share" in said.err
    assert "Traceback" not in said.err
    assert not world.state.exists()
