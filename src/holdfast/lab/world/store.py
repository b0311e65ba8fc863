"""The store as a value. Semantics are `stores.memory.MemoryState`'s; only revisions are made canonical.

A revision here counts the writes of its own key (deleted keys remember theirs), not all transactions: it still
only rises and never comes back, which is all that a compare-and-set may rely on, and states that differ only in
the order of unrelated writes are equal.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from holdfast.ports.operation import CouldNotAsk, Operation
from holdfast.ports.store import Commit, Committed, Entry
from holdfast.stores.memory import MemoryState


class StoreCell(msgspec.Struct, frozen=True):
    """Content of the store: entries sorted by key; highest revisions of keys that were deleted or set back."""

    entries: tuple[Entry, ...] = ()
    graves: tuple[tuple[str, int], ...] = ()

    def get(self, key: str) -> bytes | None:
        """A value by key."""
        return next((e.value for e in self.entries if e.key == key), None)

    def keys(self, prefix: str) -> tuple[str, ...]:
        """Keys under a prefix, sorted."""
        return tuple(e.key for e in self.entries if e.key.startswith(prefix))


def store_of(documents: Iterable[tuple[str, bytes]]) -> StoreCell:
    """A store that holds these documents."""
    return StoreCell(tuple(Entry(key=k, value=v, revision=1) for k, v in sorted(documents)))


def store_answer(cell: StoreCell, operation: Operation[Any], sinks: tuple[str, ...] = ()) -> tuple[Any, StoreCell]:
    """Result and new content. Puts under `sinks` (documents that no rule reads) are not kept."""
    if isinstance(operation, Commit) and sinks:
        operation = _without_sinks(operation, sinks)
    state = MemoryState(cell.entries)
    result = state.apply(operation)  # type: ignore[call-overload]  # any of the store's four operations
    if not isinstance(operation, Commit) or not isinstance(result, Committed):
        return result, cell
    return _renumbered(cell, operation)


def _without_sinks(commit: Commit, sinks: tuple[str, ...]) -> Commit:
    kept = tuple(p for p in commit.puts if not p.key.startswith(sinks))
    return commit if len(kept) == len(commit.puts) else msgspec.structs.replace(commit, puts=kept)


def _renumbered(cell: StoreCell, commit: Commit) -> tuple[Committed, StoreCell]:
    entries = {e.key: e for e in cell.entries}
    graves = dict(cell.graves)
    highest = 1
    for put in commit.puts:
        revision = _last(put.key, entries, graves) + 1
        entries[put.key] = Entry(key=put.key, value=put.value, revision=revision)
        graves.pop(put.key, None)
        highest = max(highest, revision)
    for key in commit.deletes:
        gone = entries.pop(key, None)
        if gone is not None:
            graves[key] = max(gone.revision, graves.get(key, 0))
    after = StoreCell(tuple(entries[k] for k in sorted(entries)), tuple(sorted(graves.items())))
    return Committed(highest), after


def _last(key: str, entries: dict[str, Entry], graves: dict[str, int]) -> int:
    """The highest revision that the key ever had: a restored copy holds an older one, and counts on from above."""
    entry = entries.get(key)
    return max(graves.get(key, 0), 0 if entry is None else entry.revision)


OUT = CouldNotAsk("the store did not answer")
"""What a read gets that did not come through."""
