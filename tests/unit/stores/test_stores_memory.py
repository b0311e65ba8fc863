"""The pure engine, and that SQLite gives the same answers to any history."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.ports.store import Commit, Committed, Entry, Get, GetMany, Put, Range
from holdfast.stores.memory import MemoryState, StoreOperation
from holdfast.stores.port import BadTransaction, prefix_end
from holdfast.stores.sqlite_file import SqliteFile
from store_histories import COMMITS, OPERATIONS, PREFIXES


def answer(store: MemoryState | SqliteFile, op: StoreOperation) -> object:
    """The result, or that the transaction was refused."""
    try:
        if isinstance(store, MemoryState):
            return store.apply(op)
        if isinstance(op, Get):
            return store.get(op)
        if isinstance(op, GetMany):
            return store.get_many(op)
        return store.range(op) if isinstance(op, Range) else store.commit(op)
    except BadTransaction as refused:
        return str(refused)


@settings(max_examples=80, deadline=None)
@given(st.lists(OPERATIONS, max_size=25))
def test_sqlite_answers_like_memory(operations: list[StoreOperation]) -> None:
    """Any history of operations has the same results, revisions included, on both engines."""
    memory = MemoryState()
    with tempfile.TemporaryDirectory(prefix="holdfast-store-") as place:
        sqlite = SqliteFile(Path(place) / "store.db", epoch=lambda: 0)
        for op in operations:
            assert answer(sqlite, op) == answer(memory, op), op
        sqlite.close()


@given(PREFIXES, st.text(alphabet="p/q\ud7ff\ue000\U0010ffff", max_size=4))
def test_prefix_end_separates(prefix: str, key: str) -> None:
    """A key lies in [prefix, prefix_end) exactly if it has the prefix."""
    end = prefix_end(prefix)
    assert key.startswith(prefix) == (prefix <= key and (end is None or key < end))


@given(st.lists(COMMITS, max_size=8))
def test_a_clone_is_independent(commits: list[Commit]) -> None:
    """What happens to a clone does not happen to its original."""
    state = MemoryState()
    state.apply(Commit(puts=(Put("a", b"1"),)))
    before = state.canonical()
    clone = state.clone()
    for commit in commits:
        answer(clone, commit)
    assert state.canonical() == before
    assert state.revision == 1


def test_canonical_forgets_how_often() -> None:
    """States that differ only in how many revisions passed are equal; the order of last writes is kept."""
    one = MemoryState([Entry("a", b"", 3), Entry("b", b"", 7)], revision=9)
    same = MemoryState([Entry("b", b"", 2), Entry("a", b"", 1)])
    swapped = MemoryState([Entry("b", b"", 1), Entry("a", b"", 2)])
    assert hash(one.canonical()) == hash(same.canonical())
    assert one.canonical() == same.canonical() != swapped.canonical()
    assert one.revisions() == (3, 7)
    assert one.apply(Commit(puts=(Put("c", b""),))) == Committed(10)


@pytest.mark.parametrize("prefix", ["", "\U0010ffff", "\U0010ffff\U0010ffff"])
def test_some_prefixes_have_no_end(prefix: str) -> None:
    """Nothing lies above all keys with such a prefix."""
    assert prefix_end(prefix) is None
