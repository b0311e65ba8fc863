"""One zone, once: read the fence, then the data, decide, and write what differs.

    read fence -> [missing: read SOA] -> read data -> difference -> distrust -> `writing`

The order is R2's. What holds the zone back ends the pass with a state for people; nothing waits in here.
"""

from __future__ import annotations

import msgspec

from holdfast.enactor.capacity import agreed, refuse_removal
from holdfast.enactor.difference import Difference, difference, names_of
from holdfast.enactor.memory import Memory
from holdfast.enactor.order import Action, describe
from holdfast.enactor.settings import EnactorSettings
from holdfast.enactor.sight import Sight, look
from holdfast.enactor.situation import Situation, situate
from holdfast.enactor.telling import AFRESH, DONE, RETRY, Next, ZoneResult, offenders_text
from holdfast.enactor.writing import Work, work_of, write_zone
from holdfast.model.configuration import Mode
from holdfast.model.keys import Keys
from holdfast.model.plan import Plan
from holdfast.model.report import ZoneProgress
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.provider import FenceFound, FenceReading, Soa, ZoneProvider, ZoneRRsets


async def enact_zone(
    provider: ZoneProvider, settings: EnactorSettings, plan: Plan, memory: Memory, sight: Sight
) -> ZoneResult:
    """One pass over one zone with this plan."""
    zone = provider.zone
    raw = await provider.read_fence(settings.scope)
    if isinstance(raw, CouldNotAsk):
        return result(zone, None, memory, "unreachable", f"the fence can't be read: {raw.reason}", RETRY)
    situation = situate(zone, raw, plan.identity, memory, sight)
    memory = noted(zone, situation.reading, memory)
    ended = _no_write(zone, situation, plan, memory, sight)
    if ended is not None:
        if situation.action is Action.STAND_DOWN and (await look(Keys(settings.scope))).newest != sight.newest:
            # A newer plan was published, and raised by another enactor, since this pass looked.
            return msgspec.structs.replace(ended, next=AFRESH)
        return ended
    soa: Soa | None = None
    if situation.action in (Action.REPAIR, Action.FILL):
        held = _unpinned(provider, situation.action)
        if held:
            return result(zone, None, memory, "held", held)
        # The SOA before the data: whatever changes after it voids the pin, as does a fence that came up before.
        pinned = await provider.read_soa()
        if isinstance(pinned, CouldNotAsk):
            return result(zone, None, memory, "unreachable", f"the SOA can't be read: {pinned.reason}", RETRY)
        soa = pinned
    seen = await provider.read_rrsets(tuple(n.name for n in names_of(plan, zone)))
    if isinstance(seen, CouldNotAsk):
        return result(zone, situation.reading, memory, "unreachable", f"no data: {seen.reason}", RETRY)
    return await _compare(provider, settings, plan, memory, sight, situation, soa, seen)


def _unpinned(provider: ZoneProvider, action: Action) -> str:
    """Why a zone without a readable fence can't be written here (R3); empty if it can."""
    if action is Action.FILL and not provider.capabilities.serial_pin:
        return (
            "the fence is missing or unreadable and the store is out; here nothing is filled without a fence (R3)"
        )
    if not provider.capabilities.repairs:
        return "the fence is missing or unreadable, and this server's serial can't be pinned: repair by hand (R3)"
    return ""


async def _compare(
    provider: ZoneProvider,
    settings: EnactorSettings,
    plan: Plan,
    memory: Memory,
    sight: Sight,
    situation: Situation,
    soa: Soa | None,
    seen: ZoneRRsets,
) -> ZoneResult:
    """The data are read: what differs, whether it may be written, and then writing it."""
    zone, reading = provider.zone, situation.reading
    found = difference(
        names_of(plan, zone),
        seen,
        render=provider.render,
        managed_types=provider.managed_types,
        frozen=situation.frozen,
        only_empty=situation.action is Action.FILL,
    )
    if situation.action is Action.WRITE and not found.changes:
        return _settled(provider, plan, memory, situation, found)
    if situation.action is Action.FILL and not found.changes:
        text = (
            "the fence is missing or unreadable and the store is out; no name is empty, so nothing is written (R3)"
        )
        return result(zone, reading, memory, "held", text)
    refusal = None
    if situation.action in (Action.RAISE, Action.REPAIR):
        # At an equal fence the plan has passed this in some enactor, before the first batch: the rest is healing.
        refusal = _refusal(provider, plan, memory, seen)
    if refusal is not None:
        return result(zone, reading, memory, "rejected", f"plan {plan.identity} is refused (R9): {refusal}")
    if mode(settings, memory) is Mode.OBSERVE:
        return result(zone, reading, memory, "observing", _would(situation, plan, found))
    work: Work = work_of(provider, settings, plan, situation, soa, found)
    return await write_zone(provider, settings, plan, memory, sight, work)


