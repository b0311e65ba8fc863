"""TSIG (RFC 8945) for the client side: signs requests, believes only answers that carry the request's MAC.

Straight on bytes with `hmac`: a question signed and its answer verified cost about 30 us here, against 300 us
through message objects, and ten thousand of each is what a large read-back may come to. Truncated MACs are not
accepted. A stream (zone transfer) chains each message's MAC to the one before it (section 5.3.1).
"""

from __future__ import annotations

import hmac
import struct
import time
from typing import Final, NamedTuple

import dns.rdatatype
import dns.tsig

from holdfast.nameserver.parsing import Malformed, Record

FUDGE_S: Final = 300
_ARCOUNT_AT: Final = 10
_ANY: Final = 255
_FIXED: Final = struct.Struct("!HHIH")
_LENGTH: Final = struct.Struct("!H")
_DIGESTS: Final = {
    dns.tsig.HMAC_SHA224: "sha224",
    dns.tsig.HMAC_SHA256: "sha256",
    dns.tsig.HMAC_SHA384: "sha384",
    dns.tsig.HMAC_SHA512: "sha512",
}
ERRORS: Final = {16: "BADSIG", 17: "BADKEY", 18: "BADTIME", 22: "BADTRUNC"}


class Distrusted(ValueError):
    """An answer that can't be believed: unsigned, or its signature does not hold. The text says which."""


class _Fields(NamedTuple):
    """What a TSIG record says. `time_fudge` are the eight bytes as they stand."""

    algorithm: bytes
    time_fudge: bytes
    mac: bytes
    original_id: bytes
    error: int
    other: bytes


class Signer:
    """One key. Keeps what does not change from message to message; never shows the secret."""

    def __init__(self, key: dns.tsig.Key) -> None:
        self._secret: bytes = key.secret
        self._digest = _DIGESTS[key.algorithm]
        self._name = key.name.to_digestable()
        self._algorithm = key.algorithm.to_digestable()
        self.key_name = key.name.to_text(omit_final_dot=True)

    def __repr__(self) -> str:
        return f"Signer({self.key_name!r})"

    def sign(self, wire: bytes, *, now_s: int) -> tuple[bytes, bytes]:
        """A request with its TSIG, and the MAC that its answer must build on."""
        time_fudge = _time_fudge(now_s)
        mac = self._mac(wire, self._variables(time_fudge, 0, b""))
        data = b"".join((self._algorithm, time_fudge, _LENGTH.pack(len(mac)), mac, wire[:2], b"\x00\x00\x00\x00"))
        (additional,) = _LENGTH.unpack_from(wire, _ARCOUNT_AT)
        record = self._name + _FIXED.pack(dns.rdatatype.TSIG, _ANY, 0, len(data)) + data
        return wire[:_ARCOUNT_AT] + _LENGTH.pack(additional + 1) + wire[_ARCOUNT_AT + 2 :] + record, mac

    def verify(self, wire: bytes, last: Record | None, request_mac: bytes, *, now_s: int) -> None:
        """Believe an answer. `last` is its last record.

        Raises:
            Distrusted: no signature of ours, or it does not hold.
        """
        fields = self._fields(wire, last)
        assert last is not None
        signed = _LENGTH.pack(len(request_mac)) + request_mac + _unsigned(wire, last, fields)
        self._compare(fields, self._mac(signed, self._variables(fields.time_fudge, fields.error, fields.other)))
        _check_time(fields, now_s)

    def _fields(self, wire: bytes, last: Record | None) -> _Fields:
        if last is None or last.rdtype != dns.rdatatype.TSIG:
            raise Distrusted("the answer is not signed")
        fields = _read(wire, last)
        if fields.error:
            raise Distrusted(f"the server refused our signature: {ERRORS.get(fields.error, fields.error)}")
        if fields.algorithm != self._algorithm:
            raise Distrusted("the answer is signed with another algorithm")
        return fields

    def _variables(self, time_fudge: bytes, error: int, other: bytes) -> bytes:
        tail = struct.pack("!HH", error, len(other)) + other
        return b"".join((self._name, b"\x00\xff\x00\x00\x00\x00", self._algorithm, time_fudge, tail))

    def _mac(self, message: bytes, variables: bytes) -> bytes:
        return hmac.digest(self._secret, message + variables, self._digest)

    def _compare(self, fields: _Fields, mac: bytes) -> None:
        if not hmac.compare_digest(fields.mac, mac):
            raise Distrusted("the answer's signature does not hold")


