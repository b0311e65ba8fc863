"""Writing one zone's difference, message by message; each stands alone, and may be the last.

Before *each* message the store is looked at again (R1 for a newer plan, R8 for freezes) and the order table asked
again; the message then pins the fence exactly as it was last read, so what the look missed, the DNS server
refuses (R0). The first message of a raise or a repair carries the new fence together with its data.

A large difference begins at this enactor's turn, and beyond its share each message is preceded by the question
whether it is in DNS already: enactors side by side then write different parts, instead of all of them everything.
Rejected: reading the zone again after the share; three zone transfers cost more than the questions.
"""

from __future__ import annotations

import msgspec

from holdfast.enactor import telling
from holdfast.enactor.capacity import agreed
from holdfast.enactor.difference import Difference, names_of
from holdfast.enactor.memory import Memory
from holdfast.enactor.order import Action, credible, raised
from holdfast.enactor.settings import EnactorSettings
from holdfast.enactor.sight import Sight, look
from holdfast.enactor.situation import Situation, repair_fence, situate
from holdfast.enactor.telling import AFRESH, AGAIN, DONE, RETRY, TURN, Next, ZoneResult
from holdfast.model.fence import Fence
from holdfast.model.keys import Keys
from holdfast.model.plan import Plan
from holdfast.model.report import ZoneProgress
from holdfast.ports.events import Emit, Event
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.provider import (
    Blocked,
    Denied,
    FenceAbsent,
    FencedWrite,
    FenceFound,
    FenceMoved,
    FenceReading,
    FenceUnreadable,
    Offender,
    PinFence,
    PinRepair,
    RRsetChange,
    Soa,
    WriteResult,
    Wrote,
    ZoneProvider,
)

Batch = tuple[RRsetChange, ...]


class Work(msgspec.Struct, frozen=True):
    """What is left to write in a zone. After `share` messages others may have written the rest (-1: never)."""

    action: Action
    reading: FenceReading
    soa: Soa | None
    batches: tuple[Batch, ...]
    share: int
    offenders: tuple[Offender, ...] = ()
    clean: bool = True
    """Nothing was held back by a freeze so far."""
    wrote: bool = False

    @property
    def first(self) -> bool:
        """Whether the next message must bring the fence to the plan."""
        return self.action in (Action.RAISE, Action.REPAIR)


