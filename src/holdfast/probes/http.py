"""The HTTP and HTTPS probe: one GET on a new connection, read no further than its verdict needs.

Sizes are bounded: a head of `HEAD_BYTES_MAX`, and `BODY_BYTES_MAX` of the body where one is to be matched. The
reason always says what was wanted. TLS contexts are made before (`prepare`), since reading CA files blocks.
"""

from __future__ import annotations

import asyncio
import functools
import ssl
from typing import cast

import httptools

from holdfast.model.configuration import Check, CheckKind
from holdfast.probes.outcome import NotWell, Outcome
from holdfast.probes.tcp import local_address

HEAD_BYTES_MAX = 64 * 1024
BODY_BYTES_MAX = 64 * 1024


@functools.lru_cache(maxsize=64)
def tls_context(verify: bool, ca_file: str) -> ssl.SSLContext:
    """The TLS settings of a check; blocks while it reads CA files, so call it in a thread first.

    Raises:
        OSError: when the CA file can't be read or holds no certificate.
    """
    context = ssl.create_default_context(cafile=ca_file or None)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


@functools.lru_cache(maxsize=4096)
def request_bytes(path: str, host: str) -> bytes:
    """The request."""
    shown = f"[{host}]" if ":" in host else host
    text = (
        f"GET {path} HTTP/1.1\r\nHost: {shown}\r\nUser-Agent: holdfast-probe\r\nAccept: */*\r\n"
        "Connection: close\r\n\r\n"
    )
    return text.encode("utf-8")


class _Reply(asyncio.Protocol):
    """Reads one reply; `done` gets the reason of success, or `NotWell`."""

    def __init__(self, check: Check, request: bytes, done: asyncio.Future[str]) -> None:
        self.done = done
        self._check = check
        self._request = request
        self._parser = httptools.HttpResponseParser(self)
        self._bytes = 0
        self._status = 0
        self._body = bytearray()
        self._wanted = check.body_contains.encode()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        if self.done.done():
            return
        self._bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail("the server switched protocols")
        except httptools.HttpParserError as error:
            self._fail(f"not an HTTP reply: {error}")
        if self._status == 0 and self._bytes > HEAD_BYTES_MAX:
            self._fail(f"reply head is larger than {HEAD_BYTES_MAX} bytes")

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:
            return
        self._status = status
        if status not in self._check.statuses:
            wanted = " or ".join(str(s) for s in self._check.statuses)
            self._fail(f"status {status}, wanted {wanted}")
        elif not self._wanted:
            self._succeed()

    def on_body(self, body: bytes) -> None:
        if self.done.done():
            return
        start = max(0, len(self._body) - len(self._wanted))
        self._body += body[: BODY_BYTES_MAX - len(self._body)]
        if self._body.find(self._wanted, start) >= 0:
            self._succeed()
        elif len(self._body) >= BODY_BYTES_MAX:
            self._fail(f"{self._missing()} in its first {BODY_BYTES_MAX} bytes")

    def on_message_complete(self) -> None:
        if self._status:
            self._fail(self._missing())

    def connection_lost(self, exc: Exception | None) -> None:
        if isinstance(exc, ConnectionResetError):
            self._fail("connection reset")
        elif isinstance(exc, OSError):
            self._fail(f"connection lost: {exc.strerror or exc}")
        elif self._bytes == 0:
            self._fail("connection closed without a reply")
        elif self._status == 0:
            self._fail("connection closed within the reply's head")
        else:
            self._fail(f"{self._missing()} before the connection closed")

    def _missing(self) -> str:
        return f"body does not contain {self._check.body_contains!r}"

    def _succeed(self) -> None:
        if not self.done.done():
            self.done.set_result(f"status {self._status}")

    def _fail(self, reason: str) -> None:
        if not self.done.done():
            self.done.set_exception(NotWell(reason))


def _tls_of(check: Check) -> ssl.SSLContext | None:
    if check.kind is not CheckKind.HTTPS:
        return None
    try:
        return tls_context(check.verify_tls, check.ca_file)
    except OSError as error:
        raise NotWell(f"CA file {check.ca_file}: {error.strerror or error}") from error


async def probe_http(address: str, port: int, check: Check, source: str) -> Outcome:
    """One GET; HTTPS if the check says so.

    Raises:
        NotWell: with the reason.
        OSError: when the connection or its TLS handshake fails.
    """
    loop = asyncio.get_running_loop()
    host = check.host or address
    tls = _tls_of(check)
    done: asyncio.Future[str] = loop.create_future()
    # A reply can fail before anybody awaits it (a timeout at that moment): then nobody need hear of it.
    done.add_done_callback(lambda future: future.cancelled() or future.exception())
    transport, _ = await loop.create_connection(
        lambda: _Reply(check, request_bytes(check.path, host), done),
        address,
        port,
        ssl=tls,
        server_hostname=host if tls is not None else None,
        local_addr=local_address(source, address),
    )
    try:
        return Outcome(True, await done)
    finally:
        # Aborting tells even a server that streams for ever that this is over, and leaves no TLS goodbye open.
        transport.abort()
