"""What the lease service has on its way to the store, and what is to be written next. No I/O.

Every write compares the owner's document: of two services only the newer can write, and the older stands down at
its next write or at its next sign of life. One write at a time for each key; between its beginning and its result
nobody else is granted that lease.

    store in    grants, drops and deletes in groups of `GROUP`, several on their way side by side
    store out   nothing but one *settling* commit every `PROBE_S`, until it is answered

A write of unknown fate may still land later, over what was written after it. So once nothing is on its way, the
settling commit rewrites the owner's document: its revision moves, and every older message is refused from then
on (as the fence does it in DNS, R0). With it the keys of unknown fate are written as the book has them. Without
that, a restart would find a grant that its holder never heard of, in the place of one that lives.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, TypeAlias

import msgspec

from holdfast.leases.footprint import Footprint
from holdfast.leases.law import SIGN_SHARE
from holdfast.leases.tokens import raised, token_of
from holdfast.model.codec import Unreadable, decode, encode
from holdfast.model.keys import Keys
from holdfast.model.lease import Lease, LeaseOwner
from holdfast.overload import Job
from holdfast.ports.leases import Call, Submit, Written
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.store import COMMIT_OPERATIONS_MAX, Commit, Committed, Compare, Lost, Put

GROUP: Final = COMMIT_OPERATIONS_MAX - 2
"""Leases in one commit: with the owner's compare and put within the store's limit."""
PROBE_S: Final = 1.0
"""While the store is out, it is tried this often."""
STORE_OUT: Final = "the store is out; leases that are held are renewed all the same"

Find: TypeAlias = Callable[[str], Lease | None]
"""The lease of a key as the book has it."""


class Group(msgspec.Struct, frozen=True):
    """A commit on its way: what it grants and drops for callers, which leases it deletes, what it settles."""

    grants: tuple[tuple[Job[Call], Lease], ...] = ()
    drops: tuple[tuple[Job[Call], str], ...] = ()
    deletes: tuple[str, ...] = ()
    settles: tuple[str, ...] = ()
    owner: LeaseOwner | None = None
    """Given if the owner's document is rewritten: as it will be."""
    sign: bool = False
    """A sign of life: nothing is written."""
    looks: Compare | None = None
    """The lease whose last write the sign looks for, and how it was."""
    owner_at: int = 0
    """The revision of the owner's document that it compares."""

    @property
    def jobs(self) -> tuple[Job[Call], ...]:
        """The calls that wait for it."""
        return (*(job for job, _ in self.grants), *(job for job, _ in self.drops))

    @property
    def keys(self) -> tuple[str, ...]:
        """The leases that it writes."""
        granted = (lease.key for _, lease in self.grants)
        looks = () if self.looks is None else (self.looks.key,)
        return (*granted, *(key for _, key in self.drops), *self.deletes, *self.settles, *looks)


class Ended(msgspec.Struct, frozen=True):
    """What became of a group: durable if `why_not` is empty, else to be given back. `said`: events."""

    group: Group
    why_not: str = ""
    said: tuple[tuple[str, str], ...] = ()
    remember: int = 0
    """An epoch for the disk."""
    store_back: bool = False


