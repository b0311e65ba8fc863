"""The shipped suite for stores, on each store."""

from __future__ import annotations

from pathlib import Path

from holdfast.conformance.store import StoreConformance, run_suite
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.store import Commit, Committed, Entry, Get, Lost
from holdfast.stores.memory import MemoryStore
from holdfast.stores.port import Store
from holdfast.stores.sqlite import SqliteStore


class TestSqlite(StoreConformance):
    """Each peer is a store with its own connection and thread, as another process would have."""

    def open(self, place: Path) -> Store:
        return SqliteStore(place / "store.db")


_PLACES: dict[Path, MemoryStore] = {}


class TestMemory(StoreConformance):
    """Peers are stores on one state."""

    def open(self, place: Path) -> Store:
        return MemoryStore(beside=_PLACES.setdefault(place, MemoryStore()))


class _Forgetful(MemoryStore):
    """A store with a fault: compares are ignored."""

    async def commit(self, op: Commit) -> Committed | Lost | CouldNotAsk:
        return await super().commit(Commit(puts=op.puts, deletes=op.deletes))


class _Stale(MemoryStore):
    """A store with a fault: reads of single keys never show a second value."""

    def __init__(self) -> None:
        super().__init__()
        self._first: dict[str, Entry] = {}

    async def get(self, op: Get) -> Entry | CouldNotAsk | None:
        entry = await super().get(op)
        return self._first.setdefault(op.key, entry) if isinstance(entry, Entry) else entry


async def test_the_suite_runs_without_pytest_and_finds_faults() -> None:
    """`run_suite` passes a right store, and names the requirements that a wrong one breaks."""
    assert await run_suite(TestMemory()) == {}

    class Forgetful(StoreConformance):
        writers, rounds, hint_within_s = 2, 3, 0.05

        def open(self, place: Path) -> Store:
            return _Forgetful()

    class Stale(Forgetful):
        def open(self, place: Path) -> Store:
            return _Stale()

    assert {"test_compare_fails", "test_no_a_b_a", "test_all_or_nothing"} <= set(await run_suite(Forgetful()))
    assert {"test_what_is_put_is_read", "test_another_sees_it_at_once"} <= set(await run_suite(Stale()))
