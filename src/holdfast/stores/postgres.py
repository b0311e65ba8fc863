"""The store on PostgreSQL: any number of processes on any number of machines, one primary.

A transaction is one call of one function in the database (`postgres_schema`), so it takes one round trip and is as
linearizable as the row lock it begins with. Reads are single statements on the primary. Hints come by LISTEN.

What this engine can't give: with asynchronous standbys, a failover may lose the last transactions that were
acknowledged. Holdfast takes that as what it is, a store restored from an older copy (docs/stores.md).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import asyncpg

from holdfast.config.store_address import StoreSettings
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.store import Commit, Committed, Entry, Get, GetMany, Lost, Range
from holdfast.stores.examined import Examined, round_trip, unreachable
from holdfast.stores.hints import HintHub, HintSubscription
from holdfast.stores.port import check_commit
from holdfast.stores.postgres_doctor import SERVER_QUERY, judge_server
from holdfast.stores.postgres_faults import TROUBLES, explain, may_be_applied, store_is_gone
from holdfast.stores.postgres_hints import PostgresHints
from holdfast.stores.postgres_schema import commit_query, get_many_query, get_query, range_query
from holdfast.stores.postgres_session import OPERATION_S, PostgresSession
from holdfast.stores.revisions import new_epoch

T = TypeVar("T")


class PostgresStore:
    """Implements `stores.port.Store`. Connects when first asked; belongs to the event loop that asks."""

    def __init__(
        self,
        settings: StoreSettings,
        *,
        epoch: Callable[[], int] = new_epoch,
        operation_s: float = OPERATION_S,
    ) -> None:
        """`epoch` says, at each connecting, above what revisions go on (`stores.revisions`)."""
        self._session = PostgresSession(settings, epoch=epoch, operation_s=operation_s)
        self._schema = settings.namespace
        self._hints = HintHub()
        self._listening: asyncio.Task[None] | None = None
        self._running: set[asyncio.Task[Any]] = set()
        self._closed = False

    async def check(self) -> CouldNotAsk | None:
        """Enter now; None when the store can be used, else what is wrong with it, for people."""

        async def look(connection: asyncpg.Connection) -> None:
            await connection.execute("SELECT 1")

        return await self._read(look)

    async def examine(self) -> tuple[Examined, ...]:
        """Who answers, how it flushes, whether it is encrypted (`stores.examined`)."""
        entered = await self.check()
        if entered is not None:
            return (unreachable(entered),)

        async def look(connection: asyncpg.Connection) -> tuple[Examined, ...]:
            return judge_server(self._session.settings, await connection.fetchrow(SERVER_QUERY))

        found = await self._read(look)
        if isinstance(found, CouldNotAsk):
            return (unreachable(found),)
        return await round_trip(self.commit), *found

    async def get(self, op: Get) -> Entry | CouldNotAsk | None:
        """One key."""

        async def read(connection: asyncpg.Connection) -> Entry | None:
            row = await connection.fetchrow(get_query(self._schema), op.key)
            return None if row is None else _entry(row)

        return await self._read(read)

    async def get_many(self, op: GetMany) -> tuple[Entry | None, ...] | CouldNotAsk:
        """Several keys in one snapshot."""

        async def read(connection: asyncpg.Connection) -> tuple[Entry | None, ...]:
            rows = await connection.fetch(get_many_query(self._schema), op.keys)
            found = {row["key"]: _entry(row) for row in rows}
            return tuple(map(found.get, op.keys))

        return await self._read(read)

    async def range(self, op: Range) -> tuple[Entry, ...] | CouldNotAsk:
        """All keys under a prefix in one snapshot."""
        query, values = range_query(self._schema, op)

        async def read(connection: asyncpg.Connection) -> tuple[Entry, ...]:
            return tuple(map(_entry, await connection.fetch(query, *values)))

        return await self._read(read)

    async def commit(self, op: Commit) -> Committed | Lost | CouldNotAsk:
        """One transaction, durable before it returns."""
        check_commit(op)
        return await self._shielded(self._commit(op))

    def subscribe(self, prefixes: tuple[str, ...]) -> HintSubscription:
        """Hints for changes under any of the prefixes. Needs the running event loop."""
        subscription = self._hints.subscribe(prefixes)
        if not self._closed and (self._listening is None or self._listening.done()):
            listener = PostgresHints(self._session, self._hints)
            self._listening = asyncio.get_running_loop().create_task(listener.run())
        return subscription

    async def close(self) -> None:
        """Let go of the connections; commits that are under way are waited for."""
        if self._closed:
            return
        self._closed = True
        if self._listening is not None:
            self._listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listening
        if self._running:
            await asyncio.wait(self._running)
        await self._session.close()

    async def _shielded(self, work: Coroutine[Any, Any, T]) -> T:
        """An operation outlives a cancelled caller: half an answer on a connection would be taken for the next."""
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def _read(self, work: Callable[[asyncpg.Connection], Awaitable[T]]) -> T | CouldNotAsk:
        async def perform() -> T | CouldNotAsk:
            if self._closed:
                return self._closed_answer()
            try:
                async with self._session.connection() as connection:
                    return await work(connection)
            except TROUBLES as error:
                return self._could_not(error)

        return await self._shielded(perform())

    async def _commit(self, op: Commit) -> Committed | Lost | CouldNotAsk:
        if self._closed:
            return self._closed_answer()
        sent = False
        try:
            async with self._session.connection() as connection:
                arguments = _arguments(op, self._session.epochs.get(connection.get_server_pid(), 0))
                sent = True
                rows = await connection.fetch(commit_query(self._schema), *arguments)
        except TROUBLES as error:
            return self._could_not(error, maybe_applied=sent and may_be_applied(error))
        if not rows[0]["held"]:
            found = {row["key"]: _entry(row) for row in rows if row["revision"] is not None}
            return Lost(current=tuple(found.get(compare.key) for compare in op.compares))
        self._hints.changed((*(put.key for put in op.puts), *op.deletes))
        return Committed(rows[0]["revision"])

    def _could_not(self, error: BaseException, *, maybe_applied: bool = False) -> CouldNotAsk:
        if store_is_gone(error):
            self._session.look_again()
        return CouldNotAsk(reason=explain(self._session.shown, error), maybe_applied=maybe_applied)

    def _closed_answer(self) -> CouldNotAsk:
        return CouldNotAsk(reason=f"the store {self._session.shown} is closed")


def _entry(row: asyncpg.Record) -> Entry:
    return Entry(key=row["key"], value=row["value"], revision=row["revision"])


def _arguments(op: Commit, epoch: int) -> tuple[object, ...]:
    return (
        [compare.key for compare in op.compares],
        [compare.revision for compare in op.compares],
        [put.key for put in op.puts],
        [put.value for put in op.puts],
        list(op.deletes),
        epoch,
    )
