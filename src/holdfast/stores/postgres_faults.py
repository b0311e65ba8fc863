"""What PostgreSQL's errors mean: for people, and for whether a transaction may have happened."""

from __future__ import annotations

import asyncio
from typing import Final

import asyncpg

from holdfast.stores.refusal import Refused

_MEANINGS: Final = {
    "28P01": "the password is refused: look at store_password_file",
    "28000": "the server does not let this user in: look at pg_hba.conf and the user in the address",
    "3D000": "there is no such database: createdb makes it",
    "42501": "this user lacks a privilege: it needs to own the database, or the schema and all in it",
    "25006": "this server takes no writes: it is a standby, or set read-only",
    "53100": "the disk is full: nothing was written; free some space",
    "53300": "the server has no connection left: raise max_connections",
    "55P03": "another writer has held the store for too long",
    "57014": "the statement took too long and was cancelled",
}
_GONE: Final = frozenset({"3F000", "42P01", "42883"})
"""Schema, table or function does not exist: somebody dropped the store, or a dump is being restored."""
_UNSURE_CLASSES: Final = frozenset({"08", "57", "58", "XX"})
"""The connection, the server's end, its disk or itself broke: the commit may have been written before."""
_SURE: Final = frozenset({"57014", "57P03"})
"""Cancelled before its commit; refused before it began."""
TROUBLES: Final = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
    Refused,
)
"""What an operation may raise for what the outside does.

The driver calls it an internal error when a session ends between two of its steps, and when no host of several
takes writes.
"""


def store_is_gone(error: BaseException) -> bool:
    """Whether the schema has to be looked at again."""
    return _code(error) in _GONE


def may_be_applied(error: BaseException) -> bool:
    """Whether a transaction that was sent, and came to this error, may be applied."""
    code = _code(error)
    if not code:
        return not isinstance(error, Refused)
    return code[:2] in _UNSURE_CLASSES and code not in _SURE


def explain(shown: str, error: BaseException) -> str:
    """One sentence: which store, what is wrong, what to do. Errors of the server never hold a password."""
    if isinstance(error, Refused):
        return str(error)
    meaning = _MEANINGS.get(_code(error))
    said = " ".join(str(error).split()) or type(error).__name__
    if meaning:
        return f"the store {shown}: {meaning} ({said})"
    if isinstance(error, (TimeoutError, asyncio.TimeoutError)):
        return f"the store {shown} does not answer in time"
    return f"the store {shown}: {said}"


def _code(error: BaseException) -> str:
    return str(getattr(error, "sqlstate", None) or "")
