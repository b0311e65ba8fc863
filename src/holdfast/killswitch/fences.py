"""One zone's fence changed by compare-and-set, again until it holds: the only way in which a freeze comes or goes.

    read -> already as wanted: done
         -> a fence:   pin it, write it with the ids changed (identity as it is; sequence + 1)
         -> missing:   pin the exact SOA as well (R3), put up a fence at generation 0
    written where it propagates (Route 53): a freeze is done when all name servers show it (R8)
    lost the race: read again, after a short jitter; could not ask: again, after a backoff; at most TRIES times

Enactors look for freezes before each message, so they stop writing the moment the order is in the store, and
this loop is not starved (R8).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from holdfast.model.fence import Fence, as_read
from holdfast.ports.clock import ATTEMPT_MAX, Idle, Rest
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.provider import (
    Blocked,
    Denied,
    FencedWrite,
    FenceFound,
    FenceMoved,
    PinFence,
    PinRepair,
    Wrote,
    ZoneProvider,
)

TRIES: Final = 12
"""Races and silences in a row before a zone is reported as not reached; a person then decides to go on."""

SYNC_POLLS: Final = 150
"""Looks at a change that is on its way to the name servers, a poll apart: five minutes, where one is usual."""


class ZoneOutcome(msgspec.Struct, frozen=True):
    """One zone: whether its fence is as wanted, and if not, why."""

    zone: str
    done: bool
    text: str = ""


Change = Callable[[Fence], Fence | str]
"""The fence as it should be, or why that can't be decided."""


async def change_fence(
    provider: ZoneProvider, scope: str, actor: str, change: Change, *, create: Fence | None
) -> ZoneOutcome:
    """Change a zone's fence. A zone without one is done, unless `create` says which one to begin with."""
    last = ""
    for attempt in range(TRIES):
        outcome = await _once(provider, scope, actor, change, create=create)
        if isinstance(outcome, ZoneOutcome):
            return outcome
        if isinstance(outcome, Wrote):
            return await _everywhere(provider, outcome.change)
        rest, last = outcome
        if attempt + 1 < TRIES:
            await Idle(rest, attempt=min(attempt, ATTEMPT_MAX))
    return ZoneOutcome(provider.zone, done=False, text=f"given up after {TRIES} tries: {last}")


async def _once(
    provider: ZoneProvider, scope: str, actor: str, change: Change, *, create: Fence | None
) -> ZoneOutcome | Wrote | tuple[Rest, str]:
    zone = provider.zone
    awaited = provider.capabilities.propagates and create is not None
    reading = await provider.read_fence(scope)
    if isinstance(reading, CouldNotAsk):
        return Rest.RETRY, reading.reason
    if isinstance(reading, FenceFound):
        before = reading.fence
        pin: PinFence | PinRepair = PinFence(before)
    elif create is None:
        return ZoneOutcome(zone, done=True, text="has no readable fence, so nothing to take away")
    elif not provider.capabilities.repairs:
        return ZoneOutcome(
            zone, done=False, text="has no readable fence, and this server's serial can't be pinned (R3)"
        )
    else:
        soa = await provider.read_soa()
        if isinstance(soa, CouldNotAsk):
            return Rest.RETRY, soa.reason
        before = create
        pin = PinRepair(reading, soa)
    wanted = change(before)
    if isinstance(wanted, str):
        return ZoneOutcome(zone, done=False, text=wanted)
    wanted = as_read(wanted)
    if isinstance(pin, PinFence) and _same_freezes(wanted, before) and not awaited:
        return ZoneOutcome(zone, done=True)
    after = msgspec.structs.replace(wanted, sequence=before.sequence + 1, writer=actor)
    answer = await provider.write(scope, FencedWrite(pin, after, ()))
    if not (awaited and isinstance(answer, Wrote)):
        return _read(zone, answer)
    # Already there, but by a change that nobody can ask about (its reply was lost): written again, it has a name.
    return answer if answer.change else (Rest.TURN, "it is written, but not yet known to be at all name servers")


async def _everywhere(provider: ZoneProvider, change: str) -> ZoneOutcome:
    """R8: a freeze that propagates is acknowledged when the last name server shows it."""
    for _ in range(SYNC_POLLS):
        if await provider.in_sync(change) is True:
            return ZoneOutcome(provider.zone, done=True)
        await Idle(Rest.POLL)
    text = (
        f"the fence carries it, so no write is accepted any more, but change {change} is not at all name servers"
    )
    return ZoneOutcome(provider.zone, done=False, text=text)


def _same_freezes(one: Fence, other: Fence) -> bool:
    return (one.freezes, one.freeze_all) == (other.freezes, other.freeze_all)


def _read(zone: str, answer: object) -> ZoneOutcome | tuple[Rest, str]:
    match answer:
        case Wrote():
            return ZoneOutcome(zone, done=True)
        case FenceMoved():
            return Rest.TURN, "another writer moved the fence each time"
        case Denied(reason=reason):
            return ZoneOutcome(zone, done=False, text=reason)
        case Blocked(offenders=offenders):
            return ZoneOutcome(zone, done=False, text="; ".join(f"{o.name} {o.why}" for o in offenders))
        case CouldNotAsk(reason=reason):
            return Rest.RETRY, reason
        case _:
            raise AssertionError(f"no such result of a write: {answer!r}")
