"""The DNS transport against servers that fail in every way that a network and a forger can."""

from __future__ import annotations

import asyncio
import stat
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import dns.name
import dns.tsig
import pytest

from holdfast.model.configuration import ProviderKind, ZoneConfig
from holdfast.model.records import RRset
from holdfast.nameserver.settings import NameserverProblem
from holdfast.ports.dns import Answer, Ask, AskMany, Rcode, Response, Servers, SetRRset, Transfer, Update
from holdfast.ports.operation import CouldNotAsk
from holdfast.runtime.dns import DnsTransport
from holdfast.runtime.tsig import Signer, now
from holdfast.runtime.zone_access import ZoneAccess, access_of, join_address, split_address

ZONE = "wire.test"
KEY = dns.tsig.Key(dns.name.from_text("k"), "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0", dns.tsig.HMAC_SHA256)
UPDATE = Update(ZONE, (), ())
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(
    serve: Serve, *, signer: Signer | None = None, timeout_s: float = 0.3
) -> AsyncIterator[DnsTransport]:
    """A transport to a server that does `serve` with each connection."""
    handlers: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        handlers.add(task)
        try:
            await serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    listening = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    transport = DnsTransport([ZoneAccess(ZONE, "127.0.0.1", port, signer, timeout_s)])
    try:
        yield transport
    finally:
        await transport.close()
        listening.close()
        await listening.wait_closed()
        for handler in handlers:
            handler.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)


async def frame(reader: asyncio.StreamReader) -> bytes:
    """One message as it came."""
    (size,) = struct.unpack("!H", await reader.readexactly(2))
    return await reader.readexactly(size)


def reply(request: bytes, *, rcode: int = 0, flags: int = 0x8400, tail: bytes = b"", additional: int = 0) -> bytes:
    """An answer without records: the request's id and nothing of its content."""
    wire = request[:2] + struct.pack("!HHHHH", flags | rcode, 0, 0, 0, additional) + tail
    return struct.pack("!H", len(wire)) + wire


def answering(make: Callable[[bytes], bytes]) -> Serve:
    """A server that answers each message with what `make` makes of it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(make(await frame(reader)))

    return serve


async def close_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Hear one message, hang up."""
    await frame(reader)
    writer.close()


