"""DNS questions of `doctor`: unsigned, by UDP or TCP, to an authoritative server or a resolver. Never raises."""

from __future__ import annotations

import ssl

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.resolver
import dns.rrset
import msgspec

from holdfast.model.records import RRset

UDP_BYTES = 1232
"""What resolvers offer since DNS flag day 2020: a larger answer is truncated for most of the world."""


class Place(msgspec.Struct, frozen=True):
    """A server to ask."""

    address: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{host}:{self.port}"


class Soa(msgspec.Struct, frozen=True):
    """An SOA as seen: its owner is the zone's name."""

    zone: str
    ttl: int
    serial: int
    minimum: int


class Reply(msgspec.Struct, frozen=True):
    """An answer. `soa` is that of the answer, or of the authority section of a negative one."""

    rcode: str
    authoritative: bool
    truncated: bool
    rrsets: tuple[RRset, ...]
    soa: Soa | None

    def find(self, name: str, rtype: str) -> RRset | None:
        """An RRset of the answer section."""
        return next((r for r in self.rrsets if r.name == name and r.rtype == rtype), None)


class NoReply(msgspec.Struct, frozen=True):
    """Nothing usable came back."""

    reason: str


async def ask(
    place: Place, name: str, rtype: str, *, tcp: bool, recursion: bool, timeout_s: float
) -> Reply | NoReply:
    """One question, one transport."""
    query = dns.message.make_query(name, rtype, use_edns=0, payload=UDP_BYTES)
    if not recursion:
        query.flags &= ~dns.flags.RD
    try:
        if tcp:
            message = await dns.asyncquery.tcp(query, place.address, timeout=timeout_s, port=place.port)
        else:
            message = await dns.asyncquery.udp(
                query, place.address, timeout=timeout_s, port=place.port, ignore_unexpected=True
            )
    except (TimeoutError, dns.exception.Timeout):
        return NoReply(f"no answer within {timeout_s:g} s")
    except (OSError, EOFError, ssl.SSLError) as error:
        return NoReply((error.strerror if isinstance(error, OSError) else "") or "the connection was closed")
    except (dns.exception.DNSException, ValueError) as error:
        return NoReply(f"not an answer to the question ({type(error).__name__})")
    return _reply(message)


async def ask_fully(
    places: tuple[Place, ...], name: str, rtype: str, *, recursion: bool, timeout_s: float
) -> Reply | NoReply:
    """One question to the first place that answers it usefully; by TCP when UDP truncates or fails."""
    last: Reply | NoReply = NoReply("nobody to ask")
    for place in places:
        for tcp in (False, True):
            last = await ask(place, name, rtype, tcp=tcp, recursion=recursion, timeout_s=timeout_s)
            if isinstance(last, Reply) and not last.truncated:
                break
        if isinstance(last, Reply) and last.rcode in ("NOERROR", "NXDOMAIN"):
            return last
    return last


def system_resolvers() -> tuple[Place, ...] | NoReply:
    """The resolvers that this machine is configured with."""
    try:
        resolver = dns.resolver.Resolver()
    except (dns.exception.DNSException, OSError) as error:
        return NoReply(f"this machine has no resolver ({error})")
    places = tuple(Place(n, resolver.port) for n in resolver.nameservers if isinstance(n, str))
    return places or NoReply("this machine has no resolver configured")


def _reply(message: dns.message.Message) -> Reply:
    soas = [_soa(r) for section in (message.answer, message.authority) for r in section]
    return Reply(
        rcode=dns.rcode.to_text(message.rcode()),
        authoritative=bool(message.flags & dns.flags.AA),
        truncated=bool(message.flags & dns.flags.TC),
        rrsets=tuple(_rrset(r) for r in message.answer),
        soa=next((s for s in soas if s is not None), None),
    )


def _rrset(rrset: dns.rrset.RRset) -> RRset:
    return RRset(
        name=_name(rrset.name),
        rtype=dns.rdatatype.to_text(rrset.rdtype),
        ttl=rrset.ttl,
        rdatas=tuple(sorted(_rdata(r) for r in rrset)),
    )


def _rdata(rdata: dns.rdata.Rdata) -> str:
    target = getattr(rdata, "target", None)
    return _name(target) if isinstance(target, dns.name.Name) else rdata.to_text()


def _soa(rrset: dns.rrset.RRset) -> Soa | None:
    if rrset.rdtype != dns.rdatatype.SOA or not rrset:
        return None
    soa = rrset[0]
    return Soa(zone=_name(rrset.name), ttl=rrset.ttl, serial=soa.serial, minimum=soa.minimum)


def _name(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower()
