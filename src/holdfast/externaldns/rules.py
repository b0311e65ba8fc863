"""Which records of a cluster can be kept, and why another can't. Pure.

| record                                          | kept |
|---|---|
| A, AAAA of a plain name below a served domain    | yes |
| TXT with ExternalDNS's heritage                  | yes, as ownership data, never in DNS |
| any other type, a wildcard, a set identifier     | no: holdfast keeps addresses of plain names |
| a name that the file keeps, or a fence's         | no: the file is a person's word |
| an address outside `allowed_prefixes`            | no: enactors would refuse the plan |
| no address at all                                | no: a name is never empty (I2) |
"""

from __future__ import annotations

import ipaddress
from typing import Final

import msgspec

from holdfast.config import names
from holdfast.externaldns.contract import Endpoint
from holdfast.externaldns.marks import labels_of
from holdfast.model.configuration import Configuration, ExternalDns
from holdfast.model.external import SOURCE

FENCE_LABEL: Final = "_holdfast-"
TTL_MAX: Final = 2**31 - 1
FAMILIES: Final = {"A": 4, "AAAA": 6}


class Served(msgspec.Struct, frozen=True):
    """What a configuration lets clusters write. Made by `served`."""

    policy: ExternalDns
    zones: tuple[str, ...]
    """Deepest first."""
    held: frozenset[str]
    """Names that the file keeps."""
    prefixes: tuple[str, ...]

    def zone_of(self, name: str) -> str:
        """The deepest zone that holds a name; empty if none does."""
        return next((zone for zone in self.zones if names.within(name, zone)), "")

    def refuses_name(self, name: str) -> str:
        """Why a name is not a cluster's to write; empty if it is."""
        if names.domain(name) is None:
            return "a wildcard" if name.startswith("*") else "no name that holdfast keeps"
        if any(label.startswith(FENCE_LABEL) for label in name.split(".")):
            return "kept for the fence"
        if name in self.held:
            return "kept by the file's own [[endpoint]]"
        if not any(names.within(name, domain) for domain in self.policy.domains):
            return f"not below {', '.join(self.policy.domains)}"
        return "" if self.zone_of(name) else f"in none of the zones {', '.join(self.zones)}"


def served(configuration: Configuration) -> Served | None:
    """None if the configuration takes no names from clusters."""
    if configuration.external_dns is None:
        return None
    return Served(
        policy=configuration.external_dns,
        zones=tuple(sorted((z.name for z in configuration.zones), key=len, reverse=True)),
        held=frozenset(e.name for e in configuration.endpoints if e.source != SOURCE),
        prefixes=configuration.allowed_prefixes,
    )


def name_of(endpoint: Endpoint) -> str:
    """A record's name in canonical form."""
    return endpoint.dns_name.lower().removesuffix(".")


def is_mark(endpoint: Endpoint) -> bool:
    """Whether it is a TXT record of ExternalDNS's registry."""
    return endpoint.record_type == "TXT" and any(labels_of(text) is not None for text in endpoint.values)


def refused(endpoint: Endpoint, rules: Served, *, addresses: bool = True) -> str:
    """Why an address record can't be kept; empty if it can. `addresses` False looks at name and type alone."""
    if endpoint.record_type not in FAMILIES:
        return f"of type {endpoint.record_type or '(none)'}: holdfast keeps A and AAAA"
    if endpoint.set_identifier:
        return f"with set identifier {endpoint.set_identifier}: holdfast keeps one record set a name and family"
    why = rules.refuses_name(name_of(endpoint))
    return why or (_bad_addresses(endpoint, rules.prefixes) if addresses else "")


def _bad_addresses(endpoint: Endpoint, prefixes: tuple[str, ...]) -> str:
    if not endpoint.values:
        return "without an address: a name is never empty (I2)"
    if not 0 <= endpoint.record_ttl <= TTL_MAX:
        return f"with TTL {endpoint.record_ttl}: it is 0 to {TTL_MAX} seconds"
    version = FAMILIES[endpoint.record_type]
    networks = [ipaddress.ip_network(prefix) for prefix in prefixes]
    for text in endpoint.values:
        address = names.address(text, version)
        if address is None:
            return f"with `{text[:64]}`, which is no IPv{version} address"
        if networks and not any(ipaddress.ip_address(address) in network for network in networks):
            return f"with {address}, which lies in none of allowed_prefixes"
    return ""


def addresses_of(endpoint: Endpoint) -> tuple[str, ...]:
    """The addresses in canonical form, sorted, each once."""
    found = {names.address(text, FAMILIES[endpoint.record_type]) or text for text in endpoint.values}
    return tuple(sorted(found))
