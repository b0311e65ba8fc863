"""A waiting line of a whole fleet: groups by the second in which they came, served from either end.

A group that has waited for W holds nobody any more: its clients have given up. In a line that drops nothing such
work is still to be done, in vain, but who it was for no longer matters: it is kept as two counts at the old end.
So a queue of a hundred million stale requests is as small as any.
"""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

import msgspec
import numpy as np

from holdfast.fleet.wheel import NOBODY, Hosts

NOTHING: Final = (0.0, 0.0)
WORK_LEAST: Final = 1e-6
"""Less work than this is rounding, and none."""


class Group(msgspec.Struct):
    """Who came in one step with one kind of call, and still waits."""

    step: int
    lane: int
    hosts: Hosts


class Taken(NamedTuple):
    """Work that leaves the line: of clients that wait, or (`hosts` empty) stale pieces by lane."""

    lane: int
    hosts: Hosts
    waited: int
    """Steps."""
    stale: tuple[float, float]


class Line:
    """The line. `costs` of a piece by lane, in renewals."""

    __slots__ = ("_costs", "_groups", "_stale", "waiting")

    def __init__(self, costs: tuple[float, float]) -> None:
        self._costs = costs
        self._groups: deque[Group] = deque()
        self._stale = NOTHING
        self.waiting = 0
        """Clients that wait."""

    @property
    def pieces(self) -> float:
        """Pieces of work, stale ones included."""
        return self.waiting + self._stale[0] + self._stale[1]

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self._groups and self._stale == NOTHING

    def put(self, step: int, lane: int, hosts: Hosts) -> None:
        """Join."""
        if len(hosts):
            self._groups.append(Group(step, lane, hosts))
            self.waiting += len(hosts)

    def clear(self) -> Hosts:
        """Everything is thrown away; who waited."""
        left = _joined([group.hosts for group in self._groups])
        self._groups.clear()
        self._stale = NOTHING
        self.waiting = 0
        return left

    def take(self, work: float, *, newest: bool, step: int) -> Taken | None:
        """What can be done with so much work (in renewals) at one end; None if that is not one piece."""
        if self._stale != NOTHING and (not newest or not self._groups):
            return self._take_stale(work)
        if not self._groups:
            return None
        group = self._groups[-1 if newest else 0]
        count = min(len(group.hosts), int(work / self._costs[group.lane]))
        if not count:
            return None
        return Taken(group.lane, self._part(group, count, newest=newest), step - group.step, NOTHING)

    def _take_stale(self, work: float) -> Taken | None:
        """Stale work of both lanes in proportion."""
        if work < WORK_LEAST:
            return None
        whole = self._stale[0] * self._costs[0] + self._stale[1] * self._costs[1]
        share = min(1.0, work / whole)
        done = (self._stale[0] * share, self._stale[1] * share)
        self._stale = NOTHING if share == 1.0 else (self._stale[0] - done[0], self._stale[1] - done[1])
        return Taken(0, NOBODY, 0, done)

    def trim(self, most: int, *, newest: bool) -> list[tuple[int, Hosts]]:
        """Let those beyond so many go, by lane: the newest, or the oldest. Stale work counts, and goes first."""
        over = int(self.pieces) - most
        if over > 0 and not newest and any(self._stale):
            over -= int(sum(self._stale))
            self._stale = NOTHING
        gone: list[tuple[int, Hosts]] = []
        while over > 0 and self._groups:
            group = self._groups[-1 if newest else 0]
            count = min(over, len(group.hosts))
            over -= count
            gone.append((group.lane, self._part(group, count, newest=newest)))
        return gone

    def gives_up(self, step: int, *, keep: bool) -> list[tuple[int, Hosts]]:
        """Who came in or before this step waits no longer, by lane. `keep`: the work stays in the line."""
        gone: list[tuple[int, Hosts]] = []
        while self._groups and self._groups[0].step <= step:
            group = self._groups.popleft()
            many = len(group.hosts)
            self.waiting -= many
            gone.append((group.lane, group.hosts))
            if keep:
                renewals, establishments = self._stale
                self._stale = (
                    (renewals, establishments + many) if group.lane else (renewals + many, establishments)
                )
        return gone

    def _part(self, group: Group, count: int, *, newest: bool) -> Hosts:
        hosts = group.hosts
        self.waiting -= count
        if count == len(hosts):
            self._groups.pop() if newest else self._groups.popleft()
            return hosts
        if newest:
            group.hosts = hosts[:-count]
            return hosts[-count:]
        group.hosts = hosts[count:]
        return hosts[:count]


def _joined(parts: list[Hosts]) -> Hosts:
    return np.concatenate(parts) if parts else NOBODY