async def be_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Hear everything, say nothing."""
    await reader.read()
    writer.close()


async def test_no_server_means_surely_not_applied() -> None:
    """A refused connection is known before anything was sent."""
    async with server(close_at_once) as used:
        port = used._lines[ZONE].access.port
    transport = DnsTransport([ZoneAccess(ZONE, "127.0.0.1", port, None, 0.3)])
    result = await transport.update(UPDATE)
    assert isinstance(result, CouldNotAsk)
    assert not result.maybe_applied
    assert f"127.0.0.1:{port}" in result.reason
    assert isinstance(await transport.ask(Ask(ZONE, ZONE, "SOA")), CouldNotAsk)
    assert isinstance(await transport.transfer(Transfer(ZONE)), CouldNotAsk)


async def test_unknown_zone() -> None:
    """A zone that is not configured is an answer for each operation, not a crash."""
    transport = DnsTransport([])
    assert isinstance(await transport.ask(Ask(ZONE, ZONE, "SOA")), CouldNotAsk)
    assert len(await transport.ask_many(AskMany(ZONE, ((ZONE, "SOA"), (ZONE, "NS"))))) == 2
    assert isinstance(await transport.update(UPDATE), CouldNotAsk)
    assert isinstance(await transport.transfer(Transfer(ZONE)), CouldNotAsk)
    assert isinstance(await transport.servers(Servers(ZONE)), CouldNotAsk)


@pytest.mark.parametrize("serve", [close_at_once, be_silent])
async def test_update_without_a_reply_may_have_been_applied(serve: Serve) -> None:
    """Closed or silent after the message had left: in doubt, and never sent again."""
    seen: list[bytes] = []

    async def counting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(b"")
        await serve(reader, writer)

    async with server(counting) as transport:
        result = await transport.update(UPDATE)
    assert isinstance(result, CouldNotAsk)
    assert result.maybe_applied
    assert len(seen) == 1


async def test_question_is_asked_once_more_on_a_new_connection() -> None:
    """A connection that breaks under a question costs the question nothing."""
    connections: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        if len(connections) == 1:
            await close_at_once(reader, writer)
        else:
            await answering(reply)(reader, writer)

    async with server(serve) as transport:
        assert await transport.ask(Ask(ZONE, ZONE, "SOA")) == Answer(Rcode.NOERROR, None, authoritative=True)
    assert len(connections) == 2


async def test_connection_is_kept_and_answers_may_come_in_any_order() -> None:
    """Many questions share one connection; each answer finds its question by the id."""
    connections: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        requests = [await frame(reader) for _ in range(20)]
        for request in reversed(requests):
            writer.write(reply(request, rcode=3 if request.find(b"\x02n7") > 0 else 0))
        await be_silent(reader, writer)

    async with server(serve) as transport:
        questions = tuple((f"n{i}.{ZONE}", "A") for i in range(20))
        answers = await transport.ask_many(AskMany(ZONE, questions))
    assert [i for i, x in enumerate(answers) if isinstance(x, Answer) and x.rcode is Rcode.NXDOMAIN] == [7]
    assert len(connections) == 1


@pytest.mark.parametrize(
    "make",
    [
        lambda request: b"\x00\x03abc",
        lambda request: reply(request, flags=0x0000),
        lambda request: reply(request, additional=1),
        lambda request: reply(bytes([request[0] ^ 1]) + request[1:]),
        lambda request: (
            struct.pack("!H", 14) + request[:2] + struct.pack("!HHHHH", 0x8400, 1, 0, 0, 0) + b"\xc0\x0c"
        ),
    ],
    ids=["too-short", "not-a-response", "records-missing", "other-id", "pointer-to-itself"],
)
async def test_garbage_is_no_answer(make: Callable[[bytes], bytes]) -> None:
    """Bytes that are no answer to this message leave an update in doubt, and a question unanswered."""
    async with server(answering(make)) as transport:
        result = await transport.update(UPDATE)
        assert isinstance(result, CouldNotAsk)
        assert result.maybe_applied
        assert isinstance(await transport.ask(Ask(ZONE, ZONE, "SOA")), CouldNotAsk)


async def test_unsigned_success_is_not_believed() -> None:
    """With a key, a NOERROR without TSIG is a forgery: in doubt, not done."""
    async with server(answering(reply), signer=Signer(KEY)) as transport:
        result = await transport.update(UPDATE)
        assert isinstance(result, CouldNotAsk)
        assert result.maybe_applied
        assert "not signed" in result.reason
        assert isinstance(await transport.ask(Ask(ZONE, ZONE, "SOA")), CouldNotAsk)


async def test_unsigned_refusal_is_heard() -> None:
    """A server can't sign for a key that it does not know: its refusal is told as such, for updates."""
    async with server(answering(lambda r: reply(r, rcode=9)), signer=Signer(KEY)) as transport:
        assert await transport.update(UPDATE) == Response(Rcode.NOTAUTH)
        answer = await transport.ask(Ask(ZONE, ZONE, "SOA"))
        assert isinstance(answer, CouldNotAsk)
        assert "NOTAUTH" in answer.reason


async def test_signature_of_another_request_is_not_believed() -> None:
    """An answer signed with the right key but not for this request's MAC (a replay) does not hold."""
    other = Signer(KEY)

    def replay(request: bytes) -> bytes:
        wire, _ = other.sign(request[:2] + struct.pack("!HHHHH", 0x8400, 0, 0, 0, 0), now_s=now())
        return struct.pack("!H", len(wire)) + wire

    async with server(answering(replay), signer=Signer(KEY)) as transport:
        result = await transport.update(UPDATE)
        assert isinstance(result, CouldNotAsk)
        assert result.maybe_applied
        assert "does not hold" in result.reason


