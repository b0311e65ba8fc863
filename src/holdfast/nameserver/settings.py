"""What the embedded server is told, and the errors it has for people. Secrets are named here, never held."""

from __future__ import annotations

from pathlib import Path

import msgspec


class NameserverProblem(Exception):
    """Something a person has to put right before the server can start; the text says what, where and how."""


class AddressOccupied(NameserverProblem):
    """The address to listen on is somebody else's, or not this machine's."""


class NameServer(msgspec.Struct, frozen=True):
    """A published name server of a zone: its name, and its addresses if the name lies in the zone."""

    name: str
    addresses: tuple[str, ...] = ()


class ZoneSettings(msgspec.Struct, frozen=True):
    """A zone to serve. Its apex (SOA, NS, and the name servers' addresses) follows these settings at start."""

    name: str
    name_servers: tuple[NameServer, ...]
    keys: tuple[str, ...]
    """Names of the keys that may update and transfer it."""
    negative_ttl: int = 5
    ttl: int = 60
    """TTL of the apex records, in seconds."""
    hostmaster: str = ""
    """Mailbox as a DNS name; `hostmaster.<zone>` if empty."""


class KeySettings(msgspec.Struct, frozen=True):
    """A TSIG key: where its secret is (a file of mode 0600, or an environment variable), never the secret."""

    name: str
    algorithm: str = "hmac-sha256"
    file: str = ""
    env: str = ""


class ServerSettings(msgspec.Struct, frozen=True):
    """The whole server."""

    listen: tuple[tuple[str, int], ...]
    """Addresses and ports, UDP and TCP each; port 0 takes a free one."""
    data_directory: Path
    """Zone data. Not the store: what DNS serves must survive the store (R15)."""
    zones: tuple[ZoneSettings, ...]
    keys: tuple[KeySettings, ...]
    udp_bytes_max: int = 1232
    """Larger answers are truncated and asked again over TCP: no fragments (DNS flag day 2020)."""
    connections_max: int = 256
    idle_s: float = 30.0
    answers_max: int = 64
    """Addresses in one unsigned answer at most."""
