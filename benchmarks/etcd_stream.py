"""etcd's lease keepalives over gRPC as its own clients send them: one stream each way, many calls on it.

gRPC on the wire is HTTP/2 with each message behind five bytes (0, and its length). Python's gRPC library takes
longer for a message than etcd does, so it would be what is measured; here a batch of calls goes in one DATA frame
made before, and answers are only counted. Flow control is obeyed as far as a few kilobytes in flight need it.
"""

from __future__ import annotations

import asyncio
import struct
import time
from typing import Final, cast

from asking import Asking

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
ACK, END_HEADERS = 1, 4
STREAM: Final = 1
WINDOW: Final = 2**31 - 1
"""What may be sent to us: everything."""
INITIAL_WINDOW: Final = 65_535
PATH: Final = "/etcdserverpb.Lease/LeaseKeepAlive"


def varint(number: int) -> bytes:
    """As protobuf writes numbers."""
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def keepalive(lease: int) -> bytes:
    """`LeaseKeepAliveRequest{ID}` behind gRPC's five bytes."""
    message = b"\x08" + varint(lease)
    return struct.pack(">BI", 0, len(message)) + message


def ttl_mark(ttl_s: int) -> bytes:
    """How the answer of a lease that is held ends: its field 3, which is left out where the lease is unknown."""
    return b"\x18" + varint(ttl_s)


def frame(kind: int, payload: bytes, *, flags: int = 0, stream: int = 0) -> bytes:
    """An HTTP/2 frame."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def _headers(port: int) -> bytes:
    fields = {
        ":method": "POST",
        ":scheme": "http",
        ":path": PATH,
        ":authority": f"127.0.0.1:{port}",
        "content-type": "application/grpc",
        "te": "trailers",
    }
    plain = [(name.encode(), value.encode()) for name, value in fields.items()]
    return b"".join(
        b"\x00" + bytes([len(n)]) + n + bytes([len(v)]) + v for n, v in plain
    )  # literal, never indexed


class KeepAliveStream(Asking):
    """Sends a batch, counts its answers, sends the next."""

    server = "etcd"

    def __init__(
        self, bodies: tuple[bytes, ...], offset: int, until_s: float, *, port: int, each: int, mark: bytes
    ) -> None:
        """`bodies` are `each` keepalives behind one another; `mark` ends the answer of a lease that is held."""
        assert max(len(body) for body in bodies) < INITIAL_WINDOW // 4, "less than a server waits with its updates"
        super().__init__(until_s)
        self.bodies, self.at, self.port, self.each, self.mark = bodies, offset, port, each, mark
        self._missing = 0
        self._received, self._answers = bytearray(), bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(
            PREFACE
            + frame(SETTINGS, struct.pack(">HI", 4, WINDOW))
            + frame(8, struct.pack(">I", WINDOW - INITIAL_WINDOW))
            + frame(HEADERS, _headers(self.port), flags=END_HEADERS, stream=STREAM)
        )
        self.ask()

    def ask(self) -> None:
        """See `Asking`."""
        body = self.bodies[self.at % len(self.bodies)]
        self.at += 1
        self._missing = self.each
        self.began_s = time.perf_counter()
        self.transport.write(frame(DATA, body, stream=STREAM))

    def data_received(self, data: bytes) -> None:
        received = self._received
        received += data
        at = 0
        while len(received) - at >= 9:
            end = at + 9 + int.from_bytes(received[at : at + 3], "big")
            if len(received) < end:
                break
            self._frame(received[at + 3], received[at + 4], received[at + 9 : end])
            at = end
        del received[:at]

    def _frame(self, kind: int, flags: int, payload: bytearray) -> None:
        if kind == DATA:
            self._answered(payload)
        elif kind in (SETTINGS, PING) and not flags & ACK:
            self.transport.write(frame(kind, bytes(payload) if kind == PING else b"", flags=ACK))
        elif kind in (RST_STREAM, GOAWAY) and not self.done.done():
            self.done.set_exception(ConnectionError(f"etcd ended the stream: {bytes(payload)!r}"))

    def _answered(self, payload: bytearray) -> None:
        answers = self._answers
        answers += payload
        at = 0
        while len(answers) - at >= 5:
            end = at + 5 + int.from_bytes(answers[at + 1 : at + 5], "big")
            if len(answers) < end:
                break
            self.renewed += answers.endswith(self.mark, at, end)
            self._missing -= 1
            at = end
        del answers[:at]
        if not self._missing:
            self.answered()
