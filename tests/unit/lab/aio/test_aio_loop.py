"""The simulated loop: asyncio's own semantics in virtual time, and only the choices that asyncio leaves open."""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from holdfast.lab.aio.choosing import Follow
from holdfast.lab.aio.loop import Option
from holdfast.lab.aio.refused import RealIoRefusedError
from holdfast.lab.aio.running import AS_ASYNCIO, Body, Ended, Terms, run
from holdfast.lab.aio.searching import Budget, exhaust
from holdfast.virtual.refused import REFUSED


def alone(body: Body, terms: Terms = Terms()) -> Ended:  # noqa: B008  # frozen
    """One run in asyncio's own order."""
    return run(body, AS_ASYNCIO, terms, detail=True)


def clean(body: Body) -> Ended:
    """One run, which breaks nothing."""
    ended = alone(body)
    assert ended.broken is None, ended.broken.text
    return ended


def test_virtual_time_costs_no_real_time() -> None:
    """A year of sleep ends at once, and the loop's clock says a year."""

    async def body() -> None:
        await asyncio.sleep(365 * 86400)
        assert asyncio.get_running_loop().time() == 365 * 86400

    clean(body)


def test_timers_fire_in_order_of_time() -> None:
    """The order of sleeps is that of their ends, not of their starts."""
    order: list[float] = []

    async def nap(seconds: float) -> None:
        await asyncio.sleep(seconds)
        order.append(seconds)

    async def body() -> None:
        order.clear()
        await asyncio.gather(nap(3), nap(1), nap(2))
        assert order == [1, 2, 3]

    clean(body)


def test_its_first_option_is_what_asyncio_does() -> None:
    """With option 0 always taken, a program does what it does on a real asyncio loop."""
    order: list[str] = []

    async def worker(name: str, lock: asyncio.Lock, queue: asyncio.Queue[str]) -> None:
        for turn in range(3):
            async with lock:
                order.append(f"{name}{turn}")
                await asyncio.sleep(0)
            await queue.put(name)
            order.append(f"{name} got {await queue.get()}")

    async def body() -> None:
        order.clear()
        lock, queue = asyncio.Lock(), asyncio.Queue[str](maxsize=1)
        async with asyncio.TaskGroup() as group:
            for name in "abc":
                group.create_task(worker(name, lock, queue))

    asyncio.run(body())
    real = list(order)
    clean(body)
    assert order == real


def test_tasks_may_go_on_in_any_order() -> None:
    """Two ready tasks are a choice; the second option lets the later one go first."""
    order: list[str] = []

    async def append(name: str) -> None:
        order.append(name)

    async def body() -> None:
        order.clear()
        await asyncio.gather(append("a"), append("b"))

    assert run(body, Follow((0,)), Terms()).widths[0] == 2
    assert order == ["a", "b"]
    run(body, Follow((1,)), Terms())
    assert order == ["b", "a"]


def test_a_task_that_is_given_a_name_has_it_from_its_first_step() -> None:
    """`asyncio.create_task(name=)` names a task when its first step is ready already: the story has the name."""

    async def work() -> None:
        await asyncio.sleep(0)

    async def body() -> None:
        await asyncio.gather(asyncio.create_task(work(), name="north"), asyncio.create_task(work(), name="south"))

    told = run(body, Follow((1,)), Terms(), detail=True).told
    assert {t.who for t in told if t.place is not None or t.end} == {"main", "north", "south"}
    assert [t.instead_of for t in told if t.instead_of] == ["north"]


def test_callbacks_keep_their_order() -> None:
    """`call_soon` is first-in-first-out by asyncio's documentation: no choice among its callbacks."""
    order: list[int] = []

    class Last:
        def choose(self, options: Sequence[Option]) -> int:
            return len(options) - 1

    async def body() -> None:
        order.clear()
        loop = asyncio.get_running_loop()
        for number in range(4):
            loop.call_soon(order.append, number)
        await asyncio.sleep(1)
        assert order == [0, 1, 2, 3]

    assert run(body, Last(), Terms()).broken is None


