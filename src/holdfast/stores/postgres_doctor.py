"""What the settings of a PostgreSQL server mean for a store: pure rules over one row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from holdfast.config.store_address import StoreSettings
from holdfast.stores.examined import Examined, Verdict

SERVER_QUERY: Final = (
    "SELECT current_setting('server_version') AS version, current_setting('fsync') AS fsync,"
    " current_setting('full_page_writes') AS full_pages, current_setting('synchronous_commit') AS flushed,"
    " current_setting('synchronous_standby_names') AS standbys,"
    " (SELECT count(*) FROM pg_stat_replication) AS following,"
    " (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()) AS encrypted"
)


def judge_server(settings: StoreSettings, row: Mapping[str, Any]) -> tuple[Examined, ...]:
    """Everything that `SERVER_QUERY` shows."""
    primary = f"PostgreSQL {row['version']}, UTF-8, takes writes"
    return (
        Examined("server", Verdict.GOOD, primary),
        *_flushing(row),
        _standbys(row),
        _encryption(settings, row),
    )


def _flushing(row: Mapping[str, Any]) -> Iterator[Examined]:
    if row["fsync"] != "on" or row["full_pages"] != "on":
        which = "fsync" if row["fsync"] != "on" else "full_page_writes"
        text = f"{which} is off: a crash of the machine may lose or damage what was acknowledged"
        yield Examined("durable", Verdict.DOUBTFUL, text, f"{which} = on in postgresql.conf")
    else:
        yield Examined(
            "durable", Verdict.GOOD, f"commits are flushed (synchronous_commit = {row['flushed']} here)"
        )


def _standbys(row: Mapping[str, Any]) -> Examined:
    following, waited_for = row["following"], row["standbys"]
    if waited_for:
        return Examined("failover", Verdict.GOOD, f"commits wait for standbys: {waited_for}")
    if following:
        text = f"{following} standbys follow asynchronously: a failover may lose the last transactions"
        advice = "set synchronous_standby_names, or accept that a failover is a restored store (docs/stores.md)"
        return Examined("failover", Verdict.DOUBTFUL, text, advice)
    advice = "names stay without it; nothing new is decided until it is back"
    return Examined("failover", Verdict.DOUBTFUL, "no standby follows: one machine holds the store", advice)


def _encryption(settings: StoreSettings, row: Mapping[str, Any]) -> Examined:
    if row["encrypted"]:
        return Examined("encrypted", Verdict.GOOD, "TLS, with the server's name checked")
    if all(host.local for host in settings.hosts):
        return Examined("encrypted", Verdict.GOOD, "not needed: what is sent never leaves this machine")
    text = "store_tls = false: whoever is on the way reads and changes what is sent"
    return Examined("encrypted", Verdict.DOUBTFUL, text, "take store_tls out, and name the CA with store_ca_file")