class StreamVerifier:
    """Believes a transfer message by message; `end` says whether the last one was covered by a MAC."""

    def __init__(self, signer: Signer, request_mac: bytes) -> None:
        self._signer = signer
        self._mac = request_mac
        self._first = True
        self._waiting = b""

    def feed(self, wire: bytes, last: Record | None, *, now_s: int) -> None:
        """The next message; up to 99 in a row may come unsigned and are covered by the next MAC.

        Raises:
            Distrusted: a MAC does not hold, or the first message is unsigned.
        """
        signer = self._signer
        if not self._first and (last is None or last.rdtype != dns.rdatatype.TSIG):
            self._waiting += wire
            return
        fields = signer._fields(wire, last)
        assert last is not None
        message = _LENGTH.pack(len(self._mac)) + self._mac + self._waiting + _unsigned(wire, last, fields)
        full = signer._variables(fields.time_fudge, fields.error, fields.other)
        signer._compare(fields, signer._mac(message, full if self._first else fields.time_fudge))
        _check_time(fields, now_s)
        self._mac, self._first, self._waiting = fields.mac, False, b""

    def end(self) -> None:
        """No message follows.

        Raises:
            Distrusted: the last messages carry no MAC.
        """
        if self._waiting:
            raise Distrusted("the end of the transfer is not signed")


def _read(wire: bytes, record: Record) -> _Fields:
    """A TSIG's fields; its algorithm is never compressed (RFC 8945 section 4.2)."""
    data = wire[record.at : record.at + record.length]
    try:
        end = 0
        while data[end]:
            end += data[end] + 1
        end += 1
        (size,) = _LENGTH.unpack_from(data, end + 8)
        at = end + 10 + size
        error, other = struct.unpack_from("!HH", data, at + 2)
        return _Fields(
            algorithm=data[:end].lower(),
            time_fudge=data[end : end + 8],
            mac=data[end + 10 : at],
            original_id=data[at : at + 2],
            error=error,
            other=data[at + 6 : at + 6 + other],
        )
    except (IndexError, struct.error):
        raise Malformed("an unreadable TSIG") from None


def tsig_error(wire: bytes, last: Record | None) -> str:
    """Why a server refused our signature, as its unsigned answer says; empty when it says nothing of it."""
    if last is None or last.rdtype != dns.rdatatype.TSIG:
        return ""
    error = _read(wire, last).error
    return ERRORS.get(error, str(error)) if error else ""


def _unsigned(wire: bytes, last: Record, fields: _Fields) -> bytes:
    (additional,) = _LENGTH.unpack_from(wire, _ARCOUNT_AT)
    counts = wire[2:_ARCOUNT_AT] + _LENGTH.pack(additional - 1)
    return fields.original_id + counts + wire[_ARCOUNT_AT + 2 : last.start]


def _check_time(fields: _Fields, now_s: int) -> None:
    high, low, fudge = struct.unpack("!HIH", fields.time_fudge)
    if abs(now_s - (high << 32 | low)) > fudge:
        raise Distrusted(f"the answer's signature is {now_s - (high << 32 | low)} s old: clocks differ")


def _time_fudge(now_s: int) -> bytes:
    return struct.pack("!HIH", now_s >> 32, now_s & 0xFFFFFFFF, FUDGE_S)


def now() -> int:
    """Unix time, as signatures count it."""
    return int(time.time())
