"""The prober: configuration to probes, results to opinions, opinions to the store at once when they change.

    read configuration -> Watch -> NextResults -> fold -> publish what changed, or a sign of life -> again

It waits in one place, for results; they come at the latest with the adapter's heartbeat, so that its timers are
looked at. All that it remembers stands in `Prober`; a calm prober comes back to the very same value.
"""

from __future__ import annotations

import msgspec

from holdfast.documents.configuration import read_configuration
from holdfast.documents.reading import Document
from holdfast.health.folding import Change, View, begin, fold, forget_flaps, settle
from holdfast.health.publishing import Outcome, Shelf, publish, same_content
from holdfast.health.roster import Roster, roster
from holdfast.health.trust import distrust
from holdfast.model.configuration import Limits
from holdfast.model.keys import Keys
from holdfast.model.observation import Observations
from holdfast.ports.clock import Arm, Disarm, Fired, Idle, Rest
from holdfast.ports.events import Emit, Event
from holdfast.ports.operation import Loop
from holdfast.ports.probe import NextResults, Watch

CONFIG = "prober/config"
CONFIG_POLL_S = 2.0
TOGETHER = "prober/together"
BACK = "prober/stand-back"
RETRY = "prober/retry"
RETRY_S = 1.0
HEARTBEATS_PER_TTL = 3


class Prober(msgspec.Struct, frozen=True):
    """All that the loop remembers."""

    keys: Keys
    name: str
    config_at: int = 0
    limits: Limits = Limits()
    roster: Roster | None = None
    view: View = View(())
    doubt: str = ""
    shelves: tuple[Shelf, ...] = ()
    trouble: Outcome = Outcome.PUBLISHED
    """Why nothing can be published now; said once, when it begins."""

    @property
    def beats(self) -> tuple[str, ...]:
        """Heartbeat timers, one a shard."""
        return tuple(f"prober/beat/{index}" for index in range(len(self.shelves)))


async def prober_loop(scope: str, prober: str) -> None:
    """Probe for ever, as the stored configuration says, under the name `prober`."""
    state = Prober(keys=Keys(scope), name=prober)
    while True:
        before = state.roster
        state = await _configure(state)
        if state.roster is None:
            await Idle(Rest.POLL, (state.keys.config,))
            continue
        work = state.roster
        if work is not before:
            state = await _publish_all(state, work)
        state = await _publish_all(await _observe(state, work), work)


async def _configure(state: Prober) -> Prober:
    """Take over a changed configuration; an unreadable or unreachable one leaves everything as it is."""
    if state.roster is not None and not await Fired((CONFIG,)):
        return state
    await Disarm((CONFIG,))
    await Arm(CONFIG, CONFIG_POLL_S)
    document = await read_configuration(state.keys)
    if not isinstance(document, Document) or document.revision == state.config_at:
        return state
    configuration = document.value.configuration
    work = roster(configuration, prober=state.name)
    if work is None:
        await _say(state, "prober.unlisted", f"no [[prober]] is named {state.name!r}: nothing is probed")
        await Watch(())
        return Prober(keys=state.keys, name=state.name, config_at=document.revision)
    known = None if state.roster is None else (state.roster, state.view)
    if state.roster is None or work.probes != state.roster.probes:
        await Watch(work.probes)
    # Shards that are no longer used stay on the shelf and are published empty: revisions never fall (R10).
    shelves = state.shelves + (Shelf(),) * (len(work.shards) - len(state.shelves))
    return msgspec.structs.replace(
        state,
        config_at=document.revision,
        limits=configuration.limits,
        roster=work,
        view=begin(work, known=known),
        shelves=shelves,
    )


async def _observe(state: Prober, work: Roster) -> Prober:
    """Wait for results, fold them, and let timers have their say."""
    results = await NextResults()
    view, changes = fold(work, state.view, results)
    for change in changes:
        await _tell(state, change)
    view = await _flap_windows(state, work, view)
    if view is state.view and not state.doubt:
        return state
    return await _doubt(state, work, view)


