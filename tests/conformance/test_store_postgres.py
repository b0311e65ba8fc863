"""The store on a real PostgreSQL: the shipped suite, and what becomes of it when the server goes or changes."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from store_places import (
    Places,
    count_in_processes,
    fresh,
    holds_no_more,
    lines,
    replaces,
    rest,
    strike_under_two_writers,
    timed,
    works_again,
    writer,
)

from holdfast.config.store_address import Host, StoreSettings
from holdfast.conformance.store import StoreConformance
from holdfast.conformance.store_steps import put, quiet, value
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.store import Commit, Committed, Get, Put
from holdfast.stores.examined import Verdict
from holdfast.stores.port import Store
from holdfast.stores.postgres import PostgresStore
from servers.postgres import PASSWORD, Postgres, start_postgres
from servers.tls import make_tls
from visible import start_or_skip

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("postgres")]


class TestPostgres(StoreConformance):
    """Each peer has connections of its own, as another process would have."""

    @pytest.fixture(autouse=True)
    def _server(self, postgres: Postgres) -> None:
        self._postgres, self._places = postgres, Places()

    def open(self, place: Path) -> Store:
        return PostgresStore(self._postgres.settings(schema=self._places.name(place)))


@pytest.fixture
def own() -> Iterator[Postgres]:
    """A server of the test's own, which it may stop and kill."""
    with start_or_skip(start_postgres) as running:
        yield running


@asynccontextmanager
async def opened(settings: StoreSettings, **options: float) -> AsyncIterator[PostgresStore]:
    """A store, closed at the end."""
    store = PostgresStore(settings, operation_s=options.get("operation_s", 5.0))
    try:
        yield store
    finally:
        await store.close()


async def refusal(settings: StoreSettings) -> str:
    """What a store that can't be entered says; the password must not be in it."""
    async with opened(settings) as store:
        found = await store.get(Get("k"))
        assert isinstance(found, CouldNotAsk)
        assert not found.maybe_applied
        assert PASSWORD not in found.reason
        return found.reason


# The server goes and comes back


async def test_a_stopped_server_is_could_not_ask_and_comes_back(own: Postgres) -> None:
    """Stopped: nothing is sent, so nothing may be applied. Started: the same store works, hints come again."""
    async with opened(own.settings()) as store, opened(own.settings()) as other:
        await put(store, "k", b"1")
        subscription = other.subscribe(("p/",))
        await quiet(subscription)
        own.stop()
        assert isinstance(await store.get(Get("k")), CouldNotAsk)
        result = await store.commit(Commit(puts=(Put("k", b"2"),)))
        assert isinstance(result, CouldNotAsk)
        assert not result.maybe_applied, result
        own.start()
        await works_again(store)
        assert value(await store.get(Get("k"))) == b"1"
        await asyncio.wait_for(subscription.wait(), 20)  # the listener is back, and says that it may have missed
        await quiet(subscription)
        await put(store, "p/1", b"")
        await asyncio.wait_for(subscription.wait(), 5)


async def test_a_silent_server_is_bounded_and_may_have_applied(own: Postgres) -> None:
    """Stopped in its tracks: a commit gives up in its time and says that it may be applied; a read just fails."""
    async with opened(own.settings(), operation_s=0.5) as store:
        await put(store, "k", b"1")
        own.pause()
        try:
            result = await timed(lambda: store.commit(Commit(puts=(Put("k", b"2"),))), 8)
            assert isinstance(result, CouldNotAsk)
            assert result.maybe_applied
            assert "does not answer in time" in result.reason
        finally:
            own.resume()
        await works_again(store)
        assert value(await store.get(Get("k"))) in (b"1", b"2")


async def test_kill_keeps_what_was_acknowledged(own: Postgres) -> None:
    """`kill -9` of the whole server under two writers: each acknowledged pair is there, none is torn."""

    async def strike() -> None:
        own.kill()
        own.start()

    async with opened(own.settings()) as store:
        await strike_under_two_writers(store, own.settings(), strike, first=20)


async def test_a_paused_writer_holds_up_nobody(postgres: Postgres) -> None:
    """A writer stopped at any point: others commit at once, because a transaction is one statement."""
    settings = postgres.settings(schema=fresh())
    async with opened(settings) as store:
        process = writer("pairs", "x", settings=settings)
        try:
            for number in range(8):
                await asyncio.to_thread(lines, process, 5)
                os.kill(process.pid, signal.SIGSTOP)
                assert isinstance(await timed(lambda n=number: store.commit(_one(n)), 3), Committed)  # type: ignore[misc]
                os.kill(process.pid, signal.SIGCONT)
        finally:
            process.kill()
            await asyncio.to_thread(rest, process)