def work_of(
    provider: ZoneProvider,
    settings: EnactorSettings,
    plan: Plan,
    situation: Situation,
    soa: Soa | None,
    found: Difference,
) -> Work:
    """Pack a difference into messages, beginning at this enactor's turn."""
    batches = provider.pack(found.changes)
    start = len(batches) * settings.turn // settings.turns
    # R0: a raise goes out also where no data differ, else clean-up stalls below this zone's fence for ever.
    ordered = (*batches[start:], *batches[:start]) or ((),)
    share = -(-len(batches) // settings.turns) if settings.turns > 1 else -1
    return Work(
        action=situation.action,
        reading=situation.reading,
        soa=soa,
        batches=ordered if batches or situation.action in (Action.RAISE, Action.REPAIR) else (),
        share=share,
        offenders=found.aliases,
        clean=not found.frozen,
    )


async def write_zone(
    provider: ZoneProvider, settings: EnactorSettings, plan: Plan, memory: Memory, sight: Sight, work: Work
) -> ZoneResult:
    """Send the messages, until they are done or something is no longer as it was."""
    keys = Keys(settings.scope)
    while work.batches:
        fresh = await look(keys)
        if fresh.reachable:
            memory = memory.with_freezes(fresh.freezes)
        if _news(plan, sight, fresh):
            return _ended(provider, work, memory, "writing", "a newer plan is out", AFRESH)
        sight = fresh
        situation = situate(provider.zone, work.reading, plan.identity, memory, sight)
        if situation.action is not work.action:
            # A store that answers and falls silent by turns must not make a loop without rest.
            then = AFRESH if fresh.reachable else RETRY
            return _ended(provider, work, memory, "held", "store or freezes changed while it was written", then)
        batch = tuple(c for c in work.batches[0] if not situation.frozen.covers(provider.zone, c.name))
        if batch != work.batches[0]:
            work = msgspec.structs.replace(work, clean=False)
        if not batch and not work.first:
            work = msgspec.structs.replace(work, batches=work.batches[1:])
            continue
        if work.share == 0 and await _there(provider, settings, work, batch):
            work = msgspec.structs.replace(work, batches=work.batches[1:])
            continue
        message = _message(provider, settings, plan, memory, work, batch)
        answer = await provider.write(settings.scope, message)
        stepped = await _after(provider, settings, plan, memory, work, message, answer)
        if isinstance(stepped, ZoneResult):
            return stepped
        memory, work = stepped
    return _done(provider, plan, memory, work)


async def _there(provider: ZoneProvider, settings: EnactorSettings, work: Work, batch: Batch) -> bool:
    """Whether another enactor of this plan has written the batch; a doubtful answer means: write it."""
    if work.first or not isinstance(work.reading, FenceFound):
        return False
    return await provider.holds(settings.scope, work.reading.fence, batch) is True


def _news(plan: Plan, sight: Sight, fresh: Sight) -> bool:
    """R1: the store names another plan than at the start of the pass. A rejected one is no news twice."""
    if not fresh.reachable or fresh.newest == plan.identity:
        return False
    return not sight.reachable or fresh.newest != sight.newest


def _message(
    provider: ZoneProvider, settings: EnactorSettings, plan: Plan, memory: Memory, work: Work, batch: Batch
) -> FencedWrite:
    """The next message: pin, new fence if it must carry one, data."""
    reading, who = work.reading, settings.enactor
    if isinstance(reading, (FenceAbsent, FenceUnreadable)):
        assert work.soa is not None, "a repair is pinned to the SOA that was read before the fence (R3)"
        repaired = work.action is Action.REPAIR
        after = repair_fence(provider.zone, reading, plan.identity, memory, who) if repaired else None
        return FencedWrite(PinRepair(reading, work.soa), after, batch)
    if work.action is Action.RAISE or not provider.capabilities.pins_unchanged:
        return FencedWrite(PinFence(reading.fence), raised(reading.fence, plan.identity, who), batch)
    return FencedWrite(PinFence(reading.fence), None, batch)


async def _after(
    provider: ZoneProvider,
    settings: EnactorSettings,
    plan: Plan,
    memory: Memory,
    work: Work,
    message: FencedWrite,
    answer: WriteResult,
) -> tuple[Memory, Work] | ZoneResult:
    """What the answer to one message means for the rest."""
    who, zone = settings.enactor, provider.zone
    match answer:
        case Wrote():
            return await _wrote(provider, settings, plan, memory, work, message, answer)
        case FenceMoved(seen=FenceFound(fence=fence)) if _shared(provider, plan, fence):
            # Another enactor raised it to our plan first: what is left is the same under the new pin, since every
            # message writes whole RRsets of this one plan. Reading all again would cost more than writing it.
            return memory.with_fence(zone, fence), msgspec.structs.replace(
                work, action=Action.WRITE, reading=FenceFound(fence)
            )
        case FenceMoved(seen=seen):
            await Emit(telling.refused(who, zone, plan.identity, seen))
            moved = msgspec.structs.replace(work, reading=seen)
            return _ended(provider, moved, memory, "writing", "another writer moved the fence", TURN)
        case Blocked(offenders=offenders):
            return await _blocked(provider, settings, plan, memory, work, message, offenders)
        case Denied(reason=reason):
            return _ended(provider, work, memory, "denied", reason, RETRY)
        case CouldNotAsk(reason=reason):
            return _ended(provider, work, memory, "failed", reason, RETRY)


def _shared(provider: ZoneProvider, plan: Plan, fence: Fence) -> bool:
    """Whether the writers of a plan may go on side by side; where each message voids the pins of the others, they
    take turns instead (R0).
    """
    return fence.identity == plan.identity and provider.capabilities.pins_unchanged


def _remembered(memory: Memory, zone: str, plan: Plan, fence: Fence) -> Memory:
    """The memory with the fence that an answer showed; not with one that jumped in between.

    A fence that is remembered counts as seen, so damage that got in here would be believed from then on (R3).
    """
    seen = (plan.identity, *(f.identity for f in memory.fences))
    believed = credible(FenceFound(fence), seen)
    return memory.with_fence(zone, fence) if isinstance(believed, FenceFound) else memory


async def _wrote(
    provider: ZoneProvider,
    settings: EnactorSettings,
    plan: Plan,
    memory: Memory,
    work: Work,
    message: FencedWrite,
    answer: Wrote,
) -> tuple[Memory, Work] | ZoneResult:
    who, zone = settings.enactor, provider.zone
    # Refused because a sibling wrote the very same first: done, but not ours to report, or the history would
    # name three writers for one write. A lost reply of our own shows our id in the fence.
    ours = not answer.recovered or (answer.fence.writer == who and answer.fence.identity == plan.identity)
    if work.first and ours:
        repaired = work.action is Action.REPAIR
        await Emit(telling.raised_event(who, zone, work.reading, answer.fence, repaired=repaired))
    if message.changes and ours:
        applied = telling.applied(who, zone, plan.identity, message.changes, recovered=answer.recovered)
        await Emit(applied)
    if work.action is Action.FILL:
        # The message moved the serial: the next one needs another pin.
        return _ended(provider, work, memory, "writing", "an empty name was filled", AGAIN, wrote=True)
    memory = _remembered(memory, zone, plan, answer.fence)
    after = msgspec.structs.replace(
        work,
        action=Action.WRITE,
        reading=FenceFound(answer.fence),
        batches=work.batches[1:],
        share=work.share - 1 if work.share > 0 else work.share,
        wrote=True,
    )
    if answer.fence.identity != plan.identity:
        return _ended(provider, after, memory, "writing", "a newer plan is in DNS", AFRESH, wrote=True)
    return memory, after


async def _blocked(
    provider: ZoneProvider,
    settings: EnactorSettings,
    plan: Plan,
    memory: Memory,
    work: Work,
    message: FencedWrite,
    offenders: tuple[Offender, ...],
) -> tuple[Memory, Work] | ZoneResult:
    """R4: leave the offenders out and send the rest; never bisect. Each round leaves out at least one name."""
    out = {o.name for o in offenders}
    rest = tuple(c for c in work.batches[0] if c.name not in out)
    text = telling.offenders_text(offenders)
    if len(rest) == len(work.batches[0]):
        return _ended(provider, work, memory, "blocked", text, RETRY)
    await Emit(
        Event("write.blocked", settings.enactor, f"zone {provider.zone}: {text}", plan.identity, provider.zone)
    )
    work = msgspec.structs.replace(
        work, batches=(rest, *work.batches[1:]), offenders=(*work.offenders, *offenders)
    )
    seen = await provider.read_fence(settings.scope)
    if isinstance(seen, CouldNotAsk):
        return _ended(provider, work, memory, "failed", seen.reason, RETRY)
    if seen == work.reading:
        return memory, work
    if work.first and isinstance(seen, FenceFound) and seen.fence == message.fence_after:
        # NOERROR, the fence is up, and some data were ignored by the server: the raise itself is done.
        raise_event = telling.raised_event(
            settings.enactor, provider.zone, work.reading, seen.fence, repaired=work.action is Action.REPAIR
        )
        await Emit(raise_event)
        memory = memory.with_fence(provider.zone, seen.fence)
        return memory, msgspec.structs.replace(work, action=Action.WRITE, reading=seen, wrote=True)
    return _ended(provider, work, memory, "writing", "another writer moved the fence", TURN)


def _done(provider: ZoneProvider, plan: Plan, memory: Memory, work: Work) -> ZoneResult:
    """All messages are through: the next pass, at once, reads everything back and says what it came to."""
    if work.offenders:
        text = telling.offenders_text(tuple(sorted(set(work.offenders), key=lambda o: o.name)))
        return _ended(provider, work, memory, "blocked", text, RETRY, wrote=work.wrote)
    if not work.clean:
        # A freeze came up on the way: the next look at everything says what it holds back.
        return _ended(provider, work, memory, "writing", f"written under plan {plan.identity}", AFRESH)
    # Each message was read back by the provider (R4), and all who write at this identity write the same.
    memory = agreed(provider.zone, names_of(plan, provider.zone), memory)
    return _ended(provider, work, memory, "converged", f"agrees with plan {plan.identity}", DONE)


def _ended(
    provider: ZoneProvider,
    work: Work,
    memory: Memory,
    state: str,
    text: str,
    then: Next,
    *,
    wrote: bool = False,
) -> ZoneResult:
    fence: Fence | None = work.reading.fence if isinstance(work.reading, FenceFound) else None
    progress = ZoneProgress(
        zone=provider.zone, state=state, fence=None if fence is None else fence.identity, text=text
    )
    return ZoneResult(progress, memory, then, wrote or work.wrote)
