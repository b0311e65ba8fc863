"""A PostgreSQL table that only the holder of a lease may write to, even if an old holder wakes up in the middle.

    python examples/leases/guard_postgres.py "host=... dbname=..."

Needs psycopg 3. The admission locks the mark's row until the transaction ends: an old holder that began first and
is paused inside its transaction makes the new one wait, never write beside it; give such transactions a limit
(`idle_in_transaction_session_timeout`), or a paused process holds the row for as long as it sleeps.
"""

from __future__ import annotations

import sys

import psycopg

from holdfast.leases.guard import Mark, Refused, check
from holdfast.leases.guard_sql import guard_sql

SQL = guard_sql(parameter="%s")
RESOURCE = "jobs"
IDLE_MS = 5000


class RefusedByGuard(Exception):
    """The lease is another's by now. Give `highest` to `Lease.refused_by_guard`, and wait for the lease."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.why)
        self.highest = refused.highest


class Jobs:
    """Results of jobs that one holder at a time may record."""

    def __init__(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        """`connection` is in autocommit mode: transactions are opened where they are needed."""
        assert connection.autocommit, "open it with autocommit=True"
        self._connection = connection

    def create(self) -> None:
        """Make the tables."""
        self._connection.execute(SQL.create)
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS job (id BIGSERIAL PRIMARY KEY, result TEXT, holder TEXT)"
        )

    def record(self, result: str, *, token: int, holder: str) -> None:
        """Record a result as the holder of the lease with this token.

        Raises:
            RefusedByGuard: somebody was granted the lease later; nothing was written.
        """
        with self._connection.transaction():  # an exception rolls back: check and write are one
            self._connection.execute(f"SET LOCAL idle_in_transaction_session_timeout = {IDLE_MS}")
            if self._connection.execute(SQL.admit, (RESOURCE, token, holder)).fetchone() is None:
                raise RefusedByGuard(self._refused(token, holder))
            self._connection.execute("INSERT INTO job (result, holder) VALUES (%s, %s)", (result, holder))

    def results(self) -> list[tuple[object, ...]]:
        """All results, in order."""
        return self._connection.execute("SELECT result, holder FROM job ORDER BY id").fetchall()

    def _refused(self, token: int, holder: str) -> Refused:
        row = self._connection.execute(SQL.highest, (RESOURCE,)).fetchone()
        assert row is not None, "what refuses is kept"
        refused = check(Mark(int(str(row[0])), str(row[1])), token=token, holder=holder)
        assert isinstance(refused, Refused), "rule and statement agree"
        return refused


def main() -> None:
    """The story, on the database that was named."""
    if len(sys.argv) != 2:
        sys.exit('name a database: python examples/leases/guard_postgres.py "host=... dbname=..."')
    try:
        opened = psycopg.connect(sys.argv[1], autocommit=True)
    except psycopg.Error as error:
        sys.exit(f"can't open {sys.argv[1]}: {error}")
    with opened as connection:
        jobs = Jobs(connection)
        jobs.create()
        jobs.record("first", token=7, holder="left")
        print("left recorded with token 7, and is paused; its lease runs out, right is granted it with token 8")
        jobs.record("second", token=8, holder="right")
        try:
            jobs.record("late", token=7, holder="left")
        except RefusedByGuard as refused:
            print(f"left wakes up and is refused: {refused}")
        print(jobs.results())


if __name__ == "__main__":
    main()
