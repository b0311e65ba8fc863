"""The lease service as a state machine: `step` takes what came in and returns what is to be done. No I/O.

    calls -> admission: renewals first | establishments and releases, newest first, bounded
               renew  -> decided and answered in memory: needs no store, so it survives the store's outage
               others -> decided, written in groups, answered when durable
    overdue leases -> run out within the velocity, deleted in groups

Every write compares the owner's document: of two services only the newer can write, and the older stands down at
its next write or at its next sign of life. One write at a time for each key; between its beginning and its result
nobody else is granted that lease. A write of unknown fate is answered with `TryLater`: what it may have granted
is known to nobody, and a later grant has a higher token.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

import msgspec

from holdfast.leases.book import Book
from holdfast.leases.law import LeaseSettings, renewals_per_s
from holdfast.leases.rules import Drop, Grant, Keep, establish, release, renew
from holdfast.leases.tokens import raised, token_of
from holdfast.leases.validity import wrong
from holdfast.leases.watching import Watching
from holdfast.model.codec import Unreadable, decode, encode
from holdfast.model.keys import Keys
from holdfast.model.lease import (
    Establish,
    Granted,
    Invalid,
    Lease,
    LeaseOwner,
    Listing,
    Released,
    Renew,
    Result,
    TryLater,
    lease_key,
)
from holdfast.overload import Admission, Job, Lane, LimiterSettings, Outstanding, Protections, retry_after_s
from holdfast.ports.leases import Call, Inbound, Submit, Written
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.store import Commit, Committed, Compare, Lost, Put

RENEW, WRITE = 0, 1
GROUP: Final = 100
"""Leases in one commit: with the owner's compare within the store's limit."""
STEP_RENEWALS: Final = 512
GOLDEN: Final = 0.6180339887498949
"""Multiples of it, modulo 1, are spread evenly: one chance from outside gives a hint to each of a crowd."""
BUSY_S: Final = 1.0
PROBE_S: Final = 1.0
"""While the store is out, one group is tried this often; the others are told to come back."""
SIGN_SHARE: Final = 1 / 6
"""Of the TTL, after which the owner's document is compared even if nothing is written."""

LANES: Final = (
    Lane("renew", 0.0001, pool="memory"),
    Lane("write", 0.002, newest_first=True, pool="store", depth_least=2 * GROUP),
)


class Actions(msgspec.Struct):
    """What is to be done now, in this order: commits begun, an epoch remembered on the disk, calls answered."""

    submits: list[Submit] = []
    remember: int = 0
    replies: list[tuple[int, Result]] = []
    said: list[tuple[str, str]] = []
    """Events: kind and text."""
    superseded: bool = False


