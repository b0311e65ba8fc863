"""DNS over TCP (RFC 7766): several messages per connection, pipelined, answered as they get done.

Questions are answered at once and in order; updates wait for the disk meanwhile, at most `PENDING_MAX` of a
connection. A client that sends nothing for the idle time is let go; connections beyond the limit are closed.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Final

from holdfast.nameserver.answering import Answerer, SendZone, TakeUpdate
from holdfast.nameserver.changes import ZoneUpdate
from holdfast.nameserver.rendering import transfer_pages
from holdfast.nameserver.signing import StreamSigner, unix_time_s
from holdfast.ports.dns import Rcode

PENDING_MAX: Final = 64
_TRANSFER_BYTES: Final = 32000
_SHORT_WAIT_S: Final = 10.0
"""How long a client may take to accept our answer before it is cut off."""


class Streams:
    """All TCP connections of a server."""

    def __init__(
        self,
        answerer: Answerer,
        submit: Callable[[ZoneUpdate], asyncio.Future[Rcode]],
        *,
        connections_max: int,
        idle_s: float,
    ) -> None:
        self._answerer = answerer
        self._submit = submit
        self._connections_max = connections_max
        self._idle_s = idle_s
        self._open: set[asyncio.Task[None]] = set()
        self._servers: list[asyncio.Server] = []

    async def listen(self, sock: socket.socket) -> None:
        """Serve a listening socket."""
        self._servers.append(await asyncio.start_server(self._accept, sock=sock))

    async def stop(self) -> None:
        """Close everything; updates under way are finished by their keepers, not by us."""
        for server in self._servers:
            server.close()
        for task in tuple(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._open) >= self._connections_max:
            writer.close()
            return
        task = asyncio.create_task(self._serve(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pending: set[asyncio.Task[None]] = set()
        try:
            while True:
                wire = await self._read(reader)
                if wire is None:
                    break
                await self._take(wire, writer, pending)
            if pending:
                await asyncio.wait(pending)
        except (OSError, TimeoutError):
            pass
        finally:
            for task in pending:
                task.cancel()
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> bytes | None:
        try:
            async with asyncio.timeout(self._idle_s):
                length = int.from_bytes(await reader.readexactly(2), "big")
                return await reader.readexactly(length)
        except asyncio.IncompleteReadError:
            return None

    async def _take(self, wire: bytes, writer: asyncio.StreamWriter, pending: set[asyncio.Task[None]]) -> None:
        action = self._answerer.take(wire, stream=True)
        if isinstance(action, bytes):
            await _send(writer, action)
        elif isinstance(action, SendZone):
            await self._send_zone(action, writer)
        elif isinstance(action, TakeUpdate):
            if len(pending) >= PENDING_MAX:
                await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            # Queued here, not in the task: the order of a connection's updates is the order they came in.
            future = self._submit(action.update)
            task = asyncio.create_task(self._finish(action, future, writer))
            pending.add(task)
            task.add_done_callback(pending.discard)

    async def _finish(
        self, taken: TakeUpdate, future: asyncio.Future[Rcode], writer: asyncio.StreamWriter
    ) -> None:
        answer = self._answerer.update_answer(taken, await future)
        try:
            await _send(writer, answer)
        except (OSError, TimeoutError):
            writer.close()

    async def _send_zone(self, action: SendZone, writer: asyncio.StreamWriter) -> None:
        signer = StreamSigner(action.signed)
        for page in transfer_pages(action.zone, action.question, bytes_max=_TRANSFER_BYTES):
            await _send(writer, signer.sign(action.wire[:2] + page(), now_s=unix_time_s()))
            # A large zone must not keep questions waiting.
            await asyncio.sleep(0)


async def _send(writer: asyncio.StreamWriter, message: bytes) -> None:
    writer.write(len(message).to_bytes(2, "big") + message)
    async with asyncio.timeout(_SHORT_WAIT_S):
        await writer.drain()
