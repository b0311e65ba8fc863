"""What agents may do and suffer, as arrays; and what a world does by itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from holdfast.lab.actor import Failed
from holdfast.lab.engines.columns.worlds import Effect, Worlds
from holdfast.lab.engines.flock.arrays import UNKNOWN, Bools, Column, Ints, Pairs, distinct
from holdfast.lab.outside import Change
from holdfast.lab.system import System


class Ways(NamedTuple):
    """Ways that steps may go, one row for each: which of the askers, as the how many-th, and how it goes."""

    asker: Ints
    nth: Ints
    cost: Ints
    agent: Ints
    effect: Ints
    wrote: Ints
    """Index of the cell that it changes, -1 for none."""


class Book(ABC):
    """Lists of ways by pairs of numbers; `_learn` says what a pair that nobody has met has."""

    def __init__(self, system: System, worlds: Worlds) -> None:
        self._system, self._agents, self._worlds = system, system.agents, worlds
        self._rows = Pairs()
        self._first, self._count = Column(), Column()
        self._cost, self._agent, self._effect, self._wrote = Column(), Column(), Column(), Column()

    def ways(self, ones: Ints, others: Ints) -> Ways:
        """All ways of all askers, in order."""
        rows = self._rows.get(ones, others)
        unmet = (rows == UNKNOWN).nonzero()[0]
        if len(unmet):
            asked = (ones[unmet], others[unmet])
            firsts = distinct(asked)
            self._meet(asked[0][firsts], asked[1][firsts])
            rows[unmet] = self._rows.get(*asked)
        count = self._count.of[rows]
        asker = np.repeat(np.arange(len(rows), dtype=np.int64), count)
        nth = np.arange(len(asker), dtype=np.int64) - np.repeat(np.cumsum(count) - count, count)
        at = self._first.of[rows][asker] + nth
        return Ways(asker, nth, self._cost.of[at], self._agent.of[at], self._effect.of[at], self._wrote.of[at])

    def _meet(self, ones: Ints, others: Ints) -> None:
        begin = len(self._first.of)
        for one, other in zip(ones.tolist(), others.tolist(), strict=True):
            found = list(self._learn(one, other))
            self._first.extend([len(self._cost.of)])
            self._count.extend([len(found)])
            self._agent.extend([agent for agent, _ in found])
            self._cost.extend([effect.cost for _, effect in found])
            self._effect.extend([self._worlds.effect(effect) for _, effect in found])
            self._wrote.extend([effect.place for _, effect in found])
        self._rows.put(ones, others, np.arange(begin, len(self._first.of), dtype=np.int64))

    @abstractmethod
    def _learn(self, one: int, other: int) -> Iterable[tuple[int, Effect]]:
        """What a pair that was met for the first time can do: the agent after it, and its effect."""


class Moves(Book):
    """By agent and the value of the cell that it touches: its moves."""

    def _learn(self, one: int, other: int) -> Iterable[tuple[int, Effect]]:
        place = self._agents.touches[one]
        for move in self._agents.moves(one, other):
            wrote = place if place >= 0 and move.cell != other else -1
            yield move.agent, Effect(wrote, move.cell if wrote >= 0 else -1, move.cost, move.flies)


class Fates(Book):
    """By agent and actor: the faults of one kind that may strike it, and that such a fault ends."""

    def __init__(self, system: System, worlds: Worlds, kind: int) -> None:
        super().__init__(system, worlds)
        self._kind = kind

    def _learn(self, one: int, other: int) -> Iterable[tuple[int, Effect]]:
        outside = self._system.outside
        for change in outside.upon(self._kind, other, one):
            assert change.agent is not None, "a fault upon an actor changes it"
            yield change.agent(), Effect(-1, -1, change.cost, outside.left_behind(change))


class Events(NamedTuple):
    """What worlds do by themselves, one row for each: which of the askers, as the how many-th, and the outcome."""

    asker: Ints
    nth: Ints
    cost: Ints
    world: Ints
    wrote: Ints
    struck: Ints
    """1 for a disaster, which no message did."""


class AtLarge:
    """By world: messages in flight that land or get lost, and disasters."""

    def __init__(self, system: System, worlds: Worlds) -> None:
        self._system, self._worlds = system, worlds
        self._first, self._count = Column(), Column()
        self._cost, self._world, self._wrote, self._struck = Column(), Column(), Column(), Column()

    def events(self, worlds: Ints) -> Events:
        """All of all askers, in order."""
        while len(self._first.of) < len(self._worlds):
            self._meet(len(self._first.of))
        count = self._count.of[worlds]
        asker = np.repeat(np.arange(len(worlds), dtype=np.int64), count)
        nth = np.arange(len(asker), dtype=np.int64) - np.repeat(np.cumsum(count) - count, count)
        at = self._first.of[worlds][asker] + nth
        return Events(asker, nth, self._cost.of[at], self._world.of[at], self._wrote.of[at], self._struck.of[at])

    def _meet(self, world: int) -> None:
        system = self._system
        actors = system.first_cell
        changes: list[Change] = system.outside.at_large((*system.start[:actors], *self._worlds.tuples[world]))
        self._first.extend([len(self._cost.of)])
        self._count.extend([len(changes)])
        for change in changes:
            after = list(self._worlds.tuples[world])
            for at, value in change.places:
                after[at - actors] = value
            after[-1] -= change.cost
            self._world.extend([self._worlds.number(tuple(after))])
        self._cost.extend([c.cost for c in changes])
        self._wrote.extend([c.wrote for c in changes])
        self._struck.extend([int(c.operation is None) for c in changes])


class Standing:
    """What is known of every agent: the cell that it touches, whether it runs, whether it raised."""

    def __init__(self, system: System) -> None:
        self._agents = system.agents
        self._touches, self._alive, self._failed = Column(), Column(), Column()

    def grow(self) -> None:
        """Take over what is known of new agents."""
        begin = len(self._touches.of)
        self._touches.extend(self._agents.touches[begin:])
        self._alive.extend([int(alive) for alive in self._agents.alive[begin:]])
        self._failed.extend([int(isinstance(p, Failed)) for p in self._agents.pending[begin:]])

    @property
    def touches(self) -> Ints:
        """Index of a cell, or -1."""
        return self._touches.of

    def alive(self, agents: Ints) -> Bools:
        """Whether they run."""
        found: Bools = self._alive.of[agents] > 0
        return found

    def failed(self, agents: Ints) -> Bools:
        """Whether they raised."""
        found: Bools = self._failed.of[agents] > 0
        return found
