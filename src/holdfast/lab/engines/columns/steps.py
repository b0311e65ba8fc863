"""All steps of many states at once, in the order in which `System.steps` lists them for each."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from holdfast.lab.engines.columns.packing import Packing
from holdfast.lab.engines.columns.tables import AtLarge, Fates, Moves, Standing, Ways
from holdfast.lab.engines.columns.worlds import IMPOSSIBLE, Worlds
from holdfast.lab.engines.flock.arrays import UNKNOWN, Bools, Ints, Tuples, distinct
from holdfast.lab.steps import State, Step
from holdfast.lab.system import System
from holdfast.ports.operation import Operation

WAYS_MAX = 1 << 12
"""More ways than any step has: the order of steps is actor, then way."""


class States(NamedTuple):
    """Rows: a world, and an agent for each actor."""

    worlds: Ints
    agents: Ints

    def rows(self, at: Ints) -> States:
        """Some of them."""
        return States(self.worlds[at], self.agents[at])


class Steps(NamedTuple):
    """Steps, in no order of their own: `order` is their place in the breadth-first search."""

    after: States
    order: Ints
    cost: Ints
    broken: Bools


class Stepper:
    """Knows a system's tables as arrays."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.worlds = Worlds(system)
        self.packing = Packing(system)
        self._standing = Standing(system)
        self._moves, self._large = Moves(system, self.worlds), AtLarge(system, self.worlds)
        self._fates = [Fates(system, self.worlds, kind) for kind in range(3)]
        self._faulty = system.scenario.faults.total > 0
        self._actors = system.first_cell
        self._waits = dict(system.waiting)
        self._observed = sorted(system.observed)
        self._verdicts = Tuples(4 + 2 * len(self._observed))
        self.stages = 4 * self._actors + 1
        """Steps of each actor, then the three kinds of faults upon each, then what happens at large."""

    def start(self) -> States:
        """The first state."""
        row = self.system.canonical(self.system.start)
        world = self.worlds.number(row[self._actors :])
        return States(np.array([world], dtype=np.int64), np.array([row[: self._actors]], dtype=np.int64))

    def state(self, states: States, at: int) -> State:
        """A row as the plain engines have it."""
        return (*states.agents[at].tolist(), *self.worlds.tuples[int(states.worlds[at])])

    def expand(self, states: States, first: int) -> Steps:
        """All steps of states that are numbered from `first` on, in canonical form."""
        self._standing.grow()
        parts = [self._actor_steps(states, i) for i in range(self._actors)]
        if self._faulty:
            parts += [self._upon(states, kind, i) for kind in range(len(self._fates)) for i in range(self._actors)]
        parts.append(self._at_large(states))
        found = Steps(
            States(*[np.concatenate([getattr(p.after, f) for p in parts]) for f in States._fields]),
            np.concatenate([p.order for p in parts]) + first * self.stages * WAYS_MAX,
            np.concatenate([p.cost for p in parts]),
            np.concatenate([p.broken for p in parts]),
        )
        for group in self.system.twins:
            found.after.agents[:, group] = np.sort(found.after.agents[:, group], axis=1)
        return found

    def _actor_steps(self, states: States, i: int) -> Steps:
        agents = states.agents[:, i]
        able = self._standing.alive(agents)
        for other in self._waits.get(i, ()):
            able &= ~self._standing.alive(states.agents[:, other])
        at = able.nonzero()[0]
        mine = agents[at]
        ways = self._moves.ways(mine, self.worlds.cells(states.worlds[at], self._standing.touches[mine]))
        self._standing.grow()
        return self._taken(states, at, ways, i, stage=i)

    def _upon(self, states: States, kind: int, i: int) -> Steps:
        at = np.arange(len(states.worlds), dtype=np.int64)
        ways = self._fates[kind].ways(states.agents[:, i], np.full(len(at), i, dtype=np.int64))
        self._standing.grow()
        return self._taken(states, at, ways, i, stage=self._actors * (kind + 1) + i)

    def _taken(self, states: States, at: Ints, ways: Ways, i: int, *, stage: int) -> Steps:
        rows = at[ways.asker]
        before = states.worlds[rows]
        possible = (ways.cost <= self.worlds.left[before]).nonzero()[0]
        worlds = self.worlds.after(before[possible], ways.effect[possible])
        if (worlds == IMPOSSIBLE).any():
            kept = worlds != IMPOSSIBLE
            possible, worlds = possible[kept], worlds[kept]
        rows = rows[possible]
        agents = states.agents[rows]
        agents[:, i] = ways.agent[possible]
        after = States(worlds, agents)
        broken = np.zeros(len(rows), dtype=bool)
        wrote = ways.wrote[possible]
        told = ((wrote >= 0) | ~self._standing.alive(agents[:, i])).nonzero()[0]
        broken[told] = self._breaks(states.rows(rows[told]), after.rows(told), np.full(len(told), i), wrote[told])
        order = (rows * self.stages + stage) * WAYS_MAX + ways.nth[possible]
        return Steps(after, order, ways.cost[possible], broken)

    def _at_large(self, states: States) -> Steps:
        events = self._large.events(states.worlds)
        # What was learned of worlds that nobody has reached yet is learned of all of them at the next level.
        possible = (events.cost <= self.worlds.left[states.worlds[events.asker]]).nonzero()[0]
        rows = events.asker[possible]
        after = States(events.world[possible], states.agents[rows])
        broken = np.zeros(len(rows), dtype=bool)
        told = (events.wrote[possible] >= 0).nonzero()[0]
        by = -1 - events.struck[possible][told]
        broken[told] = self._breaks(states.rows(rows[told]), after.rows(told), by, events.wrote[possible][told])
        order = (rows * self.stages + self.stages - 1) * WAYS_MAX + events.nth[possible]
        return Steps(after, order, events.cost[possible], broken)

    # -- judging --------------------------------------------------------------------------------------------

    def _breaks(self, old: States, now: States, by: Ints, wrote: Ints) -> Bools:
        """Which steps break a property. `by`: an actor, -1 for a message that lands, -2 for a disaster."""
        actors = np.maximum(by, 0)
        failed = self._standing.failed(now.agents[np.arange(len(by)), actors]) & (by >= 0)
        key = (
            self.worlds.grounds[old.worlds],
            self.worlds.grounds[now.worlds],
            by + 2,
            wrote + 1,
            *[old.agents[:, i] for i in self._observed],
            *[now.agents[:, i] for i in self._observed],
        )
        found = self._verdicts.get(key)
        unmet = (found == UNKNOWN).nonzero()[0]
        if len(unmet):
            missed = [column[unmet] for column in key]
            firsts = distinct(missed)
            answers = [self._asked(old, now, int(by[i]), int(wrote[i]), i) for i in unmet[firsts].tolist()]
            self._verdicts.put([column[firsts] for column in missed], np.array(answers, dtype=np.int64))
            found[unmet] = self._verdicts.get(missed)
        broken: Bools = (found > 0) | failed
        return broken

    def _asked(self, old: States, now: States, by: int, wrote: int, at: int) -> int:
        before, after = self.state(old, at), self.state(now, at)
        operation: Operation[object] | None = None
        if by >= 0:
            pending = self.system.pending(before, by)
            operation = pending if isinstance(pending, Operation) else None
        elif by == -1:
            operation = self.system.flight(before)[0]
        verdict = self.system.verdict(before, Step(max(by, -1), 0, after, "", None, operation, wrote))
        return int(bool(verdict))
