"""Questions to bytes and bytes to answers, for the DNS transport: one pass, no message objects.

`holdfast.nameserver` has the records on the wire, and UPDATE messages (`encode_update`); here is the client's side
of reading. Answers are hostile input: whatever is wrong with one is `Malformed`.
"""

from __future__ import annotations

import socket
import struct
from functools import lru_cache
from typing import Final, NamedTuple

import dns.exception
import dns.name
import dns.rdata
import dns.rdatatype
from dns.rdataclass import IN

from holdfast.model.records import RRset
from holdfast.nameserver.parsing import (
    HEADER_BYTES,
    Header,
    Malformed,
    Record,
    read_header,
    read_question,
    read_records,
)
from holdfast.nameserver.wire import dns_name, dns_type, rcode_from_dns, rdata_text, type_text
from holdfast.ports.dns import Answer, Rcode, ZoneContent
from holdfast.runtime.tsig import tsig_error

MESSAGE_BYTES_MAX: Final = 65_535
_QUESTION: Final = struct.Struct("!HHHHHH")
_TAIL: Final = struct.Struct("!HH")
_AA: Final = 0x0400
_REFUSALS: Final = frozenset({Rcode.REFUSED, Rcode.NOTAUTH, Rcode.NOTIMP, Rcode.FORMERR, Rcode.NOTZONE})


class Packet(NamedTuple):
    """An answer on the wire with its records found. `last` is where a TSIG would be."""

    wire: bytes
    header: Header
    question: tuple[str, int] | None
    answers: list[Record]
    last: Record | None

    @property
    def rcode(self) -> Rcode:
        """The response code of the header."""
        return rcode_from_dns(self.header.flags & 0xF)


def question_wire(name: str, rtype: str, *, message_id: int) -> bytes:
    """A question to an authoritative server, no recursion desired.

    Raises:
        BadText: no DNS name, or no type.
    """
    return _QUESTION.pack(message_id, 0, 1, 0, 0, 0) + _name_wire(name) + _TAIL.pack(dns_type(rtype), IN)


@lru_cache(maxsize=65536)
def _name_wire(name: str) -> bytes:
    return dns_name(name).to_digestable()


def read_packet(wire: bytes) -> Packet:
    """Find the records.

    Raises:
        Malformed: no DNS answer.
    """
    header = read_header(wire)
    if not header.is_response or header.first > 1:
        raise Malformed("not an answer")
    at, question = HEADER_BYTES, None
    if header.first:
        name, rdtype, _, at = read_question(wire, at)
        question = name, rdtype
    records = list(read_records(wire, at, header.second + header.third + header.fourth))
    last = records[-1] if header.fourth else None
    return Packet(wire, header, question, records[: header.second], last)


def answer_of(packet: Packet, name: str, rtype: str) -> Answer:
    """The answer to a question: the RRset of exactly that name and type, and the alias if it is one.

    Raises:
        Malformed: it answers another question, or holds unreadable data.
    """
    wanted = int(dns_type(rtype))
    if packet.question is not None and packet.question != (name, wanted):
        raise Malformed(f"it answers {packet.question[0]}, the question was {name} {rtype}")
    rdatas: set[str] = set()
    ttl, alias = 0, ""
    for record in packet.answers:
        if record.name == name and record.rdclass == IN:
            if record.rdtype == wanted:
                ttl = record.ttl
                rdatas.add(rdata_of(packet.wire, record))
            if record.rdtype == dns.rdatatype.CNAME:
                alias = rdata_of(packet.wire, record)
    rrset = RRset(name, rtype, ttl, tuple(sorted(rdatas))) if rdatas else None
    return Answer(packet.rcode, rrset, bool(packet.header.flags & _AA), alias)


def rdata_of(wire: bytes, record: Record) -> str:
    """A record's data in canonical presentation form.

    Raises:
        Malformed: unreadable.
    """
    at, end = record.at, record.at + record.length
    if record.rdtype == dns.rdatatype.A and record.length == 4:
        return socket.inet_ntoa(wire[at:end])
    try:
        if record.rdtype in (dns.rdatatype.AAAA, dns.rdatatype.TXT):
            return _nameless(record.rdtype, wire[at:end])
        rdtype = dns.rdatatype.RdataType.make(record.rdtype)
        return rdata_text(dns.rdata.from_wire(IN, rdtype, wire, at, record.length))
    except (dns.exception.DNSException, ValueError, struct.error, IndexError) as error:
        raise Malformed(f"unreadable data at {record.name}: {error}") from error


@lru_cache(maxsize=65536)
def _nameless(rdtype: int, data: bytes) -> str:
    return rdata_text(dns.rdata.from_wire(IN, dns.rdatatype.RdataType.make(rdtype), data, 0, len(data)))


class TransferReader:
    """Gathers a zone from the messages of an AXFR, which begins and ends with the SOA."""

    def __init__(self, zone: str) -> None:
        self._zone = zone
        self._found: dict[tuple[str, int], tuple[int, set[str]]] = {}
        self._serial: int | None = None
        self.complete = False

    def feed(self, packet: Packet) -> None:
        """The next message.

        Raises:
            Malformed: it is no part of a transfer of this zone.
        """
        for record in packet.answers:
            if self.complete:
                raise Malformed("records after the final SOA")
            text = rdata_of(packet.wire, record)
            is_soa = record.rdtype == dns.rdatatype.SOA and record.name == self._zone
            if self._serial is None:
                if not is_soa:
                    raise Malformed("the transfer does not begin with the zone's SOA")
                self._serial = int(text.split(" ")[2])
            elif is_soa:
                self.complete = True
                continue
            self._found.setdefault((record.name, record.rdtype), (record.ttl, set()))[1].add(text)

    def content(self) -> ZoneContent:
        """The zone, sorted by (name, type)."""
        assert self.complete
        assert self._serial is not None
        rrsets = [
            RRset(name, type_text(rdtype), ttl, tuple(sorted(rdatas)))
            for (name, rdtype), (ttl, rdatas) in self._found.items()
        ]
        rrsets.sort(key=lambda rrset: (rrset.name, rrset.rtype))
        return ZoneContent(serial=self._serial, rrsets=tuple(rrsets))


def refusal(packet: Packet) -> str:
    """Why a server will not hear us, signed or not; empty for any other answer."""
    if packet.rcode not in _REFUSALS:
        return ""
    error = tsig_error(packet.wire, packet.last)
    return f"{packet.rcode.value} ({error})" if error else packet.rcode.value
