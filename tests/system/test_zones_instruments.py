"""The instruments of storms over three zones: schedules that repeat, watchers that notice, a relay that bites."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator

import dns.message
import dns.rrset
import pytest

from servers.process import PYTHON
from zones.file import NAMES, WINDOW_S, Content
from zones.schedule import BACKENDS, Kind, schedule, topology
from zones.watcher import Removal, ZoneWatcher, velocity_breaches


def test_a_schedule_is_a_function_of_its_seed_and_a_campaign_has_every_fault() -> None:
    """Equal seeds, equal storms; ten neighbours share a world; 200 have each kind of fault many times."""
    assert schedule(7, seconds=10.0) == schedule(7, seconds=10.0) != schedule(8, seconds=10.0)
    assert topology(0) == topology(9) != topology(10)
    counts = Counter(fault.kind for seed in range(200) for fault in schedule(seed, seconds=10.0))
    assert min(counts[kind.name] for kind in Kind) >= 20, counts
    assert {topology(seed).primary for seed in range(200)} == {"knot", "powerdns"}
    assert {topology(seed).secondary for seed in range(200)} == {"knot", "bind"}


def test_the_file_says_its_revision_in_every_name() -> None:
    """Each edit is a revision, and its TTL; a resting backend is not wanted."""
    content = Content().edited(2)
    assert (content.revision, content.resting) == (2, 2)
    assert len(content.wanted()) == len(BACKENDS) - 1
    assert content.edited(0).resting == -1


class Told(ZoneWatcher):
    """A watcher that is told its answers."""

    def __init__(self) -> None:
        super().__init__(lambda: None, "127.0.0.1", label="primary")

    def look(self, ttl: int, *addresses: str) -> list[str]:
        """One answer for the first name; the breaches so far."""
        answer = dns.message.make_response(dns.message.make_query(NAMES[0], "A"))
        answer.answer.append(dns.rrset.from_text(NAMES[0], ttl, "IN", "A", *addresses))
        self._judge(NAMES[0], "A", answer)
        self._note(NAMES[0], 0.0, frozenset(addresses))
        return self.breaches

    def serial(self, number: int) -> list[str]:
        """One serial; the breaches so far."""
        self._note("serial", 0.0, number)
        return self.breaches


def test_the_watcher_notices_older_inputs_and_a_serial_that_fell() -> None:
    """I9: the TTL is the revision. A serial that wraps has not fallen."""
    watcher = Told()
    assert not watcher.look(3, "10.77.1.11", "10.77.2.11")
    assert not watcher.look(4, "10.77.1.11")
    assert [r.addresses for r in watcher.removals] == [frozenset({"10.77.2.11"})]
    assert "I9" in watcher.look(3, "10.77.1.11")[-1]
    watcher = Told()
    assert not [b for n in ((1 << 32) - 1, 2, 5) for b in watcher.serial(n)]
    assert "serial fell" in watcher.serial(4)[-1]


def test_more_removals_than_a_window_allows_are_a_breach_only_when_certain() -> None:
    """I4: three backends within a window; not if the first may have left before it."""

    def removal(from_s: float, *last: int) -> Removal:
        return Removal(NAMES[0], from_s, from_s + 0.1, frozenset(f"10.77.1.{n}" for n in last))

    assert velocity_breaches((removal(0.0, 1, 2), removal(WINDOW_S - 1.0, 3)))
    assert velocity_breaches((removal(0.0, 1, 2, 3),))
    assert not velocity_breaches((removal(0.0, 1, 2), removal(WINDOW_S, 3, 4)))
    assert not velocity_breaches((removal(0.0, 1, 2), removal(WINDOW_S - 0.05, 3)))


class Line:
    """The relay between three sockets instead of TUN devices."""

    def __init__(self) -> None:
        pairs = {zone: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for zone in (1, 2, 3)}
        self.ends = {zone: pair[0] for zone, pair in pairs.items()}
        theirs = [pair[1] for pair in pairs.values()]
        for end in theirs:
            end.setblocking(False)
        self.process = subprocess.Popen(
            [PYTHON, "-m", "zones.relay", "1", *(str(end.fileno()) for end in theirs)],
            pass_fds=[end.fileno() for end in theirs],
            stdin=subprocess.PIPE,
            text=True,
            env={"PYTHONPATH": ":".join(path for path in sys.path if path)},
        )
        for end in theirs:
            end.close()
        for end in self.ends.values():
            end.settimeout(20.0)

    def fault(self, origin: int, to: int, **fault: float) -> None:
        """Tell it."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([[origin, to, fault]]) + "\n")
        self.process.stdin.flush()

    def send(self, origin: int, to: int, text: bytes) -> None:
        """An IPv4 header as far as the relay reads it."""
        self.ends[origin].send(bytes([0x45, *[0] * 15, 10, 77, to, 1]) + text)

    def close(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait(timeout=10)
        assert self.process.stdin is not None
        self.process.stdin.close()
        for end in self.ends.values():
            end.close()


@pytest.fixture
def line() -> Iterator[Line]:
    """A relay."""
    made = Line()
    yield made
    made.close()


def test_the_relay_carries_packets_and_loses_those_of_one_direction(line: Line) -> None:
    """1 to 2 is cut, 2 to 1 is not: a one-sided partition; healed, packets go through again."""
    line.send(1, 2, b"whole")
    assert line.ends[2].recv(99).endswith(b"whole")
    line.fault(1, 2, drop=1.0)
    while True:  # until the command is heard: then nothing comes, and what is sent after it on the way back does
        line.send(1, 2, b"lost")
        line.send(2, 1, b"back")
        assert line.ends[1].recv(99).endswith(b"back")
        line.ends[2].settimeout(0.2)
        try:
            line.ends[2].recv(99)
        except TimeoutError:
            break
    line.fault(1, 2, delay_s=0.01)
    line.ends[2].settimeout(0.2)
    for _ in range(100):
        line.send(1, 2, b"again")
        try:
            assert line.ends[2].recv(99).endswith(b"again")
            break
        except TimeoutError:
            continue
    else:
        pytest.fail("a healed line carries nothing")
