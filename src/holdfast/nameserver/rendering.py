"""Answers as bytes: a whole message per (question, signed or not), addresses left open for the draw by weight."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import dns.rcode
import dns.rdatatype

from holdfast.model.records import TYPE_WEIGHT, RRset
from holdfast.nameserver.encoding import rdata_wire
from holdfast.nameserver.lookup import Kind, Reply, find
from holdfast.nameserver.names import ROOT, ancestors, parent, within
from holdfast.nameserver.parsing import HEADER_BYTES
from holdfast.nameserver.weights import draw, weights_of
from holdfast.nameserver.wire import dns_name, dns_type
from holdfast.nameserver.zone import Zone, soa_minimum

QR, AA, TC, RD = 0x8000, 0x0400, 0x0200, 0x0100
_FIXED: Final = struct.Struct("!HHIH")
_COUNTS: Final = struct.Struct("!HHHHH")
_POINTER_MAX: Final = 0x3FFF
OPT_OWNER_TYPE: Final = b"\x00\x00\x29"


class Question(NamedTuple):
    """What a query asks. `raw` is its question section as it came: answers echo it bit by bit (0x20)."""

    name: str
    rdtype: int
    rtype: str
    flags: int
    raw: bytes
    edns: bool
    bytes_max: int


class Page(NamedTuple):
    """A rendered answer without its id. `records` are the addresses still to be drawn, by `weights`."""

    head: bytes
    records: tuple[bytes, ...]
    weights: tuple[int, ...]
    tail: bytes

    def draw(self, id_: bytes, uniform: Callable[[], float], most: int) -> bytes:
        """The message."""
        if not self.records:
            return id_ + self.head + self.tail
        drawn = draw(self.records, self.weights, uniform, most=most)
        return b"".join((id_, self.head, *drawn, self.tail))


class Writer:
    """Records of one message, owner names compressed against the names before them."""

    def __init__(self, start: int) -> None:
        self.at = start
        self._offsets: dict[str, int] = {}

    def know(self, name: str, at: int) -> None:
        """Note that a name, and so each name above it, stands at an offset without compression."""
        for label_bytes in (len(label) + 1 for label in dns_name(name).labels[:-1]):
            if at > _POINTER_MAX:
                return
            self._offsets.setdefault(name, at)
            at += label_bytes
            name = parent(name)

    def records(self, rrset: RRset, ttl: int | None = None) -> list[bytes]:
        """The records of an RRset."""
        rdtype = dns_type(rrset.rtype)
        ttl = rrset.ttl if ttl is None else ttl
        found = []
        for text in rrset.rdatas:
            data = rdata_wire(rrset.rtype, text)
            record = self._owner(rrset.name) + _FIXED.pack(rdtype, 1, ttl, len(data)) + data
            self.at += len(record)
            found.append(record)
        return found

    def _owner(self, name: str) -> bytes:
        written = b""
        labels = dns_name(name).to_digestable()
        above = name
        while above != ROOT:
            known = self._offsets.get(above)
            if known is not None:
                break
            size = labels[len(written)] + 1
            written = labels[: len(written) + size]
            above = parent(above)
        pointer = self._offsets.get(above) if above != ROOT else None
        if self.at <= _POINTER_MAX:
            self._learn(name, above)
        return written + (b"\0" if pointer is None else struct.pack("!H", 0xC000 | pointer))

    def _learn(self, name: str, stop: str) -> None:
        at = self.at
        labels = dns_name(name).labels
        for label in labels:
            if name == stop or at > _POINTER_MAX:
                return
            self._offsets[name] = at
            at += len(label) + 1
            name = parent(name)


def render(zone: Zone, question: Question, reply: Reply, *, signed: bool, most: int) -> Page:
    """A whole answer. Signed questions see every address; others a draw of at most `most` (`weights`)."""
    writer = Writer(HEADER_BYTES + len(question.raw))
    writer.know(question.name, HEADER_BYTES)
    weights = () if signed else _weights(zone, reply)
    drawn = min(most, sum(1 for w in weights if w > 0))
    fixed = reply.answer[:-1] if weights else reply.answer
    answer = [record for rrset in fixed for record in writer.records(rrset)]
    records = writer.records(reply.answer[-1]) if weights else []
    if len(records) > drawn:
        # What is left out must not be pointed at by what follows.
        writer.at -= sum(len(record) for record in records[drawn:])
    authority, additional = _rest(zone, reply, writer)
    opt = opt_record(question)
    rcode = dns.rcode.NXDOMAIN if reply.kind is Kind.NO_NAME else dns.rcode.NOERROR
    # A referral is authoritative only for an alias that led to it (RFC 1034 section 6.2.7).
    flags = _flags(question) | (AA if reply.kind is not Kind.REFERRAL or reply.answer else 0) | rcode
    size = writer.at + len(opt)
    if size > question.bytes_max:
        return truncated(question, flags)
    counts = (1, len(answer) + drawn, len(authority), len(additional) + bool(opt))
    head = _COUNTS.pack(flags, *counts) + question.raw + b"".join(answer)
    return Page(head, tuple(records), weights, b"".join((*authority, *additional, opt)))


def _weights(zone: Zone, reply: Reply) -> tuple[int, ...]:
    """Weights of the answer's addresses; empty where nothing is to be drawn."""
    if reply.kind is not Kind.FOUND or not reply.answer:
        return ()
    last = reply.answer[-1]
    if last.rtype not in ("A", "AAAA") or (len(reply.answer) > 1 and reply.answer[-2].rtype != "CNAME"):
        return ()
    kept = find(zone, last.name, TYPE_WEIGHT)
    return weights_of(kept.rrsets[0] if kept.kind is Kind.FOUND else None, last.rdatas)


