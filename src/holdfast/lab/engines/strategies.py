"""Strategies: who goes on, one decision after the other. What finds a bug first differs from bug to bug.

They take turns (`PORTFOLIO`): POS (each pending step has a random priority; steps that touch what was just touched
are drawn anew; "partial-order sampling", CAV 2018), stalls (some actors sleep for long), sticky (stay with the
actor), random, and deep PCT as a minority. `engines.flock` has the same on arrays: a change here is one there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from holdfast.lab.engines.chance import Chance

STAY_SHARE: Final = 0.5
"""Sticky: chance to stay with the actor."""
STALL_SHARE: Final = 0.1
STALL_LEAST: Final = 10.0
STALL_SPREAD: Final = 60.0
"""Stalls: how many steps sleep for long, and how long that is where an ordinary step takes up to 1."""
PCT_DEPTH: Final = 7
PCT_LENGTH: Final = 120
"""PCT: how many changes of the leader, within how many steps."""


class Strategy(Protocol):
    """Chooses which actor goes on; made anew for each schedule."""

    races: bool
    """Whether it wants to be told of races."""

    def choose(self, enabled: list[int]) -> int:
        """One of the actors that can go on."""
        ...

    def raced(self, others: list[int]) -> None:
        """The step just taken changed what these actors are about to touch."""
        ...


class Uniform:
    """Any actor."""

    races = False

    def __init__(self, chance: Chance) -> None:
        self._random = chance.random

    def choose(self, enabled: list[int]) -> int:
        """At random."""
        return enabled[int(self._random() * len(enabled))]

    def raced(self, others: list[int]) -> None:
        """Of no interest."""


class Sticky(Uniform):
    """The same actor again, with even chance."""

    _last = -1

    def choose(self, enabled: list[int]) -> int:
        """Stay or switch."""
        if self._random() < STAY_SHARE and self._last in enabled:
            return self._last
        self._last = enabled[int(self._random() * len(enabled))]
        return self._last


class Stalls(Uniform):
    """Each step takes its time; one in ten puts its actor to sleep for long: the paused enactor."""

    def __init__(self, chance: Chance) -> None:
        super().__init__(chance)
        self._until: dict[int, float] = {}

    def choose(self, enabled: list[int]) -> int:
        """The actor whose step comes first in time."""
        until = self._until
        for i in enabled:
            if i not in until:
                until[i] = self._random()
        actor = min(enabled, key=until.__getitem__)
        stall = self._random()
        until[actor] += STALL_LEAST + STALL_SPREAD * self._random() if stall < STALL_SHARE else stall
        return actor


class Pos(Uniform):
    """Partial-order sampling: random priorities, drawn anew for the taken step and for those that race with it."""

    races = True

    def __init__(self, chance: Chance) -> None:
        super().__init__(chance)
        self._priority: dict[int, float] = {}

    def choose(self, enabled: list[int]) -> int:
        """The actor of highest priority."""
        priority = self._priority
        for i in enabled:
            if i not in priority:
                priority[i] = self._random()
        actor = max(enabled, key=priority.__getitem__)
        del priority[actor]
        return actor

    def raced(self, others: list[int]) -> None:
        """Their next priorities are new."""
        for i in others:
            self._priority.pop(i, None)


class Pct(Uniform):
    """Fixed priorities with a few points, deep in the run, at which the leader becomes the last."""

    def __init__(self, chance: Chance) -> None:
        super().__init__(chance)
        self._priority: dict[int, float] = {}
        self._points = {int(chance.random() * PCT_LENGTH) for _ in range(PCT_DEPTH)}
        self._at = 0

    def choose(self, enabled: list[int]) -> int:
        """The leader."""
        priority = self._priority
        for i in enabled:
            if i not in priority:
                priority[i] = 1 + self._random()
        leader = max(enabled, key=priority.__getitem__)
        self._at += 1
        if self._at in self._points:
            priority[leader] = -float(self._at)
        return leader


PORTFOLIO: Final[tuple[Callable[[Chance], Strategy], ...]] = (
    Pos, Stalls, Sticky, Pos, Stalls, Sticky, Uniform, Pos, Stalls, Pct,
)  # fmt: skip
"""By the schedule's number, in turns."""