class _Group(msgspec.Struct, frozen=True):
    """A commit on its way: what it grants, which leases it deletes, the epoch that it raises to."""

    grants: tuple[tuple[Job[Call], Lease], ...] = ()
    drops: tuple[tuple[Job[Call] | None, str], ...] = ()
    epoch: int = 0


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
        settings: LeaseSettings | None = None,
        protections: Protections | None = None,
    ) -> None:
        """`owner_at` is the revision of the owner's document, by which every write is fenced."""
        self.settings = LeaseSettings() if settings is None else settings
        self.keys, self.owner, self.owner_at = keys, owner, owner_at
        self.count = 0
        self.book = Book(self.settings, now_s=now_s)
        self.book.take_over(leases, now_s=now_s)
        self.queue: Admission[Call] = Admission(
            LANES,
            limiters={
                "memory": LimiterSettings.fixed(STEP_RENEWALS),
                "store": LimiterSettings(first=400, most=4000),
            },
            protections=protections,
        )
        self.outstanding = Outstanding(horizon_s=max(self.settings.hint_cap_s, 2.0))
        self.watching = Watching(owner.epoch)
        self.store_out = False
        self.superseded = False
        self._groups: dict[int, _Group] = {}
        self._busy: set[str] = set()
        self._renewed: list[Job[Call]] = []
        self._deletes: deque[str] = deque()
        self._raise_to = 0
        self._ticket = 0
        self._wrote_s = self._tried_s = now_s
        self._chance = 0.0

    # -- one step ------------------------------------------------------------------------------------------

    def step(self, inbound: Inbound) -> Actions:
        """Everything that follows from what came in."""
        out, now_s = Actions(), inbound.now_s
        self._chance = inbound.chance
        for job in self._renewed:
            self.queue.finish(job, now_s=now_s - inbound.idle_s)
        self._renewed.clear()
        for written in inbound.written:
            self._written(written, out, now_s)
        for call in inbound.calls:
            self._offer(call, out, now_s)
        if self.superseded:
            self._close(out)
            return out
        self._work(out, now_s)
        self._expire(out, now_s)
        self._sign_of_life(out, now_s)
        out.replies += self.watching.due(self.book, now_s=now_s)
        return out

    def _close(self, out: Actions) -> None:
        """Nothing is begun any more; all that wait are told. Over once what is on its way has come back."""
        moved = TryLater(BUSY_S, "another lease service has taken over")
        out.replies += [(job.payload.id, moved) for job in self.queue.expire(now_s=float("inf"))]
        out.replies += [(call, moved) for call in self.watching.close()]
        out.superseded = not self._groups

    def wake_in_s(self, *, now_s: float) -> float:
        """How long it may be left alone if nothing comes in."""
        if self.queue.waiting(RENEW):
            return 0.0
        overdue_s = self.book.overdue_in_s(now_s=now_s)
        return min(1.0, 1.0 if overdue_s is None else max(overdue_s, 0.05))

    # -- coming in -----------------------------------------------------------------------------------------

    def _offer(self, call: Call, out: Actions, now_s: float) -> None:
        ask = call.ask
        why = wrong(ask, epoch=self.owner.epoch)
        if why:
            out.replies.append((call.id, Invalid(why)))
        elif self.superseded:
            out.replies.append((call.id, TryLater(BUSY_S, "another lease service has taken over")))
        elif isinstance(ask, Listing):
            self.watching.add(call.id, ask, until_s=now_s + call.timeout_s)
        else:
            lane = RENEW if isinstance(ask, Renew) else WRITE
            offered = self.queue.offer(call, lane=lane, deadline_s=now_s + call.timeout_s, now_s=now_s)
            if offered.evicted is not None:
                self._refuse(offered.evicted.payload, "newer calls took its place", out, now_s)
            if offered.why is not None:
                self._refuse(call, offered.why.value, out, now_s)

    def _refuse(self, call: Call, why: str, out: Actions, now_s: float) -> None:
        """With a hint: a renewal by its own line, the others by the whole backlog and the spare capacity."""
        self._chance = (self._chance + GOLDEN) % 1.0
        mu = self.queue.rate_per_s(RENEW)
        if isinstance(call.ask, Renew):
            waiting = self.queue.waiting(RENEW) + 1
            after_s = retry_after_s(
                backlog=waiting, spare_per_s=mu, chance=self._chance, cap_s=self.book.ttl_s / 6
            )
        else:
            busy = renewals_per_s(held=len(self.book), ttl_s=self.book.ttl_s) / mu
            after_s = retry_after_s(
                backlog=self.outstanding.advance(now_s) + self.queue.waiting(WRITE) + 1,
                spare_per_s=self.queue.rate_per_s(WRITE) * (1 - busy),
                chance=self._chance,
                cap_s=self.settings.hint_cap_s,
                least_s=min(BUSY_S, self.settings.hint_cap_s),
            )
            self.outstanding.add(after_s, now_s=now_s)
        out.replies.append((call.id, TryLater(after_s, why)))

    # -- work ----------------------------------------------------------------------------------------------

    def _work(self, out: Actions, now_s: float) -> None:
        grants: list[tuple[Job[Call], Lease]] = []
        drops: list[tuple[Job[Call] | None, str]] = []
        while True:
            job, stale = self.queue.take(now_s=now_s)
            for late in stale:
                self._refuse(late.payload, "it waited too long to be finished in time", out, now_s)
            if job is None:
                break
            ask = job.payload.ask
            assert not isinstance(ask, Listing), "listings don't queue"
            if isinstance(ask, Renew):
                kept = renew(ask, self.book.get(lease_key(ask.role, ask.name)))
                out.replies.append((job.payload.id, self._keep(kept, now_s) if isinstance(kept, Keep) else kept))
                self._renewed.append(job)
                self._notice(ask.token)
            else:
                self._decide(job, grants, drops, out, now_s)
        self._submit_groups(grants, drops, out, now_s)

    def _keep(self, kept: Keep, now_s: float) -> Granted:
        return Granted(kept.lease.token, self.book.keep(kept.lease, now_s=now_s), renewed=True)

    def _decide(
        self,
        job: Job[Call],
        grants: list[tuple[Job[Call], Lease]],
        drops: list[tuple[Job[Call] | None, str]],
        out: Actions,
        now_s: float,
    ) -> None:
        """An establishment or a release, as far as it goes without the store."""
        ask = job.payload.ask
        assert not isinstance(ask, Listing | Renew)
        key = lease_key(ask.role, ask.name)
        lease = self.book.get(key)
        answer: Result | Grant | Drop | Keep
        if isinstance(ask, Establish):
            self._notice(ask.above)
            answer = establish(ask, lease, left_s=self._left_s(key, now_s))
        else:
            answer = release(ask, lease)
        if isinstance(answer, Keep):
            answer = self._keep(answer, now_s)
        elif isinstance(answer, Grant | Drop) and (why := self._cannot_write(key, now_s)):
            self.queue.finish(job, now_s=now_s, ok=False)
            self._refuse(job.payload, why, out, now_s)
            return
        if isinstance(answer, Grant):
            assert isinstance(ask, Establish)
            self.count += 1
            token = token_of(self.owner.epoch, self.count)
            grants.append((job, Lease(ask.role, ask.name, ask.holder, token, ask.place)))
            self._busy.add(key)
        elif isinstance(answer, Drop):
            drops.append((job, key))
            self._busy.add(key)
        else:
            self.queue.finish(job, now_s=now_s, ok=False)
            out.replies.append((job.payload.id, answer))

    def _left_s(self, key: str, now_s: float) -> float:
        left_s = self.book.left_s(key, now_s=now_s)
        return max(left_s, BUSY_S) if self._suspended else left_s

    def _cannot_write(self, key: str, now_s: float) -> str:
        if key in self._busy:
            return "another call about this lease is being written"
        if self._raise_to:
            return "the store was restored: tokens are being raised"
        if self.store_out and (self._groups or now_s - self._tried_s < PROBE_S):
            return "the store is out; leases that are held are renewed all the same"
        return ""

    def _notice(self, token: int) -> None:
        """A caller knows a token: above ours, the store was restored (`tokens`)."""
        higher = raised(token, epoch=self.owner.epoch, count=self.count)
        if higher is not None:
            self._raise_to = max(self._raise_to, higher)

    # -- writing -------------------------------------------------------------------------------------------

    def _submit_groups(
        self,
        grants: list[tuple[Job[Call], Lease]],
        drops: list[tuple[Job[Call] | None, str]],
        out: Actions,
        now_s: float,
    ) -> None:
        for at in range(0, len(grants), GROUP):
            self._submit(_Group(grants=tuple(grants[at : at + GROUP])), out, now_s)
        for at in range(0, len(drops), GROUP):
            self._submit(_Group(drops=tuple(drops[at : at + GROUP])), out, now_s)

    def _submit(self, group: _Group, out: Actions, now_s: float) -> None:
        puts = [Put(self.keys.lease(lease.key), encode(lease)) for _, lease in group.grants]
        if group.epoch:
            puts.append(Put(self.keys.lease_owner, encode(LeaseOwner(self.owner.run, group.epoch))))
        deletes = tuple(self.keys.lease(key) for _, key in group.drops)
        commit = Commit((Compare(self.keys.lease_owner, self.owner_at),), tuple(puts), deletes)
        self._ticket += 1
        self._groups[self._ticket] = group
        self._tried_s = now_s
        out.submits.append(Submit(self._ticket, commit))

    def _written(self, written: Written, out: Actions, now_s: float) -> None:
        group = self._groups.pop(written.ticket)
        for key in (*(lease.key for _, lease in group.grants), *(key for _, key in group.drops)):
            self._busy.discard(key)
        match written.result:
            case Committed(revision=revision):
                self._durable(group, revision, out, now_s)
            case CouldNotAsk(reason=reason):
                self._store_failed(group, reason, out, now_s)
            case Lost() as lost:
                self._owner_moved(group, lost, out, now_s)

    def _durable(self, group: _Group, revision: int, out: Actions, now_s: float) -> None:
        self._wrote_s = now_s
        if self.store_out:
            self.store_out = False
            out.said.append(("leases.store_back", "the store takes writes again"))
            if self.settings.suspend_expiry_while_store_out:
                self.book.grace(now_s=now_s)
        if group.epoch:
            self._raise_done(LeaseOwner(self.owner.run, group.epoch), revision, out)
        for job, lease in group.grants:
            self.queue.finish(job, now_s=now_s)
            out.replies.append((job.payload.id, Granted(lease.token, self.book.keep(lease, now_s=now_s))))
            self.watching.changed(lease.role)
        for dropped, key in group.drops:
            self._dropped(dropped, key, out, now_s)

    def _dropped(self, job: Job[Call] | None, key: str, out: Actions, now_s: float) -> None:
        if job is None:
            return  # it left the book when it ran out
        self.queue.finish(job, now_s=now_s)
        if self.book.drop(key) is not None:
            self.watching.changed(key.partition("/")[0])
        out.replies.append((job.payload.id, Released()))

    def _raise_done(self, owner: LeaseOwner, revision: int, out: Actions) -> None:
        self.owner, self.owner_at, self.count = owner, revision, 0
        self._raise_to = 0
        out.remember = owner.epoch
        out.said.append(
            ("leases.epoch_raised", f"callers knew higher tokens: tokens go on in epoch {owner.epoch}")
        )

    def _store_failed(self, group: _Group, reason: str, out: Actions, now_s: float) -> None:
        if not self.store_out:
            self.store_out = True
            out.said.append(("leases.store_out", f"the store takes no writes ({reason}); held leases are renewed"))
        self._give_back(group, "the store is out; leases that are held are renewed all the same", out, now_s)

    def _give_back(self, group: _Group, why: str, out: Actions, now_s: float) -> None:
        jobs = [job for job, _ in group.grants] + [job for job, _ in group.drops if job is not None]
        for job in jobs:
            self.queue.finish(job, now_s=now_s, ok=False)
            self._refuse(job.payload, why, out, now_s)
        self._deletes.extend(key for job, key in group.drops if job is None)

    def _owner_moved(self, group: _Group, lost: Lost, out: Actions, now_s: float) -> None:
        """Either our own raise of unknown fate was applied after all, or somebody took over."""
        entry = lost.current[0]
        try:
            found = None if entry is None else decode(entry.value, LeaseOwner)
        except Unreadable:
            found = None
        self._give_back(group, "the lease service moves", out, now_s)
        if entry is not None and found is not None and found.run == self.owner.run:
            self._raise_done(found, entry.revision, out)
            return
        if not self.superseded:
            self.superseded = True
            by = "nobody: the store was emptied" if found is None else f"{found.run}, epoch {found.epoch}"
            out.said.append(("leases.superseded", f"another lease service owns the leases now ({by})"))

    # -- time ----------------------------------------------------------------------------------------------

    @property
    def _suspended(self) -> bool:
        return self.store_out and self.settings.suspend_expiry_while_store_out

    def _expire(self, out: Actions, now_s: float) -> None:
        if not self._suspended:
            for lease in self.book.sweep(now_s=now_s):
                self.watching.changed(lease.role)
                self._deletes.append(lease.key)
                out.said.append(("lease.lost", f"{lease.key} of {lease.holder} ran out"))
        if not self._deletes or self._raise_to or (self.store_out and now_s - self._tried_s < PROBE_S):
            return
        gone: list[tuple[Job[Call] | None, str]] = []
        for _ in range(min(len(self._deletes), GROUP)):
            key = self._deletes.popleft()
            if key in self._busy:
                self._deletes.append(key)
            elif self.book.get(key) is None:  # else somebody was granted it meanwhile, and its document is theirs
                gone.append((None, key))
                self._busy.add(key)
        self._submit_groups([], gone, out, now_s)

    def _sign_of_life(self, out: Actions, now_s: float) -> None:
        """Raise the epoch once nothing is on its way; else compare the owner now and then, to see a take-over."""
        if self._groups:
            return
        if self._raise_to and (not self.store_out or now_s - self._tried_s >= PROBE_S):
            self._submit(_Group(epoch=self._raise_to), out, now_s)
        elif now_s - max(self._wrote_s, self._tried_s) > (
            PROBE_S if self.store_out else self.book.ttl_s * SIGN_SHARE
        ):
            self._submit(_Group(), out, now_s)
