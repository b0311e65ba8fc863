"""Words of people that are not configuration: drains, retired and released names, a rollback in force."""

from __future__ import annotations

import msgspec


class Word(msgspec.Struct, frozen=True, order=True):
    """A person's word about a subject (a target key or a name)."""

    subject: str
    by: str
    reason: str


class RollbackWord(msgspec.Struct, frozen=True):
    """Hold the content of an older generation until `resume` (R13)."""

    generation: int
    by: str
    reason: str


class Directives(msgspec.Struct, frozen=True):
    """The document under `words`; `revision` rises with each change, changed by compare-and-set only."""

    revision: int = 0
    drained: tuple[Word, ...] = ()
    retired: tuple[Word, ...] = ()
    released: tuple[Word, ...] = ()
    rollback: RollbackWord | None = None
    format: int = 1