def _refusal(provider: ZoneProvider, plan: Plan, memory: Memory, seen: ZoneRRsets) -> str | None:
    return refuse_removal(
        provider.zone,
        names_of(plan, provider.zone),
        seen,
        plan=plan,
        weights=provider.capabilities.weights,
        configuration=memory.configuration,
        directives=memory.directives,
        served_before=memory.served_in(provider.zone),
    )


def _no_write(zone: str, situation: Situation, plan: Plan, memory: Memory, sight: Sight) -> ZoneResult | None:
    """Rows of the order table that end here."""
    reading = situation.reading
    match situation.action:
        case Action.HOLD:
            return result(zone, reading, memory, "held", situation.why)
        case Action.FROZEN:
            return result(zone, reading, memory, "frozen", f"frozen by {situation.frozen}")
        case Action.STALE:
            text = f"the fence is {describe(reading)}, newer than plan {plan.identity} here; the store is out"
            return result(zone, reading, memory, "stale", text)
        case Action.STAND_DOWN:
            newest = "no plan" if sight.newest is None else f"plan {sight.newest}"
            text = (
                f"the fence is {describe(reading)}, the store's newest is {newest}, and no plan for that fence is"
                " on this disk: standing down until another enactor restores it, or `holdfast adopt`"
            )
            return result(zone, reading, memory, "standing-down", text)
        case _:
            return None


def _settled(
    provider: ZoneProvider, plan: Plan, memory: Memory, situation: Situation, found: Difference
) -> ZoneResult:
    """At our identity, and nothing left that may be written."""
    zone = provider.zone
    if found.frozen:
        text = f"{len(found.frozen)} names differ and stay as they are, frozen by {situation.frozen}"
        return result(zone, situation.reading, memory, "frozen", text)
    if found.aliases:
        return result(zone, situation.reading, memory, "blocked", offenders_text(found.aliases))
    memory = agreed(zone, names_of(plan, zone), memory)
    return result(zone, situation.reading, memory, "converged", f"agrees with plan {plan.identity}")


def _would(situation: Situation, plan: Plan, found: Difference) -> str:
    fence = f"the fence is {describe(situation.reading)}, it would go to {plan.identity}; "
    names = sorted({c.name for c in found.changes})
    listed = f" ({', '.join(names[:5])}{', ...' if len(names) > 5 else ''})" if names else ""
    first = "" if situation.action is Action.WRITE else fence
    return f"observing: {first}{len(found.changes)} RRsets at {len(names)} names would be written{listed}"


def mode(settings: EnactorSettings, memory: Memory) -> Mode:
    """Whether to write: as the configuration says, or as this enactor was started until one is known."""
    return settings.mode if memory.configuration is None else memory.configuration.configuration.mode


def noted(zone: str, reading: FenceReading, memory: Memory) -> Memory:
    """R15: remember the fence, unless it went down (then what was seen before still binds)."""
    if not isinstance(reading, FenceFound):
        return memory
    last = memory.fence(zone)
    if last is not None and reading.fence.identity < last.identity:
        return memory
    return memory.with_fence(zone, reading.fence)


def result(
    zone: str, reading: FenceReading | None, memory: Memory, state: str, text: str, then: Next = DONE
) -> ZoneResult:
    """A pass that ended without writing."""
    fence = reading.fence.identity if isinstance(reading, FenceFound) else None
    return ZoneResult(ZoneProgress(zone=zone, state=state, fence=fence, text=text), memory, then)
