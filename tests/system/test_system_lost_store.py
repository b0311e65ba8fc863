"""Stores that are lost, old or somebody else's: the names stay, the right one wins or stands down, and says so."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from quickstart_world import ADDRESSES, NAME, Quickstart, quickstart


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Quickstart]:
    """A quickstart that nothing runs in yet."""
    directory = tmp_path / "one"
    directory.mkdir()
    with quickstart(directory) as made:
        yield made


def copy_of_store(world: Quickstart, to: Path) -> None:
    """A consistent copy of the store as it is now, as a backup would take it."""
    with (
        contextlib.closing(sqlite3.connect(world.store)) as here,
        contextlib.closing(sqlite3.connect(to)) as there,
    ):
        here.backup(there)


def remove_store(world: Quickstart) -> None:
    """Delete the store under the running processes."""
    for file in world.state.glob("store.sqlite*"):
        file.unlink()


def drain_one(world: Quickstart) -> frozenset[str]:
    """Drain left-1 and wait for DNS: what is served from then on, by generation 2 and a word."""
    world.ok("drain", ADDRESSES[0], "--reason", "so that words are lost too")
    world.until_answers(*ADDRESSES[1:])
    return frozenset(ADDRESSES[1:])


def still_works(world: Quickstart) -> None:
    """A backend that dies now still leaves, by a plan above everything that was lost."""
    world.kill_backends(ADDRESSES[1])
    world.until_answers(*ADDRESSES[2:])
    world.ok("demo", "start", ADDRESSES[1])
    world.until_answers(*ADDRESSES[1:])


@pytest.mark.parametrize("restore", [False, True], ids=["deleted", "restored from an old copy"])
def test_a_lost_store_is_put_back_from_an_enactors_disk(world: Quickstart, tmp_path: Path, restore: bool) -> None:
    """Deleted or replaced while running: names stay, plan and words come back, and planning goes on by itself."""
    world.demo_up()
    old = tmp_path / "old.sqlite"
    copy_of_store(world, old)
    served = drain_one(world)
    remove_store(world)
    if restore:
        shutil.move(old, world.store)
    reseeded = world.until_event("store.reseeded", "put back from the disk of")
    assert "quickstart/words at revision 1" in reseeded.text
    world.steady(1.5, lambda answer: answer == served)
    status = world.ok("status")
    assert f"drained {NAME}/left-1" in status
    assert status.count("enactor enactor-") >= 1
    still_works(world)
    newest = world.events("plan.created")[-1].plan
    assert newest is not None
    assert newest.incarnation == 2
    assert newest.generation >= 3


def test_a_store_deleted_while_nothing_ran_comes_back(world: Quickstart) -> None:
    """The disks outlive the process too: `up` on an empty store takes up where DNS is, with the drain."""
    first = world.demo_up()
    served = drain_one(world)
    assert world.end(first) == 0
    remove_store(world)
    world.start("demo", "up", world.file.name, log="again")
    world.until(lambda: world.answer() == served, "the names are served again")
    world.until_event("store.reseeded", "put back from the disk of")
    world.steady(1.5, lambda answer: answer == served)
    still_works(world)


def test_an_old_machine_with_its_own_store_stands_down(world: Quickstart, tmp_path: Path) -> None:
    """A copy of yesterday's machine starts against today's DNS: its planner and enactor stand down and say so."""
    world.demo_up()
    old = tmp_path / "old"
    shutil.copytree(
        world.directory, old, ignore=shutil.ignore_patterns("store.sqlite*", "events", "dns", "backends")
    )
    (old / "quickstart-state").mkdir(exist_ok=True)
    copy_of_store(world, old / "quickstart-state" / "store.sqlite")
    served = drain_one(world)
    with old_machine(world, old) as back:
        back.start("enactor", back.file.name, "--name", "enactor-a", log="old-enactor")
        back.start("planner", back.file.name, log="old-planner")
        held = back.until_event("zone.held", "the fence is at 1.2-", "the store's newest is plan 1.1-")
        assert "standing down until another enactor restores it, or `holdfast adopt`" in held.text
        stands_down = back.until_event("planner.stands_down")
        assert "holds plan 1.2-" in stands_down.text
        assert "Nothing is planned until" in stands_down.text
        world.steady(1.5, lambda answer: answer == served)
        assert not back.events("write.applied")
        assert not back.events("plan.created")
    still_works(world)


@contextlib.contextmanager
def old_machine(world: Quickstart, directory: Path) -> Iterator[Quickstart]:
    """Another machine with the same file: its own state, the same DNS server."""
    back = Quickstart(directory)
    shutil.copy(world.file, back.file)
    back.dns_port, back.backend_port = world.dns_port, world.backend_port
    try:
        yield back
    finally:
        back.close_processes()


def test_a_second_up_with_another_file_runs_the_stores_document(world: Quickstart) -> None:
    """The store is the first file's: the second file drops two targets, runs the store's document, and says so."""
    world.demo_up()
    other = world.directory / "other.toml"
    other.write_text(without_right(world.text()))
    second = world.start("up", other.name, log="second")
    refused = world.until_event("config.refused", "not what this file was last applied as")
    assert "quickstart.toml" in refused.text
    assert "it stays in force" in refused.text
    world.steady(2.0, lambda answer: answer == frozenset(ADDRESSES))
    assert not second.ended, second.tail()
    said = world.run("apply", other.name)
    assert said.code == 3, said
    assert "apply --force" in said.out + said.err
    assert "configuration revision 1 " in world.ok("status", "--config", world.file.name)
    assert world.end(second) == 0
    world.kill_backends(ADDRESSES[1])
    world.until_answers(ADDRESSES[0], *ADDRESSES[2:])


def without_right(text: str) -> str:
    """The file for another process on this machine: no DNS of its own, another enactor, targets of left only."""
    listening = ("dns_listen", "metrics_listen")
    lines = [f'{line.split()[0]} = ""' if line.startswith(listening) else line for line in text.splitlines()]
    text = "\n".join(lines).replace("enactors = 3", 'enactors = ["second-a"]')
    head, *targets = text.split("[[endpoint.target]]")
    last, tail = targets[-1].split("[[prober]]", 1)
    kept = [t for t in (*targets[:-1], last) if 'label = "left"' in t]
    return "[[endpoint.target]]".join([head, *kept]) + "[[prober]]" + tail
