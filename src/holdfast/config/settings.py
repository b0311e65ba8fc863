"""What a file says beside the configuration document: where this machine keeps things and listens."""

from __future__ import annotations

import msgspec

from holdfast.config.external_dns import Webhook
from holdfast.config.leases import LeaseService
from holdfast.config.problems import Problem
from holdfast.config.source import SourceMap
from holdfast.config.store_address import StoreSettings
from holdfast.model.configuration import Configuration

ENACTORS_DEFAULT = ("enactor-a", "enactor-b", "enactor-c")


class ServiceSettings(msgspec.Struct, frozen=True):
    """The `[service]` part: local to the machine, so no part of the document in the store.

    Paths are absolute (relative ones in the file count from the file's directory, a store's file from `state`).
    """

    state: str
    """State directory: keys, enactors' disks, what was last applied."""
    store: StoreSettings
    """The store's file, or the server it is on."""
    dns_listen: str = ""
    """`address:port` of the embedded name server; empty when no zone is on it."""
    metrics_listen: str = ""
    """`address:port` of `/metrics`; empty is off."""
    metrics_tls_cert: str = ""
    metrics_tls_key: str = ""
    tokens_file: str = ""
    """Tokens of callers, for every HTTP service of this machine; empty if there are none."""
    signing_key: str = ""
    """The planner's private key; empty: its plans are not signed."""
    plan_keys: tuple[str, ...] = ()
    """Public keys whose plans are believed here; empty: any plan, signed or not."""
    enactors: tuple[str, ...] = ENACTORS_DEFAULT
    """Writer ids of the enactors that run here."""
    directory: str = ""
    """Where the file lies: a relative `key_file` counts from here."""
    leases: LeaseService | None = None
    """The lease service of this machine, if the file has a `[leases]` table."""
    webhook: Webhook | None = None
    """ExternalDNS's webhook on this machine, if the file has an `[external_dns]` table."""


class Loaded(msgspec.Struct, frozen=True):
    """A good file. `problems` holds its warnings only."""

    path: str
    text: str
    configuration: Configuration
    service: ServiceSettings
    places: SourceMap
    problems: tuple[Problem, ...] = ()


class Rejected(msgspec.Struct, frozen=True):
    """A file that is refused: every problem found, errors and warnings, in the order of the file."""

    path: str
    text: str
    problems: tuple[Problem, ...]
