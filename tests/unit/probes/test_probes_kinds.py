"""Each kind of probe against real sockets, well and badly behaved; the reasons are what people read."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import cast

import dns.flags
import dns.message
import dns.rrset
import pytest
from probe_servers import check, http, make_ca, probe, replying, serving

from holdfast.model.configuration import CheckKind
from holdfast.probes.http import BODY_BYTES_MAX

HTTP, HTTPS, TCP, DNS = CheckKind.HTTP, CheckKind.HTTPS, CheckKind.TCP, CheckKind.DNS


def closed_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port


@pytest.mark.parametrize("kind", [TCP, HTTP, HTTPS])
async def test_refused(kind: CheckKind) -> None:
    """A closed port is told as such."""
    result = await probe(check(kind), closed_port())
    assert (result.ok, result.reason) == (False, "connect refused")


async def test_tcp_connects_also_over_ipv6_and_all_addresses_must() -> None:
    """A target is up only if all of its addresses are; the reason names the one that is not."""
    async with serving(replying(), host="::1") as port:
        assert (await probe(check(TCP), port, "::1")).ok
        result = await probe(check(TCP), port, "::1", "127.0.0.1")
    assert (result.ok, result.reason) == (False, "127.0.0.1: connect refused")


@pytest.mark.parametrize(
    ("parts", "other", "reason"),
    [
        ((http(503),), {}, "status 503, wanted 200 or 204"),
        ((), {}, "connection closed without a reply"),
        ((b"HTTP/1.1 200 OK\r\nContent-",), {}, "connection closed within the reply's head"),
        ((b"SSH-2.0-OpenSSH_9.2\r\n",), {}, "not an HTTP reply: "),
        ((b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 20_000,), {}, "reply head is larger than 65536 bytes"),
        ((http(body=b"sorry"),), {"body_contains": "fine"}, "body does not contain 'fine'"),
        (
            (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nfi",),
            {"body_contains": "fine"},
            "body does not contain 'fine' before the connection closed",
        ),
        (
            (http(body=b"x" * 3 * BODY_BYTES_MAX + b"fine"),),
            {"body_contains": "fine"},
            "body does not contain 'fine' in its first 65536 bytes",
        ),
    ],
)
async def test_http_replies_that_are_not_well(
    parts: tuple[bytes, ...], other: dict[str, str], reason: str
) -> None:
    """Each fault has its own precise reason."""
    async with serving(replying(*parts)) as port:
        result = await probe(check(HTTP, **other), port)
    assert not result.ok
    assert result.reason.startswith(reason)


@pytest.mark.parametrize(
    ("parts", "other"),
    [
        ((http(),), {}),
        ((http(204),), {}),
        ((http(418),), {"statuses": (418,)}),
        ((http(body=b"all is fine here"),), {"body_contains": "fine"}),
        ((b"HTTP/1.1 200 OK\r\n\r\nall is fi", b"ne"), {"body_contains": "fine"}),
        ((b"HTTP/1.1 100 Continue\r\n\r\n", http(body=b"fine")), {"body_contains": "fine"}),
        (
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nfi\r\n2\r\nne\r\n0\r\n\r\n",),
            {"body_contains": "fine"},
        ),
    ],
)
async def test_http_replies_that_are_well(parts: tuple[bytes, ...], other: dict[str, object]) -> None:
    """Statuses from the list, bodies in any framing, interim replies skipped."""
    async with serving(replying(*parts)) as port:
        result = await probe(check(HTTP, **other), port)
    assert result.ok, result.reason


async def test_http_slow_and_reset() -> None:
    """A server that never answers is a timeout with its length; a reset is a reset."""
    async with serving(replying(hang=True)) as port:
        assert (await probe(check(HTTP, timeout_s=0.1), port)).reason == "timeout after 0.1 s"
    async with serving(replying(reset=True)) as port:
        assert (await probe(check(HTTP), port)).reason == "connection reset"


async def test_http_sends_path_and_host_from_the_bound_source() -> None:
    """Path and Host are the check's, and the connection comes from the vantage point's own address."""
    seen: list[tuple[bytes, str]] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append((await reader.readuntil(b"\r\n\r\n"), writer.get_extra_info("peername")[0]))
        writer.write(http())
        await writer.drain()

    async with serving(handle) as port:
        assert (await probe(check(HTTP, path="/up?x=1", host="api.test"), port, source="127.0.0.9")).ok
    request, peer = seen[0]
    assert request.startswith(b"GET /up?x=1 HTTP/1.1\r\nHost: api.test\r\n")
    assert peer == "127.0.0.9"


async def test_https_verifies_chain_and_name(tmp_path: Path) -> None:
    """Well with the CA and the right name; unknown CA, wrong name and unreadable CA file say so; verify off."""
    ca_file, tls = await asyncio.to_thread(make_ca, tmp_path)
    async with serving(replying(http()), tls=tls) as port:
        good = await probe(check(HTTPS, ca_file=ca_file, host="good.test"), port)
        assert good.ok, good.reason
        assert (await probe(check(HTTPS, ca_file=ca_file), port)).ok
        unknown = await probe(check(HTTPS, host="good.test"), port)
        assert unknown.reason.startswith("certificate: ")
        wrong = await probe(check(HTTPS, ca_file=ca_file, host="bad.test"), port)
        assert wrong.reason.startswith("certificate: hostname mismatch")
        assert (await probe(check(HTTPS, verify_tls=False, host="bad.test"), port)).ok
        missing = await probe(check(HTTPS, ca_file=str(tmp_path / "none.pem")), port)
        assert missing.reason.endswith("none.pem: No such file or directory")


async def test_https_against_plain_http(tmp_path: Path) -> None:
    """A server that does not speak TLS is no healthy HTTPS target."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(http(400))
        await writer.drain()

    async with serving(handle) as port:
        result = await probe(check(HTTPS), port)
    assert not result.ok
    assert result.reason.startswith("TLS: ")


class _Dns(asyncio.DatagramProtocol):
    def __init__(self, how: str) -> None:
        self.how = how
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        assert self.transport is not None
        query = dns.message.from_wire(data)
        reply = dns.message.make_response(query)
        if self.how == "silent":
            return
        if self.how == "answer":
            reply.answer.append(dns.rrset.from_text(query.question[0].name, 5, "IN", "A", "192.0.2.1"))
        if self.how == "nxdomain":
            reply.set_rcode(dns.rcode.NXDOMAIN)
        self.transport.sendto(data[:7] if self.how == "garbage" else reply.to_wire(), addr)


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("answer", "answered"),
        ("empty", "no A record of x.test in the answer"),
        ("nxdomain", "NXDOMAIN for x.test A, wanted NOERROR"),
        ("garbage", "not a DNS reply: "),
        ("silent", "timeout after 0.3 s"),
    ],
)
async def test_dns(how: str, reason: str) -> None:
    """A record in the answer is well; anything else is told. Only silence is waited for to its end."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Dns(how), local_addr=("127.0.0.1", 0))
    try:
        port = transport.get_extra_info("sockname")[1]
        result = await probe(check(DNS, query_name="x.test", timeout_s=0.3 if how == "silent" else 20.0), port)
    finally:
        transport.close()
        await asyncio.sleep(0)
    assert result.ok == (how == "answer")
    assert result.reason.startswith(reason)
