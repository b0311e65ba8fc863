"""Freezes in the store: what each freeze id in a fence covers (R8).

The fence is what stops writers; these documents only say what an id covers. An id without a readable document
covers everything, so a garbled document must never be read as "no freeze": it comes back as `Garbled`.
"""

from __future__ import annotations

from holdfast.documents.reading import Document, Garbled, absent, read_all
from holdfast.model.codec import encode
from holdfast.model.freeze import Freeze
from holdfast.model.keys import Keys
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.store import Commit, Committed, Get, Lost, Put


async def read_freezes(keys: Keys) -> tuple[Document[Freeze] | Garbled, ...] | CouldNotAsk:
    """All freezes of the scope, sorted by id, in one snapshot; the unreadable ones among them as `Garbled`."""
    return await read_all(keys.freezes, Freeze)


def freeze_id_of(keys: Keys, key: str) -> str:
    """The freeze id that a key under `keys.freezes` stands for (also of a garbled document)."""
    return key.removeprefix(keys.freezes)


async def record_freeze(keys: Keys, freeze: Freeze) -> Committed | Lost | CouldNotAsk:
    """Store a new freeze; `Lost` when its id is taken. A lost answer is resolved by reading back."""
    data = encode(freeze)
    key = keys.freeze(freeze.id)
    result = await Commit(compares=(absent(key),), puts=(Put(key, data),))
    if isinstance(result, CouldNotAsk) and result.maybe_applied:
        entry = await Get(key)
        if entry is not None and not isinstance(entry, CouldNotAsk) and entry.value == data:
            return Committed(entry.revision)
    return result


async def forget_freeze(keys: Keys, freeze_id: str) -> Committed | Lost | CouldNotAsk:
    """Remove a freeze's document: the last step of a thaw, after every fence (R8). Repeating it is no error."""
    return await Commit(deletes=(keys.freeze(freeze_id),))
