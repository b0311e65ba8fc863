"""What must hold between the parts of a file: each rule is one function that notes problems, none stops the rest.

Errors refuse a file because holdfast could not keep its promises with it; warnings say what will surprise later.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from holdfast.config import names
from holdfast.config.pools import check_pool
from holdfast.config.problems import Severity
from holdfast.config.route53 import check_route53
from holdfast.config.sections import PlacedEndpoint, PlacedGroup, PlacedProber, PlacedZone
from holdfast.config.settings import ServiceSettings
from holdfast.config.source import Path
from holdfast.config.tables import Notes, nearest
from holdfast.model.configuration import (
    Answers,
    Configuration,
    ExternalDns,
    Limits,
    Mode,
    ProberConfig,
    ProviderKind,
    ZoneConfig,
)

TTL_UNREMARKABLE_S = 10
"""A TTL up to this is never called long: below it resolvers differ in whether they obey at all."""
NEGATIVE_TTL_UNREMARKABLE_S = 5
FENCE_LABEL = "_holdfast-"


class Draft(msgspec.Struct, frozen=True):
    """A file as read, each part with its place, before anything between the parts was checked."""

    scope: str
    mode: Mode
    zones: tuple[PlacedZone, ...]
    groups: tuple[PlacedGroup, ...]
    endpoints: tuple[PlacedEndpoint, ...]
    probers: tuple[PlacedProber, ...]
    allowed_prefixes: tuple[str, ...]
    limits: Limits
    external_dns: ExternalDns | None = None


def check_draft(
    draft: Draft, service: ServiceSettings, notes: Notes, *, probers_default: tuple[ProberConfig, ...]
) -> Configuration:
    """Note every problem; the result is good if none of them is an error."""
    _zones(draft, service, notes)
    draft = _endpoints_in_zones(draft, service, notes)
    _references(draft, notes)
    weightless = _weightless_zones(draft)
    for group in draft.groups:
        check_pool(group, draft.allowed_prefixes, weightless.get(group.value.name, ()), notes)
    check_route53(draft.zones, draft.groups, draft.endpoints, notes)
    _own_needs(draft, notes)
    _ttls(draft, notes)
    probers = tuple(p.value for p in draft.probers) or probers_default
    _probers(draft, probers, notes)
    _limits(draft.limits, notes)
    _listeners(draft, service, notes)
    names_come = draft.endpoints or draft.external_dns is not None
    if names_come and not draft.allowed_prefixes and not notes.source.document.get("allowed_prefixes"):
        notes.key(
            ("allowed_prefixes",),
            "no allowed_prefixes: enactors would publish any address that a plan names",
            'add allowed_prefixes = ["<CIDR>", ...]',
            Severity.WARNING,
        )
    return Configuration(
        scope=draft.scope,
        mode=draft.mode,
        zones=tuple(sorted((z.value for z in draft.zones), key=lambda z: z.name)),
        groups=tuple(
            sorted(
                (
                    msgspec.structs.replace(g.value, targets=tuple(sorted(g.value.targets, key=lambda t: t.name)))
                    for g in draft.groups
                ),
                key=lambda g: g.name,
            )
        ),
        endpoints=tuple(sorted((e.value for e in draft.endpoints), key=lambda e: (e.name, e.zone))),
        probers=tuple(sorted(probers, key=lambda p: p.name)),
        allowed_prefixes=draft.allowed_prefixes,
        limits=draft.limits,
        external_dns=_external_dns(draft, notes),
    )


def _external_dns(draft: Draft, notes: Notes) -> ExternalDns | None:
    """Domains that clusters may write to lie in the zones; none given are all zones."""
    policy = draft.external_dns
    if policy is None:
        return None
    zones = tuple(sorted(z.value.name for z in draft.zones if z.value.name))
    for domain in policy.domains:
        if not any(names.within(domain, zone) for zone in zones):
            notes.value(
                ("external_dns", "domains"), f"`{domain}` lies in none of the zones", f"zones: {', '.join(zones)}"
            )
    return msgspec.structs.replace(policy, domains=policy.domains or zones)


def _repeats(named: Iterable[tuple[str, Path]]) -> Iterator[tuple[str, Path, Path]]:
    """Names that came before: name, place, first place."""
    seen: dict[str, Path] = {}
    for name, path in named:
        if not name:
            continue
        if name in seen:
            yield name, path, seen[name]
        seen.setdefault(name, path)


def _line(notes: Notes, path: Path) -> int:
    return notes.source.places.key(path).line


def _zones(draft: Draft, service: ServiceSettings, notes: Notes) -> None:
    leases_alone = service.leases is not None and not draft.endpoints
    if not draft.zones and not leases_alone:
        notes.key((), "no zone", "add a [[zone]] with name and provider; or [leases], to serve leases alone")
    for name, path, first in _repeats((z.value.name, z.path) for z in draft.zones):
        notes.value(
            (*path, "name"), f"zone `{name}` is declared on line {_line(notes, first)} already", "keep one"
        )
    for inner in draft.zones:
        for outer in draft.zones:
            nested = inner.value.name != outer.value.name and inner.value.name.endswith(f".{outer.value.name}")
            if nested and outer.value.name:
                notes.value(
                    (*inner.path, "name"),
                    f"zone `{inner.value.name}` lies inside zone `{outer.value.name}`",
                    "names below it belong to the inner zone; the outer one must delegate it",
                    Severity.WARNING,
                )


def _endpoints_in_zones(draft: Draft, service: ServiceSettings, notes: Notes) -> Draft:
    """Find each endpoint's zone: the deepest that contains it."""
    zones = sorted({z.value.name for z in draft.zones if z.value.name}, key=len, reverse=True)
    if not draft.endpoints and draft.external_dns is None and service.leases is None:
        notes.key(
            (),
            "no endpoint: there is nothing to keep",
            "add an [[endpoint]] with name and targets",
            Severity.WARNING,
        )
    for name, path, first in _repeats((e.value.name, e.path) for e in draft.endpoints):
        notes.value(
            (*path, "name"), f"endpoint `{name}` is declared on line {_line(notes, first)} already", "keep one"
        )
    return msgspec.structs.replace(
        draft, endpoints=tuple(_in_zone(endpoint, zones, notes) for endpoint in draft.endpoints)
    )


