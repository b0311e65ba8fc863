"""The SQLite store and its file: deleted, replaced, foreign, damaged, not to be written."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import stat
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from holdfast.conformance.store_steps import keys, put, quiet
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.store import ABSENT, Commit, Committed, Compare, Entry, Get, Put, Range
from holdfast.stores import sqlite_file
from holdfast.stores.sqlite import SqliteStore


@pytest.fixture
async def open_store(tmp_path: Path) -> AsyncIterator[Callable[[], SqliteStore]]:
    """Opens stores on one file, and closes them."""
    stores: list[SqliteStore] = []

    def opened() -> SqliteStore:
        stores.append(SqliteStore(tmp_path / "store.db", busy_wait_s=0.5))
        return stores[-1]

    yield opened
    for store in stores:
        await store.close()


def remove(path: Path, *suffixes: str) -> None:
    """Delete a store's files."""
    for suffix in suffixes:
        path.with_name(path.name + suffix).unlink()


@pytest.mark.parametrize("suffixes", [("",), ("", "-wal", "-shm"), ("", "-wal")])
async def test_a_deleted_store_is_empty_and_shared(
    tmp_path: Path, open_store: Callable[[], SqliteStore], suffixes: tuple[str, ...]
) -> None:
    """After the file is deleted, all who have it open meet again in one new, empty file."""
    one, two, three = open_store(), open_store(), open_store()
    for store in (one, two, three):
        await put(store, "old", b"1")
    remove(tmp_path / "store.db", *suffixes)
    assert await one.get(Get("old")) is None
    made = await one.commit(Commit(compares=(Compare("new", ABSENT),), puts=(Put("new", b"1"),)))
    assert isinstance(made, Committed)
    for store in (one, two, three):
        assert keys(await store.range(Range(""))) == ["new"]
    await put(two, "second", b"")
    await put(three, "third", b"")
    assert keys(await one.range(Range(""))) == ["new", "second", "third"]


@pytest.mark.parametrize("log_stays", [True, False])
async def test_a_restored_copy_is_used(
    tmp_path: Path, open_store: Callable[[], SqliteStore], log_stays: bool
) -> None:
    """A copy moved over the file is the store from then on, exactly; the old file's log is not mixed in."""
    path = tmp_path / "store.db"
    first = SqliteStore(path)
    for number in range(50):
        await put(first, f"k/{number:02d}", b"old" * 100)
    await first.close()
    shutil.copyfile(path, tmp_path / "copy.db")
    one, two = open_store(), open_store()
    for number in range(60):
        await put(one if number % 2 else two, f"k/{number:02d}", b"new" * 1000)
    if not log_stays:
        remove(path, "-wal", "-shm")
    (tmp_path / "copy.db").rename(path)
    for store in (two, one):
        found = await store.range(Range(""))
        assert not isinstance(found, CouldNotAsk)
        assert len(found) == 50
        assert {e.value for e in found} == {b"old" * 100}
    await put(one, "k/after", b"")
    assert isinstance(await two.get(Get("k/after")), Entry)


async def test_no_compare_of_lost_history_holds_in_a_restored_copy(
    tmp_path: Path, open_store: Callable[[], SqliteStore]
) -> None:
    """After a restore, documents that are written anew never have a revision that lost ones had."""
    path = tmp_path / "store.db"
    first = SqliteStore(path)
    await put(first, "newest", b"1")
    await first.close()
    shutil.copyfile(path, tmp_path / "copy.db")
    store = open_store()
    lost = [await put(store, "newest", b"lost") for _ in range(5)]
    (tmp_path / "copy.db").rename(path)
    again = [await put(store, "newest", b"again") for _ in range(5)]
    assert min(again) > max(lost)


