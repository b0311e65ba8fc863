"""What may be applied after an error of PostgreSQL, and what is said of it."""

from __future__ import annotations

import asyncpg
import pytest

from holdfast.stores.postgres_faults import explain, may_be_applied, store_is_gone
from holdfast.stores.refusal import Refused


@pytest.mark.parametrize(
    ("error", "maybe"),
    [
        (asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"), True),
        (asyncpg.AdminShutdownError("terminating connection due to administrator command"), True),
        (asyncpg.CrashShutdownError("another server process exited abnormally"), True),
        (asyncpg.PostgresIOError("could not fsync file"), True),
        (asyncpg.InternalServerError("unexpected"), True),
        (asyncpg.InterfaceError("connection is closed"), True),
        (asyncpg.InternalClientError("cannot switch to state 12"), True),
        (ConnectionResetError("reset"), True),
        (TimeoutError(), True),
        (asyncpg.QueryCanceledError("canceling statement due to statement timeout"), False),
        (asyncpg.CannotConnectNowError("the database system is starting up"), False),
        (asyncpg.LockNotAvailableError("canceling statement due to lock timeout"), False),
        (asyncpg.DiskFullError("could not extend file"), False),
        (asyncpg.ReadOnlySQLTransactionError("cannot execute UPDATE in a read-only transaction"), False),
        (asyncpg.SerializationError("could not serialize access"), False),
        (asyncpg.UndefinedTableError("relation does not exist"), False),
        (Refused("no store"), False),
    ],
)
def test_a_lost_answer_is_told_from_a_refusal(error: Exception, maybe: bool) -> None:
    """A session or server that broke may have committed before; an error of the statement itself has not."""
    assert may_be_applied(error) is maybe


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (asyncpg.DiskFullError("could not extend file"), "the disk is full: nothing was written; free some space"),
        (asyncpg.InvalidPasswordError("password authentication failed"), "look at store_password_file"),
        (asyncpg.InsufficientPrivilegeError("permission denied"), "needs to own the database"),
        (asyncpg.TooManyConnectionsError("sorry, too many clients"), "raise max_connections"),
        (TimeoutError(), "does not answer in time"),
        (OSError("refused\nagain"), "the store S: refused again"),
    ],
)
def test_errors_say_what_to_do(error: Exception, text: str) -> None:
    """One line with the store's name."""
    said = explain("S", error)
    assert text in said
    assert said.startswith("the store S")
    assert "\n" not in said


def test_a_store_that_is_gone_is_looked_for_again() -> None:
    """Schema, table and function that do not exist; nothing else."""
    gone = (asyncpg.UndefinedTableError, asyncpg.UndefinedFunctionError, asyncpg.InvalidSchemaNameError)
    assert all(store_is_gone(kind("x")) for kind in gone)
    assert not store_is_gone(asyncpg.DiskFullError("x"))
    assert not store_is_gone(OSError("x"))
