"""The guard of `guard` as SQL, for a resource that is a database: one statement that admits or refuses. Pure text.

    begin
    <ADMIT>              one row comes back: admitted, and the mark is kept; none: refused
    ... the write that is guarded ...
    commit               or roll back, if it was refused

It works on PostgreSQL and on SQLite (3.35 or newer). The statement locks the resource's mark until the transaction
ends, so of two holders at one moment one waits for the other; both look at what the other left. A guard that only
*reads* the mark first, and writes later, is the race that it is there to end.
"""

from __future__ import annotations

import re

import msgspec

_TABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,62}")


class GuardSql(msgspec.Struct, frozen=True):
    """The statements. Parameters of `admit`: resource, token, holder; of `highest`: resource."""

    create: str
    admit: str
    highest: str
    """Token and holder of the mark: what a refused holder is told (`Refused.highest`)."""


def guard_sql(table: str = "lease_mark", *, parameter: str = "?") -> GuardSql:
    """The statements for a table; `parameter` is `?` for SQLite and `%s` for psycopg.

    Raises:
        ValueError: the table's name is none.
    """
    if not _TABLE.fullmatch(table):
        raise ValueError(f"{table!r} is no name for a table")
    p = parameter
    return GuardSql(
        create=(
            f"CREATE TABLE IF NOT EXISTS {table}"
            " (resource TEXT PRIMARY KEY, token BIGINT NOT NULL, holder TEXT NOT NULL)"
        ),
        admit=(
            f"INSERT INTO {table} AS kept (resource, token, holder) VALUES ({p}, {p}, {p})"  # noqa: S608 - the name was checked
            " ON CONFLICT (resource) DO UPDATE SET token = excluded.token, holder = excluded.holder"
            " WHERE kept.token < excluded.token OR (kept.token = excluded.token AND kept.holder = excluded.holder)"
            " RETURNING token"
        ),
        highest=f"SELECT token, holder FROM {table} WHERE resource = {p}",  # noqa: S608 - the name was checked
    )
