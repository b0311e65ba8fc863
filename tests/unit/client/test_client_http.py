"""Calls to what is spoken to in the wrong way: the words say what is likely to be meant."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from holdfast.client.http import LeaseHttp, NotServed
from holdfast.model.lease import Listing
from servers.process import HOST
from servers.tls import make_tls


@asynccontextmanager
async def closing(context: ssl.SSLContext | None = None, *, says: bytes = b"") -> AsyncIterator[int]:
    """A server that reads a little, says this, and closes; its port."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(says)
        writer.close()

    server = await asyncio.start_server(answer, HOST, 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def why_not(url: str, ca_file: str = "") -> str:
    """What a call there ends with."""
    async with LeaseHttp(url, "key", ca_file=ca_file) as service:
        with pytest.raises(NotServed) as refused:
            await service.calls((Listing("api"),), timeout_s=20.0)
    return str(refused.value)


async def test_the_wrong_scheme_and_an_unknown_certificate_are_named(tmp_path: Path) -> None:
    """http to who waits for TLS, https to who does not, and a certificate that nobody here trusts."""
    tls = make_tls(tmp_path / "tls")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tls.certificate, tls.key)
    async with closing() as silent, closing(says=b"HTTP/1.0 400 x\r\n\r\n") as plain, closing(context) as secret:
        assert "https:// instead of http://?" in await why_not(f"http://{HOST}:{silent}")
        assert "http:// instead of https://?" in await why_not(f"https://{HOST}:{plain}")
        assert "named as ca_file" in await why_not(f"https://{HOST}:{secret}")
        trusted = await why_not(f"https://{HOST}:{secret}", str(tls.ca))
        assert "ca_file" not in trusted, "its certificate is good"
