"""The lease service as a state machine: `step` takes what came in and returns what is to be done. No I/O.

    calls -> admission: renewals first | establishments and releases, newest first, bounded
               renew  -> decided and answered in memory: needs no store, so it survives the store's outage
               others -> decided, written in groups (`writing`), answered when durable; not while renewals wait
    overdue leases -> run out within the velocity, deleted in groups

What is on its way to the store for a lease is nobody's yet: renewals of it wait too, else a holder that was
overdue could be told "renewed" while another is being granted its lease. A write of unknown fate is answered with
`TryLater`: what it may have granted is known to nobody, and a later grant has a higher token.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from holdfast.leases.book import Book
from holdfast.leases.law import LeaseSettings
from holdfast.leases.refusing import RENEW, WRITE, Hints
from holdfast.leases.rules import Drop, Grant, Keep, establish, release, renew
from holdfast.leases.validity import wrong
from holdfast.leases.watching import Watching
from holdfast.leases.writing import GROUP, Ended, Writer
from holdfast.model.keys import Keys
from holdfast.model.lease import (
    Ask,
    Establish,
    Granted,
    Invalid,
    Lease,
    LeaseOwner,
    Listing,
    Release,
    Released,
    Renew,
    Result,
    TryLater,
    lease_key,
)
from holdfast.overload import Admission, Job, Lane, LimiterSettings, Protections
from holdfast.overload.admission import QUEUE_BUDGET_S
from holdfast.ports.leases import Call, Inbound, Submit

MOVED: Final = "another lease service has taken over"
PAUSE_SHARE: Final = 1 / 6
"""Of the TTL: called this much later than it asked to be, the service was away, and its holders were not."""
LATE_S: Final = 1.0
BEHIND_S: Final = QUEUE_BUDGET_S
"""Renewals that would wait longer than this are behind: until they are not, no grant is begun. Nor for so long
after one was refused.
"""
LATE_SHARE: Final = 0.5
"""Of a commit's time: if more than this may have been our own lateness, it says nothing about the store's pace."""

LANES: Final = (
    # Half of a caller's usual 60 s, not the 2 s of other work: after an outage that should cost nothing, a renewal
    # that is sent away loses its lease (docs/fleet.md). What can't be done in time is refused anyway.
    Lane("renew", 0.0001, pool="memory", queue_budget_s=30.0),
    Lane("write", 0.02, newest_first=True, pool="store", depth_least=2 * GROUP),
)


class Capacity(msgspec.Struct, frozen=True):
    """How much the desk does at once. Searches have a smaller one."""

    lanes: tuple[Lane, ...] = LANES
    store: LimiterSettings = LimiterSettings(first=GROUP, least=GROUP, most=40 * GROUP)
    """Grants and releases on their way to the store: one commit, until it is known how long that takes."""
    step_s: float = 0.25
    """Renewals are done in steps of about this long: between them calls come in, and deadlines are looked at. A
    step may take as long as reading those calls took, if that is longer: a service that has much to read and
    renews little refuses the rest, which comes again, to be read.
    """
    step_least: int = 8
    step_first: int = 64
    """While nothing is known of the pace."""
    step_most: int = 512
    """Or, after much reading, twice as many as calls came in."""


class Actions(msgspec.Struct):
    """What is to be done now, in this order: commits begun, an epoch remembered on the disk, calls answered."""

    submits: list[Submit] = []
    remember: int = 0
    replies: list[tuple[int, Result]] = []
    said: list[tuple[str, str]] = []
    """Events: kind and text."""
    superseded: bool = False
    """It is over: somebody else serves, and nothing is on its way any more."""


class Desk:
    """One run of the lease service, from its take-over on."""

    def __init__(
        self,
        keys: Keys,
        owner: LeaseOwner,
        *,
        owner_at: int,
        leases: Iterable[Lease],
        now_s: float,
        looked_s: float | None = None,
        settings: LeaseSettings | None = None,
        protections: Protections | None = None,
        capacity: Capacity | None = None,
    ) -> None:
        """`owner_at` is the revision of the owner's document, by which every write is fenced. `looked_s`: when
        calls were last taken in (`now_s`, if not given); what came after that has waited since.
        """
        self.settings = LeaseSettings() if settings is None else settings
        self.writer = Writer(keys, owner, owner_at=owner_at, now_s=now_s)
        self.book = Book(self.settings, now_s=now_s)
        self.book.take_over(leases, now_s=now_s)
        self.capacity = Capacity() if capacity is None else capacity
        self.queue: Admission[Call] = Admission(
            self.capacity.lanes,
            limiters={"memory": LimiterSettings.fixed(1), "store": self.capacity.store},
            protections=protections,
        )
        self.hints = Hints(self.settings, self.queue, self.book)
        self.watching = Watching(owner.epoch)
        self._renewals = 0
        """Done in the last step, which began at `_began_s`."""
        self._most: float = self.capacity.step_first
        self._began_s = now_s
        self._spent_s = 0.0
        """What the last step took, with the reading after it."""
        self._last: Job[Call] | None = None
        """The last renewal that a step has room for stays in work, so that no more are taken."""
        self._due_s = now_s if looked_s is None else looked_s
        self._late_s = 0.0
        """So long nobody has read what came in: a call may have waited for that already."""
        self._behind_s = now_s
        """Until then renewals are behind, since some were refused."""
        self._look_s = now_s
        """When to look next for those who wait in vain."""
        self._grants: list[tuple[Job[Call], Lease]] = []
        self._drops: list[tuple[Job[Call], str]] = []

    # -- one step ------------------------------------------------------------------------------------------

    def step(self, inbound: Inbound) -> Actions:
        """Everything that follows from what came in."""
        out, now_s = Actions(), inbound.now_s
        self.hints.chance = inbound.chance
        self._learn(inbound)
        self._began_s = now_s
        self._late_s = max(0.0, now_s - self._due_s)
        self._after_pause(out, now_s)
        for written in inbound.written:
            self._ended(self.writer.ended(written), out, now_s)
        for call in inbound.calls:
            self._offer(call, out, now_s)
        if self.writer.superseded:
            self._close(out)
            return out
        self._work(out, now_s)
        self._expire(out, now_s)
        out.submits += self.writer.upkeep(self.book.get, ttl_s=self.book.ttl_s, now_s=now_s)
        out.replies += self.watching.due(self.book, now_s=now_s)
        self._due_s = now_s + self.wake_in_s(now_s=now_s)
        return out

    def _learn(self, inbound: Inbound) -> None:
        """How long the renewals of the last step took, each. Not as long as the step: a step of many would teach
        that none can be finished in time, and one of few that any number can. Reading delays them, at most as long
        as they take themselves.
        """
        if self._last is not None:
            self.queue.finish(self._last, now_s=self._last.begun_s, ok=False)
            self._last = None
        self._spent_s = inbound.now_s - inbound.idle_s - self._began_s
        if self._renewals:
            took_s = (self._spent_s - inbound.read_s) * (1 + min(1.0, inbound.read_s / self.capacity.step_s))
            self.queue.learn(lane=RENEW, took_s=took_s, pieces=self._renewals)
        self._renewals, self._most = 0, self._step_most(inbound)

    def _step_most(self, inbound: Inbound) -> float:
        """How many renewals this step may do."""
        if not self.queue.times[RENEW].seen:
            return self.capacity.step_first
        step_s, most = self.capacity.step_s, self.capacity.step_most
        if inbound.read_s > step_s:
            step_s, most = inbound.read_s, max(most, 2 * len(inbound.calls))
        return min(most, max(self.capacity.step_least, step_s * self.queue.rate_per_s(RENEW)))

    def wake_in_s(self, *, now_s: float) -> float:
        """How long it may be left alone if nothing comes in."""
        if self.queue.waiting(RENEW):
            return 0.0
        waits = [LATE_S, self.watching.wake_in_s(now_s=now_s), self.book.overdue_in_s(now_s=now_s)]
        return max(0.02, min(wait_s for wait_s in waits if wait_s is not None))

    def _close(self, out: Actions) -> None:
        """Nothing is begun any more; all that wait are told. Over once what is on its way has come back."""
        moved = TryLater(LATE_S, MOVED)
        out.replies += [(job.payload.id, moved) for job in self.queue.expire(now_s=float("inf"))]
        out.replies += [(call, moved) for call in self.watching.close()]
        out.superseded = self.writer.idle

    def _after_pause(self, out: Actions, now_s: float) -> None:
        late_s = self._late_s
        if self.settings.grace and late_s > self.book.ttl_s * PAUSE_SHARE:
            self.book.grace(now_s=now_s)
            out.said.append(
                ("leases.paused", f"the service was away for {late_s:.0f} s: all leases get a whole TTL")
            )

    # -- coming in -----------------------------------------------------------------------------------------

    def _offer(self, call: Call, out: Actions, now_s: float) -> None:
        ask = call.ask
        why = wrong(ask, epoch=self.writer.owner.epoch)
        if why:
            out.replies.append((call.id, Invalid(why)))
        elif self.writer.superseded:
            out.replies.append((call.id, TryLater(LATE_S, MOVED)))
        elif isinstance(ask, Listing):
            self._watch(call, ask, out, now_s)
        elif not self._at_the_door(call, ask, out, now_s):
            lane = RENEW if isinstance(ask, Renew) else WRITE
            deadline_s = now_s + call.timeout_s - self._late_s
            offered = self.queue.offer(call, lane=lane, deadline_s=deadline_s, now_s=now_s)
            if lane == RENEW and not offered.admitted:
                self._behind_s = now_s + BEHIND_S
            if lane == WRITE and not (offered.admitted and offered.evicted is None):
                self.hints.full(now_s=now_s)
            if offered.evicted is not None:
                self._refuse(offered.evicted.payload, "newer calls took its place", out, now_s)
            if offered.why is not None:
                self._refuse(call, offered.why.value, out, now_s)

    def _at_the_door(self, call: Call, ask: Establish | Renew | Release, out: Actions, now_s: float) -> bool:
        """Whether it is answered now: what is not the caller's, or is all the same. That takes no more than
        refusing it would, and it must not stand in the lines of those who have something to lose or to gain.
        """
        key = lease_key(ask.role, ask.name)
        if isinstance(ask, Renew):
            kept = renew(ask, self.book.get(key))
            if isinstance(kept, Keep):
                return False
            self.writer.notice(ask.token)
            out.replies.append((call.id, kept))
            return True
        answer = self._answer(ask, key, now_s)
        if isinstance(answer, Grant | Drop):
            return False
        self._tell(call, key, answer, out, now_s)
        return True

    def _tell(self, call: Call, key: str, answer: Keep | Result, out: Actions, now_s: float) -> None:
        """What needs no writing."""
        if not isinstance(answer, Keep):
            out.replies.append((call.id, answer))
        elif self.writer.writes(key):
            self._refuse(call, "another call about this lease is being written", out, now_s)
        else:
            out.replies.append((call.id, self._keep(answer, now_s)))

    def _watch(self, call: Call, ask: Listing, out: Actions, now_s: float) -> None:
        if ask.left:
            out.replies.append((call.id, self.watching.now(self.book, ask.role, now_s=now_s)))
        elif self.watching.full:
            self._refuse(call, "too many wait for lists", out, now_s)
        else:
            self.watching.add(call.id, ask, until_s=now_s + call.timeout_s)

    def _refuse(self, call: Call, why: str, out: Actions, now_s: float) -> None:
        out.replies.append((call.id, self.hints.later(call.ask, why, now_s=now_s)))

    # -- work ----------------------------------------------------------------------------------------------

    def _work(self, out: Actions, now_s: float) -> None:
        self._drop(self._hopeless(now_s), out, now_s)
        lanes = RENEW + 1 if self._behind(now_s) else None
        while True:
            job, stale = self.queue.take(now_s=now_s, lanes=lanes)
            self._drop(stale, out, now_s)
            if job is None:
                break
            ask = job.payload.ask
            if isinstance(ask, Renew):
                self._renew(job, ask, out, now_s)
            else:
                self._decide(job, ask, out, now_s)
        out.submits += self.writer.write(self._grants, self._drops, now_s=now_s)
        self._grants, self._drops = [], []

    def _behind(self, now_s: float) -> bool:
        """Whether renewals are behind. The store may take the very processor that renews: what is begun for it
        then is missing for leases that are held, and lost ones are more to grant.
        """
        if not self.queue.protections.strict_priority:
            return False
        return now_s < self._behind_s or self.queue.wait_s(RENEW) > BEHIND_S

    def _hopeless(self, now_s: float) -> list[Job[Call]]:
        """Grants and releases that wait for a store that hangs, or behind newer ones, and will hardly be served
        in time any more. Nobody takes them, so they would hear nothing.
        """
        if now_s < self._look_s:
            return []
        self._look_s = now_s + LATE_S
        return self.queue.expire(now_s=self._look_s, lane=WRITE)

    def _drop(self, late: list[Job[Call]], out: Actions, now_s: float) -> None:
        for job in late:
            if job.lane == WRITE:
                self.hints.full(now_s=now_s)
            self._refuse(job.payload, "it waited too long to be finished in time", out, now_s)

    def _renew(self, job: Job[Call], ask: Renew, out: Actions, now_s: float) -> None:
        self._renewals += 1
        if self._renewals >= self._most:
            self._last = job
        else:
            self.queue.finish(job, now_s=now_s, ok=False)
        self.writer.notice(ask.token)
        key = lease_key(ask.role, ask.name)
        kept = renew(ask, self.book.get(key))
        self._tell(job.payload, key, kept, out, now_s)

    def _keep(self, kept: Keep, now_s: float) -> Granted:
        return Granted(kept.lease.token, self.book.keep(kept.lease, now_s=now_s), renewed=True)

    def _decide(self, job: Job[Call], ask: Ask, out: Actions, now_s: float) -> None:
        """An establishment or a release: written if it can be, else answered now."""
        assert not isinstance(ask, Listing | Renew), "renewals are decided in memory, listings don't queue"
        key = lease_key(ask.role, ask.name)
        answer = self._answer(ask, key, now_s)
        why = self.writer.cannot(key) if isinstance(answer, Grant | Drop) else ""
        if isinstance(answer, Grant | Drop) and not why:
            self.writer.claim(key)
            if isinstance(ask, Establish):
                lease = Lease(ask.role, ask.name, ask.holder, self.writer.next_token(), ask.place)
                self._grants.append((job, lease))
            else:
                self._drops.append((job, key))
            return
        self.queue.finish(job, now_s=now_s, ok=False)
        if isinstance(answer, Grant | Drop):
            self._refuse(job.payload, why, out, now_s)
        else:
            self._tell(job.payload, key, answer, out, now_s)

    def _answer(self, ask: Ask, key: str, now_s: float) -> Grant | Keep | Drop | Result:
        lease = self.book.get(key)
        if isinstance(ask, Establish):
            self.writer.notice(ask.above)
            left_s = self.book.left_s(key, now_s=now_s)
            return establish(ask, lease, left_s=max(left_s, LATE_S) if self._suspended else left_s)
        assert not isinstance(ask, Listing | Renew)
        return release(ask, lease)

    # -- results -------------------------------------------------------------------------------------------

    def _ended(self, ended: Ended, out: Actions, now_s: float) -> None:
        out.said += ended.said
        out.remember = max(out.remember, ended.remember)
        if ended.store_back and self.settings.suspend_expiry_while_store_out:
            self.book.grace(now_s=now_s)
        group, ok = ended.group, not ended.why_not
        for job in group.jobs:
            # What came back while we were at work may have been there long before: no measure of the store.
            late_s = self._spent_s if self._spent_s > LATE_SHARE * (now_s - job.begun_s) else 0.0
            self.queue.finish(job, now_s=now_s - late_s, ok=ok and not late_s)
            if not ok:
                self._refuse(job.payload, ended.why_not, out, now_s)
        if not ok:
            return
        self.hints.served(len(group.jobs), now_s=now_s)
        for job, lease in group.grants:
            out.replies.append((job.payload.id, Granted(lease.token, self.book.keep(lease, now_s=now_s))))
            self.watching.changed(lease.role)
        for job, key in group.drops:
            dropped = self.book.drop(key)
            if dropped is not None:
                self.watching.changed(dropped.role)
            out.replies.append((job.payload.id, Released()))

    # -- time ----------------------------------------------------------------------------------------------

    @property
    def _suspended(self) -> bool:
        return self.writer.store_out and self.settings.suspend_expiry_while_store_out

    def _expire(self, out: Actions, now_s: float) -> None:
        if self._suspended:
            return
        for lease in self.book.sweep(now_s=now_s):
            self.watching.changed(lease.role)
            self.writer.delete(lease.key)
            out.said.append(("lease.lost", f"{lease.key} of {lease.holder} ran out"))