def test_timers_due_together_are_a_choice() -> None:
    """Two callbacks due at the same time may come either way; two at different times may not."""
    order: list[str] = []

    def body_with(apart: float) -> Body:
        async def body() -> None:
            order.clear()
            loop = asyncio.get_running_loop()
            loop.call_later(1, order.append, "first")
            loop.call_later(1 + apart, order.append, "second")
            await asyncio.sleep(2)

        return body

    run(body_with(0), Follow((1,)), Terms())
    assert order == ["second", "first"]
    assert run(body_with(0.5), Follow((1,)), Terms()).choices == ()
    assert order == ["first", "second"]


def test_cancellation_reaches_the_task() -> None:
    """A cancelled task sees CancelledError where it waits, and its awaiter sees it too."""

    async def sleeper(seen: list[str]) -> None:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async def body() -> None:
        seen: list[str] = []
        task = asyncio.create_task(sleeper(seen))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert seen == ["cancelled"]
        assert asyncio.get_running_loop().time() == 1

    clean(body)


def test_timeouts() -> None:
    """`wait_for` and `asyncio.timeout` end what takes too long, and let through what does not."""

    async def body() -> None:
        assert await asyncio.wait_for(asyncio.sleep(1, "in time"), 2) == "in time"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.sleep(3), 2)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await asyncio.Event().wait()
        assert asyncio.get_running_loop().time() == 4

    clean(body)


def test_the_usual_tools_work() -> None:
    """Event, Condition, Semaphore, wait, as_completed, shield, async generators and context variables."""
    number: contextvars.ContextVar[int] = contextvars.ContextVar("number", default=0)

    async def count(to: int) -> AsyncIterator[int]:
        for i in range(to):
            await asyncio.sleep(0.1)
            yield i

    async def own_number(value: int) -> int:
        number.set(value)
        await asyncio.sleep(0)
        return number.get()

    async def body() -> None:
        assert [i async for i in count(3)] == [0, 1, 2]
        assert list(await asyncio.gather(own_number(1), own_number(2))) == [1, 2]
        assert number.get() == 0
        event = asyncio.Event()
        asyncio.get_running_loop().call_later(1, event.set)
        await event.wait()
        done, pending = await asyncio.wait(
            [asyncio.create_task(asyncio.sleep(s)) for s in (1, 5)], return_when=asyncio.FIRST_COMPLETED
        )
        assert (len(done), len(pending)) == (1, 1)
        assert [await f for f in asyncio.as_completed([asyncio.sleep(2, "b"), asyncio.sleep(1, "a")])] == [
            "a",
            "b",
        ]
        async with asyncio.Semaphore(1), asyncio.Condition():
            await asyncio.shield(asyncio.sleep(1))

    clean(body)


def test_all_waiting_for_ever_is_a_deadlock() -> None:
    """Two tasks that take two locks the other way round: found under one order, and told who waits where."""

    async def both(one: asyncio.Lock, two: asyncio.Lock) -> None:
        async with one:
            await asyncio.sleep(0)
            async with two:
                pass

    async def body() -> None:
        a, b = asyncio.Lock(), asyncio.Lock()
        await asyncio.gather(both(a, b), both(b, a))

    broken = alone(body).broken
    assert broken is not None
    assert broken.text.startswith("deadlock: all tasks wait for ever: main waits for gather")
    assert broken.text.count("both") >= 1
    assert "Lock.acquire at test_aio_loop.py" in broken.text
    assert "(async with two:)" in broken.text


def test_an_exception_that_nobody_looks_at_is_a_finding() -> None:
    """A background task that dies unseen breaks the run, though the scenario itself ends well."""

    async def dies() -> None:
        raise ValueError("nobody looks")

    async def body() -> None:
        task = asyncio.create_task(dies())
        await asyncio.sleep(1)
        assert task.done()

    broken = alone(body).broken
    assert broken is not None
    assert broken.text.startswith("raised: ")
    assert "ValueError: nobody looks (at test_aio_loop.py:" in broken.text


