"""Knot DNS."""

from __future__ import annotations

from holdfast.model.configuration import ProviderKind
from servers.ports import free_port
from servers.process import (
    HOST,
    KEY_NAME,
    KEY_SECRET,
    Process,
    Running,
    ZoneSpec,
    await_answer,
    binary,
    workplace,
)

PACKAGE = "knot"


def start_knot(zones: tuple[ZoneSpec, ...]) -> Running:
    """One knotd. The journal is the zone's home: a zone file written at each update would be the benchmark."""
    knotd = binary("knotd", PACKAGE)
    with workplace("knot") as directory:
        port = free_port()
        (directory / "db").mkdir()
        for zone in zones:
            (directory / f"{zone.name}.zone").write_text(zone.text())
        body = "".join(f"  - domain: {z.name}\n    file: {z.name}.zone\n    acl: ours\n" for z in zones)
        (directory / "knot.conf").write_text(f"""
server:
    rundir: {directory}
    pidfile: {directory}/knot.pid
    listen: {HOST}@{port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
control:
    listen: {directory}/control.sock
log:
  - target: stderr
    any: warning
database:
    storage: {directory}/db
key:
  - id: {KEY_NAME}
    algorithm: hmac-sha256
    secret: {KEY_SECRET}
acl:
  - id: ours
    address: {HOST}
    key: {KEY_NAME}
    action: [update, transfer]
template:
  - id: default
    storage: {directory}
    zonefile-sync: -1
    zonefile-load: difference-no-serial
    journal-content: all
zone:
{body}""")
        process = Process([knotd, "-c", "knot.conf"], directory, "knotd")
        await_answer(process, port, zones)
        return Running(ProviderKind.KNOT, port, zones, process, directory)
