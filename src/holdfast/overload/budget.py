"""A client's budget for retries: a share of its requests, plus a trickle, so that retries never multiply load.

Retries without a budget turn one failure into many requests, at each layer again. With it, the load that a client
makes is at most (1 + share) times its own requests and the trickle, however long the server fails.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BudgetSettings:
    """`share` retries for each request, `trickle_per_s` besides; at most `most` saved up."""

    share: float = 0.1
    trickle_per_s: float = 0.1
    most: float = 10.0
    first: float = 10.0

    def __post_init__(self) -> None:
        if not (self.share >= 0 and self.trickle_per_s >= 0 and 0 <= self.first <= self.most and self.most >= 1):
            raise ValueError(f"not settings of a retry budget: {self}")


class RetryBudget:
    """The budget as a running value."""

    __slots__ = ("_at_s", "_settings", "balance")

    def __init__(self, settings: BudgetSettings | None = None, *, now_s: float) -> None:
        self._settings = BudgetSettings() if settings is None else settings
        self.balance = self._settings.first
        """Retries that may be made now."""
        self._at_s = now_s

    def request(self, *, now_s: float) -> None:
        """A first attempt was made: it earns its share."""
        self._earn(now_s, self._settings.share)

    def retry(self, *, now_s: float) -> bool:
        """Whether a retry may be made; if so it is paid for."""
        self._earn(now_s, 0.0)
        if self.balance < 1.0:
            return False
        self.balance -= 1.0
        return True

    def wait_s(self, *, now_s: float) -> float:
        """Seconds until the trickle alone allows one retry; 0 if one may be made now, infinite without trickle."""
        self._earn(now_s, 0.0)
        missing = 1.0 - self.balance
        if missing <= 0:
            return 0.0
        return missing / self._settings.trickle_per_s if self._settings.trickle_per_s else float("inf")

    def _earn(self, now_s: float, share: float) -> None:
        settings = self._settings
        waited_s = max(now_s - self._at_s, 0.0)
        self._at_s = max(now_s, self._at_s)
        self.balance = min(settings.most, self.balance + share + settings.trickle_per_s * waited_s)
