"""Does a day of 2025 look as it was reported, and does holdfast's keep what it promises? Thresholds stand here.

The reported shape (docs/facts/october-2025.md): leases collapse when the name is back, and that does not end
without help; a configuration backlog follows the leases; health flaps while it lasts; the cascade takes several
times as long as its cause. "Several" is at least twice here (reported: four times).
"""

from __future__ import annotations

from typing import Final

import msgspec

from holdfast.fleet.day.play import Day
from holdfast.fleet.day.scripts import SCRIPTS

BACKLOG_S: Final = 600.0
"""A backlog: a new instance waits this long for its network, after the leases are back."""
FLAPS: Final = 10.0
"""Flapping: each target of the pool that was launched moves into or out of DNS this often, on average."""
SEVERAL: Final = 2.0
SLOWER_SHARE: Final = 1.1
REMOVED_MOST: Final = 0.005


class Shape(msgspec.Struct, frozen=True):
    """The reported shape, part by part."""

    collapse: bool
    backlog: bool
    flapping: bool
    several: bool
    times_cause: float
    """Length of the cascade / length of its cause."""
    removed_share: float = 0.0
    """Of the day's healthy capacity."""

    @property
    def whole(self) -> bool:
        """All of it."""
        return self.collapse and self.backlog and self.flapping and self.several


class Kept(msgspec.Struct, frozen=True):
    """What holdfast promises."""

    recovered_share: float | None
    """Of the closed form; None: never."""
    removed_share: float
    flaps_most: int
    unreported: int = 0
    """Rounds of targets that served, lagged behind with their configuration, and were not reported."""
    least_share: float = 1.0
    """In DNS at worst, of what should have served."""
    wait_s: float = 0.0
    """The longest that an instance was launched without network; as `exposed_s` no part of the promise."""
    exposed_s: float = 0.0
    """The longest that a broken target stayed in DNS."""

    @property
    def good(self) -> bool:
        """Recovery within 1.1 x the closed form, at most 0.5 % of capacity wrongly removed, all laggards told."""
        soon = self.recovered_share is not None and self.recovered_share <= SLOWER_SHARE
        return soon and self.removed_share <= REMOVED_MOST and not self.unreported


def shape_of(day: Day) -> Shape:
    """A day of the design of 2025."""
    cause_s = SCRIPTS[day.script].cause_s
    over_s = SCRIPTS[day.script].until_s if day.over_s is None else day.over_s
    times = (over_s - cause_s) / cause_s
    if day.network is None or day.health is None:
        return Shape(
            not day.leases.alone, backlog=True, flapping=True, several=times >= SEVERAL, times_cause=times
        )
    held_s = day.leases.held_s
    moves = dict(day.health.moves)
    moved = sum(moves.get(number, 0) for number in day.new)
    return Shape(
        collapse=not day.leases.alone,
        backlog=held_s is not None and day.network.waits_most_s(from_s=held_s) >= BACKLOG_S,
        flapping=moved / max(1, len(day.new)) >= FLAPS,
        several=times >= SEVERAL,
        times_cause=times,
        removed_share=day.health.wrongly_removed_share,
    )


def kept_by(day: Day) -> Kept:
    """A day of holdfast."""
    leases = day.leases
    share = None if leases.held_s is None else (leases.held_s - leases.back_s) / leases.ideal_s
    health = day.health
    if health is None:
        return Kept(share, 0.0, 0)
    return Kept(
        recovered_share=share,
        removed_share=health.wrongly_removed_share,
        flaps_most=health.transitions_most,
        unreported=health.unreported,
        least_share=health.least_share,
        wait_s=0.0 if day.network is None else day.network.waits_most_s(),
        exposed_s=max(health.exposure_s, default=0.0),
    )
