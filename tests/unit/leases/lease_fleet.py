"""A fleet and one server in virtual time: the shipped admission queue and hints, clients as in the prototype.

One server works through what the queue gives it, a renewal in 1 / mu and an establishment in k / mu seconds.
A client that gets no answer within W gives up and tries again: after tau if it is naive, by the hint if it was
given one, else with full jitter up to 60 s. Refusals cost the server nothing here.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from holdfast.leases.envelope import Fleet
from holdfast.overload import Admission, Job, Lane, LimiterSettings, Outstanding, Protections, retry_after_s
from holdfast.overload.admission import queue_budget_s

RENEW, ESTABLISH = 0, 1
DEAF_S = 480.0
"""How long the server takes requests in and works on none, at the end of the outage: its queue as it finds it."""


class Outcome(NamedTuple):
    """What a run came to."""

    held_share: float
    recovered_s: float | None
    """Since the service is back, to 99 % held."""
    begun: int
    """Establishments that the server began, and ..."""
    succeeded: int
    """... those whose client was still there."""
    refused: int
    stale_share: float
    """Share of the server's busy time that went into work nobody waited for."""


class Client:
    """One host."""

    __slots__ = ("attempt", "deadline_s")

    def __init__(self, deadline_s: float) -> None:
        self.attempt = 0
        self.deadline_s = deadline_s


