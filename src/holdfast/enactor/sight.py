"""What the store says to an enactor: the newest plan, the freezes, the documents; and the look before a message.

The store being out is an ordinary sight, not an error: the loops then go on with what the disk holds.
"""

from __future__ import annotations

import msgspec

from holdfast.documents.reading import Garbled, interpret
from holdfast.enactor.memory import Memory
from holdfast.model.configuration import StoredConfiguration
from holdfast.model.directives import Directives
from holdfast.model.freeze import Freeze, Selector
from holdfast.model.identity import Identity
from holdfast.model.keys import Keys
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.store import Entry, Get, GetMany, Range


class Sight(msgspec.Struct, frozen=True):
    """One look at the store. `newest` is None when it is out, empty, or its pointer can't be read (`garbled`)."""

    reachable: bool
    newest: Identity | None = None
    freezes: tuple[Freeze, ...] = ()
    garbled: tuple[str, ...] = ()

    @property
    def in_force(self) -> frozenset[str]:
        """Ids that the store lists: binding before they have reached every fence."""
        return frozenset(f.id for f in self.freezes)


OUT = Sight(reachable=False)


async def look(keys: Keys) -> Sight:
    """Newest plan and freezes: what R1 and R8 ask for before each message.

    Freezes are read after the pointer: a freeze that is missed here was set later than the newest plan was seen.
    """
    entry = await Get(keys.newest)
    if isinstance(entry, CouldNotAsk):
        return OUT
    return await _with_freezes(keys, entry)


async def _with_freezes(keys: Keys, newest: Entry | None) -> Sight:
    entries = await Range(keys.freezes)
    if isinstance(entries, CouldNotAsk):
        return OUT
    garbled: list[str] = []
    identity = None
    if newest is not None:
        document = interpret(newest, Identity)
        if isinstance(document, Garbled):
            garbled.append(f"{document.key}: {document.why}")
        else:
            identity = document.value
    return Sight(
        reachable=not garbled,
        newest=identity,
        freezes=tuple(_freeze(keys, e, garbled) for e in entries),
        garbled=tuple(garbled),
    )


def _freeze(keys: Keys, entry: Entry, garbled: list[str]) -> Freeze:
    """A freeze document; one that can't be read covers everything (R8)."""
    document = interpret(entry, Freeze)
    id_ = entry.key.removeprefix(keys.freezes)
    if not isinstance(document, Garbled) and document.value.id == id_:
        return document.value
    why = document.why if isinstance(document, Garbled) else f"it says it is {document.value.id}"
    garbled_note = f"{entry.key}: {why}"
    return Freeze(id=id_, selector=Selector(), reason=f"its document can't be read ({garbled_note})", by="unknown")


class Documents(msgspec.Struct, frozen=True):
    """Raw configuration and words as last read: compared as bytes, so an unchanged one is not decoded again."""

    configuration: bytes = b""
    words: bytes = b""


async def consult(keys: Keys, memory: Memory, known: Documents) -> tuple[Sight, Memory, Documents]:
    """The look at the start of a pass: also refreshes configuration, words and freezes in memory."""
    entries = await GetMany((keys.newest, keys.config, keys.words))
    if isinstance(entries, CouldNotAsk):
        return OUT, memory, known
    newest, config, words = entries
    sight = await _with_freezes(keys, newest)
    if not sight.reachable:
        return sight, memory, known
    if config is not None and config.value != known.configuration:
        stored = interpret(config, StoredConfiguration)
        if not isinstance(stored, Garbled):
            memory = msgspec.structs.replace(memory, configuration=stored.value)
            known = msgspec.structs.replace(known, configuration=config.value)
    if words is not None and words.value != known.words:
        said = interpret(words, Directives)
        if not isinstance(said, Garbled):
            memory = msgspec.structs.replace(memory, directives=said.value)
            known = msgspec.structs.replace(known, words=words.value)
    return sight, memory.with_freezes(sight.freezes), known
