"""The lease service's loop: take the leases over, then let the desk decide about whatever comes in.

    owner's document: next epoch, by compare-and-set -> all leases, with grace -> serve -> superseded: end
                                                                                     -> the store restored: anew

Taking over is an act, not an election: who starts last owns the leases, and the one before stands down at its next
write. Two services that start each other out are a fault of whoever starts them, visible as `leases.superseded`.
"""

from __future__ import annotations

from typing import Final

import msgspec

from holdfast.documents.reading import Document, Garbled, interpret, read
from holdfast.leases.desk import Actions, Capacity, Desk
from holdfast.leases.law import LeaseSettings
from holdfast.leases.refusing import early
from holdfast.leases.tokens import next_epoch
from holdfast.model.codec import Unreadable, decode, encode
from holdfast.model.keys import Keys
from holdfast.model.lease import Lease, LeaseOwner
from holdfast.overload import Protections
from holdfast.ports.disk import Load, Promote, Stage
from holdfast.ports.events import Emit, Event
from holdfast.ports.leases import NextInbound, Reply, Submit
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.random import NewId
from holdfast.ports.store import ABSENT, Commit, Committed, Compare, Put, Range

EPOCH_FILE: Final = "lease-epoch"
PAGE: Final = 1000
RETRY_S: Final = 1.0


async def lease_loop(
    scope: str,
    settings: LeaseSettings,
    protections: Protections | None = None,
    capacity: Capacity | None = None,
) -> bool:
    """Serve the leases of a scope until another service takes over; True if none has, but the store is older than
    what this service wrote (restored, emptied): then it is to begin anew.
    """
    keys = Keys(scope)
    looked_s = await _put_off(0.0)
    taken = await _take_over(keys)
    told = ""
    while isinstance(taken, str):
        if taken != told:  # once, not every second of an outage
            told = taken
            await _say("leases.waits", f"can't take the leases over yet: {told}")
        looked_s = await _put_off(RETRY_S)
        taken = await _take_over(keys)
    inbound = await NextInbound(0.0)
    desk = Desk(
        keys,
        taken.owner,
        owner_at=taken.owner_at,
        leases=taken.leases,
        now_s=inbound.now_s,
        looked_s=looked_s,
        settings=settings,
        protections=protections,
        capacity=capacity,
    )
    await _say("leases.took_over", f"{len(desk.book)} leases, with grace; tokens in epoch {taken.owner.epoch}")
    while True:
        actions = desk.step(inbound)
        await _act(actions)
        if actions.superseded:
            return desk.writer.outlived
        inbound = await NextInbound(desk.wake_in_s(now_s=inbound.now_s))


async def _put_off(within_s: float) -> float:
    """Whoever called before the leases are known: it is not known yet who holds what. When that was."""
    inbound = await NextInbound(within_s)
    if inbound.calls:
        await Reply(
            tuple(
                (call.id, early(call, "the lease service starts", chance=inbound.chance, number=number))
                for number, call in enumerate(inbound.calls)
            )
        )
    return inbound.now_s


async def _act(actions: Actions) -> None:
    for submit in actions.submits:
        await Submit(submit.ticket, submit.commit)
    if actions.remember:
        await _remember(actions.remember)
    if actions.replies:
        await Reply(tuple(actions.replies))
    for kind, text in actions.said:
        await _say(kind, text)


async def _say(kind: str, text: str) -> None:
    await Emit(Event(kind=kind, actor="leases", text=text))


async def _remember(epoch: int) -> None:
    """On the disk, against a store that is restored. Without it the clients' tokens and the guard must do."""
    failed = await Stage(EPOCH_FILE, encode(epoch)) or await Promote(EPOCH_FILE)
    if failed is not None:
        await _say("disk.failed", f"can't keep the epoch of lease tokens: {failed.reason}")


async def _remembered() -> int:
    data = await Load(EPOCH_FILE)
    if not isinstance(data, bytes):
        return 0
    try:
        return max(decode(data, int), 0)
    except Unreadable as error:
        await _say("disk.damaged", f"the epoch of lease tokens: {error}")
        return 0


class _Taken(msgspec.Struct, frozen=True):
    owner: LeaseOwner
    owner_at: int
    leases: list[Lease]


async def _take_over(keys: Keys) -> _Taken | str:
    """Own the leases under the next epoch, then read them all; why not, if it has to be tried again."""
    before = await read(keys.lease_owner, LeaseOwner)
    if isinstance(before, CouldNotAsk):
        return before.reason
    if isinstance(before, Garbled):
        return f"{before.key} is unreadable ({before.why}); delete it, and clients raise the tokens"
    in_store, at = (before.value.epoch, before.revision) if isinstance(before, Document) else (0, ABSENT)
    owner = LeaseOwner(run=await NewId(), epoch=next_epoch(in_store=in_store, on_disk=await _remembered()))
    written = await Commit((Compare(keys.lease_owner, at),), (Put(keys.lease_owner, encode(owner)),))
    if not isinstance(written, Committed):
        return written.reason if isinstance(written, CouldNotAsk) else "another service takes over at this moment"
    await _remember(owner.epoch)
    leases = await _read_leases(keys)
    if isinstance(leases, CouldNotAsk):
        return leases.reason
    return _Taken(owner, written.revision, leases)


async def _read_leases(keys: Keys) -> list[Lease] | CouldNotAsk:
    """All leases, page by page: nobody else writes them any more. An unreadable one is nobody's, and is said."""
    found: list[Lease] = []
    after = ""
    while True:
        page = await Range(keys.leases, after=after, limit=PAGE)
        if isinstance(page, CouldNotAsk):
            return page
        for entry in page:
            document = interpret(entry, Lease)
            if isinstance(document, Garbled):
                await _say("leases.unreadable", f"{document.key}: {document.why}; it counts as free")
            else:
                found.append(document.value)
        if len(page) < PAGE:
            return found
        after = page[-1].key