class Simulation:
    """The end of an outage. Where it lost all leases the server was deaf before, else `lost_share` vanish at once.

    `outage_s` is an outage in which calls failed at once, and clients tried again before their lease ran out.
    """

    def __init__(
        self,
        fleet: Fleet,
        on: Protections,
        *,
        seed: int,
        hints: bool,
        lost_share: float = 1.0,
        outage_s: float = 0.0,
    ) -> None:
        self.fleet, self.hints, self.rng = fleet, hints, random.Random(seed)
        one_s = 1 / fleet.renewals_per_s
        budget_s = queue_budget_s(fleet.timeout_s)
        self.queue: Admission[tuple[int, int]] = Admission(
            (
                Lane("renew", one_s, queue_budget_s=budget_s),
                Lane("establish", one_s * fleet.cost, queue_budget_s=budget_s, newest_first=True),
            ),
            limiters={"": LimiterSettings.fixed(1)},
            protections=on,
        )
        self.cost_s = (one_s, one_s * fleet.cost)
        self.outstanding = Outstanding()
        self.events: list[tuple[float, int, Callable[[], None]]] = []
        self.now_s, self.order = 0.0, 0
        self.begun = self.succeeded = self.refused = 0
        self.busy_s = self.stale_s = 0.0
        self.back_s = DEAF_S if lost_share == 1.0 and not outage_s else 0.0
        self.busy = self.back_s > 0
        if self.busy:
            self.at(self.back_s, self.wakes)
        self.clients = [self._client(lost_share, outage_s) for _ in range(fleet.size)]
        self.held = 0
        for number, client in enumerate(self.clients):
            self.held += client.deadline_s > 0
            left_s = client.deadline_s if client.deadline_s > 0 else fleet.renew_every_s
            self.at(self.rng.uniform(0, min(left_s, fleet.renew_every_s)), partial(self.tries, number))

    def _client(self, lost_share: float, outage_s: float) -> Client:
        if outage_s:
            renewed_before_s = self.rng.uniform(0, self.fleet.renew_every_s)
            return Client(self.fleet.ttl_s - renewed_before_s - outage_s)
        return Client(0.0 if self.rng.random() < lost_share else self.fleet.ttl_s - self.fleet.renew_every_s)

    def at(self, after_s: float, do: Callable[[], None]) -> None:
        """Do something later."""
        self.order += 1
        heapq.heappush(self.events, (self.now_s + after_s, self.order, do))

    def run(self, until_s: float) -> Outcome:
        """Until then, or until 99 % are held."""
        recovered_s = None
        while self.events and self.events[0][0] <= until_s:
            self.now_s, _, do = heapq.heappop(self.events)
            do()
            if self.succeeded and self.count() >= 0.99 * self.fleet.size and recovered_s is None:
                recovered_s = self.now_s - self.back_s
                break
        stale_share = self.stale_s / self.busy_s if self.busy_s else 0.0
        share = self.count() / self.fleet.size
        return Outcome(share, recovered_s, self.begun, self.succeeded, self.refused, stale_share)

    def count(self) -> int:
        """Leases that are held now."""
        if self.held >= 0.99 * self.fleet.size or not self.events:
            self.held = sum(client.deadline_s > self.now_s for client in self.clients)
        return self.held

    # -- clients -------------------------------------------------------------------------------------------

    def tries(self, number: int) -> None:
        """Renew what it has, or establish."""
        client = self.clients[number]
        client.attempt += 1
        attempt = client.attempt
        lane = RENEW if client.deadline_s > self.now_s else ESTABLISH
        deadline_s = self.now_s + self.fleet.timeout_s
        offered = self.queue.offer((number, attempt), lane=lane, deadline_s=deadline_s, now_s=self.now_s)
        if offered.evicted is not None:
            self.refuses(*offered.evicted.payload)
        if offered.admitted:
            self.at(self.fleet.timeout_s, lambda: self.gives_up(number, attempt))
            self.works()
        else:
            self.refuses(number, attempt)

    def gives_up(self, number: int, attempt: int) -> None:
        """No answer within W."""
        if self.clients[number].attempt == attempt:
            self.clients[number].attempt += 1
            self.at(self.fleet.renew_every_s * self.rng.uniform(0.9, 1.1), lambda: self.tries(number))

    def refuses(self, number: int, attempt: int) -> None:
        """The client is told at once, with a hint."""
        if self.clients[number].attempt != attempt:
            return
        self.refused += 1
        self.clients[number].attempt += 1
        after_s = self.rng.uniform(0, 60.0)
        if self.hints:
            after_s = self.hint_s() if self.clients[number].deadline_s <= self.now_s else self.renewal_hint_s()
        self.at(after_s, lambda: self.tries(number))

    def renewal_hint_s(self) -> float:
        """A renewal is spread over its own line alone: it has no time for the establishments' backlog."""
        waiting, rate_per_s = self.queue.waiting(RENEW) + 1, self.queue.rate_per_s(RENEW)
        return retry_after_s(backlog=waiting, spare_per_s=rate_per_s, chance=self.rng.random())

    def hint_s(self) -> float:
        """As the service computes it: from learnt rates, and the hints that still run."""
        busy_share = self.held / (self.fleet.renew_every_s * self.queue.rate_per_s(RENEW))
        spare_per_s = self.queue.rate_per_s(ESTABLISH) * (1 - busy_share)
        backlog = self.outstanding.advance(self.now_s) + self.queue.waiting(ESTABLISH) + 1
        after_s = retry_after_s(backlog=backlog, spare_per_s=spare_per_s, chance=self.rng.random())
        self.outstanding.add(after_s, now_s=self.now_s)
        return after_s

    # -- the server ----------------------------------------------------------------------------------------

    def wakes(self) -> None:
        """The outage is over."""
        self.busy = False
        self.refused = 0
        self.works()

    def works(self) -> None:
        """Begin the next piece, if free."""
        if self.busy:
            return
        job, dropped = self.queue.take(now_s=self.now_s)
        for stale in dropped:
            self.refuses(*stale.payload)
        if job is not None:
            self.busy = True
            self.begun += job.lane == ESTABLISH
            self.at(self.cost_s[job.lane], lambda: self.done(job))

    def done(self, job: Job[tuple[int, int]]) -> None:
        """A piece is finished; whether anybody still waits for it is another matter."""
        self.queue.finish(job, now_s=self.now_s)
        self.busy = False
        number, attempt = job.payload
        client = self.clients[number]
        self.busy_s += self.cost_s[job.lane]
        if client.attempt == attempt:
            client.attempt += 1
            self.held += client.deadline_s <= self.now_s
            self.succeeded += job.lane == ESTABLISH
            client.deadline_s = self.now_s + self.fleet.ttl_s
            self.at(self.fleet.renew_every_s * self.rng.uniform(0.9, 1.1), lambda: self.tries(number))
        else:
            self.stale_s += self.cost_s[job.lane]
        self.works()


def fleet_at(*, load: float, cost: float, size: int = 400) -> Fleet:
    """A fleet with this steady load."""
    return Fleet(size=size, renewals_per_s=size / (60.0 * load), cost=cost)


def naive(fleet: Fleet, *, seed: int = 1, until_s: float = 6000.0, **kind: float) -> Outcome:
    """The design that collapses."""
    return Simulation(fleet, Protections.none(), seed=seed, hints=False, **kind).run(until_s)


def protected(fleet: Fleet, *, seed: int = 1, until_s: float = 20000.0, **kind: float) -> Outcome:
    """All protections on."""
    return Simulation(fleet, Protections(), seed=seed, hints=True, **kind).run(until_s)
