"""The registrar: who holds leases becomes targets of the configuration in the store, and observations of them.

    configuration, leases, own observations -> `members` -> one transaction -> again, on a hint or after a while

It compares the configuration that it read, so it never undoes what a person applied; members raise its revision
like any change (R10), and what the file was last applied as stays known (`StoredConfiguration.applied`). Several
may run: they write the same, and the one that loses reads again.
"""

from __future__ import annotations

from typing import Final

import msgspec

from holdfast.documents.configuration import read_configuration
from holdfast.documents.reading import Document, Garbled, interpret, read
from holdfast.leases.members import FORGET_MOST_S, FORGET_S, Membership, membership, roles
from holdfast.model.codec import encode
from holdfast.model.configuration import StoredConfiguration
from holdfast.model.keys import Keys
from holdfast.model.lease import Lease
from holdfast.model.observation import LEASES_OBSERVER, Observations
from holdfast.ports.clock import ATTEMPT_MAX, Arm, Disarm, Fired, Idle, Rest
from holdfast.ports.events import Emit, Event
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.store import ABSENT, Commit, Committed, Compare, Put, Range

BEAT: Final = "registrar/beat"
HEARTBEATS_PER_TTL: Final = 3
FORGET: Final = "registrar/forget/"
FORGET_MOST: Final = "registrar/forget-most/"
ACTOR: Final = "registrar"


class _State(msgspec.Struct, frozen=True):
    """What the loop remembers: which targets wait to be forgotten, and what it said last."""

    lost: tuple[str, ...] = ()
    trouble: str = ""
    attempt: int = 0


async def registrar_loop(scope: str) -> None:
    """Make members known, for ever."""
    keys = Keys(scope)
    state = _State()
    while True:
        state, rest = await _pass(keys, state)
        await Idle(rest, (keys.leases, keys.config), attempt=state.attempt)


async def _pass(keys: Keys, state: _State) -> tuple[_State, Rest]:
    stored = await read_configuration(keys)
    if stored is None:
        return msgspec.structs.replace(state, attempt=0), Rest.POLL
    if not isinstance(stored, Document):
        return await _trouble(state, stored)
    wanted = roles(stored.value.configuration)
    if not wanted:
        return msgspec.structs.replace(state, attempt=0), Rest.POLL
    leases = await _leases(keys, wanted)
    if isinstance(leases, CouldNotAsk):
        return await _trouble(state, leases)
    key = keys.observer(LEASES_OBSERVER)
    own = await read(key, Observations)
    if isinstance(own, CouldNotAsk):
        return await _trouble(state, own)
    before = own.value.targets if isinstance(own, Document) else ()
    found = membership(
        stored.value.configuration,
        leases,
        {one.target: one for one in before},
        forget=await _gone_for_long(state, FORGET),
        forget_most=await _gone_for_long(state, FORGET_MOST),
    )
    state = await _remember_lost(state, found)
    return await _publish(keys, state, stored, own, found)


async def _leases(keys: Keys, wanted: tuple[str, ...]) -> list[Lease] | CouldNotAsk:
    found: list[Lease] = []
    for role in wanted:
        entries = await Range(keys.lease(f"{role}/"))
        if isinstance(entries, CouldNotAsk):
            return entries
        for entry in entries:
            lease = interpret(entry, Lease)
            if isinstance(lease, Document):  # one that can't be read is nobody's, as for the lease service
                found.append(lease.value)
    return found


async def _gone_for_long(state: _State, timers: str) -> frozenset[str]:
    """Those of the lost whose timers of this kind have fired."""
    if not state.lost:
        return frozenset()
    fired = await Fired(tuple(timers + key for key in state.lost))
    return frozenset(timer.removeprefix(timers) for timer in fired)


async def _remember_lost(state: _State, found: Membership) -> _State:
    """Timers of those that are lost; those that came back, or were forgotten, need none."""
    gone = tuple(timer + key for key in state.lost if key not in found.lost for timer in (FORGET, FORGET_MOST))
    if gone:
        await Disarm(gone)
    for key in found.lost:
        if key not in state.lost:
            await Arm(FORGET + key, FORGET_S)
            await Arm(FORGET_MOST + key, FORGET_MOST_S)
    return state if state.lost == found.lost else msgspec.structs.replace(state, lost=found.lost)


async def _publish(
    keys: Keys,
    state: _State,
    stored: Document[StoredConfiguration],
    own: Document[Observations] | Garbled | None,
    found: Membership,
) -> tuple[_State, Rest]:
    """Members and what is said of them in one transaction, if anything is new or the sign of life is due."""
    configuration = stored.value.configuration
    puts: list[Put] = []
    if found.groups != configuration.groups:
        puts.append(Put(keys.config, encode(_with(stored.value, found))))
    shown = own.value if isinstance(own, Document) else None
    beat = await Fired((BEAT,))
    if puts or beat or shown is None or shown.targets != found.seen:
        # An unreadable document counts with its revision in the store, which is no lower than its own was.
        compare, revision = await _own_place(keys, own)
        if compare is None:
            return msgspec.structs.replace(state, attempt=0), Rest.TURN
        document = Observations(LEASES_OBSERVER, "leases", revision + 1, found.seen)
        key = keys.observer(LEASES_OBSERVER)
        puts.append(Put(key, encode(document)))
        written = await Commit((stored.unchanged(), compare), tuple(puts))
        if isinstance(written, CouldNotAsk):
            return await _trouble(state, written)
        if not isinstance(written, Committed):
            return msgspec.structs.replace(state, attempt=0), Rest.TURN
        await Disarm((BEAT,))
        await _tell(found)
    await Arm(BEAT, configuration.limits.observation_ttl_s / HEARTBEATS_PER_TTL)
    return msgspec.structs.replace(state, trouble="", attempt=0), Rest.POLL


async def _own_place(keys: Keys, own: Document[Observations] | Garbled | None) -> tuple[Compare | None, int]:
    if isinstance(own, Document):
        return own.unchanged(), own.value.revision
    key = keys.observer(LEASES_OBSERVER)
    if own is None:
        return Compare(key, ABSENT), 0
    entries = await Range(key)
    if isinstance(entries, CouldNotAsk) or not entries:
        return None, 0
    return Compare(key, entries[0].revision), entries[0].revision


def _with(stored: StoredConfiguration, found: Membership) -> StoredConfiguration:
    configuration = msgspec.structs.replace(stored.configuration, groups=found.groups)
    return msgspec.structs.replace(
        stored, revision=stored.revision + 1, applied=stored.of_file, configuration=configuration
    )


async def _tell(found: Membership) -> None:
    for key in found.joined:
        await Emit(
            Event("target.joined", ACTOR, f"{key} holds a lease, and is a target now", data=(("target", key),))
        )
    for key in found.forgotten:
        text = f"{key} has had no lease for {FORGET_S / 60:g} minutes or more, and is not configured any more"
        await Emit(Event("target.forgotten", ACTOR, text, data=(("target", key),)))


async def _trouble(state: _State, found: Garbled | CouldNotAsk) -> tuple[_State, Rest]:
    why = found.why if isinstance(found, Garbled) else found.reason
    if why != state.trouble:
        await Emit(Event("registrar.waits", ACTOR, f"members are not made known now: {why}"))
    attempt = min(state.attempt + 1, ATTEMPT_MAX)
    return msgspec.structs.replace(state, trouble=why, attempt=attempt), Rest.RETRY
