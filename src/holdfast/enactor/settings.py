"""How one enactor is set up: values handed in by the composition root, constant while it runs."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from holdfast.model.configuration import Mode
from holdfast.model.fence import is_writer_id
from holdfast.ports.provider import Fencing, ZoneProvider
from holdfast.ports.signing import BelievesPlans


class EnactorSettings(msgspec.Struct, frozen=True):
    """Who this enactor is.

    `turn` of `turns` (0 of 1 when alone) says at which part of a large change it begins, so that enactors that
    work side by side share the writing: a hint for speed, never for correctness. `mode` holds until a
    configuration is known. `ask_servers` turns the questions to all name servers after a write off (R18)."""

    scope: str
    enactor: str
    turn: int = 0
    turns: int = 1
    mode: Mode = Mode.ENFORCE
    ask_servers: bool = True
    believes: BelievesPlans | None = None
    """The keys that sign plans; None believes plans without signatures."""


def refuse_start(settings: EnactorSettings, providers: Iterable[ZoneProvider]) -> str | None:
    """Why this enactor must not start; None if it may (design decision 4).

    A provider without fencing can't refuse a stale write, so two enactors there are the outage of 2025.
    """
    if not is_writer_id(settings.enactor):
        return (
            f"enactor id {settings.enactor!r} can't stand in a fence: 1 to 32 of a-z, 0-9, dot, dash, underscore,"
            " starting with a letter or a digit"
        )
    if not 0 <= settings.turn < settings.turns:
        return f"enactor {settings.enactor} has turn {settings.turn} of {settings.turns}; turns count from 0"
    unfenced = sorted(p.zone for p in providers if p.capabilities.fencing is Fencing.NONE)
    if unfenced and settings.turns > 1:
        return (
            f"the provider of zone {', '.join(unfenced)} can't make a write conditional (fencing: none), so"
            f" {settings.turns} enactors could overwrite each other there: run one enactor, or another provider"
        )
    return None
