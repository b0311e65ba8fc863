"""One connection to the store's SQLite file: opening, refusing what is not ours, and the four operations.

Synchronous, used by one thread (`stores.sqlite` owns it). Several processes share the file: WAL, and
`BEGIN IMMEDIATE` so that a transaction's compares and writes are one step. `synchronous=FULL` flushes the log
before a commit answers; a process that is killed at any point leaves the file as of the last commit.

The file can be deleted or replaced while we run (a person restores a copy). A connection would go on writing
to the unlinked file, and every process would have its own truth. So before each operation, and again before
a commit is acknowledged, the inodes at the path must be those that were opened; else the file now at the path
is opened. The old file's `-wal` and `-shm` are removed first, if they are still the very ones that we hold:
SQLite would replay them into the new file. (Restore by `mv`: copying over the file in place keeps the inode,
and SQLite can't tell old pages from new ones.)
"""

from __future__ import annotations

import os
import random
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias, TypeVar

from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.store import Commit, Committed, Entry, Get, GetMany, Lost, Range
from holdfast.stores.port import check_commit
from holdfast.stores.refusal import Refused
from holdfast.stores.revisions import new_epoch
from holdfast.stores.sqlite_faults import busy, explain, reopen_after
from holdfast.stores.sqlite_schema import CHANGES_KEPT, prepare, range_query

T = TypeVar("T")
Inodes: TypeAlias = tuple[tuple[int, int] | None, ...]
Look: TypeAlias = tuple[tuple[int, int, int, int] | None, ...]
"""Device, inode, size and time of the last write, of the file and of its log."""

Version: TypeAlias = tuple[int, int]
"""Which opening of the file, and SQLite's data version in it: equal means that no other connection wrote."""

BUSY_WAIT_S: Final = 5.0
"""How long an operation waits for other processes' transactions before it says that it could not ask."""
BUSY_PAUSE_S: Final = (0.0002, 0.01)
"""Least pause between attempts, and the ceiling to which pauses grow; jittered."""
KEYS_PER_QUERY: Final = 500

_OPENING = threading.Lock()
"""Closing any descriptor of a file drops all POSIX locks that this process has on it, so creating the file
and connecting to it are one step among the stores of one process."""


class Changes(NamedTuple):
    """What other connections changed: `keys` is None when it can't be said which."""

    revision: int
    version: Version
    keys: tuple[str, ...] | None


