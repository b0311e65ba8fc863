"""A fleet and one lease service in virtual time, event by event, on the rules that ship.

The service offers each call to `overload.Admission`, begins what it takes, asks `leases.rules` what the call
comes to, keeps `leases.book`, sweeps it each second, and answers refusals with `overload.retry_after_s`. Clients
renew by `leases.law`, give up after W and ask again: after tau where they heard nothing, by the hint where they
got one, with full jitter up to 60 s where they were refused without.

One server, by default with one worker: a renewal takes 1 / mu, an establishment k / mu. With more workers each is
slower by as much, so mu stays what it was; beyond `workers` pieces in work everything is slower still
(`crowding`), which is what a limiter has to find out. Refusals cost the server nothing unless
`refusal_share` says so. Work that ends after its client gave up has no effect, as in October 2025. (The shipped
`establish` would find its own grant at the next call and keep it for the price of a renewal; a design without that
is the harder case.)
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from functools import partial
from typing import Final

import msgspec

from holdfast.fleet.clients import Client, Habits, Restraint
from holdfast.fleet.design import Design, Outcome, Trouble
from holdfast.leases.book import Book
from holdfast.leases.envelope import HELD_SHARE, Fleet
from holdfast.leases.law import RENEWALS_PER_TTL, LeaseSettings, renew_after_s
from holdfast.leases.rules import Grant, Keep, establish, renew
from holdfast.leases.tokens import token_of
from holdfast.model.lease import Establish, Lease, Renew, lease_key
from holdfast.overload import Admission, Job, Lane, LimiterSettings, Outstanding, retry_after_s
from holdfast.overload.admission import queue_budget_s

RENEW: Final = 0
ESTABLISH: Final = 1
SWEEP_S: Final = 1.0
ROLE: Final = "host"
ASKS_BEFORE_S: Final = 10.0
"""After an outage in which calls failed at once, a client asks again this long before its lease ends."""


class Server(msgspec.Struct, frozen=True):
    """How much is done at once, and what too much of it costs."""

    workers: int = 1
    crowding: float = 0.0
    """Beyond `workers` in work, each further `workers` pieces slow all down by this share."""
    limiter: LimiterSettings = LimiterSettings.fixed(1)
    refusal_share: float = 0.0
    """What refusing one call takes, of what a renewal takes: the next piece waits for it."""

    def takes_s(self, cost_s: float, in_work: int) -> float:
        """How long a piece takes that is begun as the `in_work`-th."""
        over = max(0.0, in_work / self.workers - 1)
        return cost_s * self.workers * (1 + over) * (1 + self.crowding * over)


Call = tuple[int, int]
"""Number of a client, and of its attempt."""


class Driver:
    """A run. `advance` until a time; `outcome` at any time."""

    def __init__(
        self,
        fleet: Fleet,
        design: Design,
        *,
        seed: int,
        trouble: Trouble | None = None,
        server: Server | None = None,
        habits: Habits | None = None,
    ) -> None:
        self.fleet, self.design, self.rng = fleet, design, random.Random(seed)  # noqa: S311 - seeded on purpose
        self.trouble = Trouble() if trouble is None else trouble
        self.server = Server() if server is None else server
        self.habits = Habits() if habits is None else habits
        one_s = 1 / fleet.renewals_per_s
        self.cost_s = (one_s, one_s * fleet.cost)
        self.queue = self._queue()
        self.outstanding = Outstanding()
        self.events: list[tuple[float, int, Callable[[], None]]] = []
        self.now_s, self.order, self.calls = 0.0, 0, 0
        self.deaf = self.trouble.deaf_s > 0
        self.back_s = self.trouble.deaf_s
        self.recovered_s: float | None = None
        self._debt_s = 0.0  # of the server's time: what refusing took since the last piece was begun
        self._count_anew()
        self.book = Book(self._law(), now_s=0.0)
        self.tokens = 0
        self.clients = [self._client(number) for number in range(fleet.size)]
        self.held_least = len(self.book)
        if self.deaf:
            self._at(self.back_s, self._wakes)
        self._at(SWEEP_S, self._sweeps)

    def _queue(self) -> Admission[Call]:
        budget_s = queue_budget_s(self.fleet.timeout_s)
        renewals_s = self.design.renewal_line_s or budget_s
        guess = [cost_s * self.server.workers for cost_s in self.cost_s]
        return Admission(
            (
                Lane("renew", guess[RENEW], queue_budget_s=renewals_s),
                Lane("establish", guess[ESTABLISH], queue_budget_s=budget_s, newest_first=True),
            ),
            limiters={"": self.server.limiter},
            protections=self.design.protections,
        )

    def _law(self) -> LeaseSettings:
        """The TTL is the fleet's: how it grows with size is not what is studied here."""
        return LeaseSettings(
            ttl_least_s=self.fleet.ttl_s,
            renewals_most_per_s=RENEWALS_PER_TTL * 1e12,
            expire_share_per_s=self.design.expire_share_per_s,
        )

    def _client(self, number: int) -> Client:
        """A host as the trouble leaves it, with its first attempt."""
        fleet, chance = self.fleet, self.rng.random
        if self.trouble.free_s:
            left_s = fleet.ttl_s - chance() * fleet.renew_every_s - self.trouble.free_s
        else:
            left_s = 0.0 if chance() < self.trouble.lost_share else fleet.ttl_s - fleet.renew_every_s
        client = Client(left_s, Restraint(self.design, fleet) if self.habits.eager else None)
        if left_s > 0:
            lease = self._grants(number)
            client.token = lease.token
            self.book.keep(lease, now_s=left_s - fleet.ttl_s)
        # Who nearly lost its lease asks again well before its end.
        within_s = max(left_s / 2, left_s - ASKS_BEFORE_S) if left_s > 0 else fleet.renew_every_s
        self._at(chance() * min(within_s, fleet.renew_every_s), partial(self._tries, number))
        return client

    def _grants(self, number: int) -> Lease:
        self.tokens += 1
        return Lease(ROLE, str(number), str(number), token_of(1, self.tokens))

    def _at(self, after_s: float, do: Callable[[], None]) -> None:
        self.order += 1
        heapq.heappush(self.events, (self.now_s + after_s, self.order, do))

    def _count_anew(self) -> None:
        self.attempts = self.begun = self.succeeded = self.refused = 0
        self.busy_s = self.stale_s = 0.0

    # -- the run -------------------------------------------------------------------------------------------

    def advance(self, until_s: float, *, until_recovered: bool = True) -> Outcome:
        """Until then, or (if asked for) until 99 % are held."""
        while self.events and self.events[0][0] <= until_s:
            self.now_s, _, do = heapq.heappop(self.events)
            do()
            if until_recovered and self.recovered_s is not None:
                break
        return self.outcome()

    def outcome(self) -> Outcome:
        """As of now."""
        since_s = self.now_s - self.back_s
        return Outcome(
            held_share=len(self.book) / self.fleet.size,
            recovered_s=self.recovered_s,
            attempts=self.attempts,
            begun=self.begun,
            succeeded=self.succeeded,
            refused=self.refused,
            stale_share=self.stale_s / self.busy_s if self.busy_s else 0.0,
            busy_share=self.busy_s / (since_s * self.server.workers) if since_s > 0 else 0.0,
            calls=self.calls,
            held_least_share=self.held_least / self.fleet.size,
        )

    def _sweeps(self) -> None:
        self.book.sweep(now_s=self.now_s)
        self.held_least = min(self.held_least, len(self.book))
        self._at(SWEEP_S, self._sweeps)

    # -- clients -------------------------------------------------------------------------------------------

    def _tries(self, number: int) -> None:
        """Renew what it has, or establish."""
        client = self.clients[number]
        lane = client.lane = RENEW if self._renews(client) else ESTABLISH
        if client.restraint is not None:
            wait_s = client.restraint.wait_s(renewal=lane == RENEW, now_s=self.now_s, rng=self.rng)
            if wait_s:
                self._again(number, wait_s)
                return
        client.attempt += 1
        call = (number, client.attempt)
        self.calls += 1
        self.attempts += lane
        deadline_s = self.now_s + self.fleet.timeout_s
        offered = self.queue.offer(call, lane=lane, deadline_s=deadline_s, now_s=self.now_s)
        if offered.evicted is not None:
            self._refuses(*offered.evicted.payload)
        if offered.admitted:
            self._at(self.fleet.timeout_s, partial(self._gives_up, number, client.attempt))
            self._works()
        else:
            self._refuses(number, client.attempt)

    def _renews(self, client: Client) -> bool:
        """Whether its next call is a renewal."""
        return client.deadline_s > self.now_s or (self.design.renews_overdue and client.token > 0)

    def _ended(self, client: Client, *, ok: bool) -> None:
        if client.restraint is not None:
            client.restraint.ended(renewal=client.lane == RENEW, ok=ok, now_s=self.now_s)

    def _again(self, number: int, after_s: float) -> None:
        self.clients[number].attempt += 1  # what may still come of the call before is nothing to it
        self._at(after_s, partial(self._tries, number))

    def _renews_later(self, number: int) -> None:
        tau_s = self.fleet.renew_every_s
        self._again(number, renew_after_s(RENEWALS_PER_TTL * tau_s, chance=self.rng.random()))

    def _gives_up(self, number: int, attempt: int) -> None:
        """No answer within W."""
        client = self.clients[number]
        if client.attempt != attempt:
            return
        self._ended(client, ok=False)
        if self.habits.eager:
            self._again(number, self.rng.random() * self.habits.again_s)
        else:
            self._renews_later(number)

    def _refuses(self, number: int, attempt: int) -> None:
        """The client is told at once, with a hint if the design has them."""
        client = self.clients[number]
        if client.attempt != attempt:
            return
        lost = not self._renews(client)
        self.refused += lost
        self._debt_s += self.server.refusal_share * self.cost_s[RENEW]
        self._ended(client, ok=self.design.hints)
        if self.design.hints:
            after_s = self._hint_s() if lost else self._renewal_hint_s()
        else:
            after_s = self.rng.random() * self.habits.refused_s
        self._again(number, after_s)

    def _renewal_hint_s(self) -> float:
        """A renewal is spread over its own line alone: it has no time for the establishments' backlog."""
        waiting, rate_per_s = self.queue.waiting(RENEW) + 1, self.queue.rate_per_s(RENEW)
        return retry_after_s(backlog=waiting, spare_per_s=rate_per_s, chance=self.rng.random())

    def _hint_s(self) -> float:
        """As the service computes it: from learnt rates, and the hints that still run."""
        busy_share = len(self.book) / (self.fleet.renew_every_s * self.queue.rate_per_s(RENEW))
        spare_per_s = self.queue.rate_per_s(ESTABLISH) * (1 - busy_share)
        backlog = self.outstanding.advance(self.now_s) + self.queue.waiting(ESTABLISH) + 1
        after_s = retry_after_s(backlog=backlog, spare_per_s=spare_per_s, chance=self.rng.random())
        self.outstanding.add(after_s, now_s=self.now_s)
        return after_s

    # -- the server ----------------------------------------------------------------------------------------

    def _wakes(self) -> None:
        """The trouble is over; whatever waits is still there, unless people threw it away."""
        self.deaf = False
        self._count_anew()
        if self.design.drops_queue:
            self.queue = self._queue()
        self._works()

    def _works(self) -> None:
        """Begin what may be begun."""
        while not self.deaf:
            job, dropped = self.queue.take(now_s=self.now_s)
            for stale in dropped:
                self._refuses(*stale.payload)
            if job is None:
                return
            self.begun += job.lane
            takes_s = self.server.takes_s(self.cost_s[job.lane], job.in_work) + self._debt_s
            self._debt_s = 0.0
            self._at(takes_s, partial(self._done, job))

    def _done(self, job: Job[Call]) -> None:
        """A piece is finished; whether anybody still waits for it is another matter."""
        self.queue.finish(job, now_s=self.now_s)
        number, attempt = job.payload
        took_s = self.now_s - job.begun_s
        self.busy_s += took_s
        if self.clients[number].attempt == attempt:
            self._hears(number, job.lane, self._answers(number, job.lane))
        else:
            self.stale_s += took_s
        self._works()

    def _answers(self, number: int, lane: int) -> float | None:
        """How long the lease lasts from now; None if it is gone."""
        name, client = str(number), self.clients[number]
        key = lease_key(ROLE, name)
        kept = self.book.get(key)
        answer: object
        if lane == RENEW:
            answer = renew(Renew(ROLE, name, name, client.token), kept)
        else:
            left_s = self.book.left_s(key, now_s=self.now_s)
            answer = establish(Establish(ROLE, name, name), kept, left_s=left_s)
        if isinstance(answer, Keep):
            return self.book.keep(answer.lease, now_s=self.now_s)
        if isinstance(answer, Grant):
            return self.book.keep(self._grants(number), now_s=self.now_s)
        return None

    def _hears(self, number: int, lane: int, lasts_s: float | None) -> None:
        """The client has its answer in time."""
        client = self.clients[number]
        self._ended(client, ok=True)
        if lasts_s is None:  # it ran out while the call waited
            client.deadline_s, client.token = self.now_s, 0
            self._again(number, 0.0)
            return
        lease = self.book.get(lease_key(ROLE, str(number)))
        assert lease is not None, "it was kept just now"
        client.token = lease.token
        client.deadline_s = self.now_s + lasts_s
        self.succeeded += lane
        self._renews_later(number)
        if self.recovered_s is None and len(self.book) >= HELD_SHARE * self.fleet.size and self.succeeded:
            self.recovered_s = self.now_s - self.back_s
