"""How much may be in work at once, learnt from how long it takes: a gradient limiter.

    slowness = took / baseline of its kind               of each piece, averaged over a round
    gradient = clamp(tolerance / slowness, 0.5, 1)
    limit   <- (1 - smoothing) * limit + smoothing * (limit * gradient + sqrt(limit))   after each round

While work takes no longer than `tolerance` times its baseline, the limit grows by a square root; when it takes
longer, because too much is done at once, the limit shrinks. Tolerance 1.5, smoothing 0.2 (facts on leases and
overload). A round is as many pieces as the limit: what is finished now was begun under an earlier limit, so moving
it with each piece would overshoot by all that are in work. For the same reason pieces that were begun in a larger
crowd than may be now are not counted again.

*The baseline* is the mean time of work that is not crowded, and not crowded is one thing only: at its beginning
and at its end at most `least` pieces were in work. (A time from a crowd is no baseline, however it is divided;
half of the limit is no measure either while the limit itself may be wrong.)

    unknown --(limit held at `least` until enough was seen uncrowded)--> known: follows the uncrowded

The limit is held down at the very beginning, and when most of the work in a crowd is of kinds that were never seen
but in a crowd: once for a kind, for some of its service times. `first` is a guess: after the beginning the limit
doubles with each round that is not slow, until it is there. A baseline that is too low mends itself once the
limit has sunk to its floor, where everything is measured; where times vary very much it may stay up to a third too
low before that. One that is too high would not; so if the mean of many pieces, crowded or not, is well below it,
it is forgotten, and measured anew.

Rejected:
- a long moving average as baseline. Under overload that lasts it creeps up after the crowded times, and the limit
  after it, without end;
- holding the limit down at intervals to measure anew: it costs throughput, again and again, in the very minutes of
  a recovery. Once for a kind costs some service times;
- the fastest sample as baseline (or falling with each faster one). Where times vary by nature, the mean is twice
  the fast ones, which looks like a crowd: a server with exponential times was held at the floor for good;
- half of the limit as uncrowded: 32 of a limit of 64 are a crowd for 8 workers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

GRADIENT_LEAST: Final = 0.5
GROWS_FROM: Final = 0.95
"""A few slow pieces in a round don't stop the growth."""
BASELINE_SHARE: Final = 0.05
"""How fast the baseline follows uncrowded work."""
MEASURED: Final = 8
"""The fewest uncrowded pieces that make a baseline; the slowest is left out: a first call sets things up."""
ERROR_SHARE: Final = 0.15
"""More of them where times vary, until the mean is known so well (one standard error, as a share of it)."""
MEASURES_MOST: Final = 64
"""But no more than so many; and if none of so many was of a kind to be measured, that has ceased to come."""
RECENT: Final = 128
FASTER_SHARE: Final = 0.8
"""If the mean of `RECENT` pieces is below this share of the baseline, that holds no more. Fewer pieces may be so
quick
by chance, where times vary."""
UNKNOWN_ROUNDS: Final = 2
"""So much unknown work within a round of known: then the unknown is measured."""
TICK_S: Final = 1e-6
"""Clocks are coarse: work that seems to take nothing takes so long."""


@dataclass(frozen=True, slots=True)
class LimiterSettings:
    """Bounds and pace. Up to `least` pieces at once are no crowd: there the baseline is measured. `first`: the
    limit soon after that, unless it proves too high.
    """

    first: float = 16.0
    least: float = 4.0
    most: float = 1000.0
    tolerance: float = 1.5
    smoothing: float = 0.2

    def __post_init__(self) -> None:
        if not 1 <= self.least <= self.first <= self.most:
            raise ValueError(f"a limit needs 1 <= least <= first <= most: {self}")
        if not (self.tolerance >= 1 and 0 < self.smoothing <= 1):
            raise ValueError(f"a limiter needs tolerance >= 1 and 0 < smoothing <= 1: {self}")

    @classmethod
    def fixed(cls, limit: float) -> LimiterSettings:
        """A limit that is known and not learnt."""
        return cls(first=limit, least=limit, most=limit)


