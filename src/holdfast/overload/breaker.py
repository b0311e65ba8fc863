"""A client's circuit breaker that always lets probes through.

It has no "open" state. Over a window it counts what was sent and what succeeded, and rejects with probability

    p = min(reject_most, (sent - succeeded / (1 - trip)) / (sent + 1)),  not below 0

so it begins to reject when more than `trip` of the requests fail (95 %), and never rejects more than
`reject_most` (80 %): one request in five still goes out, and the first successes close it by themselves. Window
max(30 s, 2 W), for a work timeout W: a shorter one forgets the failures before they are known to be failures.
(Facts on leases and overload; the form is that of the SRE client throttle and of Envoy's admission control.)
Rejected: closed, open, half-open. It tests recovery with one request, all clients of a fleet at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SLOTS: Final = 30


@dataclass(frozen=True, slots=True)
class BreakerSettings:
    """`window_s` seconds of history; `requests_least` in it before anything is rejected."""

    window_s: float = 30.0
    trip: float = 0.95
    reject_most: float = 0.8
    requests_least: int = 5

    def __post_init__(self) -> None:
        if not (
            self.window_s > 0 and 0 < self.trip < 1 and 0 <= self.reject_most < 1 and self.requests_least >= 1
        ):
            raise ValueError(f"not settings of a breaker: {self}")

    @classmethod
    def for_timeout(cls, timeout_s: float) -> BreakerSettings:
        """Settings for requests that time out after `timeout_s`: window max(30 s, 2 W)."""
        return cls(window_s=max(30.0, 2 * timeout_s))


class Breaker:
    """The breaker as a running value: `allow` before a request, `record` after it."""

    __slots__ = ("_good", "_sent", "_settings", "_slot", "_slot_s", "good", "sent")

    def __init__(self, settings: BreakerSettings | None = None) -> None:
        self._settings = BreakerSettings() if settings is None else settings
        self._slot_s = self._settings.window_s / SLOTS
        self._sent = [0] * SLOTS
        self._good = [0] * SLOTS
        self._slot = -1
        self.sent = 0
        """Requests of the window whose end is known."""
        self.good = 0
        """Those of them that succeeded."""

    def reject_share(self, *, now_s: float) -> float:
        """The probability with which a request is rejected now."""
        self._advance(now_s)
        settings = self._settings
        if self.sent < settings.requests_least:
            return 0.0
        excess = (self.sent - self.good / (1 - settings.trip)) / (self.sent + 1)
        return min(settings.reject_most, max(0.0, excess))

    def allow(self, *, now_s: float, chance: float) -> bool:
        """Whether this request may go out; `chance` is uniform in [0, 1)."""
        return chance >= self.reject_share(now_s=now_s)

    def record(self, *, ok: bool, now_s: float) -> None:
        """A request has ended. A refusal with a hint counts as success: the server is there and says so."""
        self._advance(now_s)
        place = self._slot % SLOTS
        self._sent[place] += 1
        self._good[place] += ok
        self.sent += 1
        self.good += ok

    def _advance(self, now_s: float) -> None:
        slot = int(now_s / self._slot_s)
        if self._slot < 0 or slot - self._slot >= SLOTS:
            self._sent, self._good = [0] * SLOTS, [0] * SLOTS
            self.sent = self.good = 0
            self._slot = max(slot, self._slot)
        while self._slot < slot:
            self._slot += 1
            place = self._slot % SLOTS
            self.sent -= self._sent[place]
            self.good -= self._good[place]
            self._sent[place] = self._good[place] = 0
