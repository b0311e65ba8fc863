"""The enactor's loop, thin: look at the store, hold the newest plan, pass over the zones, report, rest.

    recall the disk
    forever:  consult -> take the newest plan | settle with a store that is behind -> each zone -> save, tell, rest

With the store out it goes on with the plan of the disk (design decision 5). A pass that met something newer
starts afresh at once; a lost turn rests shortly; what failed rests longer and longer.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from holdfast.enactor.distrust import foreign
from holdfast.enactor.knowledge import State, behind, say, take, unbelieved
from holdfast.enactor.lag import laggards
from holdfast.enactor.memory import MEMORY_FILE, recall
from holdfast.enactor.reseed import settle
from holdfast.enactor.settings import EnactorSettings, refuse_start
from holdfast.enactor.shelf import save
from holdfast.enactor.sight import Sight, consult
from holdfast.enactor.telling import DONE, Next, ZoneResult, told
from holdfast.enactor.zone import enact_zone
from holdfast.model.codec import encode
from holdfast.model.keys import Keys
from holdfast.model.report import EnactorReport, ZoneProgress
from holdfast.ports.clock import ATTEMPT_MAX, Idle, Rest
from holdfast.ports.events import Emit, Event
from holdfast.ports.provider import ZoneProvider
from holdfast.ports.store import Commit, Put


async def enact(settings: EnactorSettings, providers: Mapping[str, ZoneProvider]) -> str:
    """Hold the scope's zones at the newest plan. Returns only if it must not start: why."""
    refusal = refuse_start(settings, providers.values())
    if refusal is not None:
        await Emit(Event(kind="actor.refused", actor=settings.enactor, text=refusal))
        return refusal
    recalled = await recall()
    state = await _believed(State(plan=recalled.plan, memory=recalled.memory, shelf=recalled.shelf), settings)
    if recalled.damage:
        text = f"kept on the disk but not readable, so taken as absent: {'; '.join(recalled.damage)}"
        await Emit(Event(kind="disk.damaged", actor=settings.enactor, text=text))
    keys = Keys(settings.scope)
    hints = (keys.newest, keys.freezes, keys.config)
    while True:
        state, then = await one_pass(state, settings, providers)
        rest = _rest(then)
        if rest is not None:
            await Idle(rest, hints=hints, attempt=state.attempt)


async def _believed(state: State, settings: EnactorSettings) -> State:
    """A disk is no better witness than the store: what no key of ours signed is not held, and not put back."""
    unsigned = "" if state.plan is None else foreign(state.plan, settings.believes)
    if not unsigned:
        return state
    assert state.plan is not None, "only a plan is foreign"
    text = f"plan {state.plan.identity} on the disk is refused: {unsigned}"
    await Emit(Event("plan.foreign", settings.enactor, text, state.plan.identity))
    return msgspec.structs.replace(state, plan=None)


async def one_pass(
    state: State, settings: EnactorSettings, providers: Mapping[str, ZoneProvider]
) -> tuple[State, Next]:
    """One pass over everything: the new state, and how to go on."""
    sight, memory, documents = await consult(Keys(settings.scope), state.memory, state.documents)
    known, state = state, msgspec.structs.replace(state, memory=memory, documents=documents)
    if behind(state, sight):
        state = unbelieved(state, known)
        state, settled = await settle(state, settings, providers, sight)
        if settled:
            return await _saved(state, settings), Next(afresh=True)
    elif sight.newest is not None:
        state = await take(state, settings, sight.newest)
    if not behind(state, sight) and state.identity == sight.newest:
        state = await say(state, settings, "", "")
    state = await _saved(state, settings)
    return await _zones(state, settings, providers, sight)


