"""The parts of a file, each read into its model value, with the place of each thing for the rules that follow."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from holdfast.config import names
from holdfast.config.providers import ROUTE53_TIMEOUT_S, read_provider
from holdfast.config.source import Path
from holdfast.config.tables import Table
from holdfast.model.configuration import (
    Check,
    CheckKind,
    EndpointConfig,
    GroupConfig,
    Limits,
    ProberConfig,
    ProviderKind,
    TargetConfig,
    ZoneConfig,
)
from holdfast.model.lease import bad_word

T = TypeVar("T")
KEY_ALGORITHMS = ("hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512")
DNS_LISTEN_DEFAULT = "127.0.0.1:5335"
TTL_MAX = 2**31 - 1
PROBERS_DEFAULT = tuple(ProberConfig(name=n, vantage=f"vantage-{n}") for n in ("a", "b", "c"))
_ZONE = ZoneConfig(name="", provider=ProviderKind.MEMORY, server="")
_GROUP = GroupConfig(name="", targets=(), check=Check())
_ENDPOINT = EndpointConfig(name="", zone="", group="")
_TARGET = TargetConfig(name="", a=None, aaaa=None, port=0, label="")
_NAME_HELP = "labels of a-z, 0-9, `-` and `_`, parted by dots; other scripts in their xn-- form"
_WORD_HELP = "1 to 63 of a-z, 0-9, dot, dash and underscore, begun by a letter or digit"


class Placed(msgspec.Struct, frozen=True):
    """A value and where it stands."""

    path: Path


class PlacedZone(Placed, frozen=True):
    """A `[[zone]]`."""

    value: ZoneConfig


class PlacedGroup(Placed, frozen=True):
    """A `[[group]]`, or the targets of an `[[endpoint]]` (`implicit`). `targets` are the places of its targets."""

    value: GroupConfig
    targets: tuple[Path, ...]
    implicit: bool = False


class PlacedEndpoint(Placed, frozen=True):
    """An `[[endpoint]]`."""

    value: EndpointConfig


class PlacedProber(Placed, frozen=True):
    """A `[[prober]]`."""

    value: ProberConfig


def read_zone(table: Table, scope: str, dns_listen: str) -> PlacedZone:
    """One `[[zone]]`; secrets are only named."""
    provider, route53 = read_provider(table)
    if route53 is not None:
        zone = ZoneConfig(
            name=_domain(table, "name"),
            provider=provider,
            server="",
            timeout_s=table.duration_s("timeout", ROUTE53_TIMEOUT_S),
            route53=route53,
        )
        table.close()
        return PlacedZone(path=table.path, value=zone)
    embedded = provider in (ProviderKind.EMBEDDED, ProviderKind.MEMORY)
    written = table.text("server", dns_listen if embedded else None, wanted='"address:port" of the primary')
    server = names.endpoint(written, 53)
    if server is None and written:
        table.notes.value(table.at("server"), f"`{written}` is no address and port", 'such as "192.0.2.53:53"')
    key_file, key_env = table.text("key_file", ""), table.text("key_env", "")
    key_name = table.text(
        "key_name", f"holdfast-{names.scope(scope) or 'key'}" if embedded else None, wanted="name of the TSIG key"
    )
    algorithm = table.text("key_algorithm", "hmac-sha256")
    if algorithm not in KEY_ALGORITHMS:
        table.notes.value(
            table.at("key_algorithm"), f"unknown algorithm `{algorithm}`", f"one of {', '.join(KEY_ALGORITHMS)}"
        )
    if key_file and key_env:
        table.notes.key(table.at("key_env"), "key_file and key_env are both given", "keep one of them")
    if not embedded and not (key_file or key_env):
        table.notes.key(
            table.path,
            "no TSIG key: updates must be signed (R2)",
            "add key_file = <path> or key_env = <name of an environment variable>",
        )
    zone = ZoneConfig(
        name=_domain(table, "name"),
        provider=provider,
        server=server or "",
        key_name=names.domain(key_name) or _not_a_name(table, "key_name", key_name),
        key_algorithm=algorithm,
        key_file=key_file,
        key_env=key_env,
        negative_ttl=table.integer("negative_ttl", _ZONE.negative_ttl, least=0, most=86400),
        timeout_s=table.duration_s("timeout", _ZONE.timeout_s),
        server_ids=_server_ids(table, provider),
    )
    table.close()
    return PlacedZone(path=table.path, value=zone)


def _server_ids(table: Table, provider: ProviderKind) -> tuple[str, ...]:
    found = table.texts("server_ids")
    if found and provider is not ProviderKind.POWERDNS:
        table.notes.key(
            table.at("server_ids"),
            f"server_ids on provider {provider.value}",
            "it tells processes of PowerDNS apart",
        )
    return tuple(sorted(set(found)))


def read_group(table: Table) -> PlacedGroup:
    """One `[[group]]`."""
    name = table.text("name", None, wanted="the group's name")
    if name and names.group(name) is None:
        table.notes.value(table.at("name"), f"`{name}` is no name for a group", _WORD_HELP)
    group = _read_pool(table, name, implicit=False)
    table.close()
    return group


def read_endpoint(table: Table) -> tuple[PlacedEndpoint, PlacedGroup | None]:
    """One `[[endpoint]]`, and its implicit group (named like the endpoint) if it lists targets itself."""
    name = _domain(table, "name")
    ttl = table.integer("ttl", _ENDPOINT.ttl, least=0, most=TTL_MAX)
    zone = table.text("zone", "")
    if zone and names.domain(zone) is None:
        _not_a_name(table, "zone", zone)
    group_name = table.text("group", "")
    own: PlacedGroup | None = None
    if group_name:
        for key in ("target", "targets", "check", "floor_share", "fail_open_share"):
            if table.has(key):
                table.notes.key(
                    table.at(key),
                    f"`{key}` beside group = {group_name!r}",
                    f"move it to the [[group]] {group_name!r}",
                )
    else:
        own = _read_pool(table, name, implicit=True)
        group_name = name
    table.close()
    endpoint = EndpointConfig(name=name, zone=names.domain(zone) or "", group=group_name, ttl=ttl)
    return PlacedEndpoint(path=table.path, value=endpoint), own


def _read_pool(table: Table, name: str, *, implicit: bool) -> PlacedGroup:
    targets = table.tables("target")
    role = _read_role(table)
    check = table.table("check")
    group = GroupConfig(
        name=name,
        targets=tuple(_read_target(t) for t in targets),
        check=read_check(check) if check is not None else Check(),
        floor_share=table.share("floor_share", _GROUP.floor_share),
        fail_open_share=table.share("fail_open_share", _GROUP.fail_open_share),
        role=role,
    )
    return PlacedGroup(path=table.path, value=group, targets=tuple(t.path for t in targets), implicit=implicit)


def _read_role(table: Table) -> str:
    """`targets = { from = "leases", role = "..." }`: whose holders are the targets; empty if not given."""
    source = table.table("targets")
    if source is None:
        return ""
    origin = source.text("from", "leases")
    if origin != "leases":
        table.notes.value(source.at("from"), f"`{origin}` is nothing that targets come from", '"leases"')
    role = source.text("role", None, wanted="the role that the holders' agents name")
    why = bad_word(role) if role else ""
    if why:
        table.notes.value(source.at("role"), why, 'such as "api"')
    if table.has("target"):
        table.notes.key(table.at("target"), "`target` beside `targets`", "keep one of them")
    source.close()
    return role


def _read_target(table: Table) -> TargetConfig:
    a, aaaa = _address(table, "ipv4", 4), _address(table, "ipv6", 6)
    if not table.has("ipv4") and not table.has("ipv6"):
        table.notes.key(table.path, "a target without an address", "add ipv4 or ipv6, or both")
    target = TargetConfig(
        name=_word(table, "name", None),
        a=a,
        aaaa=aaaa,
        port=table.integer("port", 0, least=1, most=65535),
        label=_word(table, "label", "default"),
        weight=table.integer("weight", _TARGET.weight, least=0, most=65535),
    )
    table.close()
    return target


def read_check(table: Table) -> Check:
    """A `check` table."""
    default = Check()
    kind = table.choice("kind", CheckKind, None) or CheckKind.TCP
    interval_s = table.duration_s("interval", default.interval_s)
    check = Check(
        kind=kind,
        interval_s=interval_s,
        timeout_s=table.duration_s("timeout", min(default.timeout_s, interval_s / 2)),
        rise=table.integer("rise", default.rise, least=1, most=100),
        fall=table.integer("fall", default.fall, least=1, most=100),
        path=table.text("path", default.path),
        host=table.text("host", default.host),
        statuses=table.integers("statuses", default.statuses, least=100, most=599),
        body_contains=table.text("body_contains", default.body_contains),
        verify_tls=table.boolean("verify_tls", default.verify_tls),
        ca_file=table.text("ca_file", default.ca_file),
        query_name=table.text("query_name", default.query_name),
        query_type=table.text("query_type", default.query_type).upper(),
        port=table.integer("port", 0, least=1, most=65535) or None,
    )
    table.close()
    return check


def read_prober(table: Table) -> PlacedProber:
    """One `[[prober]]`."""
    name = _word(table, "name", None)
    source = table.text("source", "")
    if source and not (names.address(source, 4) or names.address(source, 6)):
        table.notes.value(table.at("source"), f"`{source}` is no IP address", "an address of this machine")
    prober = ProberConfig(name=name, vantage=_word(table, "vantage", name), source=source)
    table.close()
    return PlacedProber(path=table.path, value=prober)


def read_limits(table: Table) -> Limits:
    """The `[limits]` table."""
    default = Limits()
    limits = Limits(
        window_s=table.duration_s("window", default.window_s),
        removal_share=table.share("removal_share", default.removal_share),
        removal_share_total=table.share("removal_share_total", default.removal_share_total),
        hold_down_s=table.duration_s("hold_down", default.hold_down_s),
        hold_down_max_s=table.duration_s("hold_down_max", default.hold_down_max_s),
        flap_window_s=table.duration_s("flap_window", default.flap_window_s),
        distrust_share=table.share("distrust_share", default.distrust_share),
        quorum=table.integer("quorum", default.quorum, least=0, most=1000),
        observation_ttl_s=table.duration_s("observation_ttl", default.observation_ttl_s),
        keep_plans=table.integer("keep_plans", default.keep_plans, least=1, most=100_000),
    )
    table.close()
    return limits


def _domain(table: Table, key: str) -> str:
    written = table.text(key, None, wanted="a DNS name")
    return names.domain(written) or (_not_a_name(table, key, written) if written else "")


def _not_a_name(table: Table, key: str, written: str) -> str:
    if written.startswith("*"):
        table.notes.value(table.at(key), f"`{written}` is a wildcard", "name each endpoint: holdfast keeps names")
    else:
        table.notes.value(table.at(key), f"`{written}` is no DNS name", _NAME_HELP)
    return ""


def _word(table: Table, key: str, default: str | None) -> str:
    written = table.text(key, default, wanted=_WORD_HELP)
    if written and names.target(written) is None:
        table.notes.value(table.at(key), f"`{written}` cannot stand as `{key}`", _WORD_HELP)
    return written


def _address(table: Table, key: str, version: int) -> str | None:
    written = table.text(key, "")
    found = names.address(written, version)
    if table.has(key) and found is None:
        example = "192.0.2.10" if version == 4 else "2001:db8::10"
        table.notes.value(table.at(key), f"`{written}` is no IPv{version} address", f'such as "{example}"')
    return found
