"""The primary of a storm and the secondary that follows it, each in its zone."""

from __future__ import annotations

from pathlib import Path

from holdfast.model.configuration import ProviderKind, ZoneConfig
from servers.bind import configure_secondary
from servers.knot import configure_knot
from servers.powerdns import configure_powerdns
from servers.process import KEY_NAME, KEY_SECRET, ZoneSpec
from zones.file import ZONE
from zones.net import address
from zones.schedule import Topology

PORT = 53


def configure_primary(where: Topology, directory: Path) -> list[str]:
    """Its command."""
    directory.mkdir()
    host, other = address(where.primary_zone), address(where.secondary_zone)
    # PowerDNS tells nobody of an update unless it is asked to, zone by zone.
    notify = (("NOTIFY-DNSUPDATE", "1"), ("ALSO-NOTIFY", f"{other}:{PORT}"))
    metadata = notify if where.primary == "powerdns" else ()
    zones = (ZoneSpec(ZONE, records=_second(other), address=host, metadata=metadata),)
    if where.primary == "knot":
        return configure_knot(directory, zones, host=host, port=PORT, secondary=other, restarts=True)
    return configure_powerdns(directory, zones, host=host, port=PORT, writers="10.77.0.0/16", secondary=other)


def configure_follower(where: Topology, directory: Path) -> list[str]:
    """The command of the secondary."""
    directory.mkdir()
    host, primary = address(where.secondary_zone), address(where.primary_zone)
    zones = (ZoneSpec(ZONE),)
    if where.secondary == "knot":
        return configure_knot(directory, zones, host=host, port=PORT, primary=primary)
    return configure_secondary(directory, zones, host=host, port=PORT, primary=primary)


def zone_config(where: Topology, directory: Path) -> ZoneConfig:
    """How holdfast reaches the primary."""
    file = directory / "client.key"
    file.touch(mode=0o600)
    file.write_text(KEY_SECRET)
    kind = ProviderKind.KNOT if where.primary == "knot" else ProviderKind.POWERDNS
    server = f"{address(where.primary_zone)}:{PORT}"
    return ZoneConfig(name=ZONE, provider=kind, server=server, key_name=KEY_NAME, key_file=str(file))


def _second(host: str) -> tuple[str, ...]:
    return (f"{ZONE}. 60 IN NS ns2.{ZONE}.", f"ns2.{ZONE}. 60 IN A {host}")