async def test_transfer_that_ends_early_is_no_zone() -> None:
    """A transfer without its final SOA, or refused, is "could not ask", never a shorter zone."""

    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await frame(reader)
        soa = b"\x00\x00\x06\x00\x01\x00\x00\x00\x05\x00\x16\x00\x00" + struct.pack("!5I", 1, 2, 3, 4, 5)
        name = b"\x04wire\x04test"
        wire = request[:2] + struct.pack("!HHHHH", 0x8400, 0, 1, 0, 0) + name + soa
        writer.write(struct.pack("!H", len(wire)) + wire)
        writer.close()

    async with server(cut) as transport:
        assert isinstance(await transport.transfer(Transfer(ZONE)), CouldNotAsk)
    async with server(answering(lambda r: reply(r, rcode=5))) as transport:
        refused = await transport.transfer(Transfer(ZONE))
        assert isinstance(refused, CouldNotAsk)
        assert "REFUSED" in refused.reason


async def test_update_too_large_is_never_sent() -> None:
    """What does not fit a DNS message is refused here, with its size."""
    fat = RRset(f"a.{ZONE}", "A", 5, tuple(f"10.{i >> 8}.{i & 255}.1" for i in range(5000)))
    async with server(be_silent) as transport:
        result = await transport.update(Update(ZONE, (), (SetRRset(fat),)))
    assert isinstance(result, CouldNotAsk)
    assert not result.maybe_applied
    assert "does not fit" in result.reason


async def test_bad_names_are_told_before_anything_is_sent() -> None:
    """Text that is no DNS name is a reason, not an exception."""
    async with server(be_silent) as transport:
        result = await transport.ask(Ask(ZONE, "a" * 64 + f".{ZONE}", "A"))
        assert isinstance(result, CouldNotAsk)
        assert isinstance(await transport.ask(Ask(ZONE, ZONE, "NOSUCHTYPE")), CouldNotAsk)
        other = await transport.ask(Ask(ZONE, ZONE, "NOSUCHTYPE", server="127.0.0.1:1"))
        assert isinstance(other, CouldNotAsk)


async def test_published_servers_override_dns() -> None:
    """Name servers on other ports than 53 can't stand in DNS: the configuration's list is used as it is."""
    transport = DnsTransport([ZoneAccess(ZONE, "127.0.0.1", 1, None, 0.2, ("127.0.0.1:5301",))])
    assert await transport.servers(Servers(ZONE)) == ("127.0.0.1:5301",)


@pytest.mark.parametrize("text", ["127.0.0.1:5335", "[2001:db8::1]:53"])
def test_addresses(text: str) -> None:
    """Addresses with ports are read and written alike, IPv6 in brackets."""
    assert join_address(*split_address(text)) == text
    assert split_address("2001:db8::1") == ("2001:db8::1", 53)


def test_secret_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """A key file for all to read is an error that names the file, and the secret shows nowhere."""
    file = tmp_path / "key"
    file.write_text("c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0")
    file.chmod(0o644)
    zone = ZoneConfig(
        name=ZONE, provider=ProviderKind.BIND, server="127.0.0.1:53", key_name="k", key_file=str(file)
    )
    with pytest.raises(NameserverProblem, match="chmod 600") as caught:
        access_of(zone)
    assert "c2Vj" not in str(caught.value)
    file.chmod(stat.S_IRUSR | stat.S_IWUSR)
    assert "c2Vj" not in repr(access_of(zone))
    by_variable = ZoneConfig(name=ZONE, provider=ProviderKind.BIND, server="[::1]", key_name="k", key_env="SECRET")
    access = access_of(by_variable, {"SECRET": "c2VjcmV0"})
    assert (access.host, access.port) == ("::1", 53)
