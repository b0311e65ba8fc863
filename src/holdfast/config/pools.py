"""Rules within one group: its targets, their addresses and weights, and how they are checked."""

from __future__ import annotations

import ipaddress

from holdfast.config import names
from holdfast.config.problems import Severity
from holdfast.config.sections import PlacedGroup
from holdfast.config.source import Path
from holdfast.config.tables import Notes
from holdfast.model.configuration import CheckKind


def check_pool(
    group: PlacedGroup, allowed_prefixes: tuple[str, ...], weightless_zones: tuple[str, ...], notes: Notes
) -> None:
    """Note what is wrong with one group."""
    if group.value.role:
        return  # who the targets are is not known yet
    if not group.value.targets:
        kind = "endpoint" if group.implicit else "group"
        fix = 'add [[endpoint.target]] tables, or group = "<name of a [[group]]>"' if group.implicit else ""
        notes.key(group.path, f"{kind} `{group.value.name}` has no targets", fix or "add [[group.target]] tables")
        return
    _names(group, notes)
    _addresses(group, allowed_prefixes, notes)
    if group.value.check.kind is not CheckKind.NONE:
        _families(group, notes)
    _weights(group, weightless_zones, notes)
    _check(group, notes)


def _names(group: PlacedGroup, notes: Notes) -> None:
    seen: dict[str, int] = {}
    for target, path in zip(group.value.targets, group.targets, strict=True):
        if target.name and target.name in seen:
            notes.value(
                (*path, "name"),
                f"target `{target.name}` is in `{group.value.name}` on line {seen[target.name]} already",
                "rename one: a target's key is <group>/<name>",
            )
        seen.setdefault(target.name, notes.source.places.key(path).line)


def _addresses(group: PlacedGroup, allowed_prefixes: tuple[str, ...], notes: Notes) -> None:
    networks = [ipaddress.ip_network(prefix) for prefix in allowed_prefixes]
    seen: dict[str, str] = {}
    for target, path in zip(group.value.targets, group.targets, strict=True):
        for key, address in (("ipv4", target.a), ("ipv6", target.aaaa)):
            if address is None:
                continue
            if address in seen:
                notes.value(
                    (*path, key),
                    f"{address} is the address of target `{seen[address]}` too",
                    "an address stands in DNS once: give one target its weight",
                )
            seen.setdefault(address, target.name)
            if networks and not any(ipaddress.ip_address(address) in network for network in networks):
                notes.value(
                    (*path, key),
                    f"{address} lies in none of allowed_prefixes ({', '.join(allowed_prefixes)})",
                    "correct the address, or allow its prefix",
                )


def _families(group: PlacedGroup, notes: Notes) -> None:
    targets = group.value.targets
    with_a, with_aaaa = any(t.a for t in targets), any(t.aaaa for t in targets)
    for target, path in zip(targets, group.targets, strict=True):
        if target.a is None and target.aaaa is None:
            continue
        missing = "ipv4" if with_a and not target.a else "ipv6" if with_aaaa and not target.aaaa else ""
        if missing:
            notes.key(
                path,
                f"target `{target.name}` has no {missing}, others of `{group.value.name}` have one",
                f"{missing} clients get fewer targets; floors and limits count each family alone",
                Severity.WARNING,
            )


def _weights(group: PlacedGroup, weightless_zones: tuple[str, ...], notes: Notes) -> None:
    targets = group.value.targets
    for family, addressed in (
        ("ipv4", [t for t in targets if t.a]),
        ("ipv6", [t for t in targets if t.aaaa]),
    ):
        if addressed and not any(t.weight for t in addressed):
            notes.key(
                group.path,
                f"all {family} targets of `{group.value.name}` have weight 0: the name would be empty (I2)",
                "give at least one a weight of 1 or more",
            )
    used = {t.weight for t in targets if t.weight}
    if len(used) > 1 and weightless_zones:
        uneven: Path = next(
            (*path, "weight")
            for target, path in zip(targets, group.targets, strict=True)
            if (target.weight and target.weight != targets[0].weight) or target is targets[-1]
        )
        notes.value(
            uneven,
            f"weights differ, but the provider of {', '.join(weightless_zones)} has none",
            "there 0 means absent and any other weight present; they still count as capacity",
            Severity.WARNING,
        )


def _check(group: PlacedGroup, notes: Notes) -> None:
    check, path = group.value.check, (*group.path, "check")
    if check.kind is CheckKind.NONE:
        return
    for target, target_path in zip(group.value.targets, group.targets, strict=True):
        if (*target_path, "port") not in notes.source.places.keys and check.port is None:
            notes.key(
                target_path, f"target `{target.name}` has no port to check", 'add port, or check.kind = "none"'
            )
    if check.timeout_s >= check.interval_s:
        notes.value(
            (*path, "timeout"),
            f"timeout ({check.timeout_s:g} s) is not below interval ({check.interval_s:g} s)",
            "probes would overlap: shorten the timeout",
        )
    if check.kind in (CheckKind.HTTP, CheckKind.HTTPS) and not check.path.startswith("/"):
        notes.value((*path, "path"), f"`{check.path}` is no path", "it begins with /")
    if check.kind is CheckKind.DNS and names.domain(check.query_name) is None:
        notes.value((*path, "query_name"), "a dns check needs a name to ask for", 'add query_name = "<name>"')
