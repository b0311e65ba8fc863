"""The state machine of one zone, whole, in one table: what an enactor may do about what it has just read.

Inputs are four small facts: how the fence in DNS stands to the plan that this enactor holds, how the store
stands to that plan, how much of the zone is frozen, and whether the fence was seen to go down. The *order* of
reading is part of the rule (R2): fence first, then data, then the store once more; so "the store has nothing
newer" is younger than the fence it is compared with, and a fence above the store's newest plan proves that
the store was lost or restored, because plans are committed to the store before anybody can raise a fence to them.

    fence        store       fell  frozen   action        rule
    -----------  ----------  ----  -------  ------------  -------------------------------------------------------
    above        answers     -     -        STAND_DOWN    the store lost its history: reseed or adopt ("Words")
    above        out         -     -        STALE         somebody has a newer plan; ours is over (R0)
    equal        any         -     whole    FROZEN        R17: a freeze forbids even healing
    equal        any         -     less     WRITE         R1: differing data are healed, whoever raised
    below        behind      -     -        HOLD          the store is in doubt: settled before this zone goes on
    below        not confirm yes   -        HOLD          R15: a fence that fell waits for the store's word
    below        other       -     whole    FROZEN        R8: nothing to write, so nothing to raise
    below        other       -     less     RAISE         R0: with the first batch, freezes copied
    missing      confirms    -     any      REPAIR        R3: even if frozen, for the fence carries the freeze
    missing      out         -     any      FILL          R3: only empty names, only uncovered ones
    missing      other       -     any      HOLD          R3

"missing" is absent, unreadable, or a generation too far above anything seen (R3). Rejected: asking the data
before deciding; then a zone that is held would still be read in full on each pass.
"""

from __future__ import annotations

import enum

import msgspec

from holdfast.model.fence import GENERATION_JUMP_MAX, Fence, as_read
from holdfast.model.identity import NOTHING, Identity
from holdfast.ports.provider import FenceAbsent, FenceFound, FenceReading, FenceUnreadable


class FenceStands(enum.Enum):
    """The zone's fence against our plan."""

    MISSING = "missing"
    BELOW = "below"
    EQUAL = "equal"
    ABOVE = "above"


class StoreStands(enum.Enum):
    """The store's newest plan against ours."""

    CONFIRMS = "confirms"
    AHEAD = "ahead"
    """It names a newer plan, which this enactor can't read or has rejected (R9)."""
    BEHIND = "behind"
    """It answers, and knows less than this enactor's disk."""
    OUT = "out"


class FrozenPart(enum.Enum):
    """How much of a zone is frozen."""

    NOTHING = "nothing"
    SOME = "some"
    WHOLE = "whole"


class Action(enum.Enum):
    """What the zone's pass goes on to do."""

    RAISE = "raise"
    WRITE = "write"
    """Or converged, when the data agree."""
    REPAIR = "repair"
    FILL = "fill"
    FROZEN = "frozen"
    HOLD = "hold"
    STALE = "stale"
    STAND_DOWN = "stand-down"


class View(msgspec.Struct, frozen=True):
    """One row's left side."""

    fence: FenceStands
    store: StoreStands
    fell: bool
    frozen: FrozenPart


def decide(view: View) -> Action:
    """The table above."""
    fence, store = view.fence, view.store
    if fence is FenceStands.ABOVE:
        return Action.STALE if store is StoreStands.OUT else Action.STAND_DOWN
    if fence is FenceStands.MISSING:
        return _MISSING.get(store, Action.HOLD)
    if fence is FenceStands.BELOW and _in_doubt(view):
        return Action.HOLD
    if view.frozen is FrozenPart.WHOLE:
        return Action.FROZEN
    return Action.WRITE if fence is FenceStands.EQUAL else Action.RAISE


_MISSING = {StoreStands.CONFIRMS: Action.REPAIR, StoreStands.OUT: Action.FILL}


def _in_doubt(view: View) -> bool:
    """Whether a raise must wait for the store's word."""
    return view.store is StoreStands.BEHIND or (view.fell and view.store is not StoreStands.CONFIRMS)


def stands_fence(reading: FenceReading, plan: Identity) -> FenceStands:
    """Where a (credible) fence stands."""
    if not isinstance(reading, FenceFound):
        return FenceStands.MISSING
    seen = reading.fence.identity
    if seen == plan:
        return FenceStands.EQUAL
    return FenceStands.ABOVE if seen > plan else FenceStands.BELOW


def stands_store(*, reachable: bool, newest: Identity | None, plan: Identity) -> StoreStands:
    """Where the store stands."""
    if not reachable:
        return StoreStands.OUT
    if newest == plan:
        return StoreStands.CONFIRMS
    return StoreStands.AHEAD if newest is not None and newest > plan else StoreStands.BEHIND


def credible(reading: FenceReading, seen: tuple[Identity, ...]) -> FenceReading:
    """R3: a fence that jumped more than 10^6 above anything seen is unreadable, not something to outrun.

    `seen` is all that store and disk have: newest plan, own plan, last fences. The incarnation is held to the
    same bound, else one garbled digit there would be as final.
    """
    if not isinstance(reading, FenceFound):
        return reading
    found = reading.fence.identity
    generation = max((s.generation for s in seen), default=NOTHING.generation)
    incarnation = max((s.incarnation for s in seen), default=NOTHING.incarnation)
    if (
        found.generation - generation <= GENERATION_JUMP_MAX
        and found.incarnation - incarnation <= GENERATION_JUMP_MAX
    ):
        return reading
    return FenceUnreadable(
        rdatas=(reading.fence.rdata(),),
        why=(
            f"names {found}, but the highest generation that the store or this enactor has seen is {generation}"
            f" (incarnation {incarnation}), and a jump of more than {GENERATION_JUMP_MAX} is taken for damage"
        ),
    )


def raised(pinned: Fence, plan: Identity, writer: str) -> Fence:
    """The fence that replaces `pinned`: the plan's identity, every freeze of the one it pins (R0)."""
    return as_read(
        Fence(
            identity=plan,
            freezes=pinned.freezes,
            freeze_all=pinned.freeze_all,
            sequence=pinned.sequence + 1,
            writer=writer,
        )
    )


def describe(reading: FenceReading) -> str:
    """For people: where the fence is."""
    if isinstance(reading, FenceFound):
        return f"at {reading.fence.identity}"
    if isinstance(reading, FenceAbsent):
        return "missing"
    return f"unreadable ({reading.why})"
