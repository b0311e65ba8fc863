"""The schema of a store on PostgreSQL: two tables, and one function that is the whole of a transaction.

Why a function: it is one statement, so a client that is stopped or cut off in the middle of a transaction never
holds the lock that every other writer waits for. The function takes the row of the store's revision; what it reads
after that is as of then, because each query of a VOLATILE function under READ COMMITTED has a snapshot of its own.
Rejected: SERIALIZABLE and retries (losers of a race would be told by chance, not by their compares), advisory
locks (a connection pooler may hand them to somebody else).

Revisions: above the last one, above the server's clock in microseconds, and above the microseconds at which the
client connected (`stores.revisions`). So a database that was restored from a dump, or a standby that was promoted
without the last transactions, goes on above all that was lost with them, in the first transaction already.
"""

from __future__ import annotations

from typing import Final

from holdfast.ports.store import Range
from holdfast.stores.port import prefix_end

STORE_FORMAT: Final = 1
NOTIFY_BYTES_MAX: Final = 7900
"""PostgreSQL's limit for a payload is 8000 bytes: above this a hint says "something changed"."""


def channel(schema: str) -> str:
    """Where commits are told: the keys, one a line; nothing when they are too many to name."""
    return f"holdfast_{schema}"


def creation(schema: str) -> str:
    """Everything that makes an empty schema a store, as one script. `schema` is a checked name."""
    return f"""
CREATE SCHEMA IF NOT EXISTS {schema};
CREATE TABLE {schema}.store (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    format integer NOT NULL,
    revision bigint NOT NULL
);
INSERT INTO {schema}.store (format, revision) VALUES ({STORE_FORMAT}, 0);
-- By bytes, whatever the database's own order: that is the order of code points.
CREATE TABLE {schema}.entries (
    key text COLLATE "C" PRIMARY KEY,
    revision bigint NOT NULL,
    value bytea NOT NULL
);
-- Plans and observations are written once and read whole; compressing them costs more than it saves.
ALTER TABLE {schema}.entries ALTER COLUMN value SET STORAGE EXTERNAL;
CREATE FUNCTION {schema}.transact(
    compare_keys text[], compare_revisions bigint[], put_keys text[], put_values bytea[], deleted text[],
    client_epoch bigint
) RETURNS TABLE (held boolean, revision bigint, key text, value bytea) LANGUAGE plpgsql AS $function$
#variable_conflict use_column
DECLARE
    reached bigint;
    changed text := array_to_string(put_keys || deleted, E'\\n');
BEGIN
    FOR turn IN 1..2 LOOP
        -- Whoever has lost already does not queue for the lock: queueing is most of a race's time.
        IF turn = 2 THEN
            SELECT s.revision INTO STRICT reached FROM {schema}.store s FOR UPDATE;
        END IF;
        RETURN QUERY
            WITH seen AS MATERIALIZED (
                SELECT c.k, c.r, e.revision, e.value
                FROM unnest(compare_keys, compare_revisions) AS c (k, r)
                LEFT JOIN {schema}.entries e ON e.key = c.k
            )
            SELECT false, seen.revision, seen.k, seen.value FROM seen
            WHERE EXISTS (SELECT FROM seen wrong WHERE coalesce(wrong.revision, 0) <> wrong.r);
        IF FOUND THEN
            RETURN;
        END IF;
    END LOOP;
    IF cardinality(put_keys) + cardinality(deleted) > 0 THEN
        reached := greatest(
            reached, client_epoch, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
        ) + 1;
        UPDATE {schema}.store s SET revision = reached;
        INSERT INTO {schema}.entries (key, revision, value)
            SELECT p.k, reached, p.v FROM unnest(put_keys, put_values) AS p (k, v)
            ON CONFLICT (key) DO UPDATE SET revision = excluded.revision, value = excluded.value;
        DELETE FROM {schema}.entries e WHERE e.key = ANY (deleted);
        PERFORM pg_notify(
            '{channel(schema)}', CASE WHEN octet_length(changed) <= {NOTIFY_BYTES_MAX} THEN changed ELSE '' END
        );
    END IF;
    RETURN QUERY SELECT true, reached, NULL::text, NULL::bytea;
END
$function$;
"""  # noqa: S608


def tables(schema: str) -> str:
    """The tables that are in the schema."""
    return f"SELECT tablename FROM pg_tables WHERE schemaname = '{schema}' ORDER BY tablename"  # noqa: S608


def get_query(schema: str) -> str:
    """One key."""
    return f"SELECT key, value, revision FROM {schema}.entries WHERE key = $1"  # noqa: S608


def get_many_query(schema: str) -> str:
    """Several keys; one statement is one snapshot."""
    return f"SELECT key, value, revision FROM {schema}.entries WHERE key = ANY ($1::text[])"  # noqa: S608


def commit_query(schema: str) -> str:
    """One transaction."""
    return f"SELECT held, revision, key, value FROM {schema}.transact($1, $2, $3, $4, $5, $6)"  # noqa: S608


def range_query(schema: str, op: Range) -> tuple[str, list[str | int]]:
    """One statement for a `Range`; only fixed text goes into it, every value is bound."""
    values: list[str | int] = [op.prefix]
    conditions = ["key >= $1"]
    end = prefix_end(op.prefix)
    if end is not None:
        values.append(end)
        conditions.append(f"key < ${len(values)}")
    if op.after:
        values.append(op.after)
        conditions.append(f"key {'<' if op.reverse else '>'} ${len(values)}")
    limit = ""
    if op.limit:
        values.append(op.limit)
        limit = f" LIMIT ${len(values)}"
    columns = "key, ''::bytea AS value, revision" if op.keys_only else "key, value, revision"
    order = "DESC" if op.reverse else "ASC"
    where = " AND ".join(conditions)
    return f"SELECT {columns} FROM {schema}.entries WHERE {where} ORDER BY key {order}{limit}", values  # noqa: S608
