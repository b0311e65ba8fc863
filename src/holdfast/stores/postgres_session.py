"""Connections to the PostgreSQL server of a store: entering, checking what is there, making the schema.

A few connections are shared by everything in the process, opened when needed and opened again after a fault. Each
is checked as it opens: a primary, UTF-8, commits flushed before they answer (`synchronous_commit`), transactions
READ COMMITTED, which the store's function is written for. The password's file is read for each.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import asyncpg

from holdfast.config.store_address import StoreSettings
from holdfast.stores.credentials import password, tls_context
from holdfast.stores.postgres_schema import STORE_FORMAT, creation, tables
from holdfast.stores.refusal import Refused

CONNECTIONS_MAX: Final = 4
CONNECT_S: Final = 5.0
LOCK_S: Final = 5.0
"""How long a writer waits for the one before it."""
OPERATION_S: Final = 10.0
CREATION_LOCK: Final = 0x686F6C6466617374
"""Advisory lock of whoever makes the schema: the bytes of "holdfast"."""
_SETTINGS: Final = {
    "application_name": "holdfast",
    "default_transaction_isolation": "read committed",
    "default_transaction_read_only": "off",
    "lock_timeout": f"{LOCK_S:.0f}s",
    "client_min_messages": "error",
}
_UNFLUSHED: Final = "off"


async def _as_it_is(connection: asyncpg.Connection) -> None:
    """Nothing in a session changes after its start, so giving it back to the pool costs no round trip."""


class PostgresSession:
    """The connections of one store. Belongs to one event loop; any number of tasks."""

    def __init__(
        self, settings: StoreSettings, *, epoch: Callable[[], int], operation_s: float = OPERATION_S
    ) -> None:
        self.settings = settings
        self.shown = str(settings)
        self._new_epoch = epoch
        self._operation_s = operation_s
        self._pool: asyncpg.Pool | None = None
        self._entering = asyncio.Lock()
        self._prepared = False
        self._doubts = 0
        self.epochs: dict[int, int] = {}
        """By the server's process of each connection in the pool: above what revisions go on from there."""

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection on which the store is known to be there, given back however it goes.

        Whatever takes longer than the time of an operation ends the connection: what was sent may be done yet.

        Raises:
            TROUBLES: it can't be had, or broke. `Refused`: what is there is no store of this version.
        """
        pool = await self._entered()
        connection = await pool.acquire(timeout=CONNECT_S)
        try:
            if not self._prepared:
                await self._prepare(connection)
            async with asyncio.timeout(self._operation_s):
                yield connection
        except asyncpg.PostgresError:
            raise  # the server's answer: the connection is in order, or the driver has closed it
        except BaseException:
            # Cut off in the middle: no late answer may be taken for that of another.
            connection.terminate()
            raise
        finally:
            await pool.release(connection)

    async def connect(self) -> asyncpg.Connection:
        """A connection of its own, outside the pool.

        Raises:
            TROUBLES: as `connection`.
        """
        connection: asyncpg.Connection = await asyncpg.connect(**self._arguments())
        return connection

    def look_again(self) -> None:
        """The schema may be another: the next operation looks."""
        self._prepared = False
        self._doubts += 1

    async def close(self) -> None:
        """End all connections. What is under way ends with an error."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.terminate()

    async def _entered(self) -> asyncpg.Pool:
        async with self._entering:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    min_size=0,
                    max_size=CONNECTIONS_MAX,
                    init=self._check_session,
                    reset=_as_it_is,
                    **self._arguments(),
                )
            return self._pool

    def _arguments(self) -> dict[str, Any]:
        settings = self.settings
        secret: dict[str, Any] = {}
        if settings.password_file:
            password(settings)  # refused now rather than inside the driver
            secret["password"] = lambda: password(settings)
        return {
            "host": [h.name for h in settings.hosts],
            "port": [h.port for h in settings.hosts],
            "user": settings.user or None,
            "database": settings.database,
            "ssl": tls_context(settings) or False,
            "timeout": CONNECT_S,
            "server_settings": _SETTINGS,
            # Several hosts: the one that takes writes. One host: whatever it is, said in our words.
            "target_session_attrs": "read-write" if len(settings.hosts) > 1 else "any",
            **secret,
        }

    async def _check_session(self, connection: asyncpg.Connection) -> None:
        row = await connection.fetchrow(
            "SELECT pg_is_in_recovery() AS standby, current_setting('server_encoding') AS encoding,"
            " current_setting('synchronous_commit') AS flushed"
        )
        if row["standby"]:
            raise Refused(f"the store {self.shown}: this server is a standby; name the primary in the address")
        if row["encoding"] != "UTF8":
            raise Refused(
                f"the store {self.shown}: the database's encoding is {row['encoding']};"
                " make one with: createdb --encoding=UTF8 --template=template0"
            )
        if row["flushed"] == _UNFLUSHED:
            await connection.execute("SET synchronous_commit = on")
        pid = connection.get_server_pid()
        self.epochs[pid] = self._new_epoch()
        connection.add_termination_listener(lambda _: self.epochs.pop(pid, None))

    async def _prepare(self, connection: asyncpg.Connection) -> None:
        """Make an empty schema a store, or check that it is one of ours. A foreign one is not changed.

        Raises:
            Refused: what is there is something else, or of a format that this version can't read.
        """
        doubts = self._doubts
        async with asyncio.timeout(self._operation_s):
            if not await self._recognised(connection):
                async with connection.transaction():
                    await connection.execute(f"SELECT pg_advisory_xact_lock({CREATION_LOCK})")
                    if not await self._recognised(connection):
                        await connection.execute(creation(self.settings.namespace))
        if doubts == self._doubts:  # nobody was told in the meantime that the schema is another
            # holdfast: ignore[HF001] counted: a doubt that came during the look leaves it to the next operation
            self._prepared = True

    async def _recognised(self, connection: asyncpg.Connection) -> bool:
        """True for a store of ours, False where nothing is."""
        schema = self.settings.namespace
        found = [row["tablename"] for row in await connection.fetch(tables(schema))]
        if not found:
            return False
        if not {"store", "entries"} <= set(found):
            raise Refused(
                f"the store {self.shown}: schema {schema} holds something else (tables {', '.join(found[:5])});"
                " name another with ?schema="
            )
        there = await connection.fetchval(f"SELECT format FROM {schema}.store")  # noqa: S608 - a checked name
        if there != STORE_FORMAT:
            raise Refused(
                f"the store {self.shown} has format {there}, this version reads format {STORE_FORMAT};"
                " run the version that wrote it, or name another schema"
            )
        return True