def _one(number: int) -> Commit:
    return Commit(puts=(Put(f"k/{number}", b""),))


async def test_processes_count_without_losing_one(postgres: Postgres) -> None:
    """Four processes that count up one number by compare-and-set reach exactly the sum."""
    settings = postgres.settings(schema=fresh())
    async with opened(settings) as store:
        await count_in_processes(store, settings, processes=4, each=50)


# An older copy


async def test_a_restored_dump_is_another_history(own: Postgres) -> None:
    """Restored under a running store: no compare of the lost history holds, and revisions go on above it."""
    async with opened(own.settings()) as store:
        kept = await put(store, "kept", b"1")
        dump = own.directory / "dump"
        _dump(own, dump)
        lost = [await put(store, "k", b"%d" % n) for n in range(20)]
        _restore(own, dump)
        assert value(await store.get(Get("kept"))) == b"1"
        assert await store.get(Get("k")) is None
        await holds_no_more(store, *lost)
        for _ in lost:
            assert await put(store, "k", b"other") > lost[-1]
        # What was in the dump is the same entry as before, so it keeps its revision.
        await replaces(store, "kept", kept, b"2")


def _dump(server: Postgres, to: Path) -> None:
    where = ("-h", str(server.directory), "-p", server.port, "-U", "holdfast")
    server.run("pg_dump", *where, "-Fc", "-n", "holdfast", "-f", to, "holdfast")


def _restore(server: Postgres, dump: Path) -> None:
    where = ("-h", str(server.directory), "-p", server.port, "-U", "holdfast")
    server.run("pg_restore", *where, "--clean", "--if-exists", "--single-transaction", "-d", "holdfast", dump)


async def test_a_dropped_schema_is_an_empty_store(postgres: Postgres) -> None:
    """Dropped under a running store, as a deleted file: the next operations find it empty, above all before."""
    schema = fresh()
    async with opened(postgres.settings(schema=schema)) as store:
        before = await put(store, "k", b"1")
        postgres.sql(f"DROP SCHEMA {schema} CASCADE")
        assert isinstance(await store.get(Get("k")), CouldNotAsk)
        assert await store.get(Get("k")) is None
        assert await put(store, "k", b"2") > before


# What it refuses


async def test_a_foreign_schema_is_left_alone(postgres: Postgres) -> None:
    """A schema with somebody else's tables is refused by name, and not touched."""
    schema = fresh()
    postgres.sql(f"CREATE SCHEMA {schema}; CREATE TABLE {schema}.invoices (id int)")
    said = await refusal(postgres.settings(schema=schema))
    assert f"schema {schema} holds something else (tables invoices)" in said
    assert "?schema=" in said
    found = postgres.sql(f"SELECT tablename FROM pg_tables WHERE schemaname = '{schema}'")
    assert found == "invoices"


async def test_a_newer_format_is_refused(postgres: Postgres) -> None:
    """A store that a later version wrote is not read, and says which format it has."""
    schema = fresh()
    async with opened(postgres.settings(schema=schema)) as store:
        await put(store, "k", b"1")
    postgres.sql(f"UPDATE {schema}.store SET format = 7")
    assert "has format 7, this version reads format 1" in await refusal(postgres.settings(schema=schema))


async def test_a_standby_is_refused(own: Postgres) -> None:
    """A server in recovery answers reads with the past: it is named, and nothing is read."""
    async with opened(own.settings()) as store:
        await put(store, "k", b"1")
    own.stop()
    (own.directory / "data" / "standby.signal").touch()
    own.start()
    assert "this server is a standby; name the primary" in await refusal(own.settings())


async def test_several_hosts_find_the_one_that_takes_writes(own: Postgres) -> None:
    """Of several hosts, one that does not listen is passed over."""
    settings = own.settings()
    nobody = Host("127.0.0.1", 1)
    async with opened(msgspec.structs.replace(settings, hosts=(nobody, *settings.hosts))) as store:
        await put(store, "k", b"1")


async def test_no_host_that_takes_writes(own: Postgres) -> None:
    """Two hosts and both are standbys: could not ask, in one line."""
    own.stop()
    (own.directory / "data" / "standby.signal").touch()
    own.start()
    settings = own.settings()
    said = await refusal(msgspec.structs.replace(settings, hosts=settings.hosts * 2))
    assert "target_session_attrs" in said or "read-write" in said