class Pace:
    """How long one kind of work takes when it is not crowded."""

    __slots__ = ("_pieces", "_slowest_s", "_squares", "_sum_s", "baseline_s")

    def __init__(self) -> None:
        self.baseline_s = 0.0
        """Mean time, seconds; 0 until it is known."""
        self._begin()

    def _begin(self) -> None:
        self._sum_s = self._squares = self._slowest_s = 0.0
        self._pieces = 0

    def saw(self, took_s: float, *, crowded: bool, most: float) -> None:
        """One more piece; it counts as at most `most` baselines, so that one pause is no pace."""
        if self.baseline_s:
            self._follow(took_s, crowded, most)
        elif not crowded:
            self._measure(took_s)

    def _measure(self, took_s: float) -> None:
        self._sum_s += took_s
        self._squares += took_s * took_s
        self._slowest_s = max(self._slowest_s, took_s)
        self._pieces += 1
        if self._pieces < MEASURED:
            return
        others = self._pieces - 1
        mean_s = (self._sum_s - self._slowest_s) / others
        variance = (self._squares - self._slowest_s**2) / others - mean_s**2
        if variance <= (ERROR_SHARE * mean_s) ** 2 * others or self._pieces >= MEASURES_MOST:
            self.baseline_s = mean_s
            self._begin()

    def _follow(self, took_s: float, crowded: bool, most: float) -> None:
        if not crowded:
            self.baseline_s += BASELINE_SHARE * (min(took_s, most * self.baseline_s) - self.baseline_s)
        self._sum_s += took_s
        self._pieces += 1
        if self._pieces >= RECENT:
            if self._sum_s < FASTER_SHARE * RECENT * self.baseline_s:
                self.baseline_s = 0.0
            self._begin()


class GradientLimiter:
    """The limit as a running value. Ask `limit`; tell each finished piece of work to `observe`."""

    __slots__ = (
        "_guess",
        "_paces",
        "_pieces",
        "_resumes",
        "_settings",
        "_slowest",
        "_slowness",
        "_unknown",
        "limit",
    )

    def __init__(self, settings: LimiterSettings | None = None) -> None:
        self._settings = settings = LimiterSettings() if settings is None else settings
        self.limit = settings.least
        """Pieces of work that may be in work at once."""
        self._resumes = settings.least
        """While it measures: the limit after that. Else 0."""
        self._guess = settings.first
        """Below it the limit doubles, until a round is slow. Then 0."""
        self._paces: dict[int, Pace] = {}
        self._slowest = settings.tolerance / GRADIENT_LEAST
        self._slowness = 0.0
        self._pieces = self._unknown = 0

    def baseline_s(self, kind: int = 0) -> float:
        """Mean time of uncrowded work of this kind, seconds; 0 until it is known."""
        pace = self._paces.get(kind)
        return 0.0 if pace is None else pace.baseline_s

    def observe(self, took_s: float, *, in_work: int, at_end: int = 0, kind: int = 0, ok: bool = True) -> None:
        """Work took `took_s` seconds; `in_work` pieces were in work when it began, and `at_end` when it ended,
        itself included (`at_end` 0: not known, as at its beginning).

        Kinds of work that differ in what they cost have a baseline each, and share the limit. Work that failed
        (not `ok`) says what it says about a crowd, and nothing about a baseline.
        """
        limit, least = self.limit, self._settings.least
        if in_work > limit + 1:
            return
        pace = self._paces.get(kind)
        if pace is None:
            pace = self._paces[kind] = Pace()
        took_s, knew = max(took_s, TICK_S), pace.baseline_s > 0
        crowded = in_work > least or at_end > least
        if ok:
            pace.saw(took_s, crowded=crowded, most=self._slowest)
        if self._resumes:
            self._measures(ok=ok and not crowded, learnt=not knew and pace.baseline_s > 0)
        elif in_work * 2 > limit:  # else it is not the limit that holds it back
            self._counts(took_s, pace)

    def _counts(self, took_s: float, pace: Pace) -> None:
        """One more piece of the round."""
        if not pace.baseline_s:
            self._unknown += 1
            if self._unknown >= UNKNOWN_ROUNDS * self.limit:
                self._resumes, self.limit = self.limit, self._settings.least
                self._begin_round()
            return
        self._slowness += min(took_s / pace.baseline_s, self._slowest)
        self._pieces += 1
        if self._pieces >= self.limit:
            self._end_round(self._slowness / self._pieces)

    def _end_round(self, slowness: float) -> None:
        settings = self._settings
        gradient = max(GRADIENT_LEAST, min(1.0, settings.tolerance / slowness))
        if gradient < GROWS_FROM:
            self._guess = 0.0
        if self._guess > self.limit:
            self.limit = min(2 * self.limit, self._guess)
        else:
            growth = math.sqrt(self.limit) if gradient >= GROWS_FROM else 0.0
            limit = self.limit + settings.smoothing * (self.limit * (gradient - 1) + growth)
            self.limit = min(settings.most, max(settings.least, limit))
        self._begin_round()

    def _measures(self, *, ok: bool, learnt: bool) -> None:
        """One more piece while the limit is held down, until one kind more is known."""
        self._pieces += ok
        if learnt or self._pieces > MEASURES_MOST:
            self.limit, self._resumes = self._resumes, 0.0
            self._begin_round()

    def _begin_round(self) -> None:
        self._slowness, self._pieces, self._unknown = 0.0, 0, 0