def test_an_exception_that_is_handled_is_none() -> None:
    """What the code retrieves or gathers is its own business."""

    async def dies() -> None:
        raise ValueError("seen")

    async def body() -> None:
        assert isinstance((await asyncio.gather(dies(), return_exceptions=True))[0], ValueError)

    clean(body)


def test_what_is_left_is_cancelled_as_asyncio_run_does() -> None:
    """Tasks still running when the scenario ends get CancelledError and may clean up."""
    seen: list[str] = []

    async def background() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            seen.append("cleaned up")

    async def body() -> None:
        task = asyncio.create_task(background())
        await asyncio.sleep(1)
        assert not task.done()

    clean(body)
    assert seen == ["cleaned up"]


def test_a_run_that_never_ends_is_cut() -> None:
    """A loop that polls for ever is cut after the steps allowed, and the run says so."""

    async def body() -> None:
        for _ in itertools.count():
            await asyncio.sleep(1)

    ended = alone(body, Terms(steps_max=50))
    assert ended.cut
    assert ended.broken is None


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_real_io_is_refused_by_name(name: str) -> None:
    """Each way to sockets, threads, processes and signals is refused, naming it, the task and the line."""

    async def body() -> None:
        getattr(asyncio.get_running_loop(), name)()

    with pytest.raises(RealIoRefusedError) as caught:
        alone(body)
    assert REFUSED[name][0] in str(caught.value)
    assert "task main at test_aio_loop.py" in str(caught.value)


def test_swallowing_the_refusal_does_not_hide_it() -> None:
    """Code that catches everything is stopped all the same: its run could not be repeated."""

    async def body() -> None:
        try:
            await asyncio.to_thread(print)
        except Exception:
            return

    with pytest.raises(RealIoRefusedError, match=r"asyncio\.to_thread"):
        alone(body)


def test_a_pause_lets_time_pass_over_a_ready_task() -> None:
    """A paused task goes on later: what it looked at is old by then."""

    async def look_and_use() -> None:
        loop = asyncio.get_running_loop()
        looked = loop.time()
        await asyncio.sleep(0)
        assert loop.time() - looked < 5, "paused between the look and the use"

    async def body() -> None:
        await asyncio.gather(look_and_use(), asyncio.sleep(10))

    budget = Budget(schedules=5_000)
    assert exhaust(body, Terms(), name="", budget=budget).outcome.complete
    found = exhaust(body, Terms(pauses=1), name="", budget=budget).outcome.found
    assert found is not None
    assert "paused between the look and the use" in found.broken


def test_no_search_within_a_running_loop() -> None:
    """Called from async code, it says what to do instead of breaking the loop that runs."""

    async def nested() -> None:
        run(_nothing, AS_ASYNCIO, Terms())

    with pytest.raises(RuntimeError, match="from ordinary code"):
        asyncio.run(nested())


async def _nothing() -> None:
    pass


PROGRAM = """
import asyncio
from holdfast.lab.aio.choosing import Sampled
from holdfast.lab.aio.running import Terms, run
from holdfast.lab.aio.telling import trace_of
from holdfast.lab.engines.strategies import Uniform
import random

async def work(name, seen):
    await asyncio.sleep(0.1)
    seen.append(name)

async def body():
    seen = []
    tasks = {asyncio.create_task(work(str(i), seen)) for i in range(6)}
    done, _ = await asyncio.wait(tasks)
    for task in done:
        await asyncio.create_task(work(task.get_name(), seen))
    async with asyncio.TaskGroup() as group:
        for i in range(3):
            group.create_task(work(str(i), seen))

chance = random.Random(7)
print(trace_of(run(body, Sampled(Uniform(chance), chance), Terms(pauses=2), detail=True)))
"""


def test_the_same_seed_gives_the_same_trace_in_any_process() -> None:
    """Neither the seed of hashes nor addresses decide: also sets of tasks are walked in one order."""
    traces = set()
    for seed in ("0", "1", "77"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", PROGRAM],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            cwd=Path(__file__).parent,
        )
        assert done.returncode == 0, done.stderr
        traces.add(done.stdout)
    assert len(traces) == 1
