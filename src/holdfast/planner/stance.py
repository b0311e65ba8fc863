"""Whether this planner may plan at all, by "Words" in docs/protocol.md; and what each zone's fence says.

    store's newest   fences                                    the planner
    none             all absent (or of a freeze, at 0)         begins: generation 1
    none             one names a plan                          stands down: the store was lost
    plan n           none above n                              plans n + 1
    plan n           one above n                               stands down: the store was restored from an old copy
    any              above, but of an older incarnation than   plans: `adopt`, or an enactor's disk, has said that
                     the store's                               this store's history goes on

A fence that is absurdly far above all that was seen (R3) is unreadable, not something to stand down for.
"""

from __future__ import annotations

import msgspec

from holdfast.model.fence import GENERATION_JUMP_MAX
from holdfast.model.identity import NOTHING, Identity
from holdfast.planner.situation import Standing
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.provider import FenceAbsent, FenceFound, FenceReading


class Stance(msgspec.Struct, frozen=True):
    """The incarnation to plan in; `stands_down` is the sentence that says why not, or empty."""

    incarnation: int
    stands_down: str = ""


def standing(zone: str, reading: FenceReading | CouldNotAsk, newest: Identity | None) -> Standing:
    """What a zone holds. A freeze's fence of generation 0 holds no plan."""
    if isinstance(reading, FenceAbsent):
        return Standing(zone=zone, fence=None)
    if not isinstance(reading, FenceFound) or (newest is not None and _absurd(reading.fence.identity, newest)):
        return Standing(zone=zone, fence=None, known=False)
    identity = reading.fence.identity
    return Standing(zone=zone, fence=None if identity == NOTHING else identity)


def _absurd(identity: Identity, newest: Identity) -> bool:
    return (
        identity.incarnation - newest.incarnation > GENERATION_JUMP_MAX
        or identity.generation - newest.generation > GENERATION_JUMP_MAX
    )


def stance(newest: Identity | None, incarnation: int | None, standings: tuple[Standing, ...]) -> Stance:
    """See the table. `incarnation` is the store's own, None if it never had one."""
    own = max(1, incarnation or 0, 0 if newest is None else newest.incarnation)
    top = newest or NOTHING
    for s in standings:
        if s.fence is not None and s.fence > top and s.fence.incarnation >= own:
            return Stance(own, _above(s.zone, s.fence, newest))
        if newest is None and not s.known and incarnation is None:
            return Stance(own, _unknown(s.zone))
    return Stance(own)


def _above(zone: str, fence: Identity, newest: Identity | None) -> str:
    store = "the store has no plan" if newest is None else f"the newest in the store is {newest}"
    return (
        f"zone {zone} holds plan {fence}, but {store}: the store was lost or restored. Nothing is planned until an"
        " enactor brings that plan back from its disk, or `holdfast adopt`"
    )


def _unknown(zone: str) -> str:
    return (
        f"the store is empty and the fence of zone {zone} can't be read, so whether this store's history was lost"
        " is not known. Nothing is planned until the zone's primary answers, or `holdfast adopt`"
    )
