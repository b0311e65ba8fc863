"""What is known of an assumption that broke, and the book that counts them."""

from __future__ import annotations

import math
import threading
from typing import Final, NamedTuple

from holdfast.assumptions.context import Scalar

REASONS_MAX: Final = 200
"""Reasons counted on their own: each is a label of a metric, and a text with data in it would be a series each."""
OTHERS: Final = "(other reasons)"
KEPT_MAX: Final = 1000
"""Reached assumptions that are kept for tests."""


class Reached(NamedTuple):
    """One reaching.

    `place` is module and function, `line` is `file:line`; `times` is how often so far, this reason at this place;
    `suppressed` is how many since the last one that was told, which the limit of the rate kept quiet; `unix_s` is
    seconds since 1970.
    """

    reason: str
    place: str
    line: str
    times: int
    unix_s: float
    context: dict[str, Scalar]
    suppressed: int = 0

    def sentence(self) -> str:
        """One sentence for people."""
        told = "".join(f", {name}={value!r}" for name, value in self.context.items())
        quiet = f"; {self.suppressed} more since the last line" if self.suppressed else ""
        return f"never: {self.reason}: reached at {self.line} in {self.place} (time {self.times}{told}){quiet}"


class NeverReached(AssertionError):
    """An assumption broke, and this process was told to raise (`HOLDFAST_NEVER=raise`, `never.configure`)."""

    def __init__(self, reached: Reached) -> None:
        super().__init__(reached.sentence())
        self.reached = reached


class Tally(NamedTuple):
    """How often a reason was reached at a place, when last, and what of that was told."""

    reason: str
    place: str
    times: int = 0
    last_unix_s: float = 0.0
    told_monotonic_s: float = -math.inf
    suppressed: int = 0


class Book:
    """Counts of one process; exact, from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tallies: dict[tuple[str, str], Tally] = {}

    def renew(self) -> None:
        """In a forked child: the parent's other threads are gone, and one may have held the lock."""
        self._lock = threading.Lock()

    def clear(self) -> None:
        """Forget everything (tests)."""
        with self._lock:
            self._tallies.clear()

    def tallies(self) -> tuple[Tally, ...]:
        """All counts."""
        with self._lock:
            return tuple(self._tallies.values())

    def enter(
        self, reason: str, place: str, *, unix_s: float, monotonic_s: float, interval_s: float
    ) -> tuple[int, int | None]:
        """Count one. Returns the count, and how many were suppressed before: None when this one is, too."""
        with self._lock:
            key = (reason, place)
            if key not in self._tallies and len(self._tallies) >= REASONS_MAX:
                key = (OTHERS, "")
            tally = self._tallies.get(key, Tally(*key))
            quiet = monotonic_s - tally.told_monotonic_s < interval_s
            self._tallies[key] = tally._replace(
                times=tally.times + 1,
                last_unix_s=unix_s,
                told_monotonic_s=tally.told_monotonic_s if quiet else monotonic_s,
                suppressed=tally.suppressed + 1 if quiet else 0,
            )
            return tally.times + 1, None if quiet else tally.suppressed