def _in_zone(endpoint: PlacedEndpoint, zones: list[str], notes: Notes) -> PlacedEndpoint:
    name, written = endpoint.value.name, endpoint.value.zone
    deepest = next((zone for zone in zones if names.within(name, zone)), "")
    if name and any(label.startswith(FENCE_LABEL) for label in name.split(".")):
        notes.value(
            (*endpoint.path, "name"), f"`{name}` is kept for the fence", f"no label may begin {FENCE_LABEL}"
        )
    if name and not deepest and zones:
        notes.value(
            (*endpoint.path, "name"), f"`{name}` lies in none of the zones", f"zones: {', '.join(sorted(zones))}"
        )
    elif written and written != deepest:
        known = f"it lies in `{deepest}`" if written in zones else nearest(written, zones) if zones else ""
        notes.value((*endpoint.path, "zone"), f"`{name}` does not belong to zone `{written}`", known)
    return msgspec.structs.replace(endpoint, value=msgspec.structs.replace(endpoint.value, zone=deepest))


def _references(draft: Draft, notes: Notes) -> None:
    """Groups and the names that use them."""
    groups = {g.value.name for g in draft.groups}
    used = {e.value.group for e in draft.endpoints}
    explicit = [g for g in draft.groups if not g.implicit]
    # Two endpoints of one name are told already; their implicit groups need not be told again.
    named = [(g.value.name, g.path) for g in explicit]
    for name, path, first in _repeats(named):
        notes.value(
            (*path, "name"), f"group `{name}` is declared on line {_line(notes, first)} already", "keep one"
        )
    explicit_names = {name for name, _ in named if name}
    for group in draft.groups:
        if group.implicit and group.value.name in explicit_names:
            notes.value(
                (*group.path, "name"),
                f"a [[group]] has the name of this endpoint, `{group.value.name}`, which has targets of its own",
                "rename the group, or let the endpoint use it",
            )
    for endpoint in draft.endpoints:
        if endpoint.value.group and endpoint.value.group not in groups:
            fix = nearest(endpoint.value.group, groups) if groups else "add the [[group]]"
            notes.value((*endpoint.path, "group"), f"no group `{endpoint.value.group}`", fix)
    for group in explicit:
        if group.value.name and group.value.name not in used:
            notes.key(
                group.path,
                f"no endpoint uses group `{group.value.name}`",
                f'write group = "{group.value.name}" in an [[endpoint]], or remove it',
                Severity.WARNING,
            )


