"""What an enactor says of itself, for `status` and the console: never an input of any rule."""

from __future__ import annotations

import msgspec

from holdfast.model.identity import Identity


class ZoneProgress(msgspec.Struct, frozen=True):
    """Where one zone stands from one enactor's view: `state` is converged, writing, frozen, held, refused, ..."""

    zone: str
    state: str
    fence: Identity | None
    text: str = ""


class EnactorReport(msgspec.Struct, frozen=True):
    """An enactor's progress; `plan` is the newest that it knows."""

    enactor: str
    plan: Identity | None
    zones: tuple[ZoneProgress, ...]
    format: int = 1
