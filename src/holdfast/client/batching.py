"""Which holdings go into the next message, and whether it may be sent. Pure but for its own bookkeeping.

Renewals go before everything else and in messages of their own: an establishment waits for the service's store,
a renewal does not. What is due a little later goes along: renewing early costs nothing, a message does.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable

from holdfast.leases.holding import Holding
from holdfast.leases.law import RETRIES_PER_TTL, early_most_s, retry_after_s
from holdfast.model.lease_batch import CALLS_MAX
from holdfast.overload import Breaker, BreakerSettings, BudgetSettings, RetryBudget


class Agenda:
    """Holdings by when they are due; renewals and others apart."""

    def __init__(self) -> None:
        self._heaps: tuple[list[tuple[float, int, Holding]], ...] = ([], [])
        self._ids: dict[int, Holding] = {}
        self._in_flight: set[int] = set()

    def add(self, holding: Holding) -> None:
        """It is due at its `next_s`; an entry from before that does not hold any more is passed over."""
        self._ids[id(holding)] = holding
        if holding.next_s is None or id(holding) in self._in_flight:
            return
        heapq.heappush(self._heaps[not holding.renews], (holding.next_s, id(holding), holding))

    def due(self, *, renewals: bool, now_s: float) -> list[Holding]:
        """What goes into one message now; they are in flight until `back`."""
        heap = self._heaps[not renewals]
        found: list[Holding] = []
        while heap and len(found) < CALLS_MAX:
            at_s, _, holding = heap[0]
            if not self._holds(heap[0], renewals):
                heapq.heappop(heap)
                continue
            early_s = early_most_s(holding.ttl_s) if renewals and found else 0.0
            if at_s > now_s + early_s:
                break
            heapq.heappop(heap)
            self._in_flight.add(id(holding))
            found.append(holding)
        return found

    def back(self, holdings: Iterable[Holding]) -> None:
        """Their message has ended."""
        for holding in holdings:
            self._in_flight.discard(id(holding))
            self.add(holding)

    def next_s(self, *, renewals: bool) -> float:
        """When something of this kind is due next; infinite if nothing is."""
        heap = self._heaps[not renewals]
        while heap and not self._holds(heap[0], renewals):
            heapq.heappop(heap)
        return heap[0][0] if heap else float("inf")

    def forget(self, holding: Holding) -> None:
        """Nothing more is asked about it."""
        self._ids.pop(id(holding), None)

    def _holds(self, entry: tuple[float, int, Holding], renewals: bool) -> bool:
        at_s, id_, holding = entry
        known = self._ids.get(id_) is holding and id_ not in self._in_flight
        return known and holding.next_s == at_s and holding.renews == renewals


class Throttle:
    """Whether a message may go out: a budget for those that try again; for renewals one backoff of the whole
    client, for establishments a breaker.

    One backoff, since what a silence tells is about the service and not about one lease: whatever comes due in it
    waits for the client's next try, and how long that may take is known (`leases.law.patience_s`). The breaker
    does not thin renewals: one that is held back too long costs a lease, to be established at several times the
    work.
    """

    def __init__(self, *, ttl_s: float, timeout_s: float, now_s: float) -> None:
        settings = BudgetSettings(trickle_per_s=max(0.1, RETRIES_PER_TTL / ttl_s))
        # One each: new leases that are tried for in an outage must not use up what the held ones need.
        self._budgets = {renewals: RetryBudget(settings, now_s=now_s) for renewals in (True, False)}
        self._breaker = Breaker(BreakerSettings.for_timeout(timeout_s))
        self._failed = {True: False, False: False}
        self._silent, self._again_s = 0, now_s

    def may_send(self, *, renewals: bool, now_s: float, chance: float) -> bool:
        """Whether a message may be sent now."""
        if not renewals and not self._breaker.allow(now_s=now_s, chance=chance):
            return False
        if self._failed[renewals]:
            if renewals and now_s < self._again_s:
                return False
            return self._budgets[renewals].retry(now_s=now_s)
        self._budgets[renewals].request(now_s=now_s)
        return True

    def wait_s(self, *, renewals: bool, now_s: float) -> float:
        """How long until a retry may go out, by the budget and for renewals by the backoff."""
        wait_s = self._budgets[renewals].wait_s(now_s=now_s)
        return max(wait_s, self._again_s - now_s) if renewals else wait_s

    def silent(self, *, now_s: float, ttl_s: float, many: bool, chance: float) -> None:
        """A message of renewals had no answer: when the client, with all that it has, tries again."""
        self._again_s = now_s + retry_after_s(ttl_s, attempt=self._silent, many=many, chance=chance)
        self._silent += 1

    def failing(self, *, renewals: bool) -> bool:
        """Whether the last message had no answer."""
        return self._failed[renewals]

    def ended(self, *, renewals: bool, ok: bool, now_s: float) -> None:
        """How a message ended; a refusal with a hint is an answer."""
        self._failed[renewals] = not ok
        if ok:
            self._failed[True], self._silent = False, 0  # whatever was answered, the service is there
        if not renewals:
            self._breaker.record(ok=ok, now_s=now_s)
