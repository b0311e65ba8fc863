"""Read one typed document, telling apart: there, not there, unreadable, could not ask."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from holdfast.model.codec import Unreadable, decode
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.store import ABSENT, Compare, Entry, Get, Range

T = TypeVar("T")


class Garbled(msgspec.Struct, frozen=True):
    """The key exists, its bytes are not the document that belongs there."""

    key: str
    why: str


class Document(msgspec.Struct, Generic[T], frozen=True):
    """A document with the store revision that a compare-and-set of it must name."""

    key: str
    value: T
    revision: int

    def unchanged(self) -> Compare:
        """The condition that this document is still the current one."""
        return Compare(self.key, self.revision)


def interpret(entry: Entry, kind: type[T]) -> Document[T] | Garbled:
    """Decode an entry."""
    try:
        return Document(key=entry.key, value=decode(entry.value, kind), revision=entry.revision)
    except Unreadable as error:
        return Garbled(key=entry.key, why=str(error))


async def read(key: str, kind: type[T]) -> Document[T] | Garbled | CouldNotAsk | None:
    """One document by key."""
    entry = await Get(key)
    if entry is None or isinstance(entry, CouldNotAsk):
        return entry
    return interpret(entry, kind)


async def read_all(prefix: str, kind: type[T]) -> tuple[Document[T] | Garbled, ...] | CouldNotAsk:
    """All documents under a prefix, sorted by key, in one snapshot."""
    entries = await Range(prefix)
    if isinstance(entries, CouldNotAsk):
        return entries
    return tuple(interpret(entry, kind) for entry in entries)


def absent(key: str) -> Compare:
    """The condition that a key does not exist."""
    return Compare(key, ABSENT)
