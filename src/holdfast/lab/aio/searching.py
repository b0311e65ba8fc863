"""Searching the schedules of asyncio code: by strategies of the sampler, or all of them, calmest first."""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from holdfast.lab.aio.choosing import Follow, Sampled
from holdfast.lab.aio.determinism import check_repeatable, explain
from holdfast.lab.aio.running import Body, Broken, Ended, Terms, run
from holdfast.lab.engines.calm import no_collection
from holdfast.lab.engines.found import Found, Outcome
from holdfast.lab.engines.strategies import PORTFOLIO

COLLECT_EVERY = 256
"""Schedules between two runs of the cycle collector, which is off within them: what it closes is no choice."""

Progress = Callable[[int], None]


class Budget(NamedTuple):
    """Where a search stops without an answer."""

    schedules: int = 1_000_000
    seconds: float = 60.0


class Searched(NamedTuple):
    """An outcome; what broke, for the shrinker; and what an unfinished search has done, for its bounds."""

    outcome: Outcome
    broken: Broken | None
    done: str = ""


class _Count:
    """What a search has done so far."""

    def __init__(self, name: str, terms: Terms, budget: Budget, on_progress: Progress | None) -> None:
        self._name, self._terms, self._budget, self._on_progress = name, terms, budget, on_progress
        self._begun = time.perf_counter()
        self.schedules = self.steps = self.tasks = self.cut = 0

    def add(self, ended: Ended) -> None:
        self.schedules += 1
        self.steps += ended.steps
        self.tasks = max(self.tasks, ended.tasks)
        self.cut += ended.cut
        if self.schedules % COLLECT_EVERY == 0:
            gc.collect()
            if self._on_progress is not None:
                self._on_progress(self.schedules)

    @property
    def spent(self) -> bool:
        return self.schedules >= self._budget.schedules or time.perf_counter() - self._begun > self._budget.seconds

    def bounds(self, rest: str) -> str:
        pauses = self._terms.pauses
        cut = f"; {self.cut} of the schedules were cut after {self._terms.steps_max} steps" if self.cut else ""
        return (
            f"{self._name} (asyncio: {self.tasks} tasks, {pauses or 'no'} pause{'' if pauses == 1 else 's'};"
            f" {rest}{cut})"
        )

    def outcome(self, engine: str, rest: str, ended: Ended | None, *, complete: bool = False) -> Searched:
        broken = None if ended is None else ended.broken
        found = Found(broken.text, ended.choices) if broken is not None and ended is not None else None
        outcome = Outcome(
            engine=engine,
            bounds=self.bounds(rest),
            units="schedules",
            count=self.schedules,
            steps=self.steps,
            seconds=time.perf_counter() - self._begun,
            complete=complete and found is None and not self.cut,
            found=found,
        )
        return Searched(outcome, broken, rest)


def sample(
    body: Body,
    terms: Terms,
    *,
    name: str,
    seed: int,
    budget: Budget,
    already: str = "",
    on_progress: Progress | None = None,
) -> Searched:
    """Run schedules of the portfolio until one breaks something, or a budget ends. Same seed, same schedules.

    `already` is what another search has done before, for the bounds.

    Raises:
        NonDeterminismError: the code does other things under the same schedule.
        RealIoRefusedError: it asked for real I/O.
    """
    count = _Count(name, terms, budget, on_progress)
    chance = random.Random(seed)  # noqa: S311  # reproducible schedules, no secret
    bounds = f"seed {seed}{f'; {already}' if already else ''}"
    with no_collection():
        check_repeatable(body, terms, ())
        while not count.spent:
            strategy = PORTFOLIO[count.schedules % len(PORTFOLIO)](chance)
            ended = run(body, Sampled(strategy, chance), terms)
            count.add(ended)
            if ended.broken is not None:
                return count.outcome("sampler", bounds, ended)
            if count.schedules % COLLECT_EVERY == 1:
                check_repeatable(body, terms, ended.choices)
    return count.outcome("sampler", bounds, None)


def exhaust(
    body: Body, terms: Terms, *, name: str, budget: Budget, on_progress: Progress | None = None
) -> Searched:
    """Run every schedule: first asyncio's own, then those that depart from it once, twice, ...

    So what it finds departs at as few places as possible, and an unfinished search has still done all up to some
    number of departures.

    Raises:
        NonDeterminismError: the code does other things under the same schedule.
        RealIoRefusedError: it asked for real I/O.
    """
    count = _Count(name, terms, budget, on_progress)
    with no_collection():
        check_repeatable(body, terms, ())
        ended = run(body, Follow(()), terms)
        count.add(ended)
        level, departures = [_Ran(0, ended)], 0
        while level and ended.broken is None:
            later: list[_Ran] = []
            for prefix, signature in _children(level):
                if count.spent:
                    places = f"{departures} departure{'' if departures == 1 else 's'}"
                    done = f"all with up to {places} from asyncio's order were run"
                    return count.outcome("exhaustive", done, None)
                ended = run(body, Follow(prefix), terms)
                count.add(ended)
                if ended.signature[: len(prefix) - 1] != signature:
                    explain(body, terms, prefix)
                if ended.broken is not None:
                    break
                later.append(_Ran(len(prefix), ended))
            level, departures = later, departures + 1
    if ended.broken is not None:
        return count.outcome("exhaustive", "calmest first", ended)
    every = "every order of ready tasks and of timers due together"
    return count.outcome("exhaustive", every, ended, complete=True)


def calmest(
    body: Body, terms: Terms, broken: Broken, budget: Budget, departures_max: int
) -> tuple[tuple[int, ...] | None, int]:
    """The schedule with the fewest departures that breaks the same, if the budget reaches it; and runs made."""
    count = _Count("", terms, budget, None)
    with no_collection():
        ended = run(body, Follow(()), terms)
        level = [_Ran(0, ended)]
        for _ in range(departures_max):
            later: list[_Ran] = []
            for prefix, _ in _children(level):
                if count.spent:
                    return None, count.schedules
                ended = run(body, Follow(prefix), terms)
                count.add(ended)
                if ended.broken is not None:
                    if ended.broken.key == broken.key:
                        return ended.choices, count.schedules
                    continue
                later.append(_Ran(len(prefix), ended))
            level = later
    return None, count.schedules


class _Ran(NamedTuple):
    """A schedule that was run; beyond `fixed` it was asyncio's own order."""

    fixed: int
    ended: Ended


def _children(level: list[_Ran]) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Schedules with one departure more: each has exactly one parent."""
    for fixed, ended in level:
        for at in range(fixed, len(ended.widths)):
            for choice in range(1, ended.widths[at]):
                yield (*ended.choices[:at], choice), ended.signature[:at]
