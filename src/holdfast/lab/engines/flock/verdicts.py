"""What `System.verdict` says of steps, asked once for each step that differs in what a property may look at."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from holdfast.lab.engines.flock.arrays import UNKNOWN, Bools, Ints, Tuples, distinct
from holdfast.lab.engines.flock.tables import Tables, as_state
from holdfast.lab.steps import Step
from holdfast.lab.system import System

HOLDS: Final = 0
BREAKS: Final = 1


class Taken(NamedTuple):
    """Steps: who took them, the column of the touched cell, and whether they changed it."""

    actors: Ints
    columns: Ints
    wrote: Bools


class Verdicts:
    """Verdicts by all cells before, the changed one after, the actor, and the observed actors on both sides."""

    def __init__(self, system: System, tables: Tables) -> None:
        self._system, self._tables = system, tables
        self._actors = system.first_cell
        self._cells = range(system.first_cell + 1, system.flight_at + 1)
        self._observed = sorted(system.observed)
        self._known = Tuples(len(self._cells) + 3 + 2 * len(self._observed))

    def breaks(self, old: Ints, now: Ints, taken: Taken) -> Bools:
        """Which steps break a property; rows before and after."""
        rows = np.arange(len(old))
        key = (
            *[old[:, cell] for cell in self._cells],
            now[rows, taken.columns],
            2 * taken.columns + taken.wrote,
            taken.actors,
            *[old[:, i] for i in self._observed],
            *[now[:, i] for i in self._observed],
        )
        found = self._known.get(key)
        unmet = (found == UNKNOWN).nonzero()[0]
        if len(unmet):
            missed = [column[unmet] for column in key]
            firsts = distinct(missed)
            answers = [self._asked(old[i], now[i], taken, i) for i in unmet[firsts].tolist()]
            self._known.put([column[firsts] for column in missed], np.array(answers, dtype=np.int64))
            found[unmet] = self._known.get(missed)
        # A coroutine that raised is told by itself: not everybody's end is part of the key.
        broken: Bools = (found == BREAKS) | self._tables.failed[now[rows, taken.actors]]
        return broken

    def _asked(self, old: Ints, now: Ints, taken: Taken, at: int) -> int:
        before, after = as_state(old, self._actors), as_state(now, self._actors)
        actor, wrote = int(taken.actors[at]), bool(taken.wrote[at])
        operation = self._system.pending(before, actor) if wrote else None
        cell = int(taken.columns[at]) - self._actors - 1 if wrote else -1
        step = Step(actor, 0, after, "", None, operation, cell)  # type: ignore[arg-type]
        return BREAKS if self._system.verdict(before, step) else HOLDS
