"""TSIG (RFC 8945) on whole messages as bytes: taken off a request, put on an answer; and for clients the reverse.

Taking the signature off first lets everything after it read plain messages, and lets a refused signature be
answered as the RFC says: BADKEY and BADSIG unsigned, BADTIME signed, all with NOTAUTH. HMAC itself is dnspython's.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import dns.exception
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.tsig
import msgspec
from dns.rdtypes.ANY.TSIG import TSIG

from holdfast.nameserver.parsing import Malformed, Record, end_of_questions, read_header, read_records, skip_record
from holdfast.nameserver.wire import dns_name

FUDGE_S: Final = 300
_ARCOUNT_AT: Final = 10

# dnspython leaves both untyped.
_SIGN: Final[Callable[..., tuple[TSIG, Any]]] = dns.tsig.sign
_VALIDATE: Final[Callable[..., Any]] = dns.tsig.validate

Keys: TypeAlias = Mapping[str, dns.tsig.Key]
"""Keys by canonical name."""


class Signed(msgspec.Struct, frozen=True):
    """A message whose signature holds: without it, and what the answer's signature needs."""

    wire: bytes
    key: dns.tsig.Key
    mac: bytes


class BadSignature(msgspec.Struct, frozen=True):
    """A message whose signature does not hold. `key` only for BADTIME, whose answer is signed."""

    wire: bytes
    owner: str
    algorithm: dns.name.Name
    error: dns.rcode.Rcode
    key: dns.tsig.Key | None
    mac: bytes


def unsign(wire: bytes, keys: Keys, *, now_s: int) -> Signed | BadSignature | None:
    """Verify the TSIG of a request; None when it carries none.

    Raises:
        Malformed: no DNS message, or a TSIG elsewhere than at the end.
    """
    header = read_header(wire)
    if header.fourth == 0:
        return None
    count = header.second + header.third + header.fourth
    at = end_of_questions(wire, header.first)
    for _ in range(count - 1):
        at, rdtype = skip_record(wire, at)
        if rdtype == dns.rdatatype.TSIG:
            raise Malformed("a TSIG that is not the last record")
    (last,) = read_records(wire, at, 1)
    if last.rdtype != dns.rdatatype.TSIG:
        return None
    return _verify(wire, last, keys, now_s, header.fourth)


def _verify(wire: bytes, record: Record, keys: Keys, now_s: int, additional: int) -> Signed | BadSignature:
    try:
        rdata = dns.rdata.from_wire(dns.rdataclass.ANY, dns.rdatatype.TSIG, wire, record.at, record.length)
    except (dns.exception.DNSException, struct.error, ValueError) as cause:
        raise Malformed("an unreadable TSIG") from cause
    if not isinstance(rdata, TSIG) or rdata.error:
        raise Malformed("an unreadable TSIG")
    plain = wire[:_ARCOUNT_AT] + struct.pack("!H", additional - 1) + wire[_ARCOUNT_AT + 2 : record.start]
    key = keys.get(record.name)
    error = _error(wire, record, rdata, key, now_s)
    if key is not None and error == dns.rcode.NOERROR:
        return Signed(plain, key, rdata.mac)
    known = key if error == dns.rcode.BADTIME else None
    return BadSignature(plain, record.name, rdata.algorithm, error, known, rdata.mac)


def _error(wire: bytes, record: Record, rdata: TSIG, key: dns.tsig.Key | None, now_s: int) -> dns.rcode.Rcode:
    if key is None or key.algorithm != rdata.algorithm:
        return dns.rcode.BADKEY
    try:
        _VALIDATE(wire, key, key.name, rdata, now_s, b"", record.start)
    except dns.tsig.BadTime:
        return dns.rcode.BADTIME
    except dns.exception.DNSException:
        return dns.rcode.BADSIG
    return dns.rcode.NOERROR


def append_signature(
    wire: bytes, key: dns.tsig.Key, *, now_s: int, request_mac: bytes = b""
) -> tuple[bytes, bytes]:
    """A message with its TSIG, and its MAC. An answer takes the request's MAC into its own."""
    rdata, _ = _SIGN(wire, key, _blank(wire, key.algorithm, now_s), now_s, request_mac)
    return _with_tsig(wire, key.name, rdata), rdata.mac


class StreamSigner:
    """Signs the messages of one transfer: each takes the MAC of the one before it (RFC 8945 section 5.3.1)."""

    def __init__(self, signed: Signed) -> None:
        self._key = signed.key
        self._mac = signed.mac
        self._context: Any = None

    def sign(self, wire: bytes, *, now_s: int) -> bytes:
        """The next message, signed."""
        blank = _blank(wire, self._key.algorithm, now_s)
        rdata, self._context = _SIGN(wire, self._key, blank, now_s, self._mac, self._context, multi=True)
        return _with_tsig(wire, self._key.name, rdata)


def refuse_signature(wire: bytes, bad: BadSignature, *, now_s: int) -> bytes:
    """The NOTAUTH answer `wire` with the TSIG that says why; signed only for BADTIME, with our time in it."""
    other = struct.pack("!HI", now_s >> 32, now_s & 0xFFFFFFFF) if bad.key is not None else b""
    blank = _blank(wire, bad.algorithm, now_s, error=bad.error, other=other)
    if bad.key is not None:
        blank, _ = _SIGN(wire, bad.key, blank, now_s, bad.mac)
    return _with_tsig(wire, dns_name(bad.owner), blank)


def _blank(wire: bytes, algorithm: dns.name.Name, now_s: int, *, error: int = 0, other: bytes = b"") -> TSIG:
    (id_,) = struct.unpack_from("!H", wire)
    return TSIG(  # type: ignore[no-untyped-call]  # dnspython leaves it untyped
        dns.rdataclass.ANY, dns.rdatatype.TSIG, algorithm, now_s, FUDGE_S, b"", id_, error, other
    )


def _with_tsig(wire: bytes, owner: dns.name.Name, rdata: dns.rdata.Rdata) -> bytes:
    (additional,) = struct.unpack_from("!H", wire, _ARCOUNT_AT)
    data = rdata.to_wire()
    assert data is not None
    head = wire[:_ARCOUNT_AT] + struct.pack("!H", additional + 1) + wire[_ARCOUNT_AT + 2 :]
    fixed = struct.pack("!HHIH", dns.rdatatype.TSIG, dns.rdataclass.ANY, 0, len(data))
    return head + owner.to_digestable() + fixed + data


def unix_time_s() -> int:
    """Now, as signatures count it."""
    return int(time.time())
