"""Freezes that only fences still carry: what the store has to be told when its history is lost or begun anew.

The documents of such ids were lost with the store. Without one a fence is the last carrier of its freeze, and once
that is garbled, the repair writes through an acknowledged freeze (I5). Nobody knows what such an id covered, or
what `all` stood for: everything (R8), until a person thaws it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from holdfast.model.freeze import Freeze, Selector
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.provider import FenceFound, FenceReading

UNLISTED: Final = "unlisted"
"""The id that stands for those which a fence that says `all` does not name."""


def only_in_fences(
    readings: Iterable[FenceReading | CouldNotAsk], explained: frozenset[str]
) -> tuple[Freeze, ...]:
    """Freezes of these fences without a document, sorted by id; each covers everything."""
    fences = [r.fence for r in readings if isinstance(r, FenceFound)]
    ids = {i for f in fences for i in f.freezes} | {UNLISTED for f in fences if f.freeze_all}
    why = "its document was lost with the store, and a fence still carries it"
    return tuple(Freeze(id=i, selector=Selector(), reason=why, by="unknown") for i in sorted(ids - explained))
