"""One message in, what to do about it out: the server's rules without sockets.

Order of the checks: a response or less than a header is dropped; a bad signature is NOTAUTH; then by opcode:
questions are answered, UPDATE and transfers need a key of the zone and TCP, anything else is NOTIMP.
Unsigned questions that came before are answered from a table of rendered pages, which every change of a zone
empties; nothing in it depends on the client but the bytes that are its key.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import dns.exception
import dns.opcode
import dns.rcode
import dns.rdatatype
import msgspec
from dns.rdataclass import ANY, IN

from holdfast.nameserver.changes import ZoneUpdate
from holdfast.nameserver.lookup import Reply, resolve
from holdfast.nameserver.parsing import (
    HEADER_BYTES,
    Header,
    Malformed,
    parse_update,
    read_header,
    read_question,
    read_records,
)
from holdfast.nameserver.rendering import Page, Question, bare, refusal, render, truncated, zone_for
from holdfast.nameserver.signing import (
    BadSignature,
    Keys,
    Signed,
    append_signature,
    refuse_signature,
    unix_time_s,
    unsign,
)
from holdfast.nameserver.wire import dns_name, rcode_to_dns, type_text
from holdfast.nameserver.zone import Zone
from holdfast.ports.dns import Rcode

_UDP_PLAIN_BYTES: Final = 512
_STREAM_BYTES: Final = 65535
_TSIG_ROOM_BYTES: Final = 300
"""Left free for the signature of a signed answer over UDP."""
_PAGES_MAX: Final = 65536
_TRANSFERS: Final = frozenset({dns.rdatatype.AXFR, dns.rdatatype.IXFR})


class TakeUpdate(msgspec.Struct, frozen=True):
    """An update that may be tried; its result goes through `Answerer.update_answer`."""

    update: ZoneUpdate
    wire: bytes
    signed: Signed


class SendZone(msgspec.Struct, frozen=True):
    """A transfer that was granted."""

    zone: Zone
    question: Question
    wire: bytes
    signed: Signed


Action: TypeAlias = bytes | TakeUpdate | SendZone | None
"""Send these bytes; or start this; or drop the message."""


class Answerer:
    """Decides on messages. `zones` is read anew each time; `grants` are the key names of each zone."""

    def __init__(
        self,
        zones: dict[str, Zone],
        *,
        keys: Keys,
        grants: Mapping[str, frozenset[str]],
        report: Callable[[str, str], None],
        udp_bytes_max: int = 1232,
        answers_max: int = 64,
        uniform: Callable[[], float] = random.random,
        now_s: Callable[[], int] = unix_time_s,
    ) -> None:
        self._zones = zones
        self._keys = keys
        self._grants = grants
        self._report = report
        self._udp_bytes_max = udp_bytes_max
        self._answers_max = answers_max
        self._uniform = uniform
        self._now_s = now_s
        self._pages: tuple[dict[bytes, Page], dict[bytes, Page]] = ({}, {})

    def forget(self) -> None:
        """A zone has changed."""
        for pages in self._pages:
            pages.clear()

    def take(self, wire: bytes, *, stream: bool) -> Action:
        """What to do about a message; `stream` says that it came over TCP. Never raises."""
        page = self._pages[stream].get(wire[2:])
        if page is not None:
            return page.draw(wire[:2], self._uniform, self._answers_max)
        if len(wire) < HEADER_BYTES:
            return None
        header = read_header(wire)
        if header.is_response:
            return None
        try:
            signed = unsign(wire, self._keys, now_s=self._now_s())
            if isinstance(signed, BadSignature):
                return self._bad_signature(signed)
            plain = wire if signed is None else signed.wire
            return self._by_opcode(plain, header, signed, stream)
        except (ValueError, dns.exception.DNSException):
            # Malformed and BadText are ValueErrors.
            return bare(wire, dns.rcode.FORMERR)

    def _by_opcode(self, wire: bytes, header: Header, signed: Signed | None, stream: bool) -> Action:
        if header.opcode == dns.opcode.QUERY:
            return self._query(wire, signed, stream)
        if header.opcode == dns.opcode.UPDATE:
            return self._update(wire, signed, stream)
        return self._sign(bare(wire, dns.rcode.NOTIMP), signed)

    def _bad_signature(self, bad: BadSignature) -> bytes:
        code = dns.rcode.to_text(bad.error, tsig=True)
        self._report("dns.bad_signature", f"a message signed with {bad.owner or '.'} was refused: {code}")
        return refuse_signature(bare(bad.wire, dns.rcode.NOTAUTH), bad, now_s=self._now_s())

    def _sign(self, answer: bytes, signed: Signed | None) -> bytes:
        if signed is None:
            return answer
        return append_signature(answer, signed.key, now_s=self._now_s(), request_mac=signed.mac)[0]

    # -- questions ------------------------------------------------------------------------------------------

    def _query(self, wire: bytes, signed: Signed | None, stream: bool) -> Action:
        question, version, rdclass = self._read_query(wire, signed is not None, stream)
        if version:
            return self._sign(self._drawn(refusal(question, dns.rcode.BADVERS), wire), signed)
        if question.rdtype in _TRANSFERS:
            return self._transfer(wire, question, signed, stream)
        if rdclass not in (IN, ANY):
            return self._sign(self._drawn(refusal(question, dns.rcode.REFUSED), wire), signed)
        page = self._page(question, signed is not None, stream)
        if signed is None:
            pages = self._pages[stream]
            if len(pages) >= _PAGES_MAX:
                pages.clear()
            pages[wire[2:]] = page
        return self._sign(self._drawn(page, wire), signed)

    def _drawn(self, page: Page, wire: bytes) -> bytes:
        return page.draw(wire[:2], self._uniform, self._answers_max)

    def _page(self, question: Question, signed: bool, stream: bool) -> Page:
        if dns.rdatatype.is_metatype(dns.rdatatype.RdataType.make(question.rdtype)) and question.rtype != "ANY":
            return refusal(question, dns.rcode.NOTIMP if question.rdtype >= 128 else dns.rcode.FORMERR)
        zone = zone_for(self._zones, question.name)
        if zone is None:
            return refusal(question, dns.rcode.REFUSED)
        reply = resolve(zone, question.name, question.rtype)
        if question.rtype == "ANY" and not stream and not signed:
            # RFC 8482: one RRset is an answer to ANY; all of them would be an amplifier.
            reply = Reply(reply.kind, reply.answer[:1], reply.referral)
        return render(zone, question, reply, signed=signed, most=self._answers_max)

    def _read_query(self, wire: bytes, signed: bool, stream: bool) -> tuple[Question, int, int]:
        header = read_header(wire)
        if header.first != 1:
            raise Malformed("a query has one question")
        name, rdtype, rdclass, at = read_question(wire, HEADER_BYTES)
        raw = wire[HEADER_BYTES:at]
        if len(raw) != len(dns_name(name).to_digestable()) + 4:
            raise Malformed("a compressed question")
        offered: int | None = None
        version = 0
        for record in read_records(wire, at, header.second + header.third + header.fourth):
            if record.rdtype == dns.rdatatype.OPT:
                if offered is not None:
                    raise Malformed("two OPT records")
                offered, version = record.rdclass, record.ttl >> 16 & 0xFF
        limit = self._limit(offered, signed, stream)
        question = Question(name, rdtype, type_text(rdtype), header.flags, raw, offered is not None, limit)
        return question, version, rdclass

    def _limit(self, offered: int | None, signed: bool, stream: bool) -> int:
        if stream:
            limit = _STREAM_BYTES
        elif offered is None:
            limit = _UDP_PLAIN_BYTES
        else:
            limit = max(_UDP_PLAIN_BYTES, min(offered, self._udp_bytes_max))
        return limit - _TSIG_ROOM_BYTES if signed else limit

    # -- what needs a key -----------------------------------------------------------------------------------

    def _granted(self, zone: str, signed: Signed | None) -> bool:
        return signed is not None and signed.key.name.to_text(True).lower() in self._grants.get(zone, frozenset())

    def _transfer(self, wire: bytes, question: Question, signed: Signed | None, stream: bool) -> Action:
        zone = self._zones.get(question.name)
        if zone is None:
            return self._sign(self._drawn(refusal(question, dns.rcode.NOTAUTH), wire), signed)
        if signed is None or not self._granted(zone.origin, signed):
            why = "it is not signed" if signed is None else "its key has no grant"
            self._report("dns.refused", f"a transfer of {zone.origin} was refused: {why}")
            return self._sign(self._drawn(refusal(question, dns.rcode.REFUSED), wire), signed)
        if not stream:
            # Over UDP a transfer can't be answered; TC sends the client to TCP (RFC 1995 section 2, RFC 5936 4.2).
            return self._sign(self._drawn(truncated(question, 0x8000 | question.flags & 0x7900), wire), signed)
        return SendZone(zone, question, wire, signed)

    def _update(self, wire: bytes, signed: Signed | None, stream: bool) -> Action:
        update = parse_update(wire)
        if isinstance(update, Rcode):
            return self._sign(bare(wire, rcode_to_dns(update)), signed)
        if update.zone not in self._zones:
            return self._sign(bare(wire, dns.rcode.NOTAUTH), signed)
        if signed is None or not self._granted(update.zone, signed):
            why = "it is not signed" if signed is None else "its key has no grant"
        elif not stream:
            why = "it came over UDP, where a replayed datagram brings old data back (R6); use TCP (nsupdate -v)"
        else:
            return TakeUpdate(update, wire, signed)
        self._report("dns.refused", f"an update of {update.zone} was refused: {why}")
        return self._sign(bare(wire, dns.rcode.REFUSED), signed)

    def update_answer(self, taken: TakeUpdate, rcode: Rcode) -> bytes:
        """The answer to an update that was tried."""
        return self._sign(bare(taken.wire, rcode_to_dns(rcode)), taken.signed)
