"""Level by level until nothing is new, something breaks, or a limit is reached."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from holdfast.lab.engines.calm import no_collection
from holdfast.lab.engines.columns.packing import Met
from holdfast.lab.engines.columns.steps import WAYS_MAX, States, Stepper, Steps
from holdfast.lab.engines.columns.wedges import first_stuck
from holdfast.lab.engines.exhaustive import NO_LIMITS, Limits, found_on, wedged
from holdfast.lab.engines.flock.arrays import Bools, Ints, Words
from holdfast.lab.engines.found import Found, Outcome
from holdfast.lab.steps import State
from holdfast.lab.system import System

CHUNK = 100_000
"""States that are expanded at once: more take memory and gain nothing."""


class Level(NamedTuple):
    """States of one distance from the start, packed with these widths, in the order of their numbers."""

    keys: Words
    widths: list[int]
    first: int
    parents: Ints
    """The number of the state that led to each first."""


class Reached(NamedTuple):
    """What a chunk of a level leads to, packed with these widths."""

    keys: Words
    order: Ints
    """Each state once, and its first place in the search."""
    widths: list[int]
    free: tuple[Words, Ints] | None
    """For "no wedge": all steps that are no faults, with their parents."""


class Search:
    """One search: `count` states known, `steps` taken, and what was found."""

    def __init__(self, system: System, *, wedge: bool, keep_terminal: bool) -> None:
        self.system = system
        self.count = self.steps = 0
        self.found: Found | None = None
        self.terminal: list[State] = []
        self._stepper = Stepper(system)
        self._packing = self._stepper.packing
        self._met = Met()
        self._levels: list[Level] = []
        self._wedge, self._keep_terminal = wedge, keep_terminal
        self._befores: list[Ints] = []
        self._afters: list[Ints] = []

    def run(self, limits: Limits, until: float, on_progress: Callable[[int, int], None] | None) -> bool:
        """Search; False if a limit ended it."""
        start = self._stepper.start()
        self._make_room()
        self._add([Reached(self._packing.pack(*start), np.zeros(1, dtype=np.int64), self._packing.widths, None)])
        while len(self._levels[-1].keys):
            level = self._levels[-1]
            reached: list[Reached] = []
            for begin in range(0, len(level.keys), CHUNK):
                if self.count > limits.states or time.perf_counter() > until:
                    return False
                if on_progress is not None:
                    on_progress(level.first + begin, self.count)
                states = self._unpacked(level, slice(begin, begin + CHUNK))
                steps = self._stepper.expand(states, level.first + begin)
                if steps.broken.any():
                    self._break(reached, steps)
                    return True
                reached.append(self._reach(states, steps, level.first + begin))
            self._add(reached)
        if self._wedge:
            stuck = first_stuck(self._befores, self._afters, self._converged())
            if stuck >= 0:
                self.found = wedged(self.system, self._path(stuck))
        return True

    # -- one level ------------------------------------------------------------------------------------------

    def _unpacked(self, level: Level, at: slice) -> States:
        return States(*self._packing.unpack(level.keys[at], level.widths))

    def _make_room(self) -> None:
        widths = self._packing.widths
        if self._packing.grow(len(self._stepper.worlds)):
            self._met.packed_again(self._packing, widths)

    def _reach(self, states: States, steps: Steps, first: int) -> Reached:
        """What a chunk leads to."""
        self.steps += len(steps.order)
        self._make_room()
        keys = self._packing.pack(*steps.after)
        free = steps.cost == 0
        if self._keep_terminal:
            self._end(states, keys[free], self._parents(steps.order[free]) - first)
        edges = (keys[free], self._parents(steps.order[free])) if self._wedge else None
        return Reached(*each_once(keys, steps.order), self._packing.widths, edges)

    def _end(self, states: States, after: Words, parents: Ints) -> None:
        """States from which no step that is no fault leads on."""
        goes_on: Bools = np.zeros(len(states.worlds), dtype=bool)
        goes_on[parents[after != self._packing.pack(*states)[parents]]] = True
        self.terminal += [self._stepper.state(states, at) for at in (~goes_on).nonzero()[0].tolist()]

    def _parents(self, order: Ints) -> Ints:
        parents: Ints = order // (self._stepper.stages * WAYS_MAX)
        return parents

    def _now(self, keys: Words, widths: list[int]) -> Words:
        """Packed as states are packed now."""
        if widths is self._packing.widths:
            return keys
        return self._packing.pack(*self._packing.unpack(keys, widths))

    def _joined(self, reached: list[Reached]) -> tuple[Words, Ints]:
        """What the chunks of a level lead to together: sorted, each state once."""
        if len(reached) == 1 and reached[0].widths is self._packing.widths:
            return reached[0].keys, reached[0].order
        keys = np.concatenate([self._now(r.keys, r.widths) for r in reached])
        return each_once(keys, np.concatenate([r.order for r in reached]))

    def _add(self, reached: list[Reached]) -> None:
        """Number those that were not met before, in the order in which they were first found."""
        keys, order = self._joined(reached)
        fresh = self._met.numbers(keys) < 0
        keys, order = keys[fresh], order[fresh]
        turn = np.argsort(order)
        numbers: Ints = np.empty(len(keys), dtype=np.int64)
        numbers[turn] = np.arange(self.count, self.count + len(keys))
        self._met.add(keys, numbers)
        self._levels.append(Level(keys[turn], self._packing.widths, self.count, self._parents(order[turn])))
        self.count += len(keys)
        for one in reached:
            if one.free is not None:
                self._befores.append(one.free[1].astype(np.int32))
                self._afters.append(self._met.numbers(self._now(one.free[0], one.widths)).astype(np.int32))

    # -- what was found -------------------------------------------------------------------------------------

    def _break(self, reached: list[Reached], steps: Steps) -> None:
        """The first step of the search that breaks something, with what was known up to it."""
        at = int(np.where(steps.broken, steps.order, np.iinfo(np.int64).max).argmin())
        last = int(steps.order[at])
        before = steps.order <= last
        self.steps += int(before.sum())
        self._make_room()
        keys = self._packing.pack(*steps.after)[before]
        reached = [*reached, Reached(*each_once(keys, steps.order[before]), self._packing.widths, None)]
        self.count += int((self._met.numbers(self._joined(reached)[0]) < 0).sum())
        path = [*self._path(last // (self._stepper.stages * WAYS_MAX)), self._stepper.state(steps.after, at)]
        self.found = found_on(self.system, path)

    def _path(self, number: int) -> list[State]:
        """States from the start to this one."""
        path: list[State] = []
        for level in reversed(self._levels):
            if number >= level.first:
                at = number - level.first
                path.append(self._stepper.state(self._unpacked(level, slice(at, at + 1)), 0))
                number = int(level.parents[at])
        return path[::-1]

    def _converged(self) -> Bools:
        """By number of the state."""
        goal = self.system.scenario.converged
        assert goal is not None, "the scenario does not say what converged means"
        known: dict[int, bool] = {}
        parts: list[Bools] = []
        for level in self._levels:
            states = self._unpacked(level, slice(None))
            grounds = self._stepper.worlds.grounds[states.worlds]
            values, where, back = np.unique(grounds, return_index=True, return_inverse=True)
            for ground, at in zip(values.tolist(), where.tolist(), strict=True):
                if ground not in known:
                    known[ground] = goal(self.system.view(self._stepper.state(states, at)))
            parts.append(np.array([known[g] for g in values.tolist()], dtype=bool)[back])
        return np.concatenate(parts)


def each_once(keys: Words, order: Ints) -> tuple[Words, Ints]:
    """The keys sorted, each once, and the smallest order of each."""
    if not len(keys):
        return keys, order
    turn = np.argsort(keys)
    keys, order = keys[turn], order[turn]
    begins = np.concatenate((np.ones(1, dtype=bool), keys[1:] != keys[:-1])).nonzero()[0]
    return keys[begins], np.minimum.reduceat(order, begins)


def search(
    system: System,
    *,
    limits: Limits = NO_LIMITS,
    wedge: bool = False,
    keep_terminal: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> Outcome:
    """Search all states, as `exhaustive.search` does.

    Raises:
        TooWideError: a state does not fit into 64 bits.
    """
    begun = time.perf_counter()
    one = Search(system, wedge=wedge, keep_terminal=keep_terminal)
    with no_collection():
        complete = one.run(limits, begun + limits.seconds, on_progress)
    return Outcome(
        engine="exhaustive on arrays",
        bounds=system.scenario.bounds,
        units="states",
        count=one.count,
        steps=one.steps,
        seconds=time.perf_counter() - begun,
        complete=complete and one.found is None,
        found=one.found,
        terminal=frozenset(one.terminal),
    )
