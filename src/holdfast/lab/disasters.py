"""What strikes the data themselves, from outside: people, restores, lost files. Each costs one fault."""

from __future__ import annotations

from collections.abc import Callable

from holdfast.lab.alphabet import ONE_ZONE, SCOPE
from holdfast.lab.invariants import crest_owner, fence_in, ghost_owner, highest_fence, last_fence
from holdfast.lab.world.faults import Disaster
from holdfast.lab.world.store import StoreCell
from holdfast.model.fence import Fence, fence_owner
from holdfast.model.identity import Identity
from holdfast.model.records import RRset
from holdfast.nameserver.zone import Node, Zone

Strike = Callable[[Zone], Zone]

JUMPED = Fence(Identity(1, 10**9, "f" * 32), writer="nobody").rdata()


# -- the fence ----------------------------------------------------------------------------------------------


def fence_struck(text: str | None, *, wildcard: bool = False) -> Strike:
    """The fence's text replaced, or gone; with `wildcard`, one answers for its name afterwards."""

    def strike(zone: Zone) -> Zone:
        owner = fence_owner(SCOPE, zone.origin)
        node: Node = () if text is None else (RRset(owner, "TXT", 5, (text,)),)
        delta = {owner: node, **_ghost(zone)}
        if wildcard:
            delta[f"*.{zone.origin}"] = (RRset(f"*.{zone.origin}", "TXT", 5, ('"anything"',)),)
        return zone.changed(delta)

    return strike


def _ghost(zone: Zone) -> dict[str, Node]:
    """The highest fence that was put up, noted where no code under test looks: I1 and I3 hold across its loss."""
    owner = ghost_owner(zone.origin)
    last = last_fence(zone, SCOPE)
    return {} if last is None else {owner: _text(owner, last)}


def _split(zone: Zone) -> Zone:
    """The fence's text as two character-strings: the same to a careless reader, never to a server (R6)."""
    fence = fence_in(zone, SCOPE)
    if fence is None:
        return zone
    text = fence.text()
    return fence_struck(f'"{text[:40]}" "{text[40:]}"')(zone)


def _shouted(zone: Zone) -> Zone:
    """The fence in capitals: equal to PowerDNS, unreadable to everybody else."""
    fence = fence_in(zone, SCOPE)
    return zone if fence is None else fence_struck(f'"{fence.text().upper()}"')(zone)


# -- the data -----------------------------------------------------------------------------------------------


def _emptied(zone: Zone) -> Zone:
    return zone.changed({f"b.{zone.origin}": ()})


def _wiped(zone: Zone) -> Zone:
    """Every record but the SOA and the fence, as by a careless import."""
    kept = {zone.origin, fence_owner(SCOPE, zone.origin), ghost_owner(zone.origin), crest_owner(zone.origin)}
    return zone.changed({owner: () for owner in zone.names if owner not in kept})


def _aliased(zone: Zone) -> Zone:
    """A foreign CNAME where a plan will create `c`: an address beside it is ignored, with NOERROR (R4)."""
    owner = f"c.{zone.origin}"
    if zone.node(owner):
        return zone
    return zone.changed({owner: (RRset(owner, "CNAME", 30, (f"elsewhere.{zone.origin}",)),)})


def _annotated(zone: Zone) -> Zone:
    """A stray TXT beside `a`'s addresses."""
    owner = f"a.{zone.origin}"
    stray = RRset(owner, "TXT", 30, ('"of somebody else"',))
    return zone.changed(
        {owner: tuple(sorted((*(r for r in zone.node(owner) if r.rtype != "TXT"), stray), key=_type))}
    )


def _type(rrset: RRset) -> str:
    return rrset.rtype


