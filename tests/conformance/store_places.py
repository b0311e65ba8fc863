"""What the tests of stores on servers share: a fresh place for each, and writers as processes."""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from holdfast.config.store_address import StoreSettings
from holdfast.conformance.store_steps import keys, put, value
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.store import Commit, Committed, Compare, Get, Lost, Put, Range
from holdfast.stores.port import Store

WRITER = Path(__file__).parents[1] / "unit" / "stores" / "store_writer.py"
_NUMBERS = itertools.count()


class Places:
    """One namespace for each temporary directory that a test of the suite uses."""

    def __init__(self) -> None:
        self._names: dict[Path, str] = {}

    def name(self, place: Path) -> str:
        """The namespace of a directory, the same each time."""
        return self._names.setdefault(place, fresh())


def fresh() -> str:
    """A namespace that nothing has used."""
    return f"t{next(_NUMBERS)}"


def writer(*arguments: str, settings: StoreSettings) -> subprocess.Popen[str]:
    """A writer process on this store, with its acknowledgements on a pipe."""
    what, *rest = arguments
    command = [sys.executable, str(WRITER), what, msgspec.json.encode(settings).decode(), *rest]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)


async def works_again(store: Store, within_s: float = 20.0) -> None:
    """Until a commit goes through; its value is then read."""
    deadline = time.monotonic() + within_s
    while True:
        result = await store.commit(Commit(puts=(Put("again", b"yes"),)))
        if isinstance(result, Committed):
            break
        assert isinstance(result, CouldNotAsk), result
        assert time.monotonic() < deadline, result
        await asyncio.sleep(0.05)  # between attempts, bounded above
    entry = await store.get(Get("again"))
    assert entry is not None
    assert not isinstance(entry, CouldNotAsk), entry


async def timed(work: Callable[[], Awaitable[object]], most_s: float) -> object:
    """What an operation answers, which it must do in this time."""
    async with asyncio.timeout(most_s):
        return await work()


def lines(process: subprocess.Popen[str], count: int) -> None:
    """Read so many acknowledgements of a writer."""
    assert process.stdout is not None
    for _ in range(count):
        assert process.stdout.readline()


def rest(process: subprocess.Popen[str]) -> int:
    """Whole lines until the writer ends, which it does when its commit can't be asked."""
    with process:
        assert process.stdout is not None
        return sum(line.endswith("\n") for line in process.stdout)


async def strike_under_two_writers(
    store: Store, settings: StoreSettings, strike: Callable[[], Awaitable[None]], *, first: int
) -> None:
    """Two processes write pairs, `strike` comes after so many each: what was acknowledged is there, whole.

    `strike` comes back once the store can work again, if that takes a hand.
    """
    await put(store, "k", b"")
    writers = {who: writer("pairs", who, settings=settings) for who in "xy"}
    for process in writers.values():
        await asyncio.to_thread(lines, process, first)
    await strike()
    for process in writers.values():
        process.kill()
    acknowledged = {who: first + await asyncio.to_thread(rest, process) for who, process in writers.items()}
    await works_again(store)
    await nothing_torn(store, acknowledged)


async def count_in_processes(store: Store, settings: StoreSettings, *, processes: int, each: int) -> None:
    """Processes that count up one number by compare-and-set reach exactly the sum."""
    await put(store, "count", b"0")
    counting = [writer("count", str(each), settings=settings) for _ in range(processes)]
    for process in counting:
        await asyncio.to_thread(process.communicate, timeout=60)
        assert process.returncode == 0
    assert value(await store.get(Get("count"))) == b"%d" % (processes * each)


async def holds_no_more(store: Store, *lost: int) -> None:
    """Compares of `k` with revisions of a history that is gone lose, and show what stands there."""
    current = await store.get(Get("k"))
    assert not isinstance(current, CouldNotAsk), current
    for revision in lost:
        stale = await store.commit(Commit(compares=(Compare("k", revision),), puts=(Put("k", b"x"),)))
        assert stale == Lost((current,))


async def replaces(store: Store, key: str, revision: int, new: bytes) -> None:
    """A compare with this revision holds."""
    held = await store.commit(Commit(compares=(Compare(key, revision),), puts=(Put(key, new),)))
    assert isinstance(held, Committed), held


async def nothing_torn(store: Store, acknowledged: dict[str, int]) -> None:
    """Every pair that a writer was told of is there, and none is half there."""
    for who, count in acknowledged.items():
        there = [key[-6:] for key in keys(await store.range(Range(f"a/{who}/", keys_only=True)))]
        other = [key[-6:] for key in keys(await store.range(Range(f"b/{who}/", keys_only=True)))]
        assert there == other, "a torn transaction"
        assert len(there) - count in (0, 1), "at most the commit in flight is unacknowledged"