async def _zones(
    state: State, settings: EnactorSettings, providers: Mapping[str, ZoneProvider], sight: Sight
) -> tuple[State, Next]:
    """Every zone of the plan, one after the other."""
    if state.plan is None:
        return await _rested(state, settings, (), DONE)
    then = DONE
    progress: tuple[ZoneProgress, ...] = ()
    for zone in state.plan.head.zones:
        provider = providers.get(zone)
        if provider is None:
            text = f"plan {state.plan.identity} covers it, but no provider is set up for it here"
            progress = (*progress, ZoneProgress(zone=zone, state="held", fence=None, text=text))
            continue
        state, result = await _one_zone(state, settings, provider, sight)
        progress = (*progress, result.progress)
        then = Next(
            afresh=result.next.afresh,
            turn=then.turn or result.next.turn,
            retry=then.retry or result.next.retry,
        )
        if then.afresh:
            return await _saved(state, settings), then
    return await _rested(state, settings, progress, then)


async def _one_zone(
    state: State, settings: EnactorSettings, provider: ZoneProvider, sight: Sight
) -> tuple[State, ZoneResult]:
    """A zone, until there is nothing to do at once; then its name servers, if something was written (R18)."""
    assert state.plan is not None, "zones are those of a plan"
    wrote = False
    while True:
        result = await enact_zone(provider, settings, state.plan, state.memory, sight)
        state = msgspec.structs.replace(state, memory=result.memory)
        wrote = wrote or result.wrote
        if not result.next.again:
            break
    if result.progress.state == "rejected" and state.former is not None:
        # What the newer plan must not do (R9) is no reason to leave the zone unhealed: at the former plan's fence,
        # that one goes on. The zone is reported as it stands to the newer one.
        healed = await enact_zone(provider, settings, state.former, state.memory, sight)
        state = msgspec.structs.replace(state, memory=healed.memory)
    fence = result.progress.fence
    if settings.ask_servers and wrote and fence is not None:
        state = await _ask_servers(state, settings, provider.zone)
    return state, result


async def _ask_servers(state: State, settings: EnactorSettings, zone: str) -> State:
    """One event for each set of laggards that differs from the last one."""
    assert state.plan is not None, "something was written"
    lagging = tuple(f"{zone}: {text}" for text in await laggards(zone, settings.scope, state.plan.identity))
    others = tuple(text for text in state.laggards if not text.startswith(f"{zone}: "))
    if lagging and not set(lagging) <= set(state.laggards):
        text = f"zone {zone}: name servers behind plan {state.plan.identity}: {'; '.join(lagging)}"
        await Emit(Event("server.lags", settings.enactor, text, state.plan.identity, zone))
    return msgspec.structs.replace(state, laggards=tuple(sorted((*others, *lagging))))


async def _saved(state: State, settings: EnactorSettings) -> State:
    """The memory on the disk, if it changed (R15)."""
    if state.memory == state.saved:
        return state
    failed = await save(MEMORY_FILE, encode(state.memory))
    if failed is not None:
        return await say(state, settings, "disk.failed", f"the memory can't be kept on the disk: {failed.reason}")
    return msgspec.structs.replace(state, saved=state.memory)


async def _rested(
    state: State, settings: EnactorSettings, progress: tuple[ZoneProgress, ...], then: Next
) -> tuple[State, Next]:
    """End of a pass: save, tell what changed, report."""
    state = await _saved(state, settings)
    if all(z.fence == state.identity for z in progress):
        state = msgspec.structs.replace(state, former=None)
    for zone in progress:
        event = None if zone in state.progress else told(settings.enactor, state.identity, zone)
        if event is not None:
            await Emit(event)
    attempt = min(state.attempt + 1, ATTEMPT_MAX) if then.retry else 0
    if progress != state.progress or not state.reported:
        report = EnactorReport(enactor=settings.enactor, plan=state.identity, zones=progress)
        # A hint for people: if it can't be written now, the next change or failure tries again.
        sent = await Commit(puts=(Put(Keys(settings.scope).enactor(settings.enactor), encode(report)),))
        state = msgspec.structs.replace(state, reported=hasattr(sent, "revision"))
    return msgspec.structs.replace(state, progress=progress, attempt=attempt), then


def _rest(then: Next) -> Rest | None:
    if then.afresh:
        return None
    if then.retry:
        return Rest.RETRY
    return Rest.TURN if then.turn else Rest.POLL