async def test_no_commit_is_acknowledged_into_an_unlinked_file(
    tmp_path: Path, open_store: Callable[[], SqliteStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that vanishes between the check and the commit: "could not ask, may be applied", not a success."""
    store = open_store()
    await put(store, "k", b"1")
    write = sqlite_file._write

    def vanish(connection: sqlite3.Connection, op: Commit, epoch: int) -> int:
        remove(tmp_path / "store.db", "")
        return write(connection, op, epoch)

    monkeypatch.setattr(sqlite_file, "_write", vanish)
    result = await store.commit(Commit(puts=(Put("k", b"2"),)))
    assert isinstance(result, CouldNotAsk)
    assert result.maybe_applied
    assert "deleted or replaced" in result.reason


async def test_a_replaced_file_wakes_everyone(tmp_path: Path, open_store: Callable[[], SqliteStore]) -> None:
    """Whoever waits for hints learns that the store is another one."""
    store = open_store()
    await put(store, "k", b"1")
    subscription = store.subscribe(("p/",))
    await quiet(subscription)
    remove(tmp_path / "store.db", "", "-wal", "-shm")
    await asyncio.wait_for(subscription.wait(), 5)


async def test_a_foreign_file_is_refused_untouched(tmp_path: Path, open_store: Callable[[], SqliteStore]) -> None:
    """A database of something else is named with its tables, and not one byte of it changes."""
    path = tmp_path / "store.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE customers (id)")
    connection.close()
    before = path.read_bytes()
    store = open_store()
    refused = await store.check()
    assert refused is not None
    assert "customers" in refused.reason
    result = await store.commit(Commit(puts=(Put("k", b""),)))
    assert result == CouldNotAsk(refused.reason)
    assert path.read_bytes() == before


async def test_a_future_format_is_refused(tmp_path: Path, open_store: Callable[[], SqliteStore]) -> None:
    """A store of a newer version says which format it has and which one is understood."""
    first = SqliteStore(tmp_path / "store.db")
    await put(first, "k", b"1")
    await first.close()
    with sqlite3.connect(tmp_path / "store.db") as connection:
        connection.execute("UPDATE holdfast SET value = 9 WHERE name = 'format'")
    connection.close()
    result = await open_store().get(Get("k"))
    assert isinstance(result, CouldNotAsk)
    assert "has format 9, this version reads format 1" in result.reason


async def test_no_database_is_named(tmp_path: Path, open_store: Callable[[], SqliteStore]) -> None:
    """A file that is no database gives a sentence, not a traceback, and stays as it was."""
    (tmp_path / "store.db").write_text("[scope]\n" * 1000)
    refused = await open_store().check()
    assert refused is not None
    assert "is no SQLite database" in refused.reason
    assert (tmp_path / "store.db").read_text().startswith("[scope]")


async def test_damage_is_named_and_a_good_copy_heals(
    tmp_path: Path, open_store: Callable[[], SqliteStore]
) -> None:
    """Pages overwritten with garbage are reported; once a good copy is moved in place, work goes on."""
    path = tmp_path / "store.db"
    first = SqliteStore(path)
    for number in range(300):
        await put(first, f"k/{number}", b"v" * 500)
    await first.close()
    shutil.copyfile(path, tmp_path / "good.db")
    with path.open("r+b") as file:
        file.seek(8192)
        file.write(os.urandom(path.stat().st_size - 8192))
    store = open_store()
    result = await store.range(Range(""))
    assert isinstance(result, CouldNotAsk)
    assert "damaged" in result.reason
    (tmp_path / "good.db").rename(path)
    assert len(keys(await store.range(Range("")))) == 300


async def test_a_full_disk_is_named_and_nothing_is_written(
    tmp_path: Path, open_store: Callable[[], SqliteStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit that does not fit says that the disk is full, was not applied, and leaves the store usable."""
    store = open_store()
    await put(store, "k", b"1")
    connection = store._file._connection
    assert connection is not None

    def limit() -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + 2}")

    await asyncio.get_running_loop().run_in_executor(store._worker, limit)
    result = await store.commit(Commit(puts=(Put("k", b"2"), Put("large", b"x" * 500_000))))
    assert isinstance(result, CouldNotAsk)
    assert "the disk is full" in result.reason
    assert not result.maybe_applied
    assert keys(await store.range(Range(""))) == ["k"]
    await put(store, "k", b"3")


async def test_a_place_that_is_no_directory_is_named(tmp_path: Path) -> None:
    """A store below a file, or at a directory, is an answer that names the path."""
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "store.db", tmp_path):
        store = SqliteStore(path)
        result = await store.get(Get("k"))
        assert isinstance(result, CouldNotAsk)
        assert str(path) in result.reason
        await store.close()


async def test_the_file_is_for_its_owner(tmp_path: Path) -> None:
    """The store and its logs can be read by their owner only."""
    store = SqliteStore(tmp_path / "deep" / "store.db")
    await put(store, "k", b"1")
    for file in (tmp_path / "deep").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    await store.close()


async def test_a_cancelled_commit_still_gives_its_hint(open_store: Callable[[], SqliteStore]) -> None:
    """Who cancels a commit does not stop it: it lands, and waiters learn of it."""
    store = open_store()
    await put(store, "k", b"1")
    subscription = store.subscribe(("p/",))
    await quiet(subscription)
    task = asyncio.create_task(store.commit(Commit(puts=(Put("p/1", b""),))))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait_for(subscription.wait(), 5)
    assert isinstance(await store.get(Get("p/1")), Entry)
    assert task.cancelled()
