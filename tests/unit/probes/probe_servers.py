"""Small loopback servers that behave well or badly, and a self-made CA."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import struct
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from holdfast.model.configuration import Check, CheckKind
from holdfast.ports.probe import NextResults, ProbeResult, ProbeTarget, Watch
from holdfast.probes.engine import ProbeEngine
from visible import missing

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(
    handler: Handler, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """A server on an ephemeral port; ends its connections with it."""
    writers: list[asyncio.StreamWriter] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        try:
            await handler(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(handle, host, 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0)
        await server.wait_closed()


def replying(*parts: bytes, hang: bool = False, reset: bool = False) -> Handler:
    """Read a request, send these parts, then close, hang or reset."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for part in parts:
            writer.write(part)
            await writer.drain()
        if hang:
            await reader.read()
        if reset:
            sock: socket.socket = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            writer.close()
            await writer.wait_closed()

    return handle


def http(status: int = 200, body: bytes = b"") -> bytes:
    """A plain reply."""
    return f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


async def probe(check: Check, port: int, *addresses: str, source: str = "") -> ProbeResult:
    """The first result of the engine on one target; the check's interval is made short."""
    engine = ProbeEngine(source=source, heartbeat_s=5)
    try:
        await engine.watch(Watch((ProbeTarget("g/t", addresses or ("127.0.0.1",), port, check),)))
        async with asyncio.timeout(10):
            while not (results := await engine.next_results(NextResults())):
                pass
        return results[0]
    finally:
        await engine.close()


def check(kind: CheckKind, **other: object) -> Check:
    """A quick check."""
    return Check(kind=kind, interval_s=0.05, **{"timeout_s": 2.0, **other})  # type: ignore[arg-type]


def make_ca(folder: Path) -> tuple[str, ssl.SSLContext]:
    """A CA file, and the TLS settings of a server whose certificate is for `good.test` and 127.0.0.1."""
    openssl = shutil.which("openssl")
    if openssl is None:
        missing("no openssl command: TLS probes are not tested here")

    def run(*arguments: str) -> None:
        subprocess.run([openssl, *arguments], cwd=folder, check=True, capture_output=True)

    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    run("req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test CA", "-days", "2",
        "-addext", "keyUsage=critical,keyCertSign,cRLSign")  # fmt: skip
    run("req", *curve, "-keyout", "leaf.key", "-out", "leaf.csr", "-subj", "/CN=good.test")
    (folder / "san").write_text("subjectAltName=DNS:good.test,IP:127.0.0.1\n")
    sign = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "san")
    run("x509", "-req", "-in", "leaf.csr", "-out", "leaf.pem", *sign)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "leaf.pem", folder / "leaf.key")
    return str(folder / "ca.pem"), context
