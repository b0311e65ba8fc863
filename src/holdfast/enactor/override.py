"""`repair --override FREEZE`: a person heals, once, the names that one freeze covers (R17).

It writes the newest plan at these names under the pin of the frozen fence, which keeps every freeze id: automation
stays stopped, before and after. Names that *another* freeze covers too stay untouched: that freeze was not
overridden. What the enactor would refuse (R4, R9) is refused here as well.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from holdfast.documents.plans import read_newest_plan
from holdfast.enactor.capacity import refuse_removal
from holdfast.enactor.difference import coverage, difference, names_of
from holdfast.enactor.distrust import foreign, refuse_plan
from holdfast.enactor.memory import Memory
from holdfast.enactor.order import describe, raised
from holdfast.enactor.sight import Documents, Sight, consult
from holdfast.enactor.telling import applied, offenders_text
from holdfast.model.fence import Fence
from holdfast.model.freeze import Selector
from holdfast.model.keys import Keys
from holdfast.model.plan import Plan
from holdfast.ports.events import Emit
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.provider import (
    Blocked,
    Denied,
    FencedWrite,
    FenceFound,
    FenceMoved,
    PinFence,
    RRsetChange,
    Wrote,
    ZoneProvider,
)
from holdfast.ports.signing import BelievesPlans


class Healed(msgspec.Struct, frozen=True):
    """One zone: how many RRsets were written, and why not all, if so."""

    zone: str
    written: int
    refusal: str = ""


async def repair_override(
    scope: str,
    providers: Mapping[str, ZoneProvider],
    *,
    actor: str,
    freeze_id: str,
    believes: BelievesPlans | None = None,
) -> tuple[Healed, ...] | str:
    """Heal the covered names in every zone whose fence carries the freeze; or why nothing can be done."""
    keys = Keys(scope)
    sight, memory, _ = await consult(keys, Memory(), Documents())
    plan = await _plan(keys, memory, believes)
    if isinstance(plan, str):
        return plan
    healed: tuple[Healed, ...] = ()
    for zone, provider in sorted(providers.items()):
        reading = await provider.read_fence(scope)
        if isinstance(reading, CouldNotAsk):
            healed = (*healed, Healed(zone, 0, f"the fence can't be read: {reading.reason}"))
        elif isinstance(reading, FenceFound) and freeze_id in reading.fence.freezes:
            healed = (*healed, await _heal(provider, scope, actor, plan, memory, sight, reading.fence, freeze_id))
    return healed or f"no zone's fence carries freeze {freeze_id}: nothing to override"


async def _plan(keys: Keys, memory: Memory, believes: BelievesPlans | None) -> Plan | str:
    """The newest plan, believed as an enactor would."""
    plan = await read_newest_plan(keys)
    if plan is None:
        return "the store has no plan"
    if isinstance(plan, CouldNotAsk):
        return f"the newest plan can't be had from the store: {plan.reason}"
    unsigned = foreign(plan, believes)
    if unsigned:
        return f"plan {plan.identity} is refused: {unsigned}"
    refusal = refuse_plan(plan, keys.scope, memory.configuration, memory.directives)
    return plan if refusal is None else f"plan {plan.identity} is refused (R9): {refusal}"


async def _heal(
    provider: ZoneProvider,
    scope: str,
    actor: str,
    plan: Plan,
    memory: Memory,
    sight: Sight,
    fence: Fence,
    freeze_id: str,
) -> Healed:
    zone = provider.zone
    if fence.identity > plan.identity:
        return Healed(
            zone, 0, f"the fence is {describe(FenceFound(fence))}, newer than the store's {plan.identity}"
        )
    selector = next((f.selector for f in memory.freezes if f.id == freeze_id), Selector())
    names = tuple(n for n in names_of(plan, zone) if selector.covers(zone, n.name))
    seen = await provider.read_rrsets(tuple(n.name for n in names))
    if isinstance(seen, CouldNotAsk):
        return Healed(zone, 0, seen.reason)
    rest = msgspec.structs.replace(fence, freezes=tuple(i for i in fence.freezes if i != freeze_id))
    others = coverage(zone, rest, memory.freezes, sight.in_force - {freeze_id})
    found = difference(names, seen, render=provider.render, managed_types=provider.managed_types, frozen=others)
    refusal = refuse_removal(
        zone,
        names,
        seen,
        plan=plan,
        weights=provider.capabilities.weights,
        configuration=memory.configuration,
        directives=memory.directives,
        served_before=None,
    )
    if refusal is not None:
        return Healed(zone, 0, f"refused (R9): {refusal}")
    left = offenders_text(found.aliases) if found.aliases else ""
    left = left or (f"{len(found.frozen)} names are frozen by {others} as well" if found.frozen else "")
    return await _send(provider, scope, actor, plan, fence, found.changes, left)


async def _send(
    provider: ZoneProvider,
    scope: str,
    actor: str,
    plan: Plan,
    fence: Fence,
    changes: tuple[RRsetChange, ...],
    left: str,
) -> Healed:
    """All messages; stops at the first that is not applied."""
    written = 0
    for batch in provider.pack(changes):
        lift = fence.identity < plan.identity or not provider.capabilities.pins_unchanged
        after = raised(fence, plan.identity, actor) if lift else None
        match await provider.write(scope, FencedWrite(PinFence(fence), after, batch)):
            case Wrote(fence=now):
                fence = now
                written += len(batch)
                await Emit(applied(actor, provider.zone, plan.identity, batch, recovered=False))
            case FenceMoved(seen=seen):
                return Healed(provider.zone, written, f"the fence moved to {describe(seen)} meanwhile: look again")
            case Blocked(offenders=offenders):
                return Healed(provider.zone, written, offenders_text(offenders))
            case Denied(reason=reason) | CouldNotAsk(reason=reason):
                return Healed(provider.zone, written, reason)
    return Healed(provider.zone, written, left)
