"""The pool of a day in truth: which of its targets are there, hold a lease, are ready or broken, second by second.

Hosts that lose their lease go on serving, and answer probes as before: what takes them out of DNS takes healthy
capacity out. Targets that are launched are registered at once; until their network arrives their probes now
succeed, now fail.
"""

from __future__ import annotations

import enum
import math
import random
from collections.abc import Iterable
from typing import Final

import msgspec

from holdfast.fleet.day.assumed import Assumed
from holdfast.fleet.watch import Round

BROKEN: Final = 3
BROKEN_S: Final = 1800.0
"""So many targets of the pool break in a day, at any time, each for so long."""


class What(enum.Enum):
    """What changes for a target."""

    LAUNCHED = "launched"
    READY = "ready"
    LAGS = "lags"
    HELD = "held"
    LOST = "lost"
    BREAKS = "breaks"
    MENDED = "mended"


class Change(msgspec.Struct, frozen=True, order=True):
    """One change of one target."""

    at_s: float
    number: int
    what: What


class DayTruth:
    """See `watch.Truth`. Begins with all `old` targets held, ready and in DNS."""

    def __init__(
        self, old: Iterable[int], changes: Iterable[Change], assumed: Assumed, *, until_s: float, seed: int
    ) -> None:
        self.assumed = assumed
        self.rng = random.Random(seed)  # noqa: S311 - seeded on purpose
        self.old = list(old)
        self.registered = frozenset(self.old)
        self._held, self._ready, self._served = set(self.old), set(self.old), set(self.old)
        """Who has a lease; who has applied all it should; who ever had its network."""
        self.broken: set[int] = set()
        broken = self.rng.sample(self.old, BROKEN)
        self.breaks = frozenset(broken)
        self._changes = sorted([*changes, *self._broken(broken, until_s)], key=lambda c: (c.at_s, c.number))
        self._next = 0
        self.failing_share = 0.0
        self.version = 0
        self._sort()

    def _broken(self, numbers: list[int], until_s: float) -> Iterable[Change]:
        for number in numbers:
            at_s = self.rng.uniform(0, until_s - BROKEN_S)
            yield Change(at_s, number, What.BREAKS)
            yield Change(at_s + BROKEN_S, number, What.MENDED)

    def at(self, now_s: float) -> None:
        """It is now."""
        first = self._next
        while self._next < len(self._changes) and self._changes[self._next].at_s <= now_s:
            self._change(self._changes[self._next])
            self._next += 1
        if self._next > first:
            self.version += 1
            self._sort()

    def _change(self, change: Change) -> None:
        number = change.number
        match change.what:
            case What.LAUNCHED:
                self.registered |= {number}
                self._held.add(number)
            case What.READY:
                self._ready.add(number)
                self._served.add(number)
            case What.LAGS:
                self._ready.discard(number)
            case What.HELD:
                self._held.add(number)
            case What.LOST:
                self._held.discard(number)
            case What.BREAKS:
                self.broken.add(number)
            case What.MENDED:
                self.broken.discard(number)

    def _sort(self) -> None:
        self.unready = sorted(self.registered - self._served)
        self.lagging = (self._served - self._ready) & self._held
        self.healthy = sorted(self._served - self.broken)
        self._says = {number: number in self._ready for number in sorted(self._held)}

    def says_ready(self) -> dict[int, bool]:
        """Who holds a lease, and what it says of itself."""
        return self._says

    def probes(self, restless: Iterable[int]) -> Round:
        """A round by one prober. Successes of healthy targets are given only for those in `restless`."""
        assumed, chance = self.assumed, self.rng.random
        false_share = min(0.99, assumed.false_share + assumed.overload * self.failing_share)
        failed = self._some(self.healthy, false_share)
        answers_share = assumed.answers_share * (1 - false_share)
        unready = [(n, chance() < answers_share) for n in self.unready]
        well = sorted(set(restless).intersection(self.healthy).difference(failed))
        bad = sorted({*failed, *self.broken})
        return (
            [*((n, True) for n in well), *unready, *((n, False) for n in bad)],
            len(bad) + sum(not ok for _, ok in unready),
        )

    def _some(self, numbers: list[int], share: float) -> list[int]:
        """Each of them with this chance: drawn by the gaps between them, since most rounds have none."""
        found: list[int] = []
        scale, at = 1 / math.log1p(-share), -1
        while True:
            at += 1 + int(math.log(1.0 - self.rng.random()) * scale)
            if at >= len(numbers):
                return found
            found.append(numbers[at])
