"""Knot DNS."""

from __future__ import annotations

from pathlib import Path

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
_QUICK = "    zonefile-sync: -1\n    zonefile-load: {load}\n    journal-content: all\n"
_KEPT = "    zonefile-sync: 0\n    zonefile-load: whole\n    journal-content: changes\n"


def start_knot(zones: tuple[ZoneSpec, ...], rules: str = "", acls: str = "") -> Running:
    """One knotd. The journal is the zone's home: a zone file written at each update would be the benchmark.

    With `rules` for `acl:`, each zone has those named by `acls`, and no other.
    """
    with workplace("knot") as directory:
        port = free_port()
        command = configure_knot(directory, zones, host=HOST, port=port, rules=rules, acls=acls)
        process = Process(command, directory, "knotd")
        await_answer(process, port, zones)
        return Running(ProviderKind.KNOT, port, zones, process, directory)


def configure_knot(
    directory: Path,
    zones: tuple[ZoneSpec, ...],
    *,
    host: str,
    port: int,
    primary: str = "",
    secondary: str = "",
    restarts: bool = False,
    rules: str = "",
    acls: str = "",
) -> list[str]:
    """Write what it needs into the directory; its command. It follows `primary`, and tells `secondary`.

    A follower asks at least every 2 s: with NOTIFY lost it would wait for the zone's refresh time. A primary that
    `restarts` has Knot's defaults: with `difference-no-serial` each start puts the zone file over all updates.
    """
    knotd = binary("knotd", PACKAGE)
    (directory / "db").mkdir()
    for zone in () if primary else zones:
        (directory / f"{zone.name}.zone").write_text(zone.text())
    other = primary or secondary
    remote = f"remote:\n  - id: other\n    address: {other}@{port}\n    key: {KEY_NAME}\n" if other else ""
    follow = "    master: other\n    refresh-max-interval: 2\n    retry-max-interval: 1\n" if primary else ""
    tell = "    notify: other\n" if secondary else ""
    # A primary's NOTIFY carries no key here: PowerDNS signs none.
    heard = f"  - id: heard\n    address: {primary}\n    action: notify\n" if primary else ""
    acl = acls or ("[ours, heard]" if primary else "ours")
    body = "".join(f"  - domain: {z.name}\n    file: {z.name}.zone\n    acl: {acl}\n{follow}{tell}" for z in zones)
    allowed = f"    address: {HOST}\n" if host == HOST else ""
    (directory / "knot.conf").write_text(f"""
server:
    rundir: {directory}
    pidfile: {directory}/knot.pid
    listen: {host}@{port}
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
{remote}acl:
  - id: ours
{allowed}    key: {KEY_NAME}
    action: [update, transfer, notify]
{heard}{rules}template:
  - id: default
    storage: {directory}
{_KEPT if restarts else _QUICK.format(load="none" if primary else "difference-no-serial")}zone:
{body}""")
    return [knotd, "-c", "knot.conf"]
