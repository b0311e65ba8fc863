"""Stores on servers give the same answers to any history as the pure engine; revisions are compared by rank."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_places import fresh

from holdfast.ports.store import Commit, Committed, Compare, Entry, Get, GetMany, Lost, Range
from holdfast.stores.etcd import EtcdStore
from holdfast.stores.memory import MemoryState, StoreOperation
from holdfast.stores.port import BadTransaction, Store
from holdfast.stores.postgres import PostgresStore
from servers.etcd import Etcd
from servers.postgres import Postgres
from store_histories import OPERATIONS

pytestmark = pytest.mark.real
NEVER = 7
"""A revision that no entry has: below every clock's microseconds."""

SLOW = settings(
    max_examples=25,
    deadline=None,
    # The servers are of the session: examples share them, each in a namespace of its own.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
HISTORIES = st.lists(OPERATIONS, min_size=5, max_size=25)


class Ranks:
    """Revisions of the store under test by those of the pure engine."""

    def __init__(self) -> None:
        self._theirs: dict[int, int] = {0: 0}

    def learn(self, pure: int, theirs: int) -> None:
        """They are of the same transaction."""
        self._theirs[pure] = theirs

    def asked(self, op: StoreOperation) -> StoreOperation:
        """An operation in the store's own revisions."""
        if not isinstance(op, Commit):
            return op
        compares = tuple(Compare(c.key, self._theirs.get(c.revision, NEVER)) for c in op.compares)
        return msgspec.structs.replace(op, compares=compares)

    def wanted(self, result: object) -> object:
        """What the pure engine answers, in the store's own revisions."""
        if isinstance(result, Entry):
            return self._entry(result)
        if isinstance(result, tuple):
            return tuple(map(self.wanted, result))
        if isinstance(result, Lost):
            return Lost(tuple(e and self._entry(e) for e in result.current))
        return Committed(self._theirs[result.revision]) if isinstance(result, Committed) else result

    def _entry(self, entry: Entry) -> Entry:
        return Entry(entry.key, entry.value, self._theirs[entry.revision])


async def perform(store: Store, op: StoreOperation) -> object:
    """The result, or that the transaction was refused."""
    try:
        if isinstance(op, Get):
            return await store.get(op)
        if isinstance(op, GetMany):
            return await store.get_many(op)
        return await store.range(op) if isinstance(op, Range) else await store.commit(op)
    except BadTransaction as refused:
        return str(refused)


def pure(state: MemoryState, op: StoreOperation) -> object:
    """The same on the pure engine."""
    try:
        return state.apply(op)
    except BadTransaction as refused:
        return str(refused)


async def agree(make: Callable[[], Store], history: list[StoreOperation]) -> None:
    """One history on both, step by step."""
    memory, ranks, store = MemoryState(), Ranks(), make()
    try:
        for op in history:
            theirs, mine = await perform(store, ranks.asked(op)), pure(memory, op)
            if isinstance(theirs, Committed) and isinstance(mine, Committed) and isinstance(op, Commit):
                ranks.learn(mine.revision, theirs.revision)
            assert theirs == ranks.wanted(mine), op
    finally:
        await store.close()


@SLOW
@given(HISTORIES)
@pytest.mark.xdist_group("postgres")
def test_postgresql_answers_like_memory(postgres: Postgres, history: list[StoreOperation]) -> None:
    """Any history of operations has the same results on both engines."""
    asyncio.run(agree(lambda: PostgresStore(postgres.settings(schema=fresh())), history))


@SLOW
@given(HISTORIES)
@pytest.mark.xdist_group("etcd")
def test_etcd_answers_like_memory(etcd: Etcd, history: list[StoreOperation]) -> None:
    """Any history of operations has the same results on both engines."""
    asyncio.run(agree(lambda: EtcdStore(etcd.settings(namespace=fresh())), history))
