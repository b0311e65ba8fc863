"""The embedded name server's TSIG key, made at first start: nobody has to invent a secret to try holdfast.

The path is local to the machine, so it is filled into a *copy* of the zones; the document in the store never
names it.
"""

from __future__ import annotations

import base64
import secrets
from pathlib import Path

import msgspec

from holdfast.config.paths import placed
from holdfast.config.remembered import write_atomically
from holdfast.config.settings import ServiceSettings
from holdfast.model.configuration import Configuration, ProviderKind, ZoneConfig

KEY_BYTES = 32
DIRECTORY_NAME = "keys"


class KeyNotMade(msgspec.Struct, frozen=True):
    """The key's file could not be written; `text` says where and why."""

    text: str


def key_path(service: ServiceSettings, key_name: str) -> Path:
    """Where a generated key lies."""
    return Path(service.state) / DIRECTORY_NAME / f"{key_name}.key"


def local_zones(configuration: Configuration, service: ServiceSettings) -> tuple[ZoneConfig, ...]:
    """The zones with `key_file` as on this machine: a generated key's path, a relative one made absolute. Pure."""
    return tuple(_local(zone, service) for zone in configuration.zones)


def ensure_keys(configuration: Configuration, service: ServiceSettings) -> tuple[str, ...] | KeyNotMade:
    """Make the missing keys of embedded zones (mode 0600); paths of those that were made now."""
    made: list[str] = []
    for zone in configuration.zones:
        path = key_path(service, zone.key_name)
        if not _generated(zone) or path.exists():
            continue
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_atomically(path, _statement(zone), mode=0o600)
        except OSError as error:
            return KeyNotMade(f"the key {path} cannot be written: {error.strerror}")
        made.append(str(path))
    return tuple(made)


def _local(zone: ZoneConfig, service: ServiceSettings) -> ZoneConfig:
    if _generated(zone):
        return msgspec.structs.replace(zone, key_file=str(key_path(service, zone.key_name)))
    if zone.route53 is not None and zone.route53.credentials_file:
        file = placed(service.directory, zone.route53.credentials_file)
        return msgspec.structs.replace(zone, route53=msgspec.structs.replace(zone.route53, credentials_file=file))
    if zone.key_file:
        return msgspec.structs.replace(zone, key_file=placed(service.directory, zone.key_file))
    return zone


def _generated(zone: ZoneConfig) -> bool:
    return zone.provider is ProviderKind.EMBEDDED and not zone.key_file and not zone.key_env


def _statement(zone: ZoneConfig) -> bytes:
    """A `key` statement, so that nsupdate and dig can use the file too (-k)."""
    secret = base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()
    return f'key "{zone.key_name}" {{\n\talgorithm {zone.key_algorithm};\n\tsecret "{secret}";\n}};\n'.encode()
