"""The configuration document as a value: what one TOML file declares, checked and with defaults filled in.

Durations are seconds, capacities and weights plain integers, shares are 0..1. Reading TOML, and every error
message about it, lives in `holdfast.config`.
"""

from __future__ import annotations

import enum

import msgspec


class Mode(enum.Enum):
    """Whether holdfast writes to DNS or only says what it would have written."""

    ENFORCE = "enforce"
    OBSERVE = "observe"


class CheckKind(enum.Enum):
    """What a probe speaks."""

    TCP = "tcp"
    HTTP = "http"
    HTTPS = "https"
    DNS = "dns"
    NONE = "none"
    """No probes: the target is always healthy (a static record)."""


class Check(msgspec.Struct, frozen=True):
    """How a target is probed. A probe is always a new connection."""

    kind: CheckKind = CheckKind.TCP
    interval_s: float = 10.0
    timeout_s: float = 2.0
    rise: int = 2
    fall: int = 3
    path: str = "/"
    host: str = ""
    """HTTP Host and TLS server name; the endpoint's target address if empty."""
    statuses: tuple[int, ...] = (200, 204)
    body_contains: str = ""
    verify_tls: bool = True
    ca_file: str = ""
    query_name: str = ""
    query_type: str = "A"
    port: int | None = None
    """Probe this port instead of the target's."""


class TargetConfig(msgspec.Struct, frozen=True, gc=False):
    """A target: one backend with an address per family at most. Its key is `<group>/<name>`."""

    name: str
    a: str | None
    aaaa: str | None
    port: int
    label: str
    """Zone or region, for velocity and spreading."""
    weight: int = 100
    """Capacity and share of traffic when healthy, 1..65535; 0 keeps it configured but out."""


class GroupConfig(msgspec.Struct, frozen=True):
    """A pool of targets that one or several names share: they move in one plan (capacity group)."""

    name: str
    targets: tuple[TargetConfig, ...]
    check: Check
    floor_share: float = 0.5
    """Never fewer serving than this share of the pool's capacity, whatever the verdicts (and always >= 1)."""
    fail_open_share: float = 0.5
    """Under this share healthy, health is not believed: all targets serve (panic threshold)."""
    role: str = ""
    """Given, the targets are who holds a lease of this role; in the store they stand among `targets`."""
    source: str = ""
    """Who brought it if no file did, such as `external-dns`."""


class EndpointConfig(msgspec.Struct, frozen=True, gc=False):
    """A name that holdfast keeps."""

    name: str
    zone: str
    group: str
    ttl: int = 30
    source: str = ""
    """Who brought it if no file did, such as `external-dns`."""


class ProviderKind(enum.Enum):
    """Which implementation of `ports.provider` serves a zone."""

    EMBEDDED = "embedded"
    BIND = "bind"
    KNOT = "knot"
    POWERDNS = "powerdns"
    RFC2136 = "rfc2136"
    ROUTE53 = "route53"
    MEMORY = "memory"


class Answers(enum.Enum):
    """How a name's addresses stand in Route 53, and so what one answer holds."""

    SIMPLE = "simple"
    """One record set: all addresses."""
    MULTIVALUE = "multivalue"
    """A record set for each address: up to eight of them."""
    WEIGHTED = "weighted"
    """A record set for each address: one of them, by weight."""


class Route53Settings(msgspec.Struct, frozen=True):
    """A hosted zone, and how its API is reached. Credentials are *named* here, never held."""

    zone_id: str
    answers: Answers = Answers.SIMPLE
    credentials_file: str = ""
    """Mode 0600; empty: from the environment."""
    profile: str = "default"
    requests_per_s: float = 5.0
    """This process's share of what the account may ask."""
    endpoint: str = ""
    """Another address of the API; empty is the public one."""


