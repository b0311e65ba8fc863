"""The service's thaw timer: a freeze that was asked for *until* a time is thawed then, as an act of its own (R8).

Writers never read `until_s`: a writer with a wrong clock would end a freeze by itself. This actor is the one place
in the chain that asks for the time of day; if its clock is wrong, a freeze ends early or late by an explicit thaw
that is recorded, never by a write that slips through.
"""

from __future__ import annotations

from collections.abc import Mapping

from holdfast.documents.freezes import read_freezes
from holdfast.documents.reading import Document, Garbled
from holdfast.killswitch.freeze import thaw
from holdfast.model.freeze import Freeze
from holdfast.model.keys import Keys
from holdfast.ports.clock import ATTEMPT_MAX, Idle, Now, Rest
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.provider import ZoneProvider


async def thaw_in_time(scope: str, providers: Mapping[str, ZoneProvider], *, actor: str) -> None:
    """Thaw what is due, for ever."""
    attempt = 0
    hints = (Keys(scope).freezes,)
    while True:
        done = await thaw_due(scope, providers, actor=actor)
        attempt = 0 if done else min(attempt + 1, ATTEMPT_MAX)
        await Idle(Rest.POLL if done else Rest.RETRY, hints=hints, attempt=attempt)


async def thaw_due(scope: str, providers: Mapping[str, ZoneProvider], *, actor: str) -> bool:
    """Thaw each freeze whose time has come; whether all of that worked."""
    found = await read_freezes(Keys(scope))
    if isinstance(found, CouldNotAsk):
        return False
    if not any(isinstance(d, Document) and d.value.until_s is not None for d in found):
        return True
    now_s = await Now()
    done = True
    for freeze_id in due(found, now_s):
        outcome = await thaw(scope, providers, actor=actor, freeze_id=freeze_id, by="timer")
        done = done and outcome.complete and not outcome.store
    return done


def due(found: tuple[Document[Freeze] | Garbled, ...], now_s: int) -> tuple[str, ...]:
    """Ids whose time has come. A document that can't be read has no time: it stays until a person thaws it."""
    return tuple(
        d.value.id
        for d in found
        if isinstance(d, Document) and d.value.until_s is not None and d.value.until_s <= now_s
    )
