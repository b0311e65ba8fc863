"""How long one kind of work takes: mean and 99th percentile of what was seen lately.

A ring of the last `KEPT` times; the percentile is renewed every `REFRESH` observations, since sorting on each
would cost more than the decision that it serves.

Times from a crowd are kept by number, and not by age: a service that refuses by them sees few new ones, and would
go on refusing long after the crowd. So where a piece shows that they hold no more, the older half is forgotten
(`disproved`), and after some such pieces nearly all. Rejected: forgetting by age, which takes as long where pieces
come fast, and leaves a service that does few with no memory at all.
"""

from __future__ import annotations

from collections import deque
from typing import Final

KEPT: Final = 256
REFRESH: Final = 32
LEAST: Final = 8
"""So many are never forgotten: fewer say nothing about the slow ones."""


class ServiceTimes:
    """Times of one kind of work, seconds. Until the first is seen, `guess_s` stands for both figures."""

    __slots__ = ("_recent", "_since", "_sum_s", "mean_s", "p99_s")

    def __init__(self, guess_s: float) -> None:
        if guess_s <= 0:
            raise ValueError(f"work takes time, so a guess of {guess_s:g} s is none")
        self.mean_s = guess_s
        """Mean of the last `KEPT` times."""
        self.p99_s = guess_s
        """99th percentile of them, at most `REFRESH` observations old."""
        self._recent: deque[float] = deque(maxlen=KEPT)
        self._sum_s = 0.0
        self._since = 0

    @property
    def seen(self) -> bool:
        """Whether the figures are of what was seen, and not the guess."""
        return bool(self._recent)

    def observe(self, took_s: float) -> None:
        """One more piece of work took this long."""
        recent = self._recent
        took_s = max(took_s, 0.0)
        if len(recent) == KEPT:
            self._sum_s -= recent[0]
        recent.append(took_s)
        self._sum_s += took_s
        # Clocks are coarse: many times of nothing must not make the rate infinite.
        self.mean_s = max(self._sum_s / len(recent), 1e-9)
        self._since += 1
        if self._since >= REFRESH or len(recent) <= REFRESH:
            self._refresh()

    def disproved(self) -> None:
        """By these times the last piece could not have been done in time, and it was."""
        recent = self._recent
        keeps = max(LEAST, len(recent) // 2)
        while len(recent) > keeps:
            recent.popleft()
        self._refresh()
        self.mean_s = max(self._sum_s / len(recent), 1e-9)

    def _refresh(self) -> None:
        ordered = sorted(self._recent)
        self.p99_s = ordered[int(0.99 * (len(ordered) - 1))]  # of few times not the worst: one pause is no pace
        self._sum_s = sum(ordered)  # forget the rounding of many subtractions
        self._since = 0