class Writer:
    """See the module."""

    def __init__(self, keys: Keys, owner: LeaseOwner, *, owner_at: int, now_s: float) -> None:
        self.keys, self.owner, self.owner_at = keys, owner, owner_at
        self.count = 0
        self.store_out = False
        self.superseded = False
        self.outlived = False
        """Superseded by nobody: the store is an older one than we wrote to."""
        self._groups: dict[int, Group] = {}
        self._busy: set[str] = set()
        self._deletes: deque[str] = deque()
        self._unsettled: dict[str, None] = {}
        self._raise_to = 0
        self._ticket = 0
        self._tried_s = self._signed_s = now_s
        self._footprint = Footprint()

    # -- what may be written -------------------------------------------------------------------------------

    @property
    def idle(self) -> bool:
        """Whether nothing is on its way."""
        return not self._groups

    def cannot(self, key: str) -> str:
        """Why this lease can't be written now; empty if it can."""
        if self.store_out:
            return STORE_OUT
        if key in self._busy or key in self._unsettled:
            return "another call about this lease is being written"
        return "the store was restored: tokens are being raised" if self._raise_to else ""

    def writes(self, key: str) -> bool:
        """Whether something about this lease is on its way."""
        return key in self._busy

    def claim(self, key: str) -> None:
        """This key is about to be written."""
        self._busy.add(key)

    def next_token(self) -> int:
        """The token of the next grant."""
        self.count += 1
        return token_of(self.owner.epoch, self.count)

    def notice(self, token: int) -> None:
        """A caller knows a token: above ours, the store was restored (`tokens`)."""
        higher = raised(token, epoch=self.owner.epoch, count=self.count)
        if higher is not None:
            self._raise_to = max(self._raise_to, higher)

    def delete(self, key: str) -> None:
        """A lease ran out: its document is to go, whenever the store takes it."""
        self._deletes.append(key)

    # -- writing -------------------------------------------------------------------------------------------

    def write(
        self, grants: list[tuple[Job[Call], Lease]], drops: list[tuple[Job[Call], str]], *, now_s: float
    ) -> list[Submit]:
        """Commits for what was decided; their keys have been claimed."""
        groups = [Group(grants=tuple(grants[at : at + GROUP])) for at in range(0, len(grants), GROUP)]
        groups += [Group(drops=tuple(drops[at : at + GROUP])) for at in range(0, len(drops), GROUP)]
        return [self._submit(group, None, now_s) for group in groups]

    def upkeep(self, find: Find, *, ttl_s: float, now_s: float) -> list[Submit]:
        """What is to be written for nobody: deletes, settling, a raised epoch, a sign of life."""
        if self.store_out:
            if self._groups or now_s - self._tried_s < PROBE_S:
                return []
            return [self._settle(find, now_s)]
        if now_s - self._signed_s > ttl_s * SIGN_SHARE and not self._hidden:
            return [self._sign(now_s)]
        if self._deletes and not self._raise_to:
            return self._delete_some(find, now_s)
        if self._groups:
            return []
        return [self._settle(find, now_s)] if self._raise_to or self._unsettled else []

    @property
    def _hidden(self) -> bool:
        """Whether what a sign of life would look for is just being written."""
        mark = self._footprint.mark
        return mark is not None and bool(self.cannot(mark.key))

    def _sign(self, now_s: float) -> Submit:
        self._signed_s = now_s
        mark = self._footprint.mark
        if mark is not None:
            self.claim(mark.key)
        return self._submit(Group(sign=True, looks=mark), None, now_s)

    def _settle(self, find: Find, now_s: float) -> Submit:
        keys = tuple(list(self._unsettled)[:GROUP])
        owner = LeaseOwner(self.owner.run, max(self.owner.epoch, self._raise_to))
        return self._submit(Group(settles=keys, owner=owner), find, now_s)

    def _delete_some(self, find: Find, now_s: float) -> list[Submit]:
        gone: list[str] = []
        for _ in range(min(len(self._deletes), GROUP)):
            key = self._deletes.popleft()
            if self.cannot(key):
                self._deletes.append(key)
            elif find(key) is None:  # else somebody was granted it meanwhile, and its document is theirs
                gone.append(key)
                self.claim(key)
        return [self._submit(Group(deletes=tuple(gone)), None, now_s)] if gone else []

    def _submit(self, group: Group, find: Find | None, now_s: float) -> Submit:
        puts = [Put(self.keys.lease(lease.key), encode(lease)) for _, lease in group.grants]
        gone = [*(key for _, key in group.drops), *group.deletes]
        for key in group.settles:
            assert find is not None, "settling writes what the book has"
            lease = find(key)
            if lease is None:
                gone.append(key)
            else:
                puts.append(Put(self.keys.lease(key), encode(lease)))
        if group.owner is not None:
            puts.append(Put(self.keys.lease_owner, encode(group.owner)))
        deletes = tuple(self.keys.lease(key) for key in gone)
        self._ticket += 1
        self._groups[self._ticket] = msgspec.structs.replace(group, owner_at=self.owner_at)
        self._tried_s = now_s
        compares = [Compare(self.keys.lease_owner, self.owner_at)]
        if group.looks is not None:
            compares.append(Compare(self.keys.lease(group.looks.key), group.looks.revision))
        return Submit(self._ticket, Commit(tuple(compares), tuple(puts), deletes))

    # -- results -------------------------------------------------------------------------------------------

    def ended(self, written: Written) -> Ended:
        """What became of a commit."""
        group = self._groups.pop(written.ticket)
        self._busy.difference_update(group.keys)
        match written.result:
            case Committed(revision=revision):
                return self._durable(group, revision)
            case CouldNotAsk() as failed:
                return self._failed(group, failed)
            case Lost() as lost:
                return self._owner_moved(group, lost)

    def _durable(self, group: Group, revision: int) -> Ended:
        for key in group.settles:
            self._unsettled.pop(key, None)
        self._learn(group, revision)
        said: list[tuple[str, str]] = []
        remember = 0
        if group.owner is not None:
            remember = self._own(group.owner, revision, said)
        # Only a commit that was begun after the failure says that the store is back for good: the settling one.
        back = self.store_out and group.owner is not None
        if back:
            self.store_out = False
            said.append(("leases.store_back", "the store takes writes again"))
        return Ended(group, said=tuple(said), remember=remember, store_back=back)

    def _learn(self, group: Group, revision: int) -> None:
        if group.sign:
            self._footprint.signed()
            return
        gone = (*(key for _, key in group.drops), *group.deletes)
        self._footprint.wrote((lease.key for _, lease in group.grants), gone, revision=revision)

    def _own(self, owner: LeaseOwner, revision: int, said: list[tuple[str, str]]) -> int:
        """The owner's document stands at this revision now; the epoch to remember, 0 if it is the same."""
        self.owner_at = revision
        self._footprint.forget()
        if owner.epoch == self.owner.epoch:
            return 0
        self.owner, self.count, self._raise_to = owner, 0, 0
        said.append(("leases.epoch_raised", f"callers knew higher tokens: tokens go on in epoch {owner.epoch}"))
        return owner.epoch

    def _failed(self, group: Group, failed: CouldNotAsk) -> Ended:
        self._give_back(group, unknown=failed.maybe_applied)
        said: tuple[tuple[str, str], ...] = ()
        if not self.store_out:
            self.store_out = True
            why = f"the store takes no writes ({failed.reason}); held leases are renewed"
            said = (("leases.store_out", why),)
        return Ended(group, STORE_OUT, said)

    def _give_back(self, group: Group, *, unknown: bool) -> None:
        self._deletes.extend(group.deletes)
        if unknown:
            self._unsettled.update(dict.fromkeys(group.keys))

    def _owner_moved(self, group: Group, lost: Lost) -> Ended:
        """Nothing was written. Either a rewriting of our own was applied after all, or somebody took over."""
        self._give_back(group, unknown=False)
        entry = lost.current[0]
        try:
            found = None if entry is None else decode(entry.value, LeaseOwner)
        except Unreadable:
            found = None
        said: list[tuple[str, str]] = []
        remember = 0
        if entry is not None and found is not None and found.run == self.owner.run:
            if entry.revision <= group.owner_at:  # revisions only rise: this is no store that we wrote to last
                self._superseded("it lacks what was written last", True, said)
            else:
                remember = self._own(found, entry.revision, said)
        elif found is None:
            self._superseded("nobody owns the leases by it", True, said)
        else:
            by = f"{found.run}, epoch {found.epoch}"
            self._superseded(by, found.epoch < self.owner.epoch, said)
        return Ended(group, "the lease service moves", tuple(said), remember)

    def _superseded(self, why: str, outlived: bool, said: list[tuple[str, str]]) -> None:
        if self.superseded:
            return
        self.superseded, self.outlived = True, outlived
        if outlived:
            said.append(
                ("leases.restored", f"the store was restored or emptied: {why}; takes the leases over anew")
            )
        else:
            said.append(("leases.superseded", f"another lease service owns the leases now ({why})"))
