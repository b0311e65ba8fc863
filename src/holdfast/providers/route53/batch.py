"""One change batch: the fence's exact DELETE and CREATE, and the data; its limits by construction (R0). Pure.

Deletions stand before creations: Route 53 looks at the changes in their order, and refuses a record set beside one
of another routing policy that is deleted only further down.

A record set that stays is UPSERTed, so that a foreign change between reading and writing is healed, not tripped
over. Where the TTL or the routing policy changes, the whole group is deleted exactly and created anew: all of a
weighted group must have one TTL, whatever change Route 53 looks at first.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Final

import msgspec

from holdfast.model.configuration import Answers
from holdfast.model.fence import Fence, as_read, fence_owner
from holdfast.model.records import TYPE_WEIGHT, RRset
from holdfast.ports.provider import FencedWrite, PinFence, RRsetChange
from holdfast.ports.route53 import RecordSet, SetAction, SetChange
from holdfast.providers import packing
from holdfast.providers.packing import Cost
from holdfast.providers.route53.listing import FENCE_TTL_S
from holdfast.providers.route53.sets import ADDRESS_TYPES, to_rrsets, to_sets

RECORDS_MAX: Final = 1_000
CHARACTERS_MAX: Final = 32_000
FENCE_COST: Final = (2, 2 * 257)
ROOM: Final = (RECORDS_MAX - FENCE_COST[0], CHARACTERS_MAX - FENCE_COST[1])
"""ResourceRecord elements and characters of values that data may take beside the fence."""


def cost_of(changes: Iterable[SetChange]) -> Cost:
    """Records and characters, an UPSERT counted twice."""
    records = characters = 0
    for change in changes:
        times = 2 if change.action is SetAction.UPSERT else 1
        records += times * len(change.record_set.values)
        characters += times * sum(map(len, change.record_set.values))
    return records, characters


def fits(changes: Iterable[SetChange]) -> bool:
    """Whether data changes fit a batch beside the fence."""
    return all(used <= room for used, room in zip(cost_of(changes), ROOM, strict=True))


def name_cost(changes: tuple[RRsetChange, ...]) -> Cost:
    """Upper bound of what one name's changes take, before the zone is looked at: the old deleted, the new
    UPSERTed.

    A weight that changes alone rewrites the sets of all addresses: each record of TYPE65280 stands for one.
    """
    records = characters = 0
    weights = 0
    for change in changes:
        for rrset, times in ((change.before, 1), (change.after, 2)):
            if rrset is None:
                continue
            if rrset.rtype == TYPE_WEIGHT:
                weights += times * len(rrset.rdatas)
            else:
                records += times * len(rrset.rdatas)
                characters += times * sum(map(len, rrset.rdatas))
    return (weights, weights * 39) if weights > records else (records, characters)


def pack(changes: tuple[RRsetChange, ...]) -> tuple[tuple[RRsetChange, ...], ...]:
    """Split changes into batches; a name is never split."""
    return packing.pack_by(changes, cost=name_cost, room=ROOM)


def fence_wanted(write: FencedWrite) -> Fence | None:
    """The fence after a write: always another text than before, for an unchanged value can't be pinned (R0)."""
    if not isinstance(write.pin, PinFence):
        return write.fence_after
    pinned = write.pin.fence
    if write.fence_after is not None and write.fence_after.text() != pinned.text():
        return write.fence_after
    return as_read(msgspec.structs.replace(pinned, sequence=pinned.sequence + 1))


def fence_changes(scope: str, zone: str, old: tuple[RecordSet, ...], fence: Fence) -> tuple[SetChange, ...]:
    """Exact DELETE of what is pinned, and CREATE of the new one; CREATE alone where there was none."""
    new = fence_set(scope, zone, fence)
    return *(SetChange(SetAction.DELETE, s) for s in old), SetChange(SetAction.CREATE, new)


def fence_set(scope: str, zone: str, fence: Fence) -> RecordSet:
    """The fence as a record set."""
    return RecordSet(fence_owner(scope, zone), "TXT", FENCE_TTL_S, (fence.rdata(),))


def data_changes(
    changes: tuple[RRsetChange, ...], seen: tuple[RecordSet, ...], answers: Answers
) -> tuple[SetChange, ...]:
    """What brings the names from what was just read to what is wanted: deletions first."""
    found: list[SetChange] = []
    by_name = {name: tuple(sets) for name, sets in groupby(sorted(seen, key=_name), key=_name)}
    for name, group in groupby(sorted(changes, key=_name), key=_name):
        here = tuple(s for s in by_name.get(name, ()) if s.rtype in ADDRESS_TYPES)
        wanted = to_sets(_after(to_rrsets(here, answers), tuple(group)), answers)
        for rtype in ADDRESS_TYPES:
            old, new = _typed(here, rtype), _typed(wanted, rtype)
            found.extend(_replaced(old, new))
    return tuple(sorted(found, key=lambda change: change.action is not SetAction.DELETE))


def _name(item: RecordSet | RRsetChange) -> str:
    return item.name


def _typed(sets: tuple[RecordSet, ...], rtype: str) -> tuple[RecordSet, ...]:
    return tuple(s for s in sets if s.rtype == rtype)


def _after(present: tuple[RRset, ...], changes: tuple[RRsetChange, ...]) -> tuple[RRset, ...]:
    """One name's RRsets with the changes made."""
    found = {r.rtype: r for r in present}
    for change in changes:
        found.pop(change.rtype, None)
        if change.after is not None:
            found[change.rtype] = change.after
    return tuple(found.values())


def _replaced(old: tuple[RecordSet, ...], new: tuple[RecordSet, ...]) -> list[SetChange]:
    """The changes from one group (a name and type) to another."""
    if {_policy(s) for s in old} != {_policy(s) for s in new}:
        return [
            *(SetChange(SetAction.DELETE, s) for s in old),
            *(SetChange(SetAction.CREATE, s) for s in new),
        ]
    before = {s.identifier: s for s in old}
    after = {s.identifier: s for s in new}
    gone = [SetChange(SetAction.DELETE, s) for s in old if s.identifier not in after]
    put = [
        SetChange(SetAction.UPSERT if s.identifier in before else SetAction.CREATE, s)
        for s in new
        if before.get(s.identifier) != s
    ]
    return [*gone, *put]


def _policy(one: RecordSet) -> tuple[int, bool, bool, bool]:
    return one.ttl, bool(one.identifier), one.weight is not None, one.multivalue