async def test_sessions_that_end_at_any_moment_are_could_not_ask(own: Postgres) -> None:
    """Killed and started again under readers and writers without a pause: answers only, never an exception."""
    async with opened(own.settings()) as store:
        await put(store, "k", b"1")
        stop = asyncio.Event()
        lives = [asyncio.Event() for _ in range(8)]

        async def use(number: int) -> None:
            while not stop.is_set():
                found = await store.get(Get("k"))
                done = await store.commit(_one(number))
                if isinstance(done, Committed) and not isinstance(found, CouldNotAsk):
                    lives[number].set()

        async with asyncio.TaskGroup() as users, asyncio.timeout(120):
            for number in range(8):
                users.create_task(use(number))
            for _ in range(3):
                await asyncio.to_thread(own.kill)
                await start_here(own)
                await works_again(store)
                for live in lives:  # each user comes back, however late the sessions are dealt out
                    live.clear()
                for live in lives:
                    await live.wait()
            stop.set()


async def start_here(server: Postgres) -> None:
    """Start it from this thread: the kernel ends a server with the thread that started it."""
    server.start()


async def test_a_server_that_does_not_flush_is_told_to(own: Postgres) -> None:
    """`synchronous_commit = off` of the server is raised for our sessions: a commit is durable when it answers."""
    own.sql("ALTER SYSTEM SET synchronous_commit = off")
    own.sql("SELECT pg_reload_conf()")
    async with opened(own.settings()) as store:
        await put(store, "k", b"1")
        async with store._session.connection() as connection:
            assert await connection.fetchval("SHOW synchronous_commit") == "on"


async def test_an_examination_names_what_is_doubtful(own: Postgres) -> None:
    """Answers, flushed, alone; then a server that does not flush, then one that is gone."""
    own.sql("ALTER SYSTEM SET fsync = off")
    async with opened(own.settings()) as store:
        found = {one.what: one for one in await store.examine()}
        assert list(found) == ["answers", "server", "durable", "failover", "encrypted"]
        assert {one.what for one in found.values() if one.verdict is not Verdict.GOOD} == {"failover"}
        assert "PostgreSQL 1" in found["server"].text
        own.sql("SELECT pg_reload_conf()")
        await works_again(store)
        found = {one.what: one for one in await store.examine()}
        assert (found["durable"].verdict, found["durable"].advice) == (
            Verdict.DOUBTFUL,
            "fsync = on in postgresql.conf",
        )
        own.stop()
        (gone,) = await store.examine()
        assert (gone.what, gone.verdict) == ("answers", Verdict.BAD)


# Who enters, and how


async def test_password_from_a_private_file(postgres: Postgres, tmp_path: Path) -> None:
    """Missing, wrong, or open to others: each is said in one line with the file; the password is in none."""
    file = tmp_path / "password"
    settings = msgspec.structs.replace(postgres.settings(schema=fresh()), password_file=str(file))
    assert f"can't read {file}" in await refusal(settings)
    file.touch(mode=0o600)
    assert "is empty" in await refusal(settings)
    file.write_text("not the password\n")
    assert "the password is refused: look at store_password_file" in await refusal(settings)
    file.write_text(PASSWORD + "\n")
    file.chmod(0o640)
    assert f"run: chmod 600 {file}" in await refusal(settings)
    file.chmod(0o600)
    async with opened(settings) as store:
        await put(store, "k", b"1")


async def test_no_such_database(postgres: Postgres) -> None:
    """It is named, with what makes it."""
    assert "there is no such database: createdb" in await refusal(postgres.settings(database="nowhere"))


async def test_tls_checks_the_server(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """With TLS: the right CA enters, another is refused, and so is a server without TLS. No secret is logged."""
    caplog.set_level(logging.DEBUG)
    tls, strange = make_tls(tmp_path / "ours"), make_tls(tmp_path / "strange")
    with start_or_skip(start_postgres) as server:
        asked = msgspec.structs.replace(server.settings(), tls=True, ca_file=str(tls.ca))
        assert "rejected SSL upgrade" in await refusal(asked)
        server.use_tls(tls.certificate, tls.key)
        assert "certificate verify failed" in await refusal(
            msgspec.structs.replace(asked, ca_file=str(strange.ca))
        )
        async with opened(asked) as store:
            await put(store, "k", b"1")
            async with store._session.connection() as connection:
                encrypted = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
                assert await connection.fetchval(encrypted) is True
        with_nothing = msgspec.structs.replace(asked, ca_file=str(tmp_path / "none"))
        async with opened(with_nothing) as store:
            found = await store.get(Get("k"))
            assert isinstance(found, CouldNotAsk)
            assert "CA certificates" in found.reason
    assert PASSWORD not in caplog.text
