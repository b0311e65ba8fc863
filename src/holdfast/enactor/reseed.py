"""A store that knows less than an enactor's disk: lost, empty, or restored from an old copy ("Words").

    fences of all zones, read after the store     this disk          what happens
    --------------------------------------------  -----------------  ----------------------------------------------
    one above the store's newest                  the plan or newer  RESEED: the disk's plan becomes the newest,
                                                                     with newer configuration and words
    one above the store's newest                  older              nothing: the zones stand down
    none above, and the store has a plan          newer              TAKE: the store's word counts; ours was never
                                                                     raised before the store was restored
    none above, and the store has none            any                WAIT for the planner's first plan
    a zone does not answer                        any                WAIT: the highest fence is not known

The new incarnation is the highest one seen + 1, so that whatever the lost history has still in flight stays
below every later plan. The plan keeps its own identity: it is what the fences name, ledger included. A disk that
is *newer* than the highest fence counts as holding it: its plan was the store's newest once, and descends from it.
Rejected: raising the fence first and reseeding afterwards; a raise would then rest on no store's word at all.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping

import msgspec

from holdfast.documents.plans import Chunks, commit_with, write_chunks
from holdfast.documents.reading import Garbled, interpret
from holdfast.enactor.carried import only_in_fences
from holdfast.enactor.knowledge import State, say, take
from holdfast.enactor.memory import Memory
from holdfast.enactor.order import credible
from holdfast.enactor.settings import EnactorSettings
from holdfast.enactor.sight import Sight
from holdfast.enactor.zone import mode
from holdfast.model.codec import encode
from holdfast.model.configuration import Mode, StoredConfiguration
from holdfast.model.directives import Directives
from holdfast.model.identity import NOTHING, Identity
from holdfast.model.keys import Keys
from holdfast.model.plan import Plan
from holdfast.ports.events import Emit, Event
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.provider import FenceFound, FenceReading, ZoneProvider
from holdfast.ports.store import ABSENT, Commit, Committed, Compare, Entry, GetMany, Put


class Settlement(enum.Enum):
    """The table's right side."""

    RESEED = "reseed"
    TAKE = "take"
    STAND_DOWN = "stand-down"
    WAIT = "wait"


def settlement(
    *, plan: Identity, newest: Identity | None, readings: tuple[FenceReading | CouldNotAsk, ...]
) -> Settlement:
    """The table above. Fences that are absent or unreadable say nothing; the incarnation keeps them below."""
    if any(isinstance(r, CouldNotAsk) for r in readings):
        return Settlement.WAIT
    highest = highest_fence(readings)
    if highest > (newest or NOTHING):
        return Settlement.RESEED if plan >= highest else Settlement.STAND_DOWN
    return Settlement.WAIT if newest is None else Settlement.TAKE


def highest_fence(readings: tuple[FenceReading | CouldNotAsk, ...]) -> Identity:
    """The highest identity that any zone names."""
    return max((r.fence.identity for r in readings if isinstance(r, FenceFound)), default=NOTHING)


async def settle(
    state: State, settings: EnactorSettings, providers: Mapping[str, ZoneProvider], sight: Sight
) -> tuple[State, bool]:
    """Settle with a store that is behind; True when the pass should start afresh."""
    plan = state.plan
    assert plan is not None, "only a plan on the disk can be ahead of the store"
    keys = Keys(settings.scope)
    readings: tuple[FenceReading | CouldNotAsk, ...] = ()
    for zone in plan.head.zones:
        provider = providers.get(zone)
        read = CouldNotAsk("no provider") if provider is None else await provider.read_fence(settings.scope)
        readings = (*readings, read if isinstance(read, CouldNotAsk) else credible(read, (plan.identity,)))
    # After the fences: only now does a fence above the newest plan prove that the store lost something.
    entries = await GetMany((keys.newest, keys.incarnation, keys.config, keys.words))
    if isinstance(entries, CouldNotAsk):
        return state, False
    newest = _identity(entries[0])
    if newest != sight.newest:
        return state, True
    match settlement(plan=plan.identity, newest=newest, readings=readings):
        case Settlement.RESEED if mode(settings, state.memory) is Mode.ENFORCE:
            return await _reseed(state, settings, plan, readings, entries)
        case Settlement.TAKE if newest is not None:
            state = await take(state, settings, newest)
            return state, state.identity == newest
        case _:
            stored = "no plan" if newest is None else f"plan {newest} as the newest"
            text = f"the store has {stored}, this disk holds {plan.identity}: the store was lost or restored"
            return await say(state, settings, "zone.held", text), False


