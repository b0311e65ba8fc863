"""The embedded name server as the configuration asks for it."""

from __future__ import annotations

from pathlib import Path

from holdfast.config.own_keys import local_zones
from holdfast.config.settings import ServiceSettings
from holdfast.model.configuration import Configuration, ProviderKind
from holdfast.nameserver.settings import KeySettings, NameServer, ServerSettings, ZoneSettings

DATA_DIRECTORY = "dns"
"""Below the state directory, and never in the store's file: what DNS serves must survive the store (R15)."""


def server_settings(configuration: Configuration, service: ServiceSettings) -> ServerSettings | None:
    """Settings of the embedded server; None when no zone is on it. Its keys must have been made."""
    zones = [z for z in local_zones(configuration, service) if z.provider is ProviderKind.EMBEDDED]
    if not zones or not service.dns_listen:
        return None
    host, _, port = service.dns_listen.rpartition(":")
    host = host.strip("[]")
    keys = {
        z.key_name: KeySettings(name=z.key_name, algorithm=z.key_algorithm, file=z.key_file, env=z.key_env)
        for z in zones
    }
    return ServerSettings(
        listen=((host, int(port)),),
        data_directory=Path(service.state) / DATA_DIRECTORY,
        zones=tuple(
            ZoneSettings(
                name=z.name,
                name_servers=(NameServer(name=f"ns1.{z.name}", addresses=(host,)),),
                keys=(z.key_name,),
                negative_ttl=z.negative_ttl,
            )
            for z in zones
        ),
        keys=tuple(keys[name] for name in sorted(keys)),
    )
