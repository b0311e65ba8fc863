"""The strategies of `engines.strategies`, each for all of its lanes at a time, draw for draw the same.

Lanes of one strategy lie side by side: a *part*. `worth` is a lane's number for each actor: its priority, or until
when it sleeps; ABSENT where none has been drawn yet.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from holdfast.lab.engines import strategies
from holdfast.lab.engines.flock.arrays import Bools, Floats, Ints
from holdfast.lab.engines.flock.draws import LaneDraws

ABSENT: Final = -1e18


class Chooser:
    """What lanes of one strategy remember."""

    races = False

    def __init__(self, lanes: int, actors: int) -> None:
        self.worth: Floats = np.full((lanes, actors), ABSENT)
        self.last: Ints = np.full(lanes, -1, dtype=np.int64)
        self.at: Ints = np.zeros(lanes, dtype=np.int64)

    def begin(self, rows: Ints, draws: LaneDraws, part: slice) -> None:
        """These lanes (by their rows in the part) begin a schedule."""
        self.worth[rows] = ABSENT
        self.last[rows] = -1
        self.at[rows] = 0

    def keep(self, rows: Ints) -> None:
        """Only these go on."""
        self.worth, self.last, self.at = self.worth[rows], self.last[rows], self.at[rows]

    def choose(self, enabled: Bools, draws: LaneDraws, part: slice) -> Ints:
        """An actor for each lane: any."""
        return _nth(enabled, draws.run(part))

    def raced(self, rows: Ints, touching: Bools) -> None:
        """The steps just taken in these lanes changed what these actors are about to touch."""

    def _drawn(self, enabled: Bools, draws: LaneDraws, part: slice) -> Floats:
        """`worth`, with a draw for each enabled actor that had none."""
        worth = self.worth
        need = enabled & (worth == ABSENT)
        ranks = need.cumsum(axis=1)
        totals = ranks[:, -1]
        if totals.any():
            rows, columns = np.nonzero(need)
            worth[rows, columns] = self._first(draws.several(part, rows, ranks[rows, columns], totals))
        return worth

    def _first(self, drawn: Floats) -> Floats:
        return drawn


class Sticky(Chooser):
    """See `strategies.Sticky`."""

    def choose(self, enabled: Bools, draws: LaneDraws, part: slice) -> Ints:
        """Stay or switch."""
        last = self.last
        could = (last >= 0) & enabled[np.arange(len(last)), last]
        stays = (draws.run(part) < strategies.STAY_SHARE) & could
        switch = (~stays).nonzero()[0]
        last[switch] = _nth(enabled[switch], draws.each(switch + part.start))
        return last.copy()


class Stalls(Chooser):
    """See `strategies.Stalls`."""

    def choose(self, enabled: Bools, draws: LaneDraws, part: slice) -> Ints:
        """The actor whose step comes first in time."""
        until = self._drawn(enabled, draws, part)
        actors: Ints = np.where(enabled, until, np.inf).argmin(axis=1)
        more = draws.run(part)
        stalled = (more < strategies.STALL_SHARE).nonzero()[0]
        if len(stalled):
            drawn = draws.each(stalled + part.start)
            more[stalled] = strategies.STALL_LEAST + strategies.STALL_SPREAD * drawn
        until[np.arange(len(actors)), actors] += more
        return actors


class Pos(Chooser):
    """See `strategies.Pos`."""

    races = True

    def choose(self, enabled: Bools, draws: LaneDraws, part: slice) -> Ints:
        """The actor of highest priority."""
        priority = self._drawn(enabled, draws, part)
        actors: Ints = np.where(enabled, priority, ABSENT).argmax(axis=1)
        priority[np.arange(len(actors)), actors] = ABSENT
        return actors

    def raced(self, rows: Ints, touching: Bools) -> None:
        """Their next priorities are new."""
        self.worth[rows] = np.where(touching, ABSENT, self.worth[rows])


class Pct(Chooser):
    """See `strategies.Pct`."""

    def __init__(self, lanes: int, actors: int) -> None:
        super().__init__(lanes, actors)
        self.points: Ints = np.zeros((lanes, strategies.PCT_DEPTH), dtype=np.int64)

    def begin(self, rows: Ints, draws: LaneDraws, part: slice) -> None:
        """With points of their own."""
        super().begin(rows, draws, part)
        for i in range(strategies.PCT_DEPTH):
            self.points[rows, i] = draws.each(rows + part.start) * strategies.PCT_LENGTH

    def keep(self, rows: Ints) -> None:
        """Only these go on."""
        super().keep(rows)
        self.points = self.points[rows]

    def choose(self, enabled: Bools, draws: LaneDraws, part: slice) -> Ints:
        """The leader."""
        priority = self._drawn(enabled, draws, part)
        leaders: Ints = np.where(enabled, priority, ABSENT).argmax(axis=1)
        self.at += 1
        fall = ((self.points == self.at[:, None]).any(axis=1)).nonzero()[0]
        priority[fall, leaders[fall]] = -self.at[fall]
        return leaders

    def _first(self, drawn: Floats) -> Floats:
        return drawn + 1


CHOOSERS: Final[dict[type, type[Chooser]]] = {
    strategies.Pos: Pos,
    strategies.Stalls: Stalls,
    strategies.Sticky: Sticky,
    strategies.Uniform: Chooser,
    strategies.Pct: Pct,
}


def _nth(enabled: Bools, drawn: Floats) -> Ints:
    """The enabled actor at this fraction of them."""
    ranks = enabled.cumsum(axis=1)
    nth = (drawn * ranks[:, -1]).astype(np.int64) + 1
    found: Ints = (ranks >= nth[:, None]).argmax(axis=1)
    return found