def _identity(entry: Entry | None) -> Identity | None:
    document = None if entry is None else interpret(entry, Identity)
    return None if document is None or isinstance(document, Garbled) else document.value


async def _reseed(
    state: State,
    settings: EnactorSettings,
    plan: Plan,
    readings: tuple[FenceReading | CouldNotAsk, ...],
    entries: tuple[Entry | None, ...],
) -> tuple[State, bool]:
    """Chunks first, then one transaction: of several enactors one wins, the others find the store in order."""
    keys = Keys(settings.scope)
    chunks = await write_chunks(keys, plan)
    if not isinstance(chunks, Chunks):
        return state, False
    newest, incarnation, config, words = entries
    own = 0 if incarnation is None else _number(incarnation)
    new = max(own, plan.identity.incarnation, highest_fence(readings).incarnation) + 1
    memory = state.memory
    restored = _newer_documents(keys, memory, config, words)
    # Those of the disk, and those that only a fence still carries.
    freezes = (*memory.freezes, *only_in_fences(readings, frozenset(f.id for f in memory.freezes)))
    puts = [
        Put(keys.plan(plan.identity.generation), encode(plan.head)),
        Put(keys.newest, encode(plan.identity)),
        Put(keys.incarnation, encode(new)),
        *(Put(keys.freeze(f.id), encode(f)) for f in freezes),
        *(Put(key, encode(document)) for key, document in restored),
    ]
    seen = ((keys.newest, newest), (keys.incarnation, incarnation), (keys.config, config), (keys.words, words))
    compares = tuple(Compare(key, ABSENT if entry is None else entry.revision) for key, entry in seen)
    done = await commit_with(chunks, Commit(compares=compares, puts=tuple(puts)))
    if isinstance(done, CouldNotAsk):
        return state, False
    if isinstance(done, Committed):
        with_it = "".join(f", {key} at revision {document.revision}" for key, document in restored)
        text = (
            f"the store had lost its history: plan {plan.identity} put back from the disk of {settings.enactor},"
            f" incarnation {new}, {len(freezes)} freezes{with_it}"
        )
        await Emit(Event("store.reseeded", settings.enactor, text, plan.identity))
    # The store has lost the report too: without it `status` would not show this enactor until its next change.
    return msgspec.structs.replace(state, trouble="", reported=False), True


def _newer_documents(
    keys: Keys, memory: Memory, config: Entry | None, words: Entry | None
) -> tuple[tuple[str, StoredConfiguration | Directives], ...]:
    """Configuration and words of this disk that the store lacks or has at a lower revision.

    Without them the planner could not plan on (I9: a plan is never made from older inputs than its parent's), and
    a lost store would leave dead targets in DNS until a person came. One that can't be read is left alone: it may
    be of a newer version.
    """
    kept: list[tuple[str, StoredConfiguration | Directives]] = []
    if memory.configuration is not None and _revision(config, StoredConfiguration) < memory.configuration.revision:
        kept.append((keys.config, memory.configuration))
    if memory.directives is not None and _revision(words, Directives) < memory.directives.revision:
        kept.append((keys.words, memory.directives))
    return tuple(kept)


def _revision(entry: Entry | None, kind: type[StoredConfiguration] | type[Directives]) -> float:
    """The revision of the store's document; below all for an absent one, above all for an unreadable one."""
    if entry is None:
        return -1
    document = interpret(entry, kind)
    return math.inf if isinstance(document, Garbled) else document.value.revision


def _number(entry: Entry) -> int:
    document = interpret(entry, int)
    return 0 if isinstance(document, Garbled) else document.value