def _weightless_zones(draft: Draft) -> dict[str, tuple[str, ...]]:
    """By group: the zones that show its names on a provider without weights."""
    weightless = {z.value.name for z in draft.zones if not _keeps_weights(z.value)}
    pairs = sorted({(e.value.group, e.value.zone) for e in draft.endpoints if e.value.zone in weightless})
    found: dict[str, tuple[str, ...]] = {}
    for group, zone in pairs:
        found[group] = (*found.get(group, ()), zone)
    return found


def _keeps_weights(zone: ZoneConfig) -> bool:
    if zone.route53 is not None:
        return zone.route53.answers is Answers.WEIGHTED
    return zone.provider in (ProviderKind.EMBEDDED, ProviderKind.MEMORY)


def _own_needs(draft: Draft, notes: Notes) -> None:
    """Design decision 5: holdfast may not need a name that it keeps, or an error there could not be healed.

    Only servers are looked up by name. Probes connect to addresses, so a check's `host` is free to be the name.
    """
    managed = {e.value.name for e in draft.endpoints}
    for zone in draft.zones:
        route53 = zone.value.route53
        reached = zone.value.server if route53 is None else route53.endpoint.partition("://")[2]
        host, _ = names.split_endpoint(reached)
        if host in managed:
            notes.value(
                (*zone.path, "server") if route53 is None else (*zone.path, "provider", "endpoint"),
                f"`{host}` is kept by holdfast and needed by it to reach zone `{zone.value.name}`",
                "write the server's address",
            )


def _ttls(draft: Draft, notes: Notes) -> None:
    checks = {g.value.name: g.value.check for g in draft.groups}
    for endpoint in draft.endpoints:
        check = checks.get(endpoint.value.group)
        if check is None or check.kind.value == "none":
            continue
        detection_s = check.interval_s * check.fall
        if endpoint.value.ttl > max(detection_s, TTL_UNREMARKABLE_S):
            notes.value(
                (*endpoint.path, "ttl"),
                f"clients keep a dead address for up to {endpoint.value.ttl} s (the TTL)"
                f" after {detection_s:g} s of detection (interval x fall)",
                "a TTL near the detection time moves clients sooner",
                Severity.WARNING,
            )
    shortest: dict[str, int] = {}
    for endpoint in draft.endpoints:
        shortest[endpoint.value.zone] = min(
            endpoint.value.ttl, shortest.get(endpoint.value.zone, endpoint.value.ttl)
        )
    for zone in draft.zones:
        usual = max(NEGATIVE_TTL_UNREMARKABLE_S, shortest.get(zone.value.name, zone.value.negative_ttl))
        if zone.value.provider is ProviderKind.EMBEDDED and zone.value.negative_ttl > usual:
            notes.value(
                (*zone.path, "negative_ttl"),
                f"an empty answer would be remembered for {zone.value.negative_ttl} s,"
                f" longer than a good one ({usual} s)",
                f"negative_ttl = {NEGATIVE_TTL_UNREMARKABLE_S}",
                Severity.WARNING,
            )


def _probers(draft: Draft, probers: tuple[ProberConfig, ...], notes: Notes) -> None:
    for name, path, first in _repeats((p.value.name, p.path) for p in draft.probers):
        notes.value(
            (*path, "name"), f"prober `{name}` is declared on line {_line(notes, first)} already", "rename one"
        )
    vantages = len({p.vantage for p in probers})
    if draft.limits.quorum > vantages:
        notes.value(
            ("limits", "quorum"),
            f"a quorum of {draft.limits.quorum} with {vantages} vantage points: no target could ever be down",
            f"at most {vantages}, or 0 for a majority",
        )


def _limits(limits: Limits, notes: Notes) -> None:
    if limits.hold_down_max_s < limits.hold_down_s:
        notes.value(
            ("limits", "hold_down_max"),
            f"hold_down_max ({limits.hold_down_max_s:g} s) is below hold_down ({limits.hold_down_s:g} s)",
            "raise hold_down_max",
        )


def _listeners(draft: Draft, service: ServiceSettings, notes: Notes) -> None:
    if service.dns_listen and service.dns_listen == service.metrics_listen:
        notes.value(
            ("service", "metrics_listen"), "the same address and port as dns_listen", "give it another port"
        )
    for zone in draft.zones:
        _, port = names.split_endpoint(zone.value.server)
        _, listening = names.split_endpoint(service.dns_listen)
        if zone.value.provider is ProviderKind.EMBEDDED and zone.value.server and port != listening:
            notes.value(
                (*zone.path, "server"),
                f"updates go to {zone.value.server}, but the embedded name server listens on {service.dns_listen}",
                "right only if that is the embedded server of another machine",
                Severity.WARNING,
            )
