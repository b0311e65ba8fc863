"""The store for one machine: one SQLite file, any number of processes, one worker thread in each.

Hints: a commit of this process wakes its waiters before it returns; commits of other processes are noticed within
30 ms, but only while somebody is subscribed: the directory says whether anything was written (`SqliteFile.look`,
some microseconds in the event loop), and only then the worker asks SQLite. The file's `changes` table says which
keys, so that a waiter under another prefix sleeps on.
"""

from __future__ import annotations

import asyncio
import contextlib
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.store import Commit, Committed, Entry, Get, GetMany, Lost, Range
from holdfast.stores.examined import Examined, Verdict, round_trip, unreachable
from holdfast.stores.hints import HintHub, HintSubscription
from holdfast.stores.port import check_commit
from holdfast.stores.sqlite_file import BUSY_WAIT_S, Changes, SqliteFile, Version

T = TypeVar("T")

HINT_POLL_S: Final = 0.03
WRITTEN_S: Final = 1.0
"""For how long after a write to the file SQLite is asked: a commit is written first, flushed, which may take long,
and only then to be seen; and two within one tick of the file system's clock look like one.
"""
ASK_ANYWAY_S: Final = 1.0
"""SQLite is asked as often as this in any case: a slower flush than that, or a file system without exact times."""
NOTHING_SEEN: Final = (-1, (0, -1))


class SqliteStore:
    """Implements `stores.port.Store`. The file is opened by the first operation, or by `check`.

    Belongs to the event loop of its first operation.
    """

    def __init__(self, path: Path, *, busy_wait_s: float = BUSY_WAIT_S, hint_poll_s: float = HINT_POLL_S) -> None:
        self._file = SqliteFile(path, busy_wait_s=busy_wait_s)
        self._hint_poll_s = hint_poll_s
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="holdfast-store")
        self._hints = HintHub()
        self._watch: asyncio.Task[None] | None = None
        self._seen: tuple[int, Version] = NOTHING_SEEN
        self._closed = False

    async def check(self) -> CouldNotAsk | None:
        """Open the file now; None when it can be used, else what is wrong with it, for people."""
        return await self._run(self._file.check)

    async def examine(self) -> tuple[Examined, ...]:
        """Whether the file can be used, and who can reach it (`stores.examined`)."""
        entered = await self.check()
        if entered is not None:
            return (unreachable(entered),)
        path = self._file.path
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            text = f"{path} has mode {mode:04o}: others can reach it"
            private = Examined("private", Verdict.DOUBTFUL, text, f"chmod 600 {path}")
        else:
            private = Examined("private", Verdict.GOOD, f"{path} is for its owner alone")
        alone = "one machine holds the store: names stay without it, nothing new is decided until it is back"
        flushed = Examined("durable", Verdict.GOOD, "commits are flushed (synchronous = FULL)")
        failover = Examined("failover", Verdict.DOUBTFUL, alone, "PostgreSQL or etcd: docs/stores.md")
        return await round_trip(self.commit), private, flushed, failover

    async def get(self, op: Get) -> Entry | CouldNotAsk | None:
        """One key."""
        return await self._run(lambda: self._file.get(op))

    async def get_many(self, op: GetMany) -> tuple[Entry | None, ...] | CouldNotAsk:
        """Several keys in one snapshot."""
        return await self._run(lambda: self._file.get_many(op))

    async def range(self, op: Range) -> tuple[Entry, ...] | CouldNotAsk:
        """All keys under a prefix in one snapshot."""
        return await self._run(lambda: self._file.range(op))

    async def commit(self, op: Commit) -> Committed | Lost | CouldNotAsk:
        """One transaction, durable before it returns."""
        check_commit(op)
        if self._closed:
            return self._closed_answer()
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._worker, lambda: self._file.commit(op))
        # Shielded: a commit outlives a cancelled caller, and its hints must still go out.
        work.add_done_callback(lambda done: self._committed(op, done))
        return await asyncio.shield(work)

    def _committed(self, op: Commit, done: asyncio.Future[Committed | Lost | CouldNotAsk]) -> None:
        result = None if done.cancelled() or done.exception() is not None else done.result()
        if not isinstance(result, Committed):
            return
        self._hints.changed((*(put.key for put in op.puts), *op.deletes))
        revision, version = self._seen
        if result.revision == revision + 1:
            self._seen = (result.revision, version)

    def subscribe(self, prefixes: tuple[str, ...]) -> HintSubscription:
        """Hints for changes under any of the prefixes. Needs the running event loop."""
        subscription = self._hints.subscribe(prefixes)
        if not self._closed and (self._watch is None or self._watch.done()):
            self._watch = asyncio.get_running_loop().create_task(self._watch_others())
        return subscription

    async def close(self) -> None:
        """Let go of the file and the thread; running operations are waited for."""
        if self._closed:
            return
        self._closed = True
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
        await asyncio.get_running_loop().run_in_executor(self._worker, self._file.close)
        self._worker.shutdown(wait=False)

    async def _run(self, work: Callable[[], T]) -> T | CouldNotAsk:
        if self._closed:
            return self._closed_answer()
        return await asyncio.get_running_loop().run_in_executor(self._worker, work)

    def _closed_answer(self) -> CouldNotAsk:
        return CouldNotAsk(reason=f"the store {self._file.path} is closed")

    async def _watch_others(self) -> None:
        """Turn other processes' commits into hints while there is anyone to tell."""
        now_s = asyncio.get_running_loop().time
        looked, written_s, asked_s = self._file.look(), now_s(), now_s()
        while self._hints:
            if now_s() - written_s < WRITTEN_S or now_s() - asked_s >= ASK_ANYWAY_S:
                asked_s = now_s()
                found = await self._run(lambda: self._file.changes_since(*self._seen))
                if not isinstance(found, CouldNotAsk):
                    self._tell(found)
            await asyncio.sleep(self._hint_poll_s)
            before, looked = looked, self._file.look()
            if looked != before:
                written_s = now_s()
        # The next subscriber must not take what was missed meanwhile for seen.
        self._seen = NOTHING_SEEN

    def _tell(self, found: Changes) -> None:
        if found.keys is None:
            self._seen = (found.revision, found.version)
            self._hints.changed_all()
        else:
            # Own commits may have moved `_seen` meanwhile; they have given their hints.
            self._seen = (max(found.revision, self._seen[0]), found.version)
            self._hints.changed(found.keys)