def _rest(zone: Zone, reply: Reply, writer: Writer) -> tuple[list[bytes], list[bytes]]:
    """Authority and additional: the SOA of a negative answer (RFC 2308), or a referral with its glue."""
    if reply.kind in (Kind.NO_DATA, Kind.NO_NAME):
        soa = zone.soa
        if soa is None:
            return [], []
        return writer.records(soa, min(soa.ttl, soa_minimum(soa.rdatas[0]))), []
    if reply.kind is not Kind.REFERRAL:
        return [], []
    authority = [record for rrset in reply.referral for record in writer.records(rrset)]
    glue = [
        record
        for host in reply.referral[0].rdatas
        if within(host, zone.origin)
        for rrset in zone.node(host)
        if rrset.rtype in ("A", "AAAA")
        for record in writer.records(rrset)
    ]
    return authority, glue


def truncated(question: Question, flags: int) -> Page:
    """TC and the question only: ask again over TCP."""
    opt = opt_record(question)
    return Page(_COUNTS.pack(flags | TC, 1, 0, 0, bool(opt)) + question.raw, (), (), opt)


def refusal(question: Question, rcode: int) -> Page:
    """An answer that is only a response code; extended codes (BADVERS) go into the OPT."""
    opt = opt_record(question, rcode >> 4)
    flags = _flags(question) | (rcode & 0xF)
    return Page(_COUNTS.pack(flags, 1, 0, 0, bool(opt)) + question.raw, (), (), opt)


def bare(wire: bytes, rcode: int) -> bytes:
    """An answer to a message of which only the header can be trusted."""
    id_, flags = struct.unpack_from("!HH", wire)
    return struct.pack("!HHHHHH", id_, QR | flags & 0x7900 | rcode, 0, 0, 0, 0)


def opt_record(question: Question, extended: int = 0) -> bytes:
    """Our OPT, if theirs had one."""
    if not question.edns:
        return b""
    return OPT_OWNER_TYPE + struct.pack("!HBBHH", UDP_BYTES_OFFERED, extended, 0, 0, 0)


def _flags(question: Question) -> int:
    return QR | question.flags & 0x7800 | question.flags & RD


UDP_BYTES_OFFERED: Final = 1232


def transfer_pages(zone: Zone, question: Question, *, bytes_max: int) -> list[Callable[[], bytes]]:
    """The messages of an AXFR, without id, each made when it is its turn (RFC 5936)."""
    content = zone.content().rrsets
    soa = [rrset for rrset in content if rrset.rtype == "SOA" and rrset.name == zone.origin]
    sequence = [*soa, *(rrset for rrset in content if rrset is not soa[0]), *soa]
    pages: list[Callable[[], bytes]] = []
    run: list[RRset] = []
    size = 0
    for rrset in sequence:
        estimate = sum(len(text) + len(rrset.name) + 24 for text in rrset.rdatas)
        if run and size + estimate > bytes_max:
            pages.append(_transfer_page(question, tuple(run)))
            run, size = [], 0
        run.append(rrset)
        size += estimate
    pages.append(_transfer_page(question, tuple(run)))
    return pages


def _transfer_page(question: Question, rrsets: Sequence[RRset]) -> Callable[[], bytes]:
    def page() -> bytes:
        writer = Writer(HEADER_BYTES + len(question.raw))
        writer.know(question.name, HEADER_BYTES)
        records = [record for rrset in rrsets for record in writer.records(rrset)]
        return b"".join((_COUNTS.pack(_flags(question) | AA, 1, len(records), 0, 0), question.raw, *records))

    return page


def zone_for(zones: dict[str, Zone], name: str) -> Zone | None:
    """The zone that a name belongs to: the longest that holds it."""
    if name in zones:
        return zones[name]
    for above in ancestors(name, ROOT):
        if above in zones:
            return zones[above]
    return None


__all__ = ["Page", "Question", "refusal", "render", "transfer_pages", "truncated", "zone_for"]
