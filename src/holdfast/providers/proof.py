"""The proof that a zone's serial can be pinned (R3): it is served as it is stored, and moves with every update.

Only then does "the SOA is exactly this" mean "nothing has changed since". A record of our own, beside the fence,
is put and removed a few times, each message pinned to the SOA just read:

    refused, although the SOA still reads the same   the server shows a serial that it does not store
                                                     (PowerDNS with SOA-EDIT=INCREMENT-WEEKS)
    applied, and the SOA reads the same              the serial does not move with every update
                                                     (PowerDNS with SOA-EDIT-DNSUPDATE=EPOCH, twice in a second)

Four moves, because a serial by the clock may move once or twice by chance at the turn of a second. The record's
owner is one label, as the fence's is, and no scope's fence can bear its name.
"""

from __future__ import annotations

import msgspec

from holdfast.model.records import RRset
from holdfast.ports.dns import Ask, DeleteRRset, Existence, Prerequisite, Rcode, SetRRset, Update
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.provider import Denied, Soa
from holdfast.providers.reading import read_soa, refused_for_good, unusable

MOVES = 4
PROOF_TEXT = '"holdfast: proof that the serial moves; safe to delete"'
PROOF_TTL_S = 5


class Proven(msgspec.Struct, frozen=True):
    """The serial can be pinned. The proof itself has moved it: an SOA read before is out of date."""


class Refuted(msgspec.Struct, frozen=True):
    """The serial can't be pinned: repair is refused in this zone."""

    why: str


class Interrupted(msgspec.Struct, frozen=True):
    """Somebody else wrote during the proof: it says nothing."""


def proof_owner(scope: str, zone: str) -> str:
    """Owner of the proof's record."""
    return f"_holdfastproof-{scope}.{zone}"


async def prove_serial(zone: str, scope: str) -> Proven | Refuted | Interrupted | Denied | CouldNotAsk:
    """Prove it by writing; leaves nothing behind unless interrupted, then the next proof takes it from there."""
    owner = proof_owner(scope, zone)
    present = await _present(zone, owner)
    if isinstance(present, CouldNotAsk):
        return present
    soa = await read_soa(zone)
    for _ in range(MOVES + present):
        if isinstance(soa, CouldNotAsk):
            return soa
        moved = await _move(zone, owner, soa, present=present)
        if not isinstance(moved, Soa):
            return moved
        soa, present = moved, not present
    return Proven()


async def _present(zone: str, owner: str) -> bool | CouldNotAsk:
    there = await Ask(zone, owner, "TXT")
    if isinstance(there, CouldNotAsk):
        return there
    bad = unusable(there, f"{owner} TXT")
    return bad if bad is not None else there.rrset is not None and there.rrset.rdatas == (PROOF_TEXT,)


async def _move(
    zone: str, owner: str, soa: Soa, *, present: bool
) -> Soa | Refuted | Interrupted | Denied | CouldNotAsk:
    change = DeleteRRset(owner, "TXT") if present else SetRRset(RRset(owner, "TXT", PROOF_TTL_S, (PROOF_TEXT,)))
    # The record is pinned too: enactors that start together prove at the same time, and a move that another one
    # has made already would change nothing, leave the serial, and be taken for a server that can't be pinned.
    here = (
        Prerequisite(Existence.RRSET_IS, owner, "TXT", (PROOF_TEXT,))
        if present
        else Prerequisite(Existence.RRSET_ABSENT, owner, "TXT")
    )
    response = await Update(zone, (Prerequisite(Existence.RRSET_IS, zone, "SOA", (soa.rdata,)), here), (change,))
    if isinstance(response, CouldNotAsk):
        return CouldNotAsk(response.reason)
    if refused_for_good(response):
        return Denied(f"the primary of {zone} answered {response.rcode.value} to the proof of its serial")
    after = await read_soa(zone)
    if isinstance(after, CouldNotAsk):
        return after
    if response.rcode is Rcode.YXRRSET:
        return Interrupted()
    if response.rcode is Rcode.NXRRSET:
        still = await _present(zone, owner)
        if isinstance(still, CouldNotAsk):
            return still
        again = await read_soa(zone)
        # The record read between two equal SOAs is a snapshot: only then is nobody else to blame.
        if after == soa == again and still == present:
            return Refuted(f"{zone}: the primary serves serial {soa.serial}, but that is not the one it stores")
        return Interrupted()
    if response.rcode is not Rcode.NOERROR:
        return CouldNotAsk(f"the primary of {zone} answered {response.rcode.value} to the proof of its serial")
    if after.serial == soa.serial:
        return Refuted(f"{zone}: an update left the serial at {soa.serial}")
    return after
