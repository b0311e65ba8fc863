"""The record of decisions: one structured event each, to a sink that can't block a decision (R16).

The sink stamps the wall-clock time and the process; rooms have no clock.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from holdfast.model.identity import Identity
from holdfast.ports.operation import Operation

Scalar: TypeAlias = str | int | float | bool | None


class Event(msgspec.Struct, frozen=True):
    """A decision. `kind` is dotted (`plan.created`, `write.refused`, ...; all listed in docs/events.md).

    `text` is one sentence for people, with the arithmetic; `data` the same for programs.
    """

    kind: str
    actor: str
    text: str
    plan: Identity | None = None
    zone: str = ""
    name: str = ""
    data: tuple[tuple[str, Scalar], ...] = ()


class Emit(Operation[None], frozen=True):
    """Hand over an event."""

    event: Event
