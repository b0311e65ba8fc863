"""Running a flock within a budget, and finding the schedule of the smallest number that breaks something."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from holdfast.lab.engines.flock.arrays import Ints
from holdfast.lab.engines.flock.lanes import Lanes
from holdfast.lab.engines.flock.tables import Tables
from holdfast.lab.engines.flock.verdicts import Verdicts
from holdfast.lab.engines.shares import Bound, Share
from holdfast.lab.engines.strategies import PORTFOLIO
from holdfast.lab.system import System

STAGES = ((20_000, 1_000), (sys.maxsize, 4_000))
"""Up to which number how many lanes: a wide flock is quick once most is known, and slow to begin."""
LENGTHS = 4
"""Schedules that a lane should run at least, so that the last ones to end don't keep the others idle."""


class Flown(NamedTuple):
    """How many schedules ended, the steps they took, and the smallest number that breaks something, or -1."""

    schedules: int
    steps: int
    broken: int


class Numbers:
    """Hands out numbers of schedules: for each part of the portfolio its own, in their order.

    Whole turns of the portfolio are shared out, so that each share has every strategy.
    """

    def __init__(self, begin: int, end: int, share: Share) -> None:
        self.end = end
        self._begin, self._mine, self._shares = begin, share.mine, share.shares
        self._given: dict[tuple[int, ...], int] = {}

    def __call__(self, turns: tuple[int, ...], count: int) -> Ints:
        """The next numbers of these turns, -1 for those after the last."""
        given = self._given.get(turns, 0)
        if not given:
            given = self._skipped(turns)
        self._given[turns] = given + count
        found = self._at(turns, np.arange(given, given + count))
        found[found >= self.end] = -1
        return found

    @property
    def left(self) -> int:
        """About how many there are."""
        return (self.end - self._begin) // self._shares

    def _at(self, turns: tuple[int, ...], nth: Ints) -> Ints:
        rounds = nth // len(turns) * self._shares + self._mine
        found: Ints = rounds * len(PORTFOLIO) + np.array(turns)[nth % len(turns)]
        return found

    def _skipped(self, turns: tuple[int, ...]) -> int:
        """How many of them come before the beginning."""
        most = (self._begin // len(PORTFOLIO) // self._shares + 1) * len(turns)
        return int((self._at(turns, np.arange(most)) < self._begin).sum())


def _tables(system: System) -> tuple[Tables, Verdicts]:
    """A system's arrays: kept with it, so that the next search goes on with what is known."""
    known: tuple[Tables, Verdicts] | None = system.kept.get("flock")
    if known is None:
        tables = Tables(system)
        known = system.kept["flock"] = (tables, Verdicts(system, tables))
    return known


def fly(
    system: System,
    *,
    seed: int,
    begin: int,
    end: int,
    until: float,
    steps_max: int,
    share: Share,
    bound: Bound,
    on_progress: Callable[[int], None] | None = None,
) -> Flown:
    """Run schedules `begin` to `end` (its own share of them) until `until` on the clock of `time.perf_counter`.

    `bound` is what the shares tell each other.
    """
    schedules = steps = 0
    for stop, width in STAGES:
        last = min(stop, end)
        if begin >= last:
            continue
        numbers = _Wanted(begin, last, share, bound)
        lanes = _lanes(system, numbers, seed=seed, width=width, steps_max=steps_max)
        while len(lanes.numbers) and time.perf_counter() < until:
            before = numbers.end
            lanes.advance()
            numbers.look()
            if on_progress is not None:
                on_progress(schedules + lanes.schedules)
            if numbers.end < before:
                lanes.drop_from(numbers.end)
        schedules, steps = schedules + lanes.schedules, steps + lanes.steps
        if numbers.broken >= 0 or numbers.end < last or len(lanes.numbers):
            return Flown(schedules, steps, numbers.broken)
        begin = last
    return Flown(schedules, steps, -1)


class _Wanted(Numbers):
    """Numbers up to the smallest that is known to break something."""

    def __init__(self, begin: int, end: int, share: Share, bound: Bound) -> None:
        super().__init__(begin, end, share)
        self._bound = bound
        self.broken = -1

    def broke(self, number: int) -> None:
        """This one breaks something."""
        if number < self.end:
            self.broken = self.end = number
            self._bound.lower(number)

    def look(self) -> None:
        """Heed what other shares found."""
        self.end = min(self.end, self._bound.get())


def _lanes(system: System, numbers: _Wanted, *, seed: int, width: int, steps_max: int) -> Lanes:
    tables, verdicts = _tables(system)
    width = max(min(width, numbers.left // LENGTHS), len(PORTFOLIO))
    return Lanes(
        system,
        tables,
        verdicts,
        seed=seed,
        width=width,
        steps_max=steps_max,
        hand_out=numbers,
        broke=numbers.broke,
    )
