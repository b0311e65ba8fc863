"""The configuration document in the store (R10): read, and replace by compare-and-set."""

from __future__ import annotations

from holdfast.documents.reading import Document, Garbled, absent, read
from holdfast.model.codec import encode
from holdfast.model.configuration import StoredConfiguration
from holdfast.model.keys import Keys
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.store import Commit, Committed, Lost, Put


async def read_configuration(keys: Keys) -> Document[StoredConfiguration] | Garbled | CouldNotAsk | None:
    """The current configuration; None in an empty store."""
    return await read(keys.config, StoredConfiguration)


async def replace_configuration(
    keys: Keys, stored: StoredConfiguration, onto: Document[StoredConfiguration] | None
) -> Committed | Lost | CouldNotAsk:
    """Store `stored` if the current document is still `onto` (None: if there is none).

    `stored.revision` must be above that of `onto`: R10 compares revisions, and a repeated one would let a plan
    made from the older content pass for current. A lost answer is resolved by reading back.
    """
    assert stored.revision > (0 if onto is None else onto.value.revision), "revisions of the configuration rise"
    condition = absent(keys.config) if onto is None else onto.unchanged()
    data = encode(stored)
    result = await Commit(compares=(condition,), puts=(Put(keys.config, data),))
    if isinstance(result, CouldNotAsk) and result.maybe_applied:
        found = await read_configuration(keys)
        if isinstance(found, Document) and found.value == stored:
            return Committed(found.revision)
    return result
