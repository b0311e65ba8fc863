"""Typed messages of `ports.dns` to DNS messages and back. A server reads updates with `parsing.parse_update`.

Canonical presentation form: names lower case without final dot, also inside rdata; IPv6 compressed; TXT quoted
string by string (so `"ab" "cd"` is not `"abcd"`, R6); unknown types as in RFC 3597 without inner spaces; the
rdatas of a set sorted. Prerequisites go out with TTL 0: dnspython's `present(name, rdataset)` keeps the TTL and
gets FORMERR (facts on DNS fencing). Built by hand rather than by `UpdateMessage.replace`, which is several times
slower (`encoding` writes the same update faster still); parsed rdata and names are cached, since a fence stands in
every message of its plan.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.update
from dns.rdataclass import ANY, IN, NONE
from dns.rdtypes.ANY.TXT import TXT
from dns.rdtypes.IN.A import A
from dns.rdtypes.IN.AAAA import AAAA

from holdfast.model.records import RRset
from holdfast.ports.dns import (
    Existence,
    Prerequisite,
    Rcode,
    SetRRset,
    Update,
)

_RCODES_TO_DNS: Final[dict[Rcode, dns.rcode.Rcode]] = {
    r: dns.rcode.from_text(r.value) for r in Rcode if r is not Rcode.OTHER
}
_RCODES_FROM_DNS: Final[dict[int, Rcode]] = {int(theirs): ours for ours, theirs in _RCODES_TO_DNS.items()}

_NAMES_INSIDE: Final = frozenset(
    dns.rdatatype.from_text(t)
    for t in ("NS", "CNAME", "DNAME", "SOA", "PTR", "MX", "SRV", "RP", "AFSDB", "KX", "RT", "PX")
)
"""Types whose text is names and numbers only: lower case is canonical."""


class BadText(ValueError):
    """A name or rdata text that is no DNS data; the message says which."""


def rcode_from_dns(rcode: int) -> Rcode:
    """dnspython's response code as ours; whatever rules do not tell apart is OTHER."""
    return _RCODES_FROM_DNS.get(rcode, Rcode.OTHER)


def rcode_to_dns(rcode: Rcode) -> dns.rcode.Rcode:
    """Our response code as dnspython's; OTHER as SERVFAIL."""
    return _RCODES_TO_DNS.get(rcode, dns.rcode.SERVFAIL)


# -- names, types, rdata ------------------------------------------------------------------------------------


@lru_cache(maxsize=65536)
def dns_name(name: str) -> dns.name.Name:
    """A canonical name as dnspython's.

    Raises:
        BadText: not a DNS name.
    """
    try:
        return dns.name.from_text(name or ".", dns.name.root)
    except (dns.exception.DNSException, ValueError) as error:
        raise BadText(f"{name!r} is not a DNS name: {error}") from error


@lru_cache(maxsize=65536)
def _name_text(name: dns.name.Name) -> str:
    return "" if name == dns.name.root else name.to_text(omit_final_dot=True).lower()


def name_text(name: dns.name.Name) -> str:
    """dnspython's absolute name in canonical form."""
    return _name_text(name)


@lru_cache(maxsize=256)
def dns_type(rtype: str) -> dns.rdatatype.RdataType:
    """A type's mnemonic, or `TYPE<number>`, as dnspython's.

    Raises:
        BadText: not a record type.
    """
    try:
        return dns.rdatatype.from_text(rtype)
    except (dns.exception.DNSException, ValueError) as error:
        raise BadText(f"{rtype!r} is not a record type") from error


@lru_cache(maxsize=256)
def type_text(rdtype: int) -> str:
    """dnspython's type as its mnemonic, or `TYPE<number>`."""
    return dns.rdatatype.to_text(dns.rdatatype.RdataType.make(rdtype))


@lru_cache(maxsize=65536)
def dns_rdata(rtype: str, text: str) -> dns.rdata.Rdata:
    """Rdata from presentation form. Addresses and plain TXT strings are built without the tokenizer.

    Raises:
        BadText: not rdata of that type.
    """
    try:
        if rtype == "A":
            return A(IN, dns.rdatatype.A, text)  # type: ignore[no-untyped-call]  # dnspython leaves it untyped
        if rtype == "AAAA":
            return AAAA(IN, dns.rdatatype.AAAA, text)  # type: ignore[no-untyped-call]  # the same
        if rtype == "TXT" and text.count('"') == 2 and "\\" not in text and text[0] == text[-1] == '"':
            return TXT(IN, dns.rdatatype.TXT, [text[1:-1]])
        return dns.rdata.from_text(IN, dns_type(rtype), text, origin=dns.name.root, relativize=False)
    except (dns.exception.DNSException, ValueError, IndexError) as error:
        raise BadText(f"{text!r} is not rdata of type {rtype}: {error}") from error