async def _flap_windows(state: Prober, work: Roster, view: View) -> View:
    """Falls count within a window that begins with the first of them."""
    if not view.flapping:
        return view
    for target in sorted(view.flapping - state.view.flapping):
        await Arm(f"flap/{target}", state.limits.flap_window_s)
    names = tuple(f"flap/{target}" for target in sorted(view.flapping))
    over = tuple(sorted(await Fired(names)))
    if not over:
        return view
    await Disarm(over)
    return forget_flaps(work, view, frozenset(name.removeprefix("flap/") for name in over))


async def _doubt(state: Prober, work: Roster, view: View) -> Prober:
    """Whether the prober distrusts itself now (`trust`); a run of failures ends by its timer."""
    if any(track.recent for track in view.tracks()):
        await Arm(TOGETHER, work.run_s)
        if await Fired((TOGETHER,)):
            await Disarm((TOGETHER,))
            view = settle(work, view)
    else:
        await Disarm((TOGETHER,))
    doubt = distrust(view.tracks(), view.lateness, distrust_share=state.limits.distrust_share)
    if bool(doubt) != bool(state.doubt):
        kind = "prober.distrusts_itself" if doubt else "prober.trusts_itself"
        await _say(state, kind, doubt or "the cause of its doubt is gone")
    # The text is kept from the beginning: its figures change with each result, and are no news.
    doubt = (state.doubt or doubt) if doubt else ""
    return msgspec.structs.replace(state, view=view, doubt=doubt)


async def _publish_all(state: Prober, work: Roster) -> Prober:
    """Publish shards that changed or whose heartbeat is due, unless we stand back or wait to retry."""
    fired = await Fired((BACK, RETRY, *state.beats))
    if state.trouble is not Outcome.PUBLISHED:
        waiting = BACK if state.trouble is Outcome.RIVAL else RETRY
        if waiting not in fired:
            return state
        await Disarm((BACK, RETRY))
    for index, beat in enumerate(state.beats):
        content = _content(state, work, index)
        shelf = state.shelves[index]
        if not same_content(shelf.shown, content) or (beat in fired and content.targets):
            state = await _publish_one(state, index, content)
            if state.trouble is not Outcome.PUBLISHED:
                break
    return state


def _content(state: Prober, work: Roster, index: int) -> Observations:
    seen = state.view.shards[index].seen if index < len(work.shards) else ()
    return Observations(
        observer=f"{state.name}/{index}", vantage=work.vantage, revision=0, targets=seen, distrust=state.doubt
    )


async def _publish_one(state: Prober, index: int, content: Observations) -> Prober:
    shelf, outcome, why = await publish(state.keys, state.shelves[index], content)
    shelves = (*state.shelves[:index], shelf, *state.shelves[index + 1 :])
    if outcome is not state.trouble:
        await _tell_trouble(state, outcome, why)
    if outcome is Outcome.PUBLISHED:
        beat = state.beats[index]
        await Disarm((beat,))
        await Arm(beat, state.limits.observation_ttl_s / HEARTBEATS_PER_TTL)
    elif outcome is Outcome.RIVAL:
        await Arm(BACK, state.limits.observation_ttl_s)
    else:
        await Arm(RETRY, RETRY_S)
    return msgspec.structs.replace(state, shelves=shelves, trouble=outcome)


async def _tell_trouble(state: Prober, outcome: Outcome, why: str) -> None:
    match outcome:
        case Outcome.RIVAL:
            text = f"stands back for {state.limits.observation_ttl_s:g} s: {why}; give each prober its own name"
            await _say(state, "prober.stood_back", text)
        case Outcome.UNREACHABLE:
            await _say(state, "prober.unpublished", f"could not publish: {why}; tries again")
        case Outcome.PUBLISHED:
            await _say(state, "prober.publishes", "publishes again")


async def _tell(state: Prober, change: Change) -> None:
    after = change.after
    await Emit(
        Event(
            kind=f"target.{after.state.value}",
            actor=state.name,
            text=f"{change.target} is {after.state.value}, was {change.before.value}: {after.reason}",
            data=(("target", change.target), ("reason", after.reason), ("flaps", after.flaps)),
        )
    )


async def _say(state: Prober, kind: str, text: str) -> None:
    await Emit(Event(kind=kind, actor=state.name, text=f"prober {state.name}: {text}"))


def prober(scope: str, name: str) -> Loop[None]:
    """The loop as an actor to drive."""
    return prober_loop(scope, name)
