"""When a refused caller is to come back: renewals by their own short line, all others by the whole backlog.

One chance comes in with each step of the desk; multiples of the golden ratio, modulo 1, spread a crowd evenly.
"""

from __future__ import annotations

from typing import Final

from holdfast.leases.book import Book
from holdfast.leases.law import LeaseSettings, renewals_per_s
from holdfast.model.lease import Ask, Renew, TryLater
from holdfast.overload import Admission, CrowdPace, Outstanding, retry_after_s
from holdfast.ports.leases import Call

GOLDEN: Final = 0.6180339887498949
BUSY_S: Final = 1.0
"""The least wait of a refused establishment, half of it about: never back at once. Without hints, of everybody."""
EARLY_SHARE: Final = 0.7
"""Of the time after which a refused caller should be served: it is back by then. Who is back too early is refused
once more, which costs a tenth of a renewal; where nobody is back the service stands idle.
"""
FALLS_MOST: Final = 0.6
"""So much of the spare rate is lost at most until a backlog is served. More (0.9) brings callers back late."""
RENEW, WRITE = 0, 1


class Hints:
    """What the refused were told, and so what still comes."""

    def __init__(self, settings: LeaseSettings, queue: Admission[Call], book: Book) -> None:
        self._settings, self._queue, self._book = settings, queue, book
        self._outstanding = Outstanding(horizon_s=max(settings.hint_cap_s, 2.0))
        self._pace = CrowdPace()
        self.chance = 0.0

    def served(self, count: int, *, now_s: float) -> None:
        """So many grants and releases are durable."""
        self._pace.served(count, now_s=now_s)

    def full(self, *, now_s: float) -> None:
        """More want a grant than can be served now."""
        self._pace.refused(now_s=now_s)

    def later(self, ask: Ask, why: str, *, now_s: float) -> TryLater:
        """The refusal of one call."""
        self.chance = (self.chance + GOLDEN) % 1.0
        if not self._settings.hints:
            return TryLater(BUSY_S, why)
        if isinstance(ask, Renew):
            return TryLater(self._renewal_s(), why)
        after_s = self._other_s(now_s)
        self._outstanding.add(after_s, now_s=now_s)
        return TryLater(after_s, why)

    def _renewal_s(self) -> float:
        return retry_after_s(
            backlog=self._queue.waiting(RENEW) + 1,
            spare_per_s=self._queue.rate_per_s(RENEW),
            chance=self.chance,
            cap_s=self._book.ttl_s / 6,
            least_s=min(0.1, self._book.ttl_s / 20),
        )

    def _other_s(self, now_s: float) -> float:
        book, queue, cap_s = self._book, self._queue, self._settings.hint_cap_s
        renewing_per_s = queue.rate_per_s(RENEW)
        spare_share = 1 - renewals_per_s(held=len(book), ttl_s=book.ttl_s) / renewing_per_s
        pace_per_s = self._pace.per_s(now_s=now_s)
        spare_per_s = queue.rate_per_s(WRITE) * spare_share if pace_per_s is None else pace_per_s
        backlog = self._outstanding.advance(now_s) + queue.waiting(WRITE) + 1
        return retry_after_s(
            backlog=backlog,
            spare_per_s=spare_per_s / EARLY_SHARE,
            chance=self.chance,
            cap_s=cap_s,
            least_s=min(BUSY_S * (0.5 + self.chance), cap_s),
            takes_share=self._takes_share(renewing_per_s * spare_share, backlog),
        )

    def _takes_share(self, spare_renewals_per_s: float, backlog: int) -> float:
        """Of the spare rate, that each grant takes from then on, by its renewals: all of the backlog at most
        `FALLS_MOST`. The pace of renewals is learnt badly while the store keeps the processor busy; taken at its
        word it may say that nothing is left, and calls all back at once.
        """
        most = FALLS_MOST / backlog
        if spare_renewals_per_s <= 0:
            return most
        return min(most, renewals_per_s(held=1, ttl_s=self._book.ttl_s) / spare_renewals_per_s)


def early(call: Call, why: str, *, chance: float, number: int) -> TryLater:
    """The refusal of a service that does not serve yet: spread over two seconds."""
    return TryLater(BUSY_S * (0.1 + 1.9 * ((chance + number * GOLDEN) % 1.0)), why)
