"""The provider for a zone of the configuration."""

from __future__ import annotations

from holdfast.model.configuration import ProviderKind, ZoneConfig
from holdfast.providers.bind import BIND
from holdfast.providers.dialect import Dialect
from holdfast.providers.embedded import EMBEDDED
from holdfast.providers.knot import KNOT
from holdfast.providers.memory import MEMORY
from holdfast.providers.powerdns import POWERDNS
from holdfast.providers.rfc2136 import Rfc2136Provider

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


def provider_for(zone: ZoneConfig) -> Rfc2136Provider:
    """The provider of one zone. Its operations go to whatever transport drives the loop."""
    return Rfc2136Provider(zone.name, DIALECTS[zone.provider])
