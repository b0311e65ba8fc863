"""What a state is without its actors: cells, messages in flight, faults left. Interned, with what changes it."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from holdfast.lab.engines.flock.arrays import UNKNOWN, Column, Ints, Pairs, distinct
from holdfast.lab.steps import State
from holdfast.lab.system import System

NOTHING: Final = 0
"""The effect that changes nothing."""
IMPOSSIBLE: Final = -2
"""The world after a step that can't be taken: too many messages would be in flight."""


class Effect(NamedTuple):
    """What a step does to the world."""

    place: int
    """Index of the cell that it changes, -1 for none."""
    cell: int
    cost: int
    flies: int
    """The message that it leaves in flight, -1 for none."""


class Worlds:
    """Worlds by number, and effects by number."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._first, self._flight_at = system.first_cell, system.flight_at
        self._width = system.flight_at - system.first_cell
        self._numbers: dict[State, int] = {}
        self.tuples: list[State] = []
        self._cells = [Column() for _ in range(self._width)]
        self._left, self._grounds = Column(), Column()
        self._ground_numbers: dict[State, int] = {}
        self._effects: dict[Effect, int] = {}
        self._effect_list: list[Effect] = []
        self._after = Pairs()
        self.effect(Effect(-1, -1, 0, -1))

    def __len__(self) -> int:
        return len(self.tuples)

    @property
    def left(self) -> Ints:
        """Faults left in each world."""
        return self._left.of

    @property
    def grounds(self) -> Ints:
        """A number for the cells of each world: what verdicts rest on."""
        return self._grounds.of

    def number(self, world: State) -> int:
        """The number of a world: a state without its actors."""
        found = self._numbers.get(world)
        if found is None:
            found = self._numbers[world] = len(self.tuples)
            self.tuples.append(world)
            for column, cell in zip(self._cells, world, strict=False):
                column.extend([cell])
            self._left.extend([world[-1]])
            cells = world[: self._width]
            self._grounds.extend([self._ground_numbers.setdefault(cells, len(self._ground_numbers))])
        return found

    def cells(self, worlds: Ints, places: Ints) -> Ints:
        """The value of one cell of each world; -1 for place -1."""
        found: Ints = np.full(len(worlds), -1, dtype=np.int64)
        for place, column in enumerate(self._cells):
            at = (places == place).nonzero()[0]
            found[at] = column.of[worlds[at]]
        return found

    def effect(self, effect: Effect) -> int:
        """The number of an effect."""
        found = self._effects.get(effect)
        if found is None:
            found = self._effects[effect] = len(self._effect_list)
            self._effect_list.append(effect)
        return found

    def after(self, worlds: Ints, effects: Ints) -> Ints:
        """The worlds after these effects; IMPOSSIBLE where there is none."""
        found = worlds.copy()
        at = (effects != NOTHING).nonzero()[0]
        if len(at):
            found[at] = self._changed(worlds[at], effects[at])
        return found

    def _changed(self, worlds: Ints, effects: Ints) -> Ints:
        found = self._after.get(worlds, effects)
        unmet = (found == UNKNOWN).nonzero()[0]
        if len(unmet):
            asked = (worlds[unmet], effects[unmet])
            firsts = distinct(asked)
            ones, others = asked[0][firsts], asked[1][firsts]
            learned = [self._meet(*pair) for pair in zip(ones.tolist(), others.tolist(), strict=True)]
            self._after.put(ones, others, np.array(learned, dtype=np.int64))
            found[unmet] = self._after.get(*asked)
        # Kept by one higher than it is, so that nought can say that there is none.
        found -= 1
        found[found == -1] = IMPOSSIBLE
        return found

    def _meet(self, world: int, effect: int) -> int:
        state = list(self.tuples[world])
        what = self._effect_list[effect]
        if what.place >= 0:
            state[what.place] = what.cell
        if what.flies >= 0:
            state[-2] = self._system.launched(state[-2], what.flies)
            if state[-2] < 0:
                return 0
        state[-1] -= what.cost
        return self.number(tuple(state)) + 1
