"""The provider for a zone of the configuration."""

from __future__ import annotations

from holdfast.model.configuration import ProviderKind, ZoneConfig
from holdfast.ports.provider import ZoneProvider
from holdfast.providers.bind import BIND
from holdfast.providers.dialect import Dialect
from holdfast.providers.embedded import EMBEDDED
from holdfast.providers.knot import KNOT
from holdfast.providers.memory import MEMORY
from holdfast.providers.powerdns import POWERDNS
from holdfast.providers.rfc2136 import Rfc2136Provider
from holdfast.providers.route53.provider import Route53Provider

RFC2136 = Dialect(name="rfc2136")
"""Any other server that takes updates: nothing assumed beyond the RFC, the serial proved as everywhere."""

DIALECTS: dict[ProviderKind, Dialect] = {
    ProviderKind.EMBEDDED: EMBEDDED,
    ProviderKind.BIND: BIND,
    ProviderKind.KNOT: KNOT,
    ProviderKind.POWERDNS: POWERDNS,
    ProviderKind.RFC2136: RFC2136,
    ProviderKind.MEMORY: MEMORY,
}


def provider_for(zone: ZoneConfig) -> ZoneProvider:
    """The provider of one zone. Its operations go to whatever transport drives the loop."""
    if zone.route53 is not None:
        return Route53Provider(zone.name, zone.route53.answers)
    return Rfc2136Provider(zone.name, DIALECTS[zone.provider])
