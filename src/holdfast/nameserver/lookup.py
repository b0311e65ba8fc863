"""What an authoritative server answers: RFC 1034 section 4.3.2, wildcards as in RFC 4592. Pure.

The steps, on the way from the apex down to the name: a delegation above it refers; the name itself answers, is
an alias, or has no such data; a name that does not exist is made from the wildcard at its closest encloser,
if there is one; otherwise it does not exist (NXDOMAIN). An empty non-terminal exists: it has no data, it
hides wildcards above it, and a wildcard owner may be one itself.
"""

from __future__ import annotations

import enum

import msgspec

from holdfast.model.records import RRset
from holdfast.nameserver.names import ancestors, within
from holdfast.nameserver.zone import Node, Zone, pick
from holdfast.ports.dns import Answer, Rcode

ALIASES_MAX = 16
"""CNAMEs followed within the zone before the answer is left as it is (a loop, or a chain nobody means)."""


class Kind(enum.Enum):
    """What the zone says to a question."""

    FOUND = "found"
    ALIAS = "alias"
    NO_DATA = "no data"
    NO_NAME = "no name"
    REFERRAL = "referral"
    OUTSIDE = "outside"


class Finding(msgspec.Struct, frozen=True):
    """One step of a look-up. `rrsets` is the answer, the CNAME, or the NS of a referral."""

    kind: Kind
    rrsets: tuple[RRset, ...] = ()


class Reply(msgspec.Struct, frozen=True):
    """A whole answer for the wire: aliases followed within the zone.

    `kind` is that of the last step; `referral` is the NS RRset of a delegation. A negative kind takes the SOA
    along (RFC 2308), which whoever renders adds.
    """

    kind: Kind
    answer: tuple[RRset, ...]
    referral: tuple[RRset, ...] = ()


_OUTSIDE = Finding(Kind.OUTSIDE)
_NO_NAME = Finding(Kind.NO_NAME)
_NO_DATA = Finding(Kind.NO_DATA)


def find(zone: Zone, name: str, rtype: str) -> Finding:
    """One step: what the zone holds for this name and type, without following an alias."""
    if not within(name, zone.origin):
        return _OUTSIDE
    node = zone.node(name)
    cut = _delegation(zone, name)
    if cut is not None and not (cut.name == name and rtype == "DS"):
        return Finding(Kind.REFERRAL, (cut,))
    if not node:
        if zone.exists(name):
            return _NO_DATA
        wildcard = _wildcard(zone, name)
        if wildcard is None:
            return _NO_NAME
        node = tuple(RRset(name, rrset.rtype, rrset.ttl, rrset.rdatas) for rrset in wildcard)
    return _in_node(node, rtype)


def _delegation(zone: Zone, name: str) -> RRset | None:
    """NS of the highest zone cut at or above the name; the apex is none."""
    cut = None
    while name != zone.origin:
        cut = pick(zone.node(name), "NS") or cut
        name = next(ancestors(name, zone.origin))
    return cut


def _wildcard(zone: Zone, name: str) -> Node | None:
    """The wildcard's node at the closest encloser; None when there is no wildcard (RFC 4592 section 3.3.1)."""
    for encloser in ancestors(name, zone.origin):
        if encloser == zone.origin or zone.exists(encloser):
            source = f"*.{encloser}"
            return zone.node(source) if zone.exists(source) else None
    return None


def _in_node(node: Node, rtype: str) -> Finding:
    if not node:
        return _NO_DATA
    if rtype == "ANY":
        return Finding(Kind.FOUND, node)
    rrset = pick(node, rtype)
    if rrset is not None:
        return Finding(Kind.FOUND, (rrset,))
    alias = pick(node, "CNAME")
    return _NO_DATA if alias is None else Finding(Kind.ALIAS, (alias,))


def resolve(zone: Zone, name: str, rtype: str) -> Reply:
    """The whole answer: aliases followed as long as they stay in the zone."""
    answer: list[RRset] = []
    seen: set[str] = set()
    while True:
        finding = find(zone, name, rtype)
        if finding.kind is not Kind.ALIAS:
            break
        answer.extend(finding.rrsets)
        seen.add(name)
        name = finding.rrsets[0].rdatas[0]
        if name in seen or len(seen) >= ALIASES_MAX:
            return Reply(Kind.FOUND, tuple(answer))
    if finding.kind is Kind.REFERRAL:
        return Reply(Kind.REFERRAL, tuple(answer), finding.rrsets)
    if finding.kind is Kind.OUTSIDE and answer:
        return Reply(Kind.FOUND, tuple(answer))
    return Reply(finding.kind, (*answer, *finding.rrsets))


def lookup(zone: Zone, name: str, rtype: str) -> Answer:
    """What `ports.dns.Ask` gets: the RRset of this very name, or the reason why there is none."""
    finding = find(zone, name, rtype)
    match finding.kind:
        case Kind.FOUND:
            rrset = pick(finding.rrsets, rtype)
            alias = rrset.rdatas[0] if rrset is not None and rtype == "CNAME" else ""
            return Answer(Rcode.NOERROR, rrset, authoritative=True, alias=alias)
        case Kind.ALIAS:
            return Answer(Rcode.NOERROR, None, authoritative=True, alias=finding.rrsets[0].rdatas[0])
        case Kind.NO_DATA:
            return Answer(Rcode.NOERROR, None, authoritative=True)
        case Kind.NO_NAME:
            return Answer(Rcode.NXDOMAIN, None, authoritative=True)
        case Kind.REFERRAL:
            return Answer(Rcode.NOERROR, None, authoritative=False)
        case Kind.OUTSIDE:
            return Answer(Rcode.REFUSED, None, authoritative=False)
