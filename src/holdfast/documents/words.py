"""The words of people (`Directives`) in the store: read, and change by compare-and-set.

A change is a pure function from the directives as they are to the directives as they should be, so that a lost
race simply runs it again on what the winner wrote: two people who drain two targets at once both succeed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from holdfast.documents.reading import Document, Garbled, absent, read
from holdfast.model.codec import encode
from holdfast.model.directives import Directives
from holdfast.model.keys import Keys
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.store import ABSENT, Commit, Committed, Lost, Put

CHANGE_ATTEMPTS: Final = 8
"""Words are a person's pace; losing eight races in a row means that something else is wrong, so say so."""


class Refusal(msgspec.Struct, frozen=True):
    """A change that makes no sense as things stand; `text` says why and what to do, for a person."""

    text: str


async def read_words(keys: Keys) -> Document[Directives] | Garbled | CouldNotAsk | None:
    """The directives; None when nobody has said anything yet (then `Directives()` holds)."""
    return await read(keys.words, Directives)


async def change_words(
    keys: Keys, change: Callable[[Directives], Directives | Refusal]
) -> Document[Directives] | Refusal | Garbled | CouldNotAsk | Lost:
    """Apply `change` to the current directives and store the result; a lost race is run again, within bounds.

    `change` need not move `revision`: it is set here to the predecessor's + 1 (I9). A change that alters nothing
    writes nothing and is answered with the document as it is. `CouldNotAsk(maybe_applied=True)` is resolved by
    reading back; `Lost` is returned only when every attempt lost its race.
    """
    result = await _change_once(keys, change)
    for _ in range(CHANGE_ATTEMPTS - 1):
        if not isinstance(result, Lost):
            return result
        result = await _change_once(keys, change)
    return result


async def _change_once(
    keys: Keys, change: Callable[[Directives], Directives | Refusal]
) -> Document[Directives] | Refusal | Garbled | CouldNotAsk | Lost:
    found = await read_words(keys)
    if isinstance(found, (Garbled, CouldNotAsk)):
        return found
    before = Directives() if found is None else found.value
    changed = change(before)
    if isinstance(changed, Refusal):
        return changed
    if msgspec.structs.replace(changed, revision=before.revision) == before:
        return found if found is not None else Document(key=keys.words, value=before, revision=ABSENT)
    after = msgspec.structs.replace(changed, revision=before.revision + 1)
    condition = absent(keys.words) if found is None else found.unchanged()
    result = await Commit(compares=(condition,), puts=(Put(keys.words, encode(after)),))
    if isinstance(result, CouldNotAsk) and result.maybe_applied:
        again = await read_words(keys)
        if isinstance(again, Document) and again.value == after:
            return again
    if isinstance(result, Committed):
        return Document(key=keys.words, value=after, revision=result.revision)
    return result
