"""Name servers under search: how the shipped provider speaks to each kind, and what that kind does with it.

`dialect` is the provider's own, no copy; `quirks` are the server's measured habits (docs/facts/dns-fencing.md),
among them what it silently allows. `RFC_STRICT` is a server that does what RFC 2136 says and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from holdfast.model.records import NameRecords, RRset
from holdfast.nameserver.updating import BIND as BIND_QUIRKS
from holdfast.nameserver.updating import KNOT as KNOT_QUIRKS
from holdfast.nameserver.updating import POWERDNS as POWERDNS_QUIRKS
from holdfast.nameserver.updating import RFC, Quirks
from holdfast.providers.bind import BIND as BIND_DIALECT
from holdfast.providers.dialect import Dialect
from holdfast.providers.embedded import EMBEDDED as EMBEDDED_DIALECT
from holdfast.providers.knot import KNOT as KNOT_DIALECT
from holdfast.providers.powerdns import POWERDNS as POWERDNS_DIALECT
from holdfast.providers.rendering import render
from holdfast.providers.rfc2136 import Rfc2136Provider


class Server(msgspec.Struct, frozen=True):
    """One kind of server."""

    name: str
    dialect: Dialect
    quirks: Quirks = RFC

    def provider(self, zone: str, *, transfer: bool = False) -> Rfc2136Provider:
        """The shipped provider, fresh as after a start. `transfer`: it reads data by zone transfer, one step."""
        return Rfc2136Provider(zone, self.dialect, transfer_from=1 if transfer else None)

    @property
    def render(self) -> Callable[[NameRecords], tuple[RRset, ...]]:
        """A name's records as RRsets here."""
        return lambda records: render(records, weights=self.dialect.weights)


KNOT: Final = Server("knot", KNOT_DIALECT, KNOT_QUIRKS)
BIND: Final = Server("bind", BIND_DIALECT, BIND_QUIRKS)
POWERDNS: Final = Server("powerdns", POWERDNS_DIALECT, POWERDNS_QUIRKS)
EMBEDDED: Final = Server("embedded", EMBEDDED_DIALECT)
RFC_STRICT: Final = Server("rfc-strict", Dialect(name="rfc"))

SMALL_BIND: Final = Server(
    "bind, one record a type",
    msgspec.structs.replace(BIND_DIALECT, rdatas_max=1),
    msgspec.structs.replace(BIND_QUIRKS, rrset_records_max=1),
)
"""BIND's limit of 100 records of a type, scaled to where the alphabet of plans meets it."""

UNPINNABLE: Final = Server(
    "powerdns, serial not moving", POWERDNS_DIALECT, msgspec.structs.replace(POWERDNS_QUIRKS, serial_moves=False)
)
"""PowerDNS with `SOA-EDIT-DNSUPDATE=EPOCH`: the proof of the serial must refuse every repair (R3)."""

SMALL_MESSAGES: Final = Server(
    "powerdns, one RRset a message", msgspec.structs.replace(POWERDNS_DIALECT, rrsets_max=1), POWERDNS_QUIRKS
)
"""A plan in many messages: each stands alone, and may be the last."""

SERVERS: Final = {
    s.name: s for s in (KNOT, BIND, POWERDNS, EMBEDDED, RFC_STRICT, SMALL_BIND, UNPINNABLE, SMALL_MESSAGES)
}
