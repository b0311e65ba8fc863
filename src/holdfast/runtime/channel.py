"""One TCP connection to a DNS server: messages framed by their length, pipelined, answers matched by their id.

It knows nothing of what the messages say. What it is exact about is whether a message has left: `sent` of a
`Broken` decides whether an update may have been applied.
"""

from __future__ import annotations

import asyncio
import secrets
import struct
from collections.abc import Callable, Sequence
from typing import Final, cast

_LENGTH: Final = struct.Struct("!H")
_IDS: Final = 1 << 16

IDLE_MAX_S: Final = 2.0
"""A connection unused for longer is not trusted with another message: servers close idle ones at their leisure
(Knot and PowerDNS after seconds), and an update that meets that moment would be in doubt for nothing."""


class Broken(ConnectionError):
    """The connection ended, or its time ran out, with messages unanswered. `sent`: they had left."""

    def __init__(self, why: str, *, sent: bool) -> None:
        super().__init__(why)
        self.sent = sent


class _Exchange:
    """Messages sent together: done when each has its answer."""

    def __init__(self, loop: asyncio.AbstractEventLoop, count: int) -> None:
        self.done: asyncio.Future[None] = loop.create_future()
        self.answers: list[bytes] = [b""] * count
        self.missing = count

    def take(self, place: int, wire: bytes) -> None:
        self.answers[place] = wire
        self.missing -= 1
        if not self.missing and not self.done.done():
            self.done.set_result(None)

    def fail(self, why: str) -> None:
        if not self.done.done():
            self.done.set_exception(Broken(why, sent=True))


class Channel(asyncio.Protocol):
    """An open connection. Unusable once `open` is False; whoever holds it then connects anew."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._waiting: dict[int, tuple[_Exchange, int]] = {}
        self._next_id = secrets.randbelow(_IDS)
        self._used_s = self._loop.time()
        self._closed = self._loop.create_future()

    # -- asyncio.Protocol ----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is there."""
        # Not `isinstance`: uvloop's transports have the methods without the base class.
        transport = cast("asyncio.Transport", transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Some bytes: whole messages go to whoever waits for them."""
        self._used_s = self._loop.time()
        buffer = self._buffer
        buffer += data
        at = 0
        while len(buffer) - at >= 2:
            end = at + 2 + _LENGTH.unpack_from(buffer, at)[0]
            if len(buffer) < end:
                break
            self._deliver(bytes(buffer[at + 2 : end]))
            at = end
        del buffer[:at]

    def connection_lost(self, exc: Exception | None) -> None:
        """The end: all that wait learn of it."""
        self._transport = None
        why = f"connection lost: {exc}" if exc else "the server closed the connection"
        for exchange in {id(e): e for e, _ in self._waiting.values()}.values():
            exchange.fail(why)
        self._waiting.clear()
        if not self._closed.done():
            self._closed.set_result(None)

    def _deliver(self, wire: bytes) -> None:
        if len(wire) < 12:
            return
        waiting = self._waiting.pop(_LENGTH.unpack_from(wire)[0], None)
        if waiting is not None:  # an answer after its exchange has timed out is nobody's
            waiting[0].take(waiting[1], wire)

    # -- use -----------------------------------------------------------------------------------------------

    @property
    def open(self) -> bool:
        """Whether a message may be sent here; not when others wait for nothing on a dead line."""
        if self._transport is None or self._transport.is_closing():
            return False
        return bool(self._waiting) or self._loop.time() - self._used_s <= IDLE_MAX_S

    async def exchange(self, builders: Sequence[Callable[[int], bytes]], *, timeout_s: float) -> list[bytes]:
        """Send messages, each built for the id that it gets, and wait for all answers, in order.

        Raises:
            Broken: connection lost, or time out; then the connection is closed, since what is late on it would
                be answered to nobody, and an unanswered server is not worth another message.
        """
        exchange = _Exchange(self._loop, len(builders))
        ids: list[int] = []
        try:
            frames = self._frames(exchange, builders, ids)
            if self._transport is None or self._transport.is_closing():
                raise Broken("the connection is closed", sent=False)
            self._used_s = self._loop.time()
            self._transport.write(b"".join(frames))
            async with asyncio.timeout(timeout_s):
                await exchange.done
        except TimeoutError:
            self.close()
            raise Broken(f"no answer within {timeout_s:g} s", sent=True) from None
        finally:
            for id_ in ids:
                self._waiting.pop(id_, None)
        return exchange.answers

    def _frames(
        self, exchange: _Exchange, builders: Sequence[Callable[[int], bytes]], ids: list[int]
    ) -> list[bytes]:
        frames: list[bytes] = []
        for place, build in enumerate(builders):
            id_ = self._free_id()
            ids.append(id_)
            self._waiting[id_] = exchange, place
            wire = build(id_)
            frames += (_LENGTH.pack(len(wire)), wire)
        return frames

    def _free_id(self) -> int:
        if len(self._waiting) >= _IDS // 2:
            raise Broken("too many messages wait for their answers", sent=False)
        while self._next_id in self._waiting:
            self._next_id = (self._next_id + 1) % _IDS
        id_, self._next_id = self._next_id, (self._next_id + 1) % _IDS
        return id_

    def close(self) -> None:
        """Drop the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    async def closed(self) -> None:
        """Wait until the connection is gone."""
        await self._closed
