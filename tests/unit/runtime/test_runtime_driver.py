"""The driver and the supervisor: values go back, faults are loud, cancellation is clean."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from holdfast.ports.events import Event
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.store import Commit, Get, Put
from holdfast.runtime.clock import Pacing
from holdfast.runtime.driver import ActorCrashed, Answers, NoAnswer, drive, supervise
from holdfast.stores.memory import MemoryStore

QUICK = Pacing(retry_base_s=0.001, retry_cap_s=0.002, turn_min_s=0.0)


def store_answers(store: MemoryStore | None = None) -> Answers:
    """Answers of a memory store."""
    store = MemoryStore() if store is None else store
    answers = Answers()
    answers.register(Get, store.get)
    answers.register(Commit, store.commit)
    return answers


async def test_results_go_back_and_the_value_comes_out() -> None:
    """Each operation gets its own answer, also through nested coroutines, and the return value is the loop's."""

    async def inner(key: str) -> bytes:
        await Commit(puts=(Put(key, key.encode()),))
        entry = await Get(key)
        assert entry is not None
        assert not isinstance(entry, CouldNotAsk)
        return entry.value

    async def outer() -> tuple[bytes, bytes]:
        return await inner("a"), await inner("b")

    assert await drive(outer(), store_answers()) == (b"a", b"b")


async def test_an_operation_without_answer_is_named() -> None:
    """A wrongly assembled actor says which operation it lacks, and what it has."""

    async def loop() -> None:
        await Get("k")

    answers = Answers()
    answers.register(Commit, MemoryStore().commit)
    with pytest.raises(NoAnswer, match="no answer is registered for Get; this actor answers Commit"):
        await drive(loop(), answers)


async def test_a_raising_handler_crashes_the_actor_not_the_loop() -> None:
    """The coroutine is not thrown into: it is closed, and the error names the operation."""
    ended: list[str] = []

    async def broken(op: Get) -> None:
        raise ZeroDivisionError("in the adapter")

    async def loop() -> None:
        try:
            await Get("k")
        except Exception:  # the loop must not see the adapter's error
            ended.append("caught")
        finally:
            ended.append("closed")

    answers = Answers()
    answers.register(Get, broken)
    with pytest.raises(ActorCrashed, match="Get: ZeroDivisionError: in the adapter"):
        await drive(loop(), answers)
    assert ended == ["closed"]


@contextmanager
def noting(ended: list[str]) -> Generator[None]:
    """Notes when the block is left."""
    try:
        yield
    finally:
        ended.append("closed")


async def test_cancellation_closes_the_loop() -> None:
    """A cancelled driver closes the coroutine where it stands, and its clean-up runs."""
    ended: list[str] = []
    waiting = asyncio.Event()

    async def never(op: Get) -> None:
        waiting.set()
        await asyncio.Event().wait()

    async def loop() -> None:
        with noting(ended):
            await Get("k")

    answers = Answers()
    answers.register(Get, never)
    task = asyncio.create_task(drive(loop(), answers))
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == ["closed"]


async def test_a_busy_loop_does_not_starve_others() -> None:
    """A loop whose answers never suspend lets other tasks run."""
    stop = False

    async def loop() -> int:
        rounds = 0
        while not stop:
            await Get("k")
            rounds += 1
        return rounds

    task = asyncio.create_task(drive(loop(), store_answers()))
    for _ in range(5):
        await asyncio.sleep(0)
    stop = True
    assert await asyncio.wait_for(task, 5) > 0


async def test_a_crashed_actor_is_reported_and_starts_again(caplog: pytest.LogCaptureFixture) -> None:
    """Each crash is an event and a log entry with actor, operation and traceback; then a new loop runs."""
    calls = 0

    async def flaky(op: Get) -> None:
        nonlocal calls
        calls += 1
        if calls < 3:
            raise OSError("adapter bug")

    async def loop() -> str:
        await Get("k")
        return "done"

    events: list[Event] = []
    forgotten: list[int] = []
    answers = Answers()
    answers.register(Get, flaky)
    answers.on_restart(lambda: forgotten.append(calls))
    with caplog.at_level(logging.ERROR):
        value = await supervise("enactor-a", loop, answers, emit=events.append, pacing=QUICK, rng=random.Random(1))
    assert value == "done"
    assert [(e.kind, e.actor, dict(e.data)["operation"], dict(e.data)["crashes"]) for e in events] == [
        ("actor.crashed", "enactor-a", "Get", 1),
        ("actor.crashed", "enactor-a", "Get", 2),
    ]
    assert "adapter bug" in events[0].text
    assert caplog.text.count("enactor-a crashed in Get") == 2
    assert "Traceback" in caplog.text
    assert forgotten == [1, 2], "timers are forgotten before each new start"


async def test_a_fault_in_the_room_itself_is_a_crash() -> None:
    """An exception of the loop's own code restarts the actor too, without an operation's name."""
    starts = 0

    async def loop() -> int:
        nonlocal starts
        starts += 1
        await Get("k")
        if starts == 1:
            raise KeyError("room bug")
        return starts

    events: list[Event] = []
    assert await supervise("planner-a", loop, store_answers(), emit=events.append, pacing=QUICK) == 2
    assert [dict(e.data)["error"] for e in events] == ["KeyError"]


async def test_a_supervised_actor_can_be_cancelled_while_it_waits() -> None:
    """Between a crash and the new start, cancellation ends the actor for good."""
    crashed = asyncio.Event()

    async def broken(op: Get) -> None:
        raise OSError("again")

    async def loop() -> None:
        await Get("k")

    answers = Answers()
    answers.register(Get, broken)
    slow = Pacing(retry_base_s=100.0, retry_cap_s=100.0, turn_min_s=50.0)
    task = asyncio.create_task(supervise("a", loop, answers, emit=lambda event: crashed.set(), pacing=slow))
    await crashed.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
