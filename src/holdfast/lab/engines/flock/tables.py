"""The system's tables as arrays. What a lane asks for and nobody has met yet is learned from the real code."""

from __future__ import annotations

from typing import Final

import numpy as np

from holdfast.lab.actor import Failed
from holdfast.lab.agents import Options
from holdfast.lab.engines.flock.arrays import UNKNOWN, Bools, Column, Ints, Pairs, distinct
from holdfast.lab.steps import State
from holdfast.lab.system import System

DEAD: Final = 0
RUNS: Final = 1
RESTS: Final = 2
NOTHING: Final = -1
"""The cell number of those who touch none."""


class Tables:
    """Rows (an agent in front of a cell's value) with their ways, in the order of `agents.Options`."""

    def __init__(self, system: System) -> None:
        self._agents = system.agents
        self._rows = Pairs()
        self._options: list[Options] = []
        self._owners: list[int] = []
        self._first, self._free, self._count = Column(), Column(), Column()
        self._cost, self._cell, self._flies, self._after = Column(), Column(), Column(), Column()
        self._touches, self._standing = Column(), Column()
        self.failed: Bools = np.zeros(0, dtype=bool)
        """Whether an agent has raised."""
        self._grow()

    @property
    def first(self) -> Ints:
        """Where a row's ways begin."""
        return self._first.of

    @property
    def free(self) -> Ints:
        """How many ways of a row cost nothing: the first ones."""
        return self._free.of

    @property
    def count(self) -> Ints:
        """How many ways a row has."""
        return self._count.of

    @property
    def cost(self) -> Ints:
        """What a way costs."""
        return self._cost.of

    @property
    def cell(self) -> Ints:
        """What a way leaves in the touched cell."""
        return self._cell.of

    @property
    def flies(self) -> Ints:
        """The message that a way leaves in flight, or -1."""
        return self._flies.of

    @property
    def touches(self) -> Ints:
        """The cell that an agent touches, or -1."""
        return self._touches.of

    @property
    def standing(self) -> Ints:
        """Whether an agent is DEAD, RUNS or RESTS."""
        return self._standing.of

    def rows(self, agents: Ints, cells: Ints) -> Ints:
        """The row of each agent in front of each cell value."""
        found = self._rows.get(agents, cells)
        unmet = (found == UNKNOWN).nonzero()[0]
        if len(unmet):
            asked = (agents[unmet], cells[unmet])
            firsts = distinct(asked)
            self._meet(asked[0][firsts], asked[1][firsts])
            found[unmet] = self._rows.get(*asked)
        return found

    def _meet(self, agents: Ints, cells: Ints) -> None:
        rows = [self._agents.options(*pair) for pair in zip(agents.tolist(), cells.tolist(), strict=True)]
        self._rows.put(agents, cells, np.arange(len(self._options), len(self._options) + len(rows)))
        firsts, at = [], len(self._owners)
        for row, options in enumerate(rows, start=len(self._options)):
            firsts.append(at)
            at += len(options.ways)
            self._owners += [row] * len(options.ways)
        self._options += rows
        self._first.extend(firsts)
        self._free.extend([options.free for options in rows])
        self._count.extend([len(options.ways) for options in rows])
        ways = [way for options in rows for way in options.ways]
        self._cost.extend([way.cost for way in ways])
        self._cell.extend([way.cell for way in ways])
        self._flies.extend([way.flies for way in ways])
        moves = [move for options in rows for move in options.moves]
        self._after.extend([UNKNOWN if move is None else move.agent for move in moves])

    def after(self, ways: Ints) -> Ints:
        """The agent after each way: the real code runs on those that nobody has gone."""
        found = self._after.of[ways]
        unmet = (found == UNKNOWN).nonzero()[0]
        if len(unmet):
            for way in np.unique(ways[unmet]).tolist():
                owner = self._owners[way]
                self._after.of[way] = self._options[owner].take(way - int(self._first.of[owner])).agent
            self._grow()
            found[unmet] = self._after.of[ways[unmet]]
        return found

    def _grow(self) -> None:
        """Take over what is known of new agents."""
        agents, begin = self._agents, len(self._touches.of)
        self._touches.extend(agents.touches[begin:])
        alive, idle = agents.alive[begin:], agents.idle[begin:]
        self._standing.extend([RESTS if i else RUNS if a else DEAD for a, i in zip(alive, idle, strict=True)])
        failed = [isinstance(pending, Failed) for pending in agents.pending[begin:]]
        self.failed = np.concatenate((self.failed, np.array(failed, dtype=bool)))

    def refresh(self) -> None:
        """The plain tables may have grown by somebody else's doing."""
        if len(self._touches.of) < len(self._agents.touches):
            self._grow()


def as_row(state: State, actors: int) -> State:
    """A state as a lane has it: with a column more behind the actors, the cell of those who touch none."""
    return (*state[:actors], NOTHING, *state[actors:])


def as_state(row: Ints, actors: int) -> State:
    """A lane's row as a state."""
    numbers = row.tolist()
    return (*numbers[:actors], *numbers[actors + 1 :])
