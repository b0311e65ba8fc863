"""How much new work publishers may make: as much as drains, and less the older the backlog is.

    rate = drain rate x clamp(1 - age of the backlog / 300 s, 0, 1)

in hosts a second. Without a backlog everything is let in. A change for hosts that wait anyway costs nothing: they
get it with what they wait for.
"""

from __future__ import annotations

from holdfast.propagation.rules import admitted_per_s

AGE_FREE_S = 1.0
"""A backlog younger than this is none: it is the delivery that is under way."""
ASK_AGAIN_S = 30.0
"""A publisher is never sent away for longer."""
WINDOW_S = 30.0
"""Over which the drain rate is learnt."""
DRAIN_LEAST_PER_S = 0.1
"""Taken while nothing has drained yet, so that a first change after a start is not shut out for ever."""


class Upstream:
    """A bucket of one host that fills at the allowed rate. A change may cost more; the next waits for its debt."""

    def __init__(self, *, now_s: float) -> None:
        self._tokens = 0.0
        self._at_s = now_s
        self._drain_per_s, self._learnt_s = 0.0, now_s

    def drained(self, hosts: int, *, now_s: float) -> None:
        """So many hosts have caught up since the last time. Time has a clock of its own here: the bucket's is
        moved by each publisher that asks, and what passed before that would not count.
        """
        passed_s, self._learnt_s = now_s - self._learnt_s, now_s
        self._drain_per_s *= 1 - min(1.0, passed_s / WINDOW_S)
        self._drain_per_s += hosts / max(passed_s, WINDOW_S)

    def rate_per_s(self, age_s: float) -> float:
        """Hosts a second that publishers may make work for."""
        return admitted_per_s(drain_per_s=max(self._drain_per_s, DRAIN_LEAST_PER_S), oldest_s=age_s)

    def refill(self, age_s: float, *, now_s: float) -> None:
        """Time has passed."""
        self._tokens = min(1.0, self._tokens + self.rate_per_s(age_s) * (now_s - self._at_s))
        self._at_s = now_s

    def admit(self, cost: int, age_s: float, *, now_s: float) -> float:
        """0 if the change may come in; else in how many seconds to ask again."""
        self.refill(age_s, now_s=now_s)
        if age_s < AGE_FREE_S:
            self._tokens = max(self._tokens, 0.0)
            return 0.0
        if cost == 0:
            return 0.0
        if self._tokens < 1.0:
            rate = self.rate_per_s(age_s)
            return ASK_AGAIN_S if rate <= 0 else min(ASK_AGAIN_S, max(0.1, (1.0 - self._tokens) / rate))
        self._tokens -= cost
        return 0.0
