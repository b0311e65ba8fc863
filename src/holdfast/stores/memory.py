"""The store in memory: a pure, synchronous engine, and a thin asynchronous store around it.

`MemoryState` is what the laboratory steps: no clock, no tasks; one `apply` is one transaction. Revisions are
one counter for all keys, so a key that was deleted and created again never has an old revision (no A-B-A).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias, overload

from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.store import Commit, Committed, Entry, Get, GetMany, Lost, Range
from holdfast.stores.hints import HintHub, HintSubscription
from holdfast.stores.port import check_commit
from holdfast.stores.revisions import new_epoch

StoreOperation: TypeAlias = Get | GetMany | Range | Commit
StoreResult: TypeAlias = Entry | tuple[Entry | None, ...] | Committed | Lost | None


class MemoryState:
    """Keys, values and revisions. Entries are immutable, so a clone copies one dictionary and nothing else."""

    __slots__ = ("_entries", "revision")

    def __init__(self, entries: Iterable[Entry] = (), revision: int = 0) -> None:
        self._entries = {entry.key: entry for entry in entries}
        self.revision = max((revision, *(entry.revision for entry in self._entries.values())))

    def clone(self) -> MemoryState:
        """An independent copy."""
        copy = MemoryState.__new__(MemoryState)
        copy._entries = self._entries.copy()
        copy.revision = self.revision
        return copy

    def entries(self) -> tuple[Entry, ...]:
        """All entries, sorted by key."""
        return tuple(self._entries[key] for key in sorted(self._entries))

    def canonical(self) -> tuple[tuple[str, bytes, int], ...]:
        """Hashable content with revisions by rank: states that differ only in how often they were written agree.

        A search that keeps revisions in an actor's locals must rank those with `rank` as well.
        """
        ranks = {revision: rank for rank, revision in enumerate(self.revisions(), start=1)}
        return tuple((e.key, e.value, ranks[e.revision]) for e in self.entries())

    def revisions(self) -> tuple[int, ...]:
        """The revisions that entries have, ascending and without repeats."""
        return tuple(sorted({entry.revision for entry in self._entries.values()}))

    @overload
    def apply(self, op: Get) -> Entry | None: ...
    @overload
    def apply(self, op: GetMany) -> tuple[Entry | None, ...]: ...
    @overload
    def apply(self, op: Range) -> tuple[Entry, ...]: ...
    @overload
    def apply(self, op: Commit) -> Committed | Lost: ...
    def apply(self, op: StoreOperation) -> StoreResult:
        """Perform one operation, in place.

        Raises:
            BadTransaction: for a `Commit` outside the contract.
        """
        if isinstance(op, Get):
            return self._entries.get(op.key)
        if isinstance(op, GetMany):
            return tuple(map(self._entries.get, op.keys))
        if isinstance(op, Range):
            return self._range(op)
        return self._commit(op)

    def _range(self, op: Range) -> tuple[Entry, ...]:
        keys = [key for key in self._entries if key.startswith(op.prefix)]
        if op.after:
            keys = [key for key in keys if (key < op.after if op.reverse else key > op.after)]
        keys.sort(reverse=op.reverse)
        found = map(self._entries.__getitem__, keys[: op.limit or None])
        if op.keys_only:
            return tuple(Entry(key=e.key, value=b"", revision=e.revision) for e in found)
        return tuple(found)

    def _commit(self, op: Commit) -> Committed | Lost:
        check_commit(op)
        current = tuple(self._entries.get(compare.key) for compare in op.compares)
        for compare, entry in zip(op.compares, current, strict=True):
            if (0 if entry is None else entry.revision) != compare.revision:
                return Lost(current=current)
        if op.puts or op.deletes:
            self.revision += 1
        for put in op.puts:
            self._entries[put.key] = Entry(key=put.key, value=put.value, revision=self.revision)
        for key in op.deletes:
            self._entries.pop(key, None)
        return Committed(self.revision)


class MemoryStore:
    """Implements `stores.port.Store` for one process: nothing survives it."""

    def __init__(self, state: MemoryState | None = None, *, beside: MemoryStore | None = None) -> None:
        """On `state`, on the data (and hints) of the store `beside`, or on nothing yet."""
        if beside is not None:
            assert state is None, "the data are those of the store beside"
            state = beside.state
        self.state: MemoryState = MemoryState(revision=new_epoch()) if state is None else state
        self._hints: HintHub = HintHub() if beside is None else beside._hints
        self._closed = False

    async def get(self, op: Get) -> Entry | CouldNotAsk | None:
        """One key."""
        return CLOSED if self._closed else self.state.apply(op)

    async def get_many(self, op: GetMany) -> tuple[Entry | None, ...] | CouldNotAsk:
        """Several keys in one snapshot."""
        return CLOSED if self._closed else self.state.apply(op)

    async def range(self, op: Range) -> tuple[Entry, ...] | CouldNotAsk:
        """All keys under a prefix in one snapshot."""
        return CLOSED if self._closed else self.state.apply(op)

    async def commit(self, op: Commit) -> Committed | Lost | CouldNotAsk:
        """One transaction; its hints go out before it returns."""
        if self._closed:
            return CLOSED
        result = self.state.apply(op)
        if isinstance(result, Committed):
            self._hints.changed([*(put.key for put in op.puts), *op.deletes])
        return result

    def subscribe(self, prefixes: tuple[str, ...]) -> HintSubscription:
        """Hints for changes under any of the prefixes."""
        return self._hints.subscribe(prefixes)

    async def close(self) -> None:
        """Further operations answer `CouldNotAsk`."""
        self._closed = True


CLOSED = CouldNotAsk(reason="the store is closed")