class SqliteFile:
    """The file at `path`, opened when first needed. Not thread-safe."""

    def __init__(
        self, path: Path, *, busy_wait_s: float = BUSY_WAIT_S, epoch: Callable[[], int] = new_epoch
    ) -> None:
        """`epoch` says, at each opening, above what revisions go on (`stores.revisions`)."""
        self.path = path
        self._busy_wait_s = busy_wait_s
        self._rng = random.Random()  # noqa: S311 - jitter, not secrets
        self._connection: sqlite3.Connection | None = None
        self._inodes: Inodes = ()
        self._new_epoch = epoch
        self._epoch = 0
        self._files = tuple(path.with_name(path.name + suffix) for suffix in ("", "-wal", "-shm"))
        self._opened = 0

    def check(self) -> CouldNotAsk | None:
        """Open the file; None when it is a store that this version can use."""
        result = self._perform(lambda connection: None)
        return result if isinstance(result, CouldNotAsk) else None

    def get(self, op: Get) -> Entry | CouldNotAsk | None:
        """One key."""
        return self._perform(lambda connection: _get(connection, op.key))

    def get_many(self, op: GetMany) -> tuple[Entry | None, ...] | CouldNotAsk:
        """Several keys in one snapshot."""
        return self._perform(lambda connection: _get_many(connection, op.keys))

    def range(self, op: Range) -> tuple[Entry, ...] | CouldNotAsk:
        """All keys under a prefix; one statement is one snapshot."""
        query, values = range_query(op)
        return self._perform(lambda c: tuple(Entry(*row) for row in c.execute(query, values)))

    def commit(self, op: Commit) -> Committed | Lost | CouldNotAsk:
        """One transaction.

        Raises:
            BadTransaction: for a transaction outside the contract.
        """
        check_commit(op)
        committing = False

        def transact(connection: sqlite3.Connection) -> Committed | Lost:
            nonlocal committing
            connection.execute("BEGIN IMMEDIATE")
            lost = _compare(connection, op)
            if lost is not None:
                connection.execute("ROLLBACK")
                return lost
            revision = _write(connection, op, self._epoch)
            committing = True
            connection.execute("COMMIT")
            return Committed(revision)

        result = self._perform(transact)
        if isinstance(result, CouldNotAsk):
            return CouldNotAsk(reason=result.reason, maybe_applied=committing)
        if isinstance(result, Committed) and self._at_path() != self._inodes:
            # Written to a file that nobody will read again: to acknowledge it would be a lie.
            reason = f"the store {self.path} was deleted or replaced during the write"
            return CouldNotAsk(reason=reason, maybe_applied=True)
        return result

    def changes_since(self, revision: int, version: Version) -> Changes | CouldNotAsk:
        """What other connections changed after `revision`; nothing if `version` (of the last call) still holds."""
        return self._perform(lambda connection: _changes(connection, revision, version, self._opened))

    def look(self) -> Look:
        """What the directory says of the file: another look after each write, unless two fall into one tick of the
        file system's clock. Any thread may ask; nothing is opened.
        """
        return tuple(map(_seen_from_outside, self._files[:2]))

    def close(self) -> None:
        """Close the file; the next operation opens it again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _perform(self, work: Callable[[sqlite3.Connection], T]) -> T | CouldNotAsk:
        """Run `work` on the current file; while others hold it, again and again for a bounded time."""
        give_up_s = time.monotonic() + self._busy_wait_s
        pause_s, pause_max_s = BUSY_PAUSE_S
        while True:
            try:
                return work(self._current())
            except sqlite3.Error as error:
                self._recover(error)
                if not busy(error) or time.monotonic() >= give_up_s:
                    return CouldNotAsk(explain(self.path, error, waited_s=self._busy_wait_s))
            except (Refused, OSError) as error:
                self.close()
                return CouldNotAsk(explain(self.path, error, waited_s=self._busy_wait_s))
            except BaseException:
                self.close()
                raise
            time.sleep(self._rng.uniform(0.1, 1.0) * pause_s)
            pause_s = min(pause_max_s, pause_s * 1.5)

    def _recover(self, error: sqlite3.Error) -> None:
        connection = self._connection
        if connection is None:
            return
        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        except sqlite3.Error:
            self.close()
        if reopen_after(error):
            self.close()

    def _current(self) -> sqlite3.Connection:
        """A connection to the file that is at the path now."""
        connection = self._connection
        if connection is not None:
            if self._at_path() == self._inodes:
                return connection
            self._abandon()
        return self._open()

    def _abandon(self) -> None:
        """Let go of a file that is no longer at the path, and of what it left behind."""
        for file, inode in zip(self._files[1:], self._inodes[1:], strict=True):
            # Compared while we still hold them open, so the number can't have been given to a new file. Only
            # when the main file is another one: else its log may hold what is nowhere else yet.
            if self._at_path()[0] != self._inodes[0] and inode is not None and _inode(file) == inode:
                file.unlink(missing_ok=True)
        self.close()

    def _open(self) -> sqlite3.Connection:
        with _OPENING:
            _create_private(self.path)
            unclean = _inode(self._files[1]) is not None
            connection = sqlite3.connect(self.path, timeout=0.0, isolation_level=None, check_same_thread=False)
        try:
            opened = _inode(self._files[0])
            prepare(connection, self.path, unclean=unclean)
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        self._epoch = self._new_epoch()
        self._opened += 1
        # If the file was swapped while we opened it, these differ from what is there, and it is opened again.
        self._inodes = (opened, *self._at_path()[1:])
        return connection

    def _at_path(self) -> Inodes:
        return tuple(map(_inode, self._files))


def _inode(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _seen_from_outside(file: Path) -> tuple[int, int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _create_private(path: Path) -> None:
    """A store is for its owner alone; SQLite gives the log files the same mode."""
    if path.exists():
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        return


def _get(connection: sqlite3.Connection, key: str) -> Entry | None:
    row = connection.execute("SELECT key, value, revision FROM entries WHERE key = ?", (key,)).fetchone()
    return None if row is None else Entry(*row)


def _get_many(connection: sqlite3.Connection, keys: tuple[str, ...]) -> tuple[Entry | None, ...]:
    found: dict[str, Entry] = {}
    connection.execute("BEGIN")
    for start in range(0, len(keys), KEYS_PER_QUERY):
        some = keys[start : start + KEYS_PER_QUERY]
        marks = ",".join("?" * len(some))
        query = f"SELECT key, value, revision FROM entries WHERE key IN ({marks})"  # noqa: S608 - marks only
        found.update((row[0], Entry(*row)) for row in connection.execute(query, some))
    connection.execute("COMMIT")
    return tuple(map(found.get, keys))


def _compare(connection: sqlite3.Connection, op: Commit) -> Lost | None:
    for compare in op.compares:
        row = connection.execute("SELECT revision FROM entries WHERE key = ?", (compare.key,)).fetchone()
        if (0 if row is None else row[0]) != compare.revision:
            return Lost(current=tuple(_get(connection, c.key) for c in op.compares))
    return None


def _write(connection: sqlite3.Connection, op: Commit, epoch: int) -> int:
    if not op.puts and not op.deletes:
        return _revision(connection)
    before = _revision(connection)
    revision = max(before, epoch) + 1
    connection.execute("UPDATE holdfast SET value = ? WHERE name = 'revision'", (revision,))
    connection.executemany(
        "INSERT INTO entries (key, revision, value) VALUES (?, ?, ?)"
        " ON CONFLICT (key) DO UPDATE SET revision = excluded.revision, value = excluded.value",
        [(put.key, revision, put.value) for put in op.puts],
    )
    connection.executemany("DELETE FROM entries WHERE key = ?", [(key,) for key in op.deletes])
    connection.executemany(
        "INSERT INTO changes (revision, key) VALUES (?, ?)",
        [(revision, key) for key in (*(put.key for put in op.puts), *op.deletes)],
    )
    # By the revision before: the first one of an opening leaps, and readers must still learn what it changed.
    # holdfast: ignore[HF006] no data: a reader that is further behind is told to read all again
    connection.execute("DELETE FROM changes WHERE revision <= ?", (before - CHANGES_KEPT,))
    return revision


def _revision(connection: sqlite3.Connection) -> int:
    revision: int = connection.execute("SELECT value FROM holdfast WHERE name = 'revision'").fetchone()[0]
    return revision


def _changes(connection: sqlite3.Connection, since: int, version: Version, opened: int) -> Changes:
    now: Version = (opened, connection.execute("PRAGMA data_version").fetchone()[0])
    if now == version:
        return Changes(since, now, ())
    revision = _revision(connection)
    oldest = connection.execute("SELECT MIN(revision) FROM changes").fetchone()[0]
    # Another file, or further behind than the table reaches: look at everything.
    if opened != version[0] or oldest is None or not oldest <= since <= revision:
        return Changes(revision, now, None)
    rows = connection.execute("SELECT DISTINCT key FROM changes WHERE revision > ?", (since,))
    return Changes(revision, now, tuple(row[0] for row in rows))
