"""How much may be in work at once, learnt from how long it takes: a gradient limiter.

    gradient = clamp(tolerance * baseline / took, 0.5, 1)       of each piece, averaged over a round
    limit   <- (1 - smoothing) * limit + smoothing * (limit * gradient + sqrt(limit))   after each round

While work takes no longer than `tolerance` times its baseline, the limit grows by a square root; when it takes
longer, because too much is done at once, the limit shrinks. Tolerance 1.5, smoothing 0.2 (facts on leases and
overload). A round is as many pieces as the limit: what is finished now was begun under an earlier limit, so moving
it with each piece would overshoot by all that are in work. For the same reason pieces that were begun in a larger
crowd than may be now are not counted again.

The baseline is the time of work that is *not* crowded. It falls with any faster sample, and rises only on samples
taken while less than half of the limit was in use, or while the limit is at its floor. Rejected: a long moving
average as baseline (as in the best-known implementation). Under overload that lasts it creeps up after the
crowded times, and the limit after it, without end. Rejected too: pinning the limit down at intervals to measure:
it costs throughput in the very minutes of a recovery.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

GRADIENT_LEAST: Final = 0.5
GROWS_FROM: Final = 0.95
"""A few slow pieces in a round don't stop the growth."""
BASELINE_SHARE: Final = 0.05
"""How fast the baseline follows slower samples that may raise it."""


@dataclass(frozen=True, slots=True)
class LimiterSettings:
    """Bounds and pace. `least` is also the probing floor: there, what is measured counts as uncrowded."""

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


class GradientLimiter:
    """The limit as a running value. Ask `limit`; tell each finished piece of work to `observe`."""

    __slots__ = ("_baselines_s", "_gradients", "_pieces", "_settings", "limit")

    def __init__(self, settings: LimiterSettings | None = None) -> None:
        self._settings = LimiterSettings() if settings is None else settings
        self.limit = self._settings.first
        """Pieces of work that may be in work at once."""
        self._baselines_s: dict[int, float] = {}
        self._gradients = 0.0
        self._pieces = 0

    def baseline_s(self, kind: int = 0) -> float:
        """Time of uncrowded work of this kind, seconds; 0 until the first sample."""
        return self._baselines_s.get(kind, 0.0)

    def observe(self, took_s: float, *, in_work: int, kind: int = 0) -> None:
        """Work took `took_s` seconds, begun while `in_work` pieces (itself included) were in work.

        Kinds of work that differ in what they cost have a baseline each, and share the limit.
        """
        limit, settings = self.limit, self._settings
        if took_s <= 0 or in_work > limit + 1:
            return
        crowded = in_work * 2 > limit and limit > settings.least * 1.01
        baseline_s = self._follow(took_s, kind=kind, crowded=crowded)
        if in_work * 2 <= limit:
            return  # not the limit holds it back, so this says nothing about the limit
        self._gradients += min(1.0, max(GRADIENT_LEAST, settings.tolerance * baseline_s / took_s))
        self._pieces += 1
        if self._pieces >= limit:
            self._end_round(self._gradients / self._pieces)

    def _end_round(self, gradient: float) -> None:
        settings = self._settings
        growth = math.sqrt(self.limit) if gradient >= GROWS_FROM else 0.0
        limit = self.limit + settings.smoothing * (self.limit * (gradient - 1) + growth)
        self.limit = min(settings.most, max(settings.least, limit))
        self._gradients, self._pieces = 0.0, 0

    def _follow(self, took_s: float, *, kind: int, crowded: bool) -> float:
        baseline_s = self._baselines_s.get(kind, 0.0)
        if baseline_s == 0.0:
            baseline_s = took_s
        elif took_s < baseline_s:
            baseline_s = (baseline_s + took_s) / 2
        elif not crowded:
            baseline_s += BASELINE_SHARE * (took_s - baseline_s)
        self._baselines_s[kind] = baseline_s
        return baseline_s
