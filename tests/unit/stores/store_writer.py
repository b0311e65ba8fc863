"""A process that writes to a store, for tests that race, stop and kill it. Not a test itself.

PATH is a SQLite file, or a `StoreSettings` as JSON.

store_writer.py count PATH ROUNDS       count up a number by compare-and-set; exit 0 when done
store_writer.py pairs PATH WHO          write pairs of keys for ever; print each number once acknowledged
store_writer.py hold PATH               hold the write lock until standard input closes; print "held"
store_writer.py once PATH KEY           write one key
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from pathlib import Path

import msgspec

from holdfast.config.store_address import StoreSettings
from holdfast.conformance.store_steps import increment, put
from holdfast.ports.store import Commit, Committed, Put
from holdfast.stores.opening import open_store
from holdfast.stores.port import Store
from holdfast.stores.sqlite import SqliteStore


def opened(path: str) -> Store:
    """The store that is meant."""
    if path.startswith("{"):
        return open_store(msgspec.json.decode(path, type=StoreSettings))
    return SqliteStore(Path(path), busy_wait_s=60.0)


async def count(path: str, rounds: int) -> None:
    """Increment a shared counter."""
    store = opened(path)
    for _ in range(rounds):
        await increment(store, "count")
    await store.close()


async def pairs(path: str, who: str) -> None:
    """Write `a/<who>/<n>` and `b/<who>/<n>` together, say so, and go on until killed."""
    store = opened(path)
    number = 0
    while True:
        value = f"{number}".encode() * 50
        puts = (Put(f"a/{who}/{number:06d}", value), Put(f"b/{who}/{number:06d}", value))
        result = await store.commit(Commit(puts=puts))
        assert isinstance(result, Committed), result
        print(number, flush=True)
        number += 1


def hold(path: Path) -> None:
    """Hold the write lock."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    print("held", flush=True)
    sys.stdin.read()


async def once(path: str, key: str) -> None:
    """One write."""
    store = opened(path)
    await put(store, key, b"from another process")
    await store.close()


if __name__ == "__main__":
    what, where, *rest = sys.argv[1:]
    if what == "count":
        asyncio.run(count(where, int(rest[0])))
    elif what == "pairs":
        asyncio.run(pairs(where, rest[0]))
    elif what == "hold":
        hold(Path(where))
    else:
        asyncio.run(once(where, rest[0]))
