"""PowerDNS with the SQLite backend and DNS update."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from holdfast.model.configuration import ProviderKind
from servers.ports import free_port
from servers.process import (
    HOST,
    KEY_NAME,
    KEY_SECRET,
    Missing,
    Process,
    Running,
    ZoneSpec,
    await_answer,
    binary,
    workplace,
)

PACKAGE = "pdns-server pdns-backend-sqlite3"
SCHEMAS = (
    Path("/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql"),
    Path("/usr/share/doc/pdns-backend-sqlite3/schema.sqlite3.sql"),
)


def start_powerdns(zones: tuple[ZoneSpec, ...]) -> Running:
    """One pdns_server. Zones go straight into its database: a run of pdnsutil for each setting takes seconds."""
    with workplace("pdns") as directory:
        port = free_port()
        command = configure_powerdns(directory, zones, host=HOST, port=port)
        process = Process(command, directory, "pdns_server")
        await_answer(process, port, zones)
        return Running(ProviderKind.POWERDNS, port, zones, process, directory)


def configure_powerdns(
    directory: Path,
    zones: tuple[ZoneSpec, ...],
    *,
    host: str,
    port: int,
    writers: str = f"{HOST}/32",
    secondary: str = "",
) -> list[str]:
    """Write what it needs into the directory; its command. `writers` may send updates; it tells `secondary`."""
    server = binary("pdns_server", PACKAGE)
    schema = next((path for path in SCHEMAS if path.exists()), None)
    if schema is None:
        raise Missing(
            f"the schema of PowerDNS's SQLite backend is not installed (Debian: apt-get install {PACKAGE})"
        )
    _fill(directory / "pdns.sqlite3", schema, zones, "MASTER" if secondary else "NATIVE")
    (directory / "pdns.conf").write_text(f"""
launch=gsqlite3
gsqlite3-database={directory}/pdns.sqlite3
socket-dir={directory}
local-address={host}
local-port={port}
dnsupdate=yes
primary={"yes" if secondary else "no"}
only-notify=
allow-dnsupdate-from={writers}
daemon=no
guardian=no
disable-syslog=yes
loglevel=3
security-poll-suffix=
zone-cache-refresh-interval=0
""")
    return [server, f"--config-dir={directory}"]


def _fill(file: Path, schema: Path, zones: tuple[ZoneSpec, ...], role: str) -> None:
    with sqlite3.connect(file) as database:
        database.executescript(schema.read_text())
        database.execute(
            "insert into tsigkeys (name, algorithm, secret) values (?, 'hmac-sha256', ?)", (KEY_NAME, KEY_SECRET)
        )
        for zone in zones:
            cursor = database.execute("insert into domains (name, type) values (?, ?)", (zone.name, role))
            id_ = cursor.lastrowid
            records, metadata = rows_of(zone)
            for row in records:
                database.execute(
                    "insert into records (domain_id, name, type, content, ttl, auth) values (?, ?, ?, ?, ?, 1)",
                    (id_, *row),
                )
            for kind, value in metadata.items():
                database.execute("delete from domainmetadata where domain_id = ? and kind = ?", (id_, kind))
                database.execute(
                    "insert into domainmetadata (domain_id, kind, content) values (?, ?, ?)", (id_, kind, value)
                )
    database.close()


def rows_of(zone: ZoneSpec) -> tuple[list[tuple[str, str, str, int]], dict[str, str]]:
    """A zone as rows of PowerDNS's tables: records (name, type, content, ttl), and metadata by kind."""
    records: list[tuple[str, str, str, int]] = []
    for line in zone.text().splitlines():
        name, ttl, _, rtype, content = line.split(" ", 4)
        records.append((name.rstrip("."), rtype, _content(rtype, content), int(ttl)))
    metadata = {
        "TSIG-ALLOW-DNSUPDATE": KEY_NAME,
        "TSIG-ALLOW-AXFR": KEY_NAME,
        "SOA-EDIT-DNSUPDATE": "INCREASE",
        **dict(zone.metadata),
    }
    return records, metadata


def _content(rtype: str, content: str) -> str:
    """PowerDNS keeps names inside data without the final dot."""
    if rtype in ("SOA", "NS", "CNAME"):
        return " ".join(word.rstrip(".") for word in content.split(" "))
    return content