class ZoneConfig(msgspec.Struct, frozen=True):
    """A DNS zone and how it is reached. The key's secret is *named* here (file or environment), never held."""

    name: str
    provider: ProviderKind
    server: str
    """`address:port` of the primary that takes updates."""
    key_name: str = ""
    key_algorithm: str = "hmac-sha256"
    key_file: str = ""
    key_env: str = ""
    negative_ttl: int = 5
    """Embedded provider: SOA minimum."""
    timeout_s: float = 5.0
    server_ids: tuple[str, ...] = ()
    """PowerDNS: the processes (`server-id`) that updates may go to; several only over a serializable database."""
    route53: Route53Settings | None = None
    """Given for `ProviderKind.ROUTE53` alone."""

    @property
    def place(self) -> str:
        """Where updates go, for people."""
        if self.route53 is None:
            return f"{self.provider.value} at {self.server}"
        return f"route53, hosted zone {self.route53.zone_id}, {self.route53.answers.value} answers"


class ProberConfig(msgspec.Struct, frozen=True):
    """A prober: a named vantage point; `source` binds its connections to a local address."""

    name: str
    vantage: str
    source: str = ""


class Limits(msgspec.Struct, frozen=True):
    """Velocity and distrust. Defaults: facts on leases and overload ("Knobs and defaults")."""

    window_s: float = 300.0
    removal_share: float = 0.05
    """Capacity removable per window and zone label; always at least one target allowed."""
    removal_share_total: float = 0.10
    """The same over the whole DNS zone; the cap stands above "at least one"."""
    hold_down_s: float = 30.0
    """A flapping target stays out for this long times its flaps ..."""
    hold_down_max_s: float = 300.0
    flap_window_s: float = 600.0
    distrust_share: float = 0.2
    """More than this share of a prober's targets failing together: it distrusts itself."""
    quorum: int = 0
    """Vantage points that must agree on `down`; 0 means a majority of those configured (at least 2 if any)."""
    observation_ttl_s: float = 30.0
    """Without a fresh publication for this long an observer's opinions are unknown."""
    keep_plans: int = 20
    """Clean-up keeps the newest K plans whatever the fences say (R7)."""


class ExternalDns(msgspec.Struct, frozen=True):
    """What clusters may write by ExternalDNS's webhook, and how their names are kept."""

    domains: tuple[str, ...]
    """Names at or below one of these."""
    ttl: int = 300
    """For records that come without one, seconds."""
    check: Check = Check(kind=CheckKind.NONE)
    floor_share: float = 0.5
    fail_open_share: float = 0.5
    delete_after_s: float = 600.0
    """A name whose deletion was asked for stays in DNS for this long: restarts and mistakes take it back."""
    delete_share: float = 0.1
    """At most this share of the clusters' names is retired in a window of `limits.window_s`, at least one."""


class Configuration(msgspec.Struct, frozen=True):
    """One scope: everything that one plan covers. Tuples are sorted by name."""

    scope: str
    mode: Mode
    zones: tuple[ZoneConfig, ...]
    groups: tuple[GroupConfig, ...]
    endpoints: tuple[EndpointConfig, ...]
    probers: tuple[ProberConfig, ...]
    allowed_prefixes: tuple[str, ...] = ()
    """CIDR prefixes that any address in DNS must fall in; empty allows all (`check` warns)."""
    limits: Limits = Limits()
    external_dns: ExternalDns | None = None
    """Given, clusters may bring names of their own; in the store they stand among `endpoints`."""
    format: int = 1


class StoredConfiguration(msgspec.Struct, frozen=True):
    """The configuration document in the store. `origin` names the file and machine that it came from (R10).

    `removed_by_word` lists target keys that this revision took out by an explicit word (`drain` first, or
    `apply --remove-target`): exempt from velocity. `removed_addresses` are the addresses that these targets had,
    as far as the new configuration no longer names them: a plan knows addresses, and the old configuration is
    gone once it is replaced.
    """

    revision: int
    origin: str
    digest: str
    configuration: Configuration
    removed_by_word: tuple[str, ...] = ()
    removed_addresses: tuple[str, ...] = ()
    applied: int = 0
    """The revision that a file last made; 0 is this one. Members that join by lease move `revision` alone."""
    format: int = 1

    @property
    def of_file(self) -> int:
        """The revision that the file remembers (R10)."""
        return self.applied or self.revision


def target_key(group: str, target: str) -> str:
    """Key of a target in observations, verdicts and directives."""
    return f"{group}/{target}"
