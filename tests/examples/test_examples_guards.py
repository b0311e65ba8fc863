"""The guards of the examples, on a real SQLite file and a real PostgreSQL server."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

import guard_postgres
import guard_sqlite
from holdfast.leases.guard import Accepted, Mark, check
from holdfast.leases.guard_sql import guard_sql
from servers.postgres import DATABASE, PASSWORD, USER, start_postgres
from servers.process import HOST, Missing
from visible import missing

SHOWN = st.lists(st.tuples(st.integers(1, 4), st.sampled_from("abc")), min_size=1, max_size=12)


@given(SHOWN)
def test_the_statement_agrees_with_the_rule(shown: list[tuple[int, str]]) -> None:
    """For any story of tokens and holders, SQL and `guard.check` admit the same and keep the same mark."""
    sql = guard_sql()
    connection = sqlite3.connect(":memory:")
    connection.execute(sql.create)
    kept: Mark | None = None
    for token, holder in shown:
        answer = check(kept, token=token, holder=holder)
        row = connection.execute(sql.admit, ("r", token, holder)).fetchone()
        assert (row is not None) == isinstance(answer, Accepted)
        kept = answer.mark if isinstance(answer, Accepted) else kept
        assert kept is not None
        assert connection.execute(sql.highest, ("r",)).fetchone() == (kept.token, kept.holder)
    connection.close()


def test_a_table_name_is_checked() -> None:
    """It goes into the statement as it is."""
    with pytest.raises(ValueError, match="no name for a table"):
        guard_sql("mark; DROP TABLE mark")


def test_sqlite_refuses_a_holder_that_was_paused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An older token, and an equal one of another holder, write nothing; the highest is told."""
    ledger = guard_sqlite.Ledger(tmp_path / "ledger.sqlite")
    ledger.add("one", token=7, holder="left")
    ledger.add("two", token=7, holder="left")
    ledger.add("three", token=8, holder="right")
    for token, holder in ((7, "left"), (8, "left")):
        with pytest.raises(guard_sqlite.RefusedByGuard) as refused:
            ledger.add("late", token=token, holder=holder)
        assert refused.value.highest == 8
    assert [entry for entry, _ in ledger.entries()] == ["one", "two", "three"]
    ledger.close()
    guard_sqlite.main()
    assert "left wakes up and is refused: token 7 of left is older than 8 of right" in capsys.readouterr().out


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """A server of this file's own."""
    try:
        with start_postgres() as found:
            yield f"host={HOST} port={found.port} user={USER} password='{PASSWORD}' dbname={DATABASE}"
    except Missing as absent:
        missing(str(absent))


@pytest.fixture
def jobs(database: str) -> Iterator[guard_postgres.Jobs]:
    """Empty tables."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS job, lease_mark")
        found = guard_postgres.Jobs(connection)
        found.create()
        yield found


def test_postgres_refuses_a_holder_that_was_paused(jobs: guard_postgres.Jobs) -> None:
    """As SQLite; nothing of a refused transaction stays."""
    jobs.record("one", token=7, holder="left")
    jobs.record("two", token=1 << 62, holder="right")
    for token, holder in ((7, "left"), (1 << 62, "left")):
        with pytest.raises(guard_postgres.RefusedByGuard) as refused:
            jobs.record("late", token=token, holder=holder)
        assert refused.value.highest == 1 << 62
    assert jobs.results() == [("one", "left"), ("two", "right")]


def test_postgres_a_holder_paused_inside_its_transaction_never_writes_after_the_next(
    database: str, jobs: guard_postgres.Jobs
) -> None:
    """The old one was admitted and sleeps before its write: the new one waits, so the order is the tokens'."""
    order: list[str] = []
    with psycopg.connect(database) as old:
        assert old.execute(guard_postgres.SQL.admit, (guard_postgres.RESOURCE, 7, "left")).fetchone()
        entered = threading.Event()

        def next_one() -> None:
            with psycopg.connect(database, autocommit=True) as connection:
                entered.set()
                guard_postgres.Jobs(connection).record("two", token=8, holder="right")
                order.append("right")

        thread = threading.Thread(target=next_one)
        thread.start()
        entered.wait(5)
        _until_blocked(database)
        old.execute("INSERT INTO job (result, holder) VALUES ('one', 'left')")
        order.append("left")
        old.commit()
        thread.join(10)
    assert order == ["left", "right"]
    assert [result for result, _ in jobs.results()] == ["one", "two"]
    with pytest.raises(guard_postgres.RefusedByGuard):
        jobs.record("late", token=7, holder="left")


def _until_blocked(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as looking:
        for _ in range(500):
            if looking.execute("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'").fetchone():
                return
            looking.execute("SELECT pg_sleep(0.01)")
    raise AssertionError("the next holder does not wait for the one before")
