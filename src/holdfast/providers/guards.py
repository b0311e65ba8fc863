"""What a message requires of the zone besides the fence, and what it checks afterwards (R0, R3, R4).

Which owners are guarded, and why not all. DNS silently ignores an address added where a CNAME stands, and lets
an address be written at a delegation, where it is glue. So each owner that a message *creates* (no address was
seen there) carries `absent CNAME` and, below the apex, `absent NS`. An owner whose addresses were seen needs no
guard: it was neither alias nor delegation when it was read, and if a foreign writer makes it one in between, our
message does what it would have done just before: an ignored addition, glue replaced. Read-back finds it and names
it. Guarding those too would take a third off the names in a message for nothing.

A guard on the owners' *former values* was rejected: fence and plan decide what is newer, and a foreign change at
one name (that we are about to heal) would refuse the whole message.
"""

from __future__ import annotations

from holdfast.model.fence import fence_owner
from holdfast.ports.dns import Existence, Prerequisite
from holdfast.ports.provider import FenceAbsent, PinFence, PinRepair, RRsetChange

ADDRESS_TYPES = ("A", "AAAA")


def fence_is(scope: str, zone: str, rdatas: tuple[str, ...]) -> Prerequisite:
    """R0: the fence's TXT RRset is exactly this, in one prerequisite."""
    return Prerequisite(Existence.RRSET_IS, fence_owner(scope, zone), "TXT", rdatas)


def pin(scope: str, zone: str, pin: PinFence | PinRepair) -> tuple[Prerequisite, ...]:
    """The prerequisites of a pin; a repair's hold the SOA too, or a repair held back for hours would land (R3)."""
    if isinstance(pin, PinFence):
        return (fence_is(scope, zone, (pin.fence.rdata(),)),)
    soa = Prerequisite(Existence.RRSET_IS, zone, "SOA", (pin.soa.rdata,))
    if isinstance(pin.seen, FenceAbsent):
        owner = fence_owner(scope, zone)
        return soa, absent(owner, "TXT"), absent(owner, "CNAME")
    return soa, fence_is(scope, zone, pin.seen.rdatas)


def absent(name: str, rtype: str) -> Prerequisite:
    """No such RRset. Looks at what is stored, so a wildcard's answer does not count."""
    return Prerequisite(Existence.RRSET_ABSENT, name, rtype)


def created(changes: tuple[RRsetChange, ...]) -> frozenset[str]:
    """Owners at which these changes put something although no address was seen there: those are guarded."""
    seen = {change.name for change in changes if change.before is not None and change.rtype in ADDRESS_TYPES}
    return frozenset(change.name for change in changes if change.after is not None) - seen


def guards(zone: str, changes: tuple[RRsetChange, ...]) -> tuple[Prerequisite, ...]:
    """R4: no foreign CNAME, and no delegation, at the owners that this message creates."""
    found: list[Prerequisite] = []
    for owner in sorted(created(changes)):
        found.append(absent(owner, "CNAME"))
        if owner != zone:  # the apex has NS: the guard would refuse every message there (YXRRSET)
            found.append(absent(owner, "NS"))
    return tuple(found)


def as_written(changes: tuple[RRsetChange, ...]) -> tuple[Prerequisite, ...]:
    """R4: what must hold after the message: each RRset exactly as wanted, each deleted one gone."""
    return tuple(
        absent(change.name, change.rtype)
        if change.after is None
        else Prerequisite(Existence.RRSET_IS, change.name, change.rtype, change.after.rdatas)
        for change in changes
    )
