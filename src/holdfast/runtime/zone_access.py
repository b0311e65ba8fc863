"""How a zone's primary is reached: address, key, and which process it has to be."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

import msgspec

from holdfast.model.configuration import ProviderKind, ZoneConfig
from holdfast.nameserver.keys import load_key
from holdfast.nameserver.settings import KeySettings
from holdfast.runtime.tsig import Signer

DNS_PORT: Final = 53


class ZoneAccess(msgspec.Struct, frozen=True):
    """How one zone is reached. `published` overrides what `Servers` finds in DNS (other ports than 53)."""

    zone: str
    host: str
    port: int
    signer: Signer | None
    timeout_s: float = 5.0
    published: tuple[str, ...] = ()
    watched: bool = False
    """Whether each connection is asked which process it has reached (`runtime.identity`)."""
    server_ids: tuple[str, ...] = ()


def access_of(zone: ZoneConfig, environment: Mapping[str, str] = os.environ) -> ZoneAccess:
    """Access as configured, with the key's secret from its file (mode 0600) or the environment.

    Raises:
        NameserverProblem: the secret is missing, unreadable, no base64, or readable by others.
    """
    host, port = split_address(zone.server)
    signer = None
    if zone.key_name:
        settings = KeySettings(
            name=zone.key_name, algorithm=zone.key_algorithm, file=zone.key_file, env=zone.key_env
        )
        signer = Signer(load_key(settings, environment))
    return ZoneAccess(
        zone.name,
        host,
        port,
        signer,
        zone.timeout_s,
        watched=zone.provider is ProviderKind.POWERDNS,
        server_ids=zone.server_ids,
    )


def split_address(text: str) -> tuple[str, int]:
    """`address:port`, `[v6]:port` or a bare address."""
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        return host, int(port[1:]) if port.startswith(":") else DNS_PORT
    if text.count(":") == 1:
        host, _, port = text.partition(":")
        return host, int(port)
    return text, DNS_PORT


def join_address(host: str, port: int) -> str:
    """The inverse of `split_address`."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
