"""A host's loop: ask, stage, validate, switch, reload, say how far it is.

    delivery newer than mine? -> stage beside -> validate -> switch -> reload -> ready
                 not newer: ignored       fails: refused, the old one stays
                                                        fails: switch back, reload the old one, refused

A refused generation is reported and not tried again: only a newer one is. The comparison with what is current is
made at the switch, by the one who writes, with others kept out: neither an answer that was delayed for hours nor
a process that stood still for as long can bring an old release back.

A host that dies between switch and reload begins by finishing that: else it would say that it is ready while its
daemon runs what was before, or keep a release that its daemon does not take.
"""

from __future__ import annotations

from holdfast.model.delivery import Current, Delivery, Host, TryLater, ready
from holdfast.ports.clock import ATTEMPT_MAX, Arm, Disarm, Fired, Idle, Rest
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.release import (
    AskNewer,
    Command,
    CurrentRelease,
    Discard,
    Loaded,
    Ready,
    Release,
    Run,
    Stage,
    Switch,
)

_AGAIN = "ask-again"


class _Refused:
    """The newest generation that this host refused, and why."""

    def __init__(self) -> None:
        self.generation = 0
        self.why = ""

    def note(self, generation: int, why: str) -> None:
        self.generation, self.why = generation, why


async def config_loop(host: Host) -> None:
    """Keep a host's configuration at what is desired of it, for ever."""
    refused = _Refused()
    attempt = 0
    told = -1
    await _finish(refused)
    while True:
        applied = _applied(await CurrentRelease(), host)
        answer = await AskNewer(host, applied, refused.generation, refused.why, told)
        match answer:
            case Delivery():
                attempt, told = 0, answer.generation
                if await _apply(host, answer, refused, applied):
                    await Ready(ready=True, applied=answer.generation, desired=answer.generation)
                else:
                    await Ready(ready=False, applied=applied, desired=answer.generation)
            case Current():
                attempt, told = 0, answer.generation
                await _say(host, answer.generation)
            case TryLater():
                attempt = 0
                if answer.desired:
                    await _say(host, answer.desired)
                await _wait(answer.after_s)
            case _:
                attempt = min(attempt + 1, ATTEMPT_MAX)
                await Idle(Rest.RETRY, attempt=attempt)


async def _say(host: Host, desired: int) -> None:
    """Ready or not, by what is current now: the answer took a while, and another process may have been here."""
    applied = _applied(await CurrentRelease(), host)
    await Ready(ready=ready(applied, desired), applied=applied, desired=desired)


def _applied(current: Release, host: Host) -> int:
    """What to report. A release that was made for another role has nothing that this host can build upon."""
    return current.generation if current.host == host else 0


async def _wait(after_s: float) -> None:
    """Not before `after_s` from now."""
    if after_s <= 0:
        return
    await Arm(_AGAIN, after_s)
    while _AGAIN not in await Fired((_AGAIN,)):
        await Idle(Rest.POLL)
    await Disarm((_AGAIN,))


async def _finish(refused: _Refused) -> None:
    """Have the daemon take what is current, if it is not known that it did."""
    current = await CurrentRelease()
    if current.before is None or current.loaded:
        return
    await _load(current.generation, current.before, refused)


async def _load(generation: int, before: int, refused: _Refused) -> bool:
    """Reload on what was switched to; if the daemon does not take it, the one before comes back."""
    reloaded = await Run(Command.RELOAD, generation)
    if reloaded.ok:
        await Loaded(generation)
        return True
    refused.note(generation, reloaded.output)
    if await Switch(before, over=generation) is None:
        await Run(Command.RELOAD, before)
    return False


async def _apply(host: Host, delivery: Delivery, refused: _Refused, applied: int) -> bool:
    """Bring the host from what it asked with to a delivery's generation. False: it stays as it is."""
    if isinstance(failed := await Stage(delivery, host), CouldNotAsk):
        refused.note(refused.generation, failed.reason)
        return False
    checked = await Run(Command.VALIDATE, delivery.generation)
    before = await CurrentRelease()
    if not checked.ok:
        refused.note(delivery.generation, checked.output)
        await Discard(before.generation)
        return False
    if before.host == host and before.generation >= delivery.generation:
        return True  # somebody was quicker, and is at least as new
    if not delivery.snapshot and _applied(before, host) != applied:
        refused.note(refused.generation, f"another process made {before.generation} current; asking again")
        return False  # what came is what changed since `applied`, and would be laid over something else
    if isinstance(failed := await Switch(delivery.generation, over=before.generation), CouldNotAsk):
        refused.note(refused.generation, failed.reason)
        return False
    if not await _load(delivery.generation, before.generation, refused):
        return False
    await Discard(before.generation)
    return True
