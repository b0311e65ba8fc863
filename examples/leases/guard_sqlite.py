"""A SQLite file that only the holder of a lease may write to, even if an old holder wakes up in the middle.

    python examples/leases/guard_sqlite.py

shows it: a holder that was paused while its lease went to another is refused by the file itself.
"""

from __future__ import annotations

import sqlite3
import tempfile
from pathlib import Path

from holdfast.leases.guard import Mark, Refused, check
from holdfast.leases.guard_sql import guard_sql

SQL = guard_sql(parameter="?")
RESOURCE = "ledger"


class RefusedByGuard(Exception):
    """The lease is another's by now. Give `highest` to `Lease.refused_by_guard`, and wait for the lease."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.why)
        self.highest = refused.highest


class Ledger:
    """Entries that one holder at a time may add."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=10.0)
        self._connection.execute(SQL.create)
        self._connection.execute("CREATE TABLE IF NOT EXISTS ledger (entry TEXT NOT NULL, holder TEXT NOT NULL)")

    def add(self, entry: str, *, token: int, holder: str) -> None:
        """Add an entry as the holder of the lease with this token.

        Raises:
            RefusedByGuard: somebody was granted the lease later; nothing was written.
        """
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")  # check and write are one transaction
        try:
            if connection.execute(SQL.admit, (RESOURCE, token, holder)).fetchone() is None:
                kept = connection.execute(SQL.highest, (RESOURCE,)).fetchone()
                refused = check(Mark(*kept), token=token, holder=holder)
                assert isinstance(refused, Refused), "rule and statement agree"
                raise RefusedByGuard(refused)
            connection.execute("INSERT INTO ledger VALUES (?, ?)", (entry, holder))
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise

    def entries(self) -> list[tuple[str, str]]:
        """Everything that was added, in order."""
        return self._connection.execute("SELECT entry, holder FROM ledger ORDER BY rowid").fetchall()

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()


def main() -> None:
    """The story."""
    with tempfile.TemporaryDirectory() as directory:
        ledger = Ledger(Path(directory) / "ledger.sqlite")
        ledger.add("first", token=7, holder="left")
        print("left wrote with token 7, and is paused; its lease runs out, and right is granted it with token 8")
        ledger.add("second", token=8, holder="right")
        try:
            ledger.add("late", token=7, holder="left")
        except RefusedByGuard as refused:
            print(f"left wakes up and is refused: {refused}")
        print(ledger.entries())
        ledger.close()


if __name__ == "__main__":
    main()
