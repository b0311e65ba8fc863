"""Work over processes: sampling shared out, and lists of searches run several at a time.

Each process learns by itself, from a scenario that it builds by itself: coroutines can't be sent. The schedules
are those of one process, so what is found is as well: the one of the smallest number that breaks something.
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.pool import AsyncResult, Pool
from typing import Any, TypeVar

import msgspec

from holdfast.lab.actor import LabError
from holdfast.lab.engines.found import Outcome
from holdfast.lab.engines.sampling import Sampled, found_by, outcome_of, run_share
from holdfast.lab.engines.shares import Share
from holdfast.lab.system import Scenario, System

Build = Callable[[], Scenario]
"""Builds the scenario in any process: a function of a module, with `functools.partial` for its arguments."""
Job = TypeVar("Job")
Result = TypeVar("Result")

LOOK_EVERY_S = 0.1
_shared: dict[str, Any] = {}
"""What the processes of one search share; set as each begins."""


class Order(msgspec.Struct, frozen=True):
    """What every share is told. `deadline` is on the clock of `time.time`, which all processes have."""

    build: Build
    seed: int
    end: int
    deadline: float


class _SharedBound:
    """The bound of all shares of a search."""

    def get(self) -> int:
        """See `shares.Bound`."""
        return int(_shared["bound"].value)

    def lower(self, number: int) -> None:
        """See `shares.Bound`."""
        bound = _shared["bound"]
        with bound.get_lock():
            bound.value = min(bound.value, number)


def sample_over(
    build: Build,
    *,
    jobs: int,
    seed: int = 0,
    schedules: int = 1_000_000_000,
    seconds: float = 60.0,
    on_progress: Callable[[int], None] | None = None,
) -> Outcome:
    """Run schedules over so many processes, until one breaks a property or a budget ends."""
    begun = time.perf_counter()
    context = multiprocessing.get_context("spawn")
    bound, counts = context.Value("q", sys.maxsize), context.Array("q", jobs)
    order = Order(build, seed, schedules, time.time() + seconds)
    with context.Pool(jobs, _begin, (bound, counts)) as pool:
        shares = [pool.apply_async(_share, (order, Share(mine, jobs))) for mine in range(jobs)]
        while waiting := [share for share in shares if not share.ready()]:
            waiting[0].wait(LOOK_EVERY_S)
            if on_progress is not None:
                on_progress(sum(counts[:]))
        done = _together([share.get() for share in shares])
    system = System(build())
    found = found_by(system, seed, done.broken) if done.broken >= 0 else None
    outcome = outcome_of(system, seed, done, time.perf_counter() - begun, found)
    return msgspec.structs.replace(outcome, engine=f"sampler in {jobs} processes")


def _together(parts: Sequence[Sampled]) -> Sampled:
    broken = [part.broken for part in parts if part.broken >= 0]
    return Sampled(
        sum(part.schedules for part in parts), sum(part.steps for part in parts), min(broken, default=-1)
    )


def _begin(bound: Any, counts: Any) -> None:
    """A process begins. Who sits at the terminal stops the parent, which stops the processes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _shared.update(bound=bound, counts=counts)


def _share(order: Order, share: Share) -> Sampled:
    def say(count: int) -> None:
        _shared["counts"][share.mine] = count

    return run_share(
        System(order.build()),
        seed=order.seed,
        end=order.end,
        until=time.perf_counter() + order.deadline - time.time(),
        share=share,
        bound=_SharedBound(),
        on_progress=say,
    )


def in_order(run: Callable[[Job], Result], jobs: Sequence[Job], processes: int) -> Iterator[Result]:
    """Results in the order of the jobs, several at a time; what still runs is stopped once nobody asks for more.

    Raises:
        LabError: of the first job that raised one.
    """
    with multiprocessing.get_context("spawn").Pool(processes, _begin, (None, None)) as pool:
        for result in _all(pool, run, jobs):
            told = result.get()
            if isinstance(told, LabError):
                raise told
            yield told


def _all(pool: Pool, run: Callable[[Job], Result], jobs: Sequence[Job]) -> list[AsyncResult[Any]]:
    return [pool.apply_async(_caught, (run, job)) for job in jobs]


def _caught(run: Callable[[Job], Result], job: Job) -> Result | LabError:
    """Errors of the laboratory come back as values: not every error can be built again from its text."""
    try:
        return run(job)
    except LabError as error:
        return LabError(str(error))
