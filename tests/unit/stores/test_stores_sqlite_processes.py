"""The SQLite store under several processes, and under `kill -9`."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

import pytest

from holdfast.conformance.store_steps import keys, put, quiet, value
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.store import Commit, Get, Put, Range
from holdfast.stores import sqlite
from holdfast.stores.sqlite import SqliteStore
from holdfast.stores.sqlite_file import Changes, Look, SqliteFile, Version

WRITER = Path(__file__).with_name("store_writer.py")


def start(*arguments: object) -> subprocess.Popen[str]:
    """A writer process with pipes."""
    command = [sys.executable, str(WRITER), *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def output(process: subprocess.Popen[str]) -> IO[str]:
    """Its standard output."""
    assert process.stdout is not None
    return process.stdout


async def test_processes_count_without_losing_one(tmp_path: Path) -> None:
    """Four processes that count up one number by compare-and-set reach exactly the sum."""
    path = tmp_path / "store.db"
    store = SqliteStore(path)
    await put(store, "count", b"0")
    processes = [start("count", path, 100) for _ in range(4)]
    for process in processes:
        _, _ = await asyncio.to_thread(process.communicate, timeout=60)
        assert process.returncode == 0
    assert value(await store.get(Get("count"))) == b"400"
    await store.close()


async def _kill_after(process: subprocess.Popen[str], lines: int) -> list[int]:
    """Read acknowledgements, kill, and read what was acknowledged before the end."""

    def read() -> list[int]:
        with process:
            acknowledged = [int(output(process).readline()) for _ in range(lines)]
            process.kill()
            rest = output(process).read()
        # The last line may be cut in the middle of its number: only whole lines count.
        return acknowledged + [int(line) for line in rest.splitlines(keepends=True) if line.endswith("\n")]

    return await asyncio.to_thread(read)


@pytest.mark.parametrize("seed", range(6))
async def test_kill_keeps_what_was_acknowledged(tmp_path: Path, seed: int) -> None:
    """After `kill -9` of both writers at random points: each acknowledged pair is there, none is torn."""
    rng = random.Random(seed)
    path = tmp_path / "store.db"
    for turn in range(2):
        writers = {f"{turn}{who}": start("pairs", path, f"{turn}{who}") for who in "xy"}
        kills = [_kill_after(process, rng.randint(0, 120)) for process in writers.values()]
        acknowledged = dict(zip(writers, await asyncio.gather(*kills), strict=True))
        store = SqliteStore(path)
        assert await store.check() is None
        for who, numbers in acknowledged.items():
            there = [int(key[-6:]) for key in keys(await store.range(Range(f"a/{who}/", keys_only=True)))]
            other = [int(key[-6:]) for key in keys(await store.range(Range(f"b/{who}/", keys_only=True)))]
            assert there == other, "a torn transaction"
            assert there == list(range(len(there)))
            assert len(there) - len(numbers) in (0, 1), "at most the commit in flight is unacknowledged"
        await store.close()


async def test_a_held_lock_is_named_in_bounded_time(tmp_path: Path) -> None:
    """While another process holds the write lock: reads go on, a write says who is in the way, and later works."""
    path = tmp_path / "store.db"
    store = SqliteStore(path, busy_wait_s=0.2)
    await put(store, "k", b"1")
    holder = start("hold", path)
    try:
        assert await asyncio.to_thread(output(holder).readline) == "held\n"
        assert value(await store.get(Get("k"))) == b"1"
        result = await store.commit(Commit(puts=(Put("k", b"2"),)))
        assert isinstance(result, CouldNotAsk)
        assert not result.maybe_applied
        assert "is locked: another process" in result.reason
    finally:
        await asyncio.to_thread(holder.communicate, timeout=10)
    await put(store, "k", b"3")
    await store.close()


async def test_another_processes_commit_is_a_hint(tmp_path: Path) -> None:
    """A commit of another process wakes who waits for its key, and nobody else."""
    store = SqliteStore(tmp_path / "store.db")
    await put(store, "k", b"1")
    meant, other = store.subscribe(("p/",)), store.subscribe(("q/",))
    await quiet(meant)
    other.take()
    writer = start("once", tmp_path / "store.db", "p/1")
    await asyncio.wait_for(meant.wait(), 20)
    await asyncio.to_thread(writer.communicate, timeout=10)
    assert not other.take()
    await store.close()


async def test_an_idle_file_is_looked_at_and_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While nobody writes, the file is looked at and SQLite left alone; a commit of another process is heard."""
    asked: list[float] = []
    asks = SqliteFile.changes_since

    def counted(file: SqliteFile, revision: int, version: Version) -> Changes | CouldNotAsk:
        asked.append(time.monotonic())
        return asks(file, revision, version)

    monkeypatch.setattr(SqliteFile, "changes_since", counted)
    monkeypatch.setattr(sqlite, "WRITTEN_S", 0.1)
    monkeypatch.setattr(sqlite, "ASK_ANYWAY_S", 3600.0)
    store = SqliteStore(tmp_path / "store.db", hint_poll_s=0.001)
    await put(store, "k", b"1")
    meant = store.subscribe(("p/",))
    await quiet(meant)
    looks = Looks(monkeypatch)
    while time.monotonic() < asked[-1] + 0.2:  # it still hears of its own write
        await looks.some(10)
    before = len(asked)
    await looks.some(100)
    assert len(asked) == before
    writer = start("once", tmp_path / "store.db", "p/1")
    await asyncio.wait_for(meant.wait(), 20)
    await asyncio.to_thread(writer.communicate, timeout=20)
    assert len(asked) > before
    await store.close()


class Looks:
    """Lets the store look at its file so many times."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._looked = asyncio.Event()
        look = SqliteFile.look

        def noted(file: SqliteFile) -> Look:
            self._looked.set()
            return look(file)

        monkeypatch.setattr(SqliteFile, "look", noted)

    async def some(self, number: int) -> None:
        """Return when it has looked `number` times more."""
        for _ in range(number):
            self._looked.clear()
            await asyncio.wait_for(self._looked.wait(), 20)
