"""What an enactor tells people: a zone's state in words, and the event for a state that changed.

Texts are functions of the situation alone (no counts of attempts, no times), so that "emit on change" is a
comparison of two values and a loop with nothing to do rests unchanged.
"""

from __future__ import annotations

import msgspec

from holdfast.enactor.memory import Memory
from holdfast.model.fence import Fence
from holdfast.model.identity import Identity
from holdfast.model.report import ZoneProgress
from holdfast.ports.events import Event, Scalar
from holdfast.ports.provider import FenceFound, FenceReading, Offender, RRsetChange


class Next(msgspec.Struct, frozen=True):
    """How the loop goes on after a zone. `again`: this zone at once; `afresh`: the whole pass at once."""

    again: bool = False
    afresh: bool = False
    turn: bool = False
    """Lost a turn to another writer: after a short jitter."""
    retry: bool = False
    """Something could not be done: after a backoff."""


DONE = Next()
AGAIN = Next(again=True)
AFRESH = Next(afresh=True)
TURN = Next(turn=True)
RETRY = Next(retry=True)


class ZoneResult(msgspec.Struct, frozen=True):
    """What one zone's pass came to."""

    progress: ZoneProgress
    memory: Memory
    next: Next = DONE
    wrote: bool = False


KINDS = {
    "converged": "zone.converged",
    "frozen": "zone.frozen",
    "held": "zone.held",
    "standing-down": "zone.held",
    "stale": "plan.stale",
    "rejected": "plan.rejected",
    "blocked": "write.blocked",
    "denied": "write.failed",
    "failed": "write.failed",
    "unreachable": "write.failed",
    "observing": "write.would",
}
"""Event kinds by state; `writing` has none of its own, its messages speak for themselves."""


def told(actor: str, plan: Identity | None, progress: ZoneProgress) -> Event | None:
    """The event for a zone that has come into this state."""
    kind = KINDS.get(progress.state)
    if kind is None:
        return None
    text = (
        f"zone {progress.zone}: {progress.text}" if progress.text else f"zone {progress.zone} is {progress.state}"
    )
    return Event(kind=kind, actor=actor, text=text, plan=plan, zone=progress.zone)


def generation_text(reading: FenceReading) -> str:
    """`at generation 44`, or what stands in its place."""
    if isinstance(reading, FenceFound):
        return f"at generation {reading.fence.identity.generation}"
    return "missing or unreadable"


def refused(actor: str, zone: str, plan: Identity, seen: FenceReading) -> Event:
    """A message that the DNS server refused, because the fence is not the one that it pinned."""
    same = isinstance(seen, FenceFound) and seen.fence.identity == plan
    why = (
        f"the fence is at generation {plan.generation} too, but has moved since it was read"
        if same
        else f"the fence is {generation_text(seen)}, mine is {plan.generation}"
    )
    return Event(kind="write.refused", actor=actor, text=f"refused by the DNS server: {why}", plan=plan, zone=zone)


def raised_event(actor: str, zone: str, before: FenceReading, fence: Fence, *, repaired: bool) -> Event:
    """A fence that went up, or was put back."""
    kind, verb = ("fence.repaired", "put back") if repaired else ("fence.raised", "raised")
    came = (
        f"it was at {before.fence.identity}" if isinstance(before, FenceFound) else "it was missing or unreadable"
    )
    text = f"zone {zone}: fence {verb} to {fence.identity}; {came}"
    return Event(kind=kind, actor=actor, text=text, plan=fence.identity, zone=zone)


def applied(actor: str, zone: str, plan: Identity, changes: tuple[RRsetChange, ...], *, recovered: bool) -> Event:
    """A message whose data stand in DNS, read back."""
    names = sorted({c.name for c in changes})
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    lost = " (the reply was lost; DNS shows it)" if recovered else ""
    text = f"zone {zone}: {len(changes)} RRsets written: {', '.join(names[:3])}{more}{lost}"
    data: tuple[tuple[str, Scalar], ...] = (("rrsets", len(changes)), ("names", len(names)))
    name = names[0] if len(names) == 1 else ""
    return Event(kind="write.applied", actor=actor, text=text, plan=plan, zone=zone, name=name, data=data)


def offenders_text(offenders: tuple[Offender, ...]) -> str:
    """`a.example is a CNAME to b; ...`."""
    listed = "; ".join(f"{o.name} {o.why}" for o in offenders[:5])
    return f"left out {len(offenders)}: {listed}{'; ...' if len(offenders) > 5 else ''}"
