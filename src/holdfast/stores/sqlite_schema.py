"""The tables of a store's file, its format version, and what is refused."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from holdfast.ports.store import Range
from holdfast.stores.port import prefix_end
from holdfast.stores.refusal import Refused

STORE_FORMAT: Final = 1
CHANGES_KEPT: Final = 512
"""Revisions whose keys are remembered for hints; a reader that is further behind looks at everything."""

_TABLES: Final = (
    "CREATE TABLE holdfast (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
    # `revision` before `value`: reading it never touches the overflow pages of a large value.
    "CREATE TABLE entries (key TEXT NOT NULL PRIMARY KEY, revision INTEGER NOT NULL, value BLOB NOT NULL)",
    "CREATE TABLE changes (revision INTEGER, key TEXT, PRIMARY KEY (revision, key)) WITHOUT ROWID",
    "INSERT INTO holdfast VALUES ('revision', 0)",
)


def prepare(connection: sqlite3.Connection, path: Path, *, unclean: bool) -> None:
    """Make a new file a store, or check that it is one. A foreign file is not changed in any way.

    `unclean`: a log lies beside the file. If somebody put an older copy in the file's place and left the log,
    SQLite mixes the two without a word; a structural check notices most such mixtures before we write.

    Raises:
        Refused: when the file is something else, or of a format that this version can't read.
    """
    if unclean:
        _check_structure(connection, path)
    if not _recognised(connection, path):
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN IMMEDIATE")
        if not _recognised(connection, path):
            for statement in _TABLES:
                connection.execute(statement)
            connection.execute("INSERT INTO holdfast VALUES ('format', ?)", (STORE_FORMAT,))
        connection.execute("COMMIT")
    # FULL: a commit is on the disk before it is acknowledged; NORMAL could lose the last ones to a power cut.
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("SELECT value FROM holdfast WHERE name = 'revision'").fetchone()


def range_query(op: Range) -> tuple[str, list[str | int]]:
    """One statement for a `Range`: keys compare by their UTF-8 bytes, which is code point order."""
    conditions, values = ["key >= ?"], list[str | int]([op.prefix])
    end = prefix_end(op.prefix)
    if end is not None:
        conditions.append("key < ?")
        values.append(end)
    if op.after:
        conditions.append("key < ?" if op.reverse else "key > ?")
        values.append(op.after)
    columns = "key, x'', revision" if op.keys_only else "key, value, revision"
    where = " AND ".join(conditions)
    order = "DESC" if op.reverse else "ASC"
    values.append(op.limit or -1)
    # Only fixed text goes into the statement; every value is bound.
    return f"SELECT {columns} FROM entries WHERE {where} ORDER BY key {order} LIMIT ?", values  # noqa: S608


def _recognised(connection: sqlite3.Connection, path: Path) -> bool:
    """True for a store of ours, False for an empty file."""
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    if not tables:
        return False
    if "holdfast" not in tables:
        named = ", ".join(sorted(tables)[:5])
        raise Refused(
            f"{path} is an SQLite file of something else (tables {named}); name another file as the store"
        )
    row = connection.execute("SELECT value FROM holdfast WHERE name = 'format'").fetchone()
    found = None if row is None else row[0]
    if found != STORE_FORMAT:
        raise Refused(
            f"the store {path} has format {found}, this version reads format {STORE_FORMAT};"
            " run the version that wrote it, or name another file"
        )
    return True


def _check_structure(connection: sqlite3.Connection, path: Path) -> None:
    found: str = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        found = " ".join(found.split())
        raise Refused(
            f"the store {path} is damaged ({found}): stop all processes, put a copy in its place,"
            f" and remove {path.name}-wal and {path.name}-shm"
        )
