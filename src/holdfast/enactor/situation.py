"""From what was read to a row of the order table: one zone's situation, computed anew for each message."""

from __future__ import annotations

import msgspec

from holdfast.enactor.difference import Coverage, coverage
from holdfast.enactor.memory import Memory
from holdfast.enactor.order import Action, FenceStands, View, credible, decide, stands_fence, stands_store
from holdfast.enactor.sight import Sight
from holdfast.model.fence import Fence, as_read, parse_fence
from holdfast.model.identity import Identity
from holdfast.ports.provider import FenceAbsent, FenceFound, FenceReading, FenceUnreadable


class Situation(msgspec.Struct, frozen=True):
    """`reading` is the fence after R3's bound on jumps; `why` explains a hold to people."""

    reading: FenceReading
    action: Action
    frozen: Coverage
    why: str = ""


def situate(zone: str, reading: FenceReading, plan: Identity, memory: Memory, sight: Sight) -> Situation:
    """The zone's situation under this plan, with what the store said last."""
    seen = (plan, *((sight.newest,) if sight.newest else ()), *(f.identity for f in memory.fences))
    reading = credible(reading, seen)
    fence = reading.fence if isinstance(reading, FenceFound) else None
    last = memory.fence(zone)
    fell = last is not None and fence is not None and fence.identity < last.identity
    in_force = sight.in_force if fence is not None else _unfenced(zone, reading, memory, sight)
    frozen = coverage(zone, fence, memory.freezes, in_force)
    store = stands_store(reachable=sight.reachable, newest=sight.newest, plan=plan)
    view = View(fence=stands_fence(reading, plan), store=store, fell=fell, frozen=frozen.part)
    action = decide(view)
    why = (
        "" if action is not Action.HOLD else _why_held(view, reading, last.identity if last is not None else None)
    )
    return Situation(reading=reading, action=action, frozen=frozen, why=why)


def _unfenced(zone: str, reading: FenceReading, memory: Memory, sight: Sight) -> frozenset[str]:
    """With no fence to say which freezes are in force, every known one is (R3): those of store and disk.

    Also those on a fence that is unreadable only because its generation jumped: somebody froze the zone there and
    was told so, and the repair that carries the id over must not write data beside it (I5).

    With the store out, also those that the fence carried when it was last seen, explained or not: an id that
    nobody can explain covers everything (R8). When the store answers, it says which of them were thawed.
    """
    salvaged = _salvage(reading)
    known = frozenset(f.id for f in memory.freezes) | _ids(salvaged.freezes, freeze_all=salvaged.freeze_all)
    last = memory.fence(zone)
    if sight.reachable or last is None:
        return known
    return known | _ids(last.freezes, freeze_all=last.freeze_all)


def _ids(freezes: tuple[str, ...], *, freeze_all: bool) -> frozenset[str]:
    """Freeze ids, with one that nobody can explain for `all`."""
    return frozenset((*freezes, "all") if freeze_all else freezes)


def _why_held(view: View, reading: FenceReading, last: Identity | None) -> str:
    if view.fence is FenceStands.MISSING:
        state = "missing" if isinstance(reading, FenceAbsent) else "unreadable"
        return f"the fence is {state}, and the store does not confirm this enactor's plan as the newest (R3)"
    if view.fell:
        return f"the fence went down from {last}; waiting until the store confirms the newest plan (R15)"
    return "the store knows less than this enactor's disk; waiting until that is settled"


def repair_fence(zone: str, reading: FenceReading, plan: Identity, memory: Memory, writer: str) -> Fence:
    """The fence that a repair puts up: the newest plan, with every freeze that anybody may still rely on (R3)."""
    ids = {f.id for f in memory.freezes if f.selector.covers_zone(zone)}
    salvaged = _salvage(reading)
    freezes = tuple(sorted(ids | set(salvaged.freezes)))
    return as_read(Fence(identity=plan, freezes=freezes, freeze_all=salvaged.freeze_all, writer=writer))


def _salvage(reading: FenceReading) -> Fence:
    """Freezes of a fence that is unreadable only because its generation jumped."""
    nothing = Fence(identity=Identity(0, 0, ""))
    if not isinstance(reading, FenceUnreadable):
        return nothing
    parsed = [parse_fence(text.strip('"')) for text in reading.rdatas]
    found = [f for f in parsed if f is not None]
    return found[0] if len(found) == 1 else nothing
