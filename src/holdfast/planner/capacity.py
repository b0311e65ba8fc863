"""Capacity: whose weight counts where, and how a share of it becomes a number.

Capacity is counted per DNS zone and target: the weight with which a zone's names serve the target. A target that
serves through several groups of a zone counts once for each, because each withdrawal costs clients of that group.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import Final, TypeAlias

from holdfast.model.configuration import Configuration, GroupConfig, TargetConfig, target_key

Pool: TypeAlias = tuple[str, str]
"""(DNS zone, group): the names of one zone that share a group's capacity. Zones decide apart, so that a zone
which cannot be written holds nothing back elsewhere."""

UNLABELLED: Final = "-"
"""Zone label of addresses that no configured target explains any more."""

_Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


def portion(share: float, capacity: int) -> int:
    """Whole units in a share, rounded down; the inner rounding keeps 0.1 x 30 at 3."""
    return int(round(share * capacity, 6))


def portion_up(share: float, capacity: int) -> int:
    """Whole units that reach a share."""
    return -int(-round(share * capacity, 6) // 1)


@lru_cache(maxsize=8)
def _networks(prefixes: tuple[str, ...]) -> tuple[_Network, ...]:
    return tuple(ipaddress.ip_network(p, strict=False) for p in prefixes)


def allowed(address: str, prefixes: tuple[str, ...]) -> bool:
    """Whether an address may enter a plan (R9's prefixes, kept by the planner as well); no prefixes allow all."""
    if not prefixes:
        return True
    parsed = ipaddress.ip_address(address)
    return any(parsed.version == network.version and parsed in network for network in _networks(prefixes))


def addresses_of(target: TargetConfig) -> tuple[str, ...]:
    """The target's addresses, A first."""
    return tuple(address for address in (target.a, target.aaaa) if address is not None)


def plannable(group: GroupConfig, prefixes: tuple[str, ...]) -> tuple[TargetConfig, ...]:
    """The group's targets all of whose addresses may enter a plan."""
    if not prefixes:
        return group.targets
    return tuple(t for t in group.targets if all(allowed(address, prefixes) for address in addresses_of(t)))


def known_addresses(configuration: Configuration) -> dict[str, tuple[str, str]]:
    """Target key and label of every configured address: names for addresses that leave a name."""
    return {
        address: (target_key(group.name, target.name), target.label)
        for group in configuration.groups
        for target in group.targets
        for address in addresses_of(target)
    }


def is_v6(address: str) -> bool:
    """Which family an address is of; presentation form tells."""
    return ":" in address