def restored(to: Zone) -> Strike:
    """The zone as it was once, serial and all: a name server restored from a copy.

    I1 begins anew from the fence of the copy; that a higher one was up is noted for I3 only.
    """

    def strike(zone: Zone) -> Zone:
        last = highest_fence(zone, SCOPE)
        note = {} if last is None else {crest_owner(zone.origin): _text(crest_owner(zone.origin), last)}
        return zone if _but_notes(zone) == _but_notes(to) else to.changed(note)

    return strike


def _text(owner: str, fence: Fence) -> Node:
    return (RRset(owner, "TXT", 5, (fence.rdata(),)),)


def _but_notes(zone: Zone) -> Zone:
    return zone.changed({ghost_owner(zone.origin): (), crest_owner(zone.origin): ()})


# -- the store ----------------------------------------------------------------------------------------------


def _graves(store: StoreCell) -> tuple[tuple[str, int], ...]:
    """The revision that each key has reached: a new store counts on from above all of them."""
    reached = dict(store.graves)
    for entry in store.entries:
        reached[entry.key] = max(entry.revision, reached.get(entry.key, 0))
    return tuple(sorted(reached.items()))


def lost(store: StoreCell) -> StoreCell:
    """All documents gone; revisions go on, as in every store that passes the conformance suite."""
    return StoreCell((), _graves(store))


def lost_and_recounting(store: StoreCell) -> StoreCell:
    """All documents gone, and revisions begin anew: the flaw of finding 1, kept as a specimen."""
    return StoreCell((), ()) if store.entries or store.graves else store


def restored_store(to: StoreCell, *, recounting: bool = False) -> Callable[[StoreCell], StoreCell]:
    """The store as an older copy: later writes count on from above all that was reached, unless `recounting`."""

    def strike(store: StoreCell) -> StoreCell:
        if store.entries == to.entries:
            return store
        return StoreCell(to.entries, () if recounting else _graves(store))

    return strike


# -- sets of them -------------------------------------------------------------------------------------------


def disasters(zones: tuple[str, ...] = ONE_ZONE) -> tuple[Disaster, ...]:
    """What may strike any zone, and the loss of the store."""
    found = []
    for zone in zones:
        where = "" if zones == ONE_ZONE else f" in {zone}"
        found += [
            Disaster(zone, f"somebody deletes the fence{where}", fence_struck(None)),
            Disaster(zone, f"somebody garbles the fence{where}", fence_struck('"garbled"')),
            Disaster(
                zone,
                f"somebody deletes the fence, and a wildcard answers for it{where}",
                fence_struck(None, wildcard=True),
            ),
            Disaster(zone, f"the fence jumps by 10^9 generations{where}", fence_struck(JUMPED)),
            Disaster(zone, f"the fence is split into two strings{where}", _split),
            Disaster(zone, f"somebody empties b{where}", _emptied),
        ]
    return (*found, Disaster("store", "the store is lost", lost))


def foreign(zones: tuple[str, ...] = ONE_ZONE) -> tuple[Disaster, ...]:
    """What other users of the zone do, and what servers then silently ignore or refuse."""
    found = []
    for zone in zones:
        where = "" if zones == ONE_ZONE else f" in {zone}"
        found += [
            Disaster(zone, f"somebody makes c an alias{where}", _aliased),
            Disaster(zone, f"somebody puts a text beside a{where}", _annotated),
            Disaster(zone, f"somebody writes the fence in capitals{where}", _shouted),
            Disaster(zone, f"all records are wiped but the fence{where}", _wiped),
        ]
    return tuple(found)


def restores(store: StoreCell, zones: tuple[Zone, ...]) -> tuple[Disaster, ...]:
    """Store and zones come back as the copies that were made at the beginning."""
    return (
        Disaster("store", "the store is restored from an old copy", restored_store(store)),
        *(Disaster(z.origin, f"{z.origin} is restored from an old copy", restored(z)) for z in zones),
    )


DISASTERS = disasters()
RECOUNTING = Disaster("store", "the store is lost, and its revisions begin anew", lost_and_recounting)
"""No store of ours does that; see `lost_and_recounting`."""
