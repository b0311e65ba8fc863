"""What SQLite's errors mean for people, and which of them pass by waiting."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from holdfast.stores.refusal import Refused

_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_BROKEN: Final = frozenset(
    {
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_ERROR,
    }
)
_MEANINGS: Final = {
    sqlite3.SQLITE_FULL: "the disk is full: nothing was written; free some space",
    sqlite3.SQLITE_CORRUPT: "the file is damaged: restore a copy (by mv, not by copying over it)",
    sqlite3.SQLITE_NOTADB: "the file is no SQLite database: name another file as the store",
    sqlite3.SQLITE_READONLY: "the file or its directory can't be written",
    sqlite3.SQLITE_CANTOPEN: "the file can't be opened: look at its directory and permissions",
    sqlite3.SQLITE_IOERR: "the disk failed",
}


def busy(error: sqlite3.Error) -> bool:
    """Whether other processes hold the file, so that waiting helps."""
    return _primary(error) in _BUSY


def reopen_after(error: sqlite3.Error) -> bool:
    """Whether the connection should not be used again."""
    return _primary(error) in _BROKEN


def explain(path: Path, error: Exception, *, waited_s: float) -> str:
    """One sentence: which file, what is wrong, what to do."""
    if isinstance(error, Refused):
        return str(error)
    if isinstance(error, sqlite3.Error) and busy(error):
        return f"the store {path} is locked: another process has held it for {waited_s:.0f} s"
    if isinstance(error, sqlite3.Error):
        meaning = _MEANINGS.get(_primary(error))
        return f"the store {path}: {meaning} ({error})" if meaning else f"the store {path}: {error}"
    return f"the store {path}: {error}"


def _primary(error: sqlite3.Error) -> int:
    """SQLite's primary result code: the low byte of the extended one."""
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return code & 0xFF
