"""PowerDNS over PostgreSQL: any number of processes on one database, as behind a load balancer."""

from __future__ import annotations

from pathlib import Path

from holdfast.model.configuration import ProviderKind
from servers.ports import free_port
from servers.postgres import PASSWORD, USER, Postgres
from servers.powerdns import rows_of
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

PACKAGE = "pdns-server pdns-backend-pgsql"
SCHEMA = Path("/usr/share/pdns-backend-pgsql/schema/schema.pgsql.sql")
DATABASE = "pdns"


SERIALIZABLE = """
gpgsql-extra-connection-parameters=options='-c default_transaction_isolation=serializable'
gpgsql-prepared-statements=no
"""
"""Prepared statements: one that is refused for a conflict while it is prepared can't be prepared again there
("prepared statement already exists"), and the process answers SERVFAIL to every update until it is started anew.
"""


def start_powerdns_pgsql(
    zones: tuple[ZoneSpec, ...], postgres: Postgres, settings: tuple[str, ...] = ("", "")
) -> tuple[Running, ...]:
    """Processes `pdns-0`, `pdns-1`, ... (their `server-id`), all over one new database, each with settings.

    Raises:
        Missing: the server, or its backend for PostgreSQL, is not installed.
    """
    server = binary("pdns_server", PACKAGE)
    if not SCHEMA.exists():
        raise Missing(f"PowerDNS's backend for PostgreSQL is not installed (Debian: apt-get install {PACKAGE})")
    _fill(postgres, zones)
    return tuple(_start(server, number, more, zones, postgres) for number, more in enumerate(settings))


def _start(server: str, number: int, more: str, zones: tuple[ZoneSpec, ...], postgres: Postgres) -> Running:
    with workplace("pdns") as directory:
        port = free_port()
        (directory / "pdns.conf").write_text(f"""
launch=gpgsql
gpgsql-host={HOST}
gpgsql-port={postgres.port}
gpgsql-dbname={DATABASE}
gpgsql-user={USER}
gpgsql-password={PASSWORD}
server-id=pdns-{number}
socket-dir={directory}
local-address={HOST}
local-port={port}
dnsupdate=yes
allow-dnsupdate-from={HOST}/32
daemon=no
guardian=no
disable-syslog=yes
loglevel=3
security-poll-suffix=
zone-cache-refresh-interval=0
{more}
""")
        process = Process([server, f"--config-dir={directory}"], directory, f"pdns-{number}")
        await_answer(process, port, zones)
        return Running(ProviderKind.POWERDNS, port, zones, process, directory)


def _fill(postgres: Postgres, zones: tuple[ZoneSpec, ...]) -> None:
    postgres.sql(f"create database {DATABASE}", "postgres")
    statements = [
        SCHEMA.read_text(),
        "insert into tsigkeys (name, algorithm, secret) values"
        f" ({_text(KEY_NAME)}, 'hmac-sha256', {_text(KEY_SECRET)});",
    ]
    for id_, zone in enumerate(zones, start=1):
        statements.append(f"insert into domains (id, name, type) values ({id_}, {_text(zone.name)}, 'NATIVE');")
        records, metadata = rows_of(zone)
        statements += [
            "insert into records (domain_id, name, type, content, ttl, auth) values"
            f" ({id_}, {_text(name)}, {_text(rtype)}, {_text(content)}, {ttl}, true);"
            for name, rtype, content, ttl in records
        ]
        statements += [
            f"insert into domainmetadata (domain_id, kind, content) values ({id_}, {_text(kind)}, {_text(value)});"
            for kind, value in metadata.items()
        ]
    postgres.sql("\n".join(statements), DATABASE)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