def rdata_text(rdata: dns.rdata.Rdata) -> str:
    """Rdata in canonical presentation form."""
    if isinstance(rdata, A | AAAA):
        return str(rdata.address)
    if isinstance(rdata, dns.rdata.GenericRdata):
        return f"\\# {len(rdata.data)} {rdata.data.hex()}".rstrip()
    text = rdata.to_text(origin=dns.name.root, relativize=True)
    return text.lower() if rdata.rdtype in _NAMES_INSIDE else text


def canonical(rrset: RRset) -> RRset:
    """The same RRset in canonical form, from any presentation form.

    Raises:
        BadText: not DNS data.
    """
    rdatas = {rdata_text(dns_rdata(rrset.rtype, text)) for text in rrset.rdatas}
    return RRset(name_text(dns_name(rrset.name)), rrset.rtype, rrset.ttl, tuple(sorted(rdatas)))


def rrset_from_dns(rrset: dns.rrset.RRset) -> RRset:
    """An RRset of a message, canonical."""
    return RRset(name_text(rrset.name), type_text(rrset.rdtype), rrset.ttl, _rdata_texts(rrset))


def _rdata_texts(rdatas: Iterable[dns.rdata.Rdata]) -> tuple[str, ...]:
    return tuple(sorted({rdata_text(rdata) for rdata in rdatas}))


def _dns_rrset(
    name: dns.name.Name, rdtype: dns.rdatatype.RdataType, ttl: int, rtype: str, rdatas: tuple[str, ...]
) -> dns.rrset.RRset:
    rrset = dns.rrset.RRset(name, IN, rdtype)
    rrset.ttl = ttl
    # What `Rdataset.add` checks one by one (class, type, TTL) holds by construction here.
    rrset.items = {dns_rdata(rtype, text): None for text in rdatas}
    return rrset


# -- questions ----------------------------------------------------------------------------------------------


def ask_message(name: str, rtype: str) -> dns.message.QueryMessage:
    """A question to an authoritative server: no recursion desired.

    Raises:
        BadText: not a DNS name or type.
    """
    message = dns.message.make_query(dns_name(name), dns_type(rtype))
    message.flags &= ~dns.flags.RD
    return message


# -- updates ------------------------------------------------------------------------------------------------


def update_message(update: Update) -> dns.update.UpdateMessage:
    """One UPDATE message, unsigned; the transport signs it when it sends it.

    Raises:
        BadText: a name, type or rdata that is no DNS data.
    """
    message = dns.update.UpdateMessage(dns_name(update.zone))
    message.prerequisite.extend(_prerequisite_to_dns(p) for p in update.prerequisites)
    section = message.update
    for change in update.changes:
        if isinstance(change, SetRRset):
            rrset = change.rrset
            name, rdtype = dns_name(rrset.name), dns_type(rrset.rtype)
            section.append(dns.rrset.RRset(name, IN, rdtype, deleting=ANY))
            section.append(_dns_rrset(name, rdtype, rrset.ttl, rrset.rtype, rrset.rdatas))
        else:
            section.append(dns.rrset.RRset(dns_name(change.name), IN, dns_type(change.rtype), deleting=ANY))
    return message


def _prerequisite_to_dns(p: Prerequisite) -> dns.rrset.RRset:
    name = dns_name(p.name)
    match p.existence:
        case Existence.RRSET_IS:
            return _dns_rrset(name, dns_type(p.rtype), 0, p.rtype, p.rdatas)
        case Existence.RRSET_EXISTS:
            return dns.rrset.RRset(name, ANY, dns_type(p.rtype))
        case Existence.RRSET_ABSENT:
            return dns.rrset.RRset(name, NONE, dns_type(p.rtype))
        case Existence.NAME_IN_USE:
            return dns.rrset.RRset(name, ANY, dns.rdatatype.ANY)
        case Existence.NAME_ABSENT:
            return dns.rrset.RRset(name, NONE, dns.rdatatype.ANY)
