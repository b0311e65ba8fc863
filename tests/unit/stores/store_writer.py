"""A process that writes to a SQLite store, for tests that race and kill it. Not a test itself.

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

from holdfast.conformance.store import increment, put
from holdfast.ports.store import Commit, Committed, Put
from holdfast.stores.sqlite import SqliteStore


async def count(path: Path, rounds: int) -> None:
    """Increment a shared counter."""
    store = SqliteStore(path, busy_wait_s=60.0)
    for _ in range(rounds):
        await increment(store, "count")
    await store.close()


async def pairs(path: Path, who: str) -> None:
    """Write `a/<who>/<n>` and `b/<who>/<n>` together, say so, and go on until killed."""
    store = SqliteStore(path, busy_wait_s=60.0)
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


async def once(path: Path, key: str) -> None:
    """One write."""
    store = SqliteStore(path)
    await put(store, key, b"from another process")
    await store.close()


if __name__ == "__main__":
    what, where, *rest = sys.argv[1:]
    if what == "count":
        asyncio.run(count(Path(where), int(rest[0])))
    elif what == "pairs":
        asyncio.run(pairs(Path(where), rest[0]))
    elif what == "hold":
        hold(Path(where))
    else:
        asyncio.run(once(Path(where), rest[0]))
