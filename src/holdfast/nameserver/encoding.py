"""UPDATE messages as bytes in one go: for a client that changes ten thousand names.

`wire.update_message` gives the same message by way of dnspython, at five times the cost; this one writes each
record directly, with the one compression that pays: owner names end in a pointer to the zone section.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Final

from dns.rdataclass import ANY, IN, NONE
from dns.rdatatype import RdataType

from holdfast.nameserver.wire import dns_name, dns_rdata, dns_type
from holdfast.ports.dns import Existence, Prerequisite, SetRRset, Update

_FLAGS_UPDATE: Final = 5 << 11
_ZONE_AT: Final = b"\xc0\x0c"
_FIXED: Final = struct.Struct("!HHIH")
_EMPTY_CLASS: Final = {
    Existence.RRSET_EXISTS: ANY,
    Existence.RRSET_ABSENT: NONE,
    Existence.NAME_IN_USE: ANY,
    Existence.NAME_ABSENT: NONE,
}


def encode_update(update: Update, *, message_id: int) -> bytes:
    """One UPDATE message, unsigned (see `signing.append_signature`). May exceed 65,535 bytes: the caller checks.

    Raises:
        BadText: a name, type or rdata that is no DNS data.
    """
    zone = update.zone
    parts: list[bytes] = []
    prerequisites = sum(_prerequisite(parts, zone, p) for p in update.prerequisites)
    records = 0
    for change in update.changes:
        if isinstance(change, SetRRset):
            rrset = change.rrset
            owner = _owner(rrset.name, zone)
            rdtype = dns_type(rrset.rtype)
            parts.append(owner + _FIXED.pack(rdtype, ANY, 0, 0))
            _records(parts, owner, rdtype, rrset.ttl, rrset.rtype, rrset.rdatas)
            records += 1 + len(rrset.rdatas)
        else:
            parts.append(_owner(change.name, zone) + _FIXED.pack(dns_type(change.rtype), ANY, 0, 0))
            records += 1
    header = struct.pack("!HHHHHH", message_id, _FLAGS_UPDATE, 1, prerequisites, records, 0)
    return b"".join((header, _name(zone), b"\x00\x06\x00\x01", *parts))


def _prerequisite(parts: list[bytes], zone: str, p: Prerequisite) -> int:
    owner = _owner(p.name, zone)
    if p.existence is Existence.RRSET_IS:
        _records(parts, owner, dns_type(p.rtype), 0, p.rtype, p.rdatas)
        return len(p.rdatas)
    by_name = p.existence in (Existence.NAME_IN_USE, Existence.NAME_ABSENT)
    rdtype = RdataType.ANY if by_name else dns_type(p.rtype)
    parts.append(owner + _FIXED.pack(rdtype, _EMPTY_CLASS[p.existence], 0, 0))
    return 1


def _records(parts: list[bytes], owner: bytes, rdtype: int, ttl: int, rtype: str, rdatas: tuple[str, ...]) -> None:
    for text in rdatas:
        data = rdata_wire(rtype, text)
        parts.append(owner + _FIXED.pack(rdtype, IN, ttl, len(data)) + data)


@lru_cache(maxsize=65536)
def rdata_wire(rtype: str, text: str) -> bytes:
    """Rdata on the wire, uncompressed."""
    data = dns_rdata(rtype, text).to_wire()
    assert data is not None
    return data


@lru_cache(maxsize=65536)
def _owner(name: str, zone: str) -> bytes:
    if name == zone:
        return _ZONE_AT
    full = _name(name)
    tail = _name(zone)
    # A suffix in bytes is a suffix in labels only where a label begins; comparing the label count settles it.
    if (
        full.endswith(tail)
        and len(dns_name(name)) > len(dns_name(zone))
        and dns_name(name).is_subdomain(dns_name(zone))
    ):
        return full[: -len(tail)] + _ZONE_AT
    return full


@lru_cache(maxsize=65536)
def _name(name: str) -> bytes:
    return dns_name(name).to_digestable()
