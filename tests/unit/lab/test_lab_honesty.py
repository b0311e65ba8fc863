"""The kernel is told no lies: what is no port, and what runs share, is reported by name."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from holdfast.lab import automaton
from holdfast.lab.actor import Actor, LabError, NonDeterminismError, PortBypassedError
from holdfast.lab.canonical import NotCanonicalError
from holdfast.lab.engines.exhaustive import search
from holdfast.lab.scenarios import acts, cleaning, freezes, health
from holdfast.lab.suspects import watching
from holdfast.lab.system import Scenario, System
from holdfast.lab.world.store import StoreCell
from holdfast.ports.store import Get

CALLS: dict[str, tuple[Callable[[], Any], str]] = {
    "the time of day": (time.time, "calls time.time"),
    "a monotonic clock": (time.monotonic, "calls time.monotonic"),
    "datetime": (lambda: datetime.now(UTC), "calls datetime.now"),
    "sleep": (lambda: time.sleep(0), "calls time.sleep"),
    "chance": (lambda: str(random.random()), "calls random.random"),
    "a choice": (lambda: random.choice("ab"), "calls random .the module's own generator."),
    "random bytes": (lambda: os.urandom(4), "calls os.urandom"),
    "a random id": (uuid.uuid4, "calls os.urandom"),
    "a file": (lambda: Path(__file__).read_bytes(), "calls open"),
    "a file's state": (lambda: Path(__file__).exists(), "calls os.stat"),
    "the environment": (lambda: os.environ.get("HOME"), "calls os.environ"),
    "a socket": (lambda: socket.socket().close(), "calls socket.socket"),
    "a process": (lambda: subprocess.run([sys.executable, "-c", ""], check=True), "calls subprocess.Popen"),
    "a thread": (lambda: threading.Thread(target=int).start(), "calls threading.Thread"),
}


@pytest.mark.parametrize("name", CALLS)
def test_what_is_no_port_is_named_with_actor_line_and_port(name: str) -> None:
    """Wherever it stands in a loop: the actor, the call, its line, and what to ask instead."""
    call, said = CALLS[name]

    async def loop() -> None:
        await Get("a")
        call()
        await Get("b")

    with pytest.raises(PortBypassedError, match=rf"walker: {said} at .* instead") as told:
        _searched(loop)
    assert "on its way to store.Get(key='b')" in str(told.value)


def _searched(start: Callable[[], Any]) -> None:
    search(System(Scenario("x", "1 walker", (Actor("walker", "walker", start),), StoreCell(), ())))


@pytest.mark.parametrize("delay_s", [0, 1])
def test_sleeping_by_asyncio_is_named(delay_s: int) -> None:
    """With a delay or without: in the laboratory there is no loop that would wake it."""

    async def loop() -> None:
        await Get("a")
        await asyncio.sleep(delay_s)

    with pytest.raises(PortBypassedError, match=r"walker: calls asyncio\.sleep at test_lab_honesty\.py:\d+"):
        _searched(loop)


def test_other_parts_of_asyncio_are_named() -> None:
    """Tasks, locks, futures: actors are the only tasks here."""

    async def loop() -> None:
        await Get("a")
        async with asyncio.Lock():
            await Get("b")

    with pytest.raises(PortBypassedError, match=r"walker: calls asyncio\.Lock"):
        _searched(loop)


_COUNT = [0]


def test_state_of_a_module_that_runs_share_is_named() -> None:
    """A variable of the module that each run changes: named, with the operations that differ."""

    async def loop() -> None:
        _COUNT[0] += 1
        await Get(f"k{_COUNT[0]}")
        await Get("end")

    with pytest.raises(NonDeterminismError, match=r"walker: .*store\.Get\(key='k\d'\).*module variable `_COUNT`"):
        _searched(loop)


def test_state_of_a_closure_that_runs_share_is_named() -> None:
    """A list that outlives the coroutine: the first run fills it, the next finds it full."""
    seen: list[str] = []

    async def loop() -> None:
        await Get("a")
        if not seen:
            await Get("first time")
        seen.append("a")
        await Get(f"b{len(seen)}")

    with pytest.raises(NonDeterminismError, match=r"walker: .*closure variable `seen` of .*loop"):
        _searched(loop)


def test_an_object_that_runs_share_is_named() -> None:
    """State in an attribute of something that the actor was started with."""

    class Counter:
        def __init__(self) -> None:
            self.calls = 0

        def next(self) -> int:
            self.calls += 1
            return self.calls

    counter = Counter()

    async def loop() -> None:
        await Get(f"k{counter.next()}")
        await Get("end")

    with pytest.raises(NonDeterminismError, match=r"walker: .*closure variable `counter`"):
        _searched(loop)


def test_what_is_no_value_is_told_with_its_actor() -> None:
    """A generator held over an operation has state that can't be compared: the actor, where it holds it, what."""

    async def loop() -> None:
        chance = random.Random(7)
        await Get("a")
        await Get(str(chance.random()))

    with pytest.raises(NotCanonicalError, match=r"walker: before store\.Get.*loop: chance: random\.Random"):
        _searched(loop)


def test_a_generator_of_ones_own_seed_is_no_lie() -> None:
    """What follows from the start alone may be as it likes."""

    async def loop() -> None:
        chance = random.Random(7)
        keys = tuple(str(chance.randrange(9)) for _ in range(3))
        del chance
        for key in keys:
            await Get(key)

    _searched(loop)


def test_what_imports_do_is_no_ones_call() -> None:
    """The body of a module that is imported late looks at files and clocks: that is the interpreter's doing."""
    sys.modules.pop("colorsys", None)
    with watching() as caught:
        __import__("colorsys")
    assert caught == []


SHIPPED: dict[str, Callable[[], Scenario]] = {
    "prober, planner, enactor": health.dies,
    "two of each": health.two_of_all,
    "freeze": freezes.freezing,
    "thaw": lambda: freezes.thawing(other=False),
    "the thaw timer": acts.timed,
    "adopt": acts.adopted,
    "repair --override": acts.overridden,
    "clean-up": cleaning.tidies,
    "publication": cleaning.interrupted,
}


@pytest.mark.parametrize("name", SHIPPED)
def test_no_shipped_loop_bypasses_the_ports(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each real run of each loop is watched, and paths are run again: nothing is called, nothing is shared."""
    monkeypatch.setattr(automaton, "WATCHED", 10**9)
    monkeypatch.setattr(automaton, "CHECKED", 100)
    outcome = search(System(SHIPPED[name]()))
    assert outcome.complete, outcome.sentence()


def test_all_of_them_are_errors_of_the_laboratory() -> None:
    """One `except` catches whatever makes a search meaningless."""
    assert issubclass(PortBypassedError, LabError)
    assert issubclass(NonDeterminismError, LabError)
    assert issubclass(NotCanonicalError, LabError)
