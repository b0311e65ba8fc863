"""Sockets, keys, canonical forms and DNS in memory."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest
from dns_world import FENCE, SECRET, ZONE, rr, serving, settings_in, small_zone

from holdfast.model.records import RRset
from holdfast.nameserver.keys import load_key
from holdfast.nameserver.memory import MemoryDns
from holdfast.nameserver.server import EmbeddedServer
from holdfast.nameserver.settings import AddressOccupied, KeySettings, NameserverProblem, ServerSettings
from holdfast.nameserver.wire import BadText, ask_message, canonical, dns_rdata, rdata_text
from holdfast.ports.dns import (
    Ask,
    AskMany,
    Existence,
    Prerequisite,
    Rcode,
    Response,
    Servers,
    SetRRset,
    Transfer,
    Update,
)
from holdfast.ports.operation import CouldNotAsk


async def _read(reader: asyncio.StreamReader) -> bytes:
    return await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))


def _frame(name: str, id_: int) -> bytes:
    message = ask_message(name, "A")
    message.id = id_
    wire = message.to_wire()
    return len(wire).to_bytes(2, "big") + wire


async def test_pipelined_questions_in_pieces(tmp_path: Path) -> None:
    """Several questions on one connection, sent byte by byte or at once, each get their answer in order."""
    async with serving(tmp_path) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for byte in _frame(f"ns1.{ZONE}", 1):
            writer.write(bytes([byte]))
            await writer.drain()
        writer.write(b"".join(_frame(f"ns1.{ZONE}", i) for i in range(2, 200)))
        ids = [int.from_bytes((await _read(reader))[:2], "big") for _ in range(199)]
        assert ids == list(range(1, 200))
        writer.close()


async def _limited(tmp_path: Path, idle_s: float) -> EmbeddedServer:
    """A server for one connection at a time."""
    given = settings_in(tmp_path)
    server = EmbeddedServer(
        ServerSettings(
            given.listen, given.data_directory, given.zones, given.keys, connections_max=1, idle_s=idle_s
        )
    )
    await server.start()
    return server


@pytest.mark.parametrize("idle_s", [0.2, 60.0])
async def test_idle_and_surplus_connections_are_closed(tmp_path: Path, idle_s: float) -> None:
    """A silent client is let go after the idle time, not before; beyond the limit one is closed at once."""
    server = await _limited(tmp_path, idle_s)
    try:
        port = server.addresses[0][1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(_frame(f"ns1.{ZONE}", 1))
        await _read(reader)
        if idle_s < 1:
            assert await asyncio.wait_for(reader.read(), 5) == b""
        else:
            surplus, surplus_writer = await asyncio.open_connection("127.0.0.1", port)
            assert await asyncio.wait_for(surplus.read(), 5) == b""
            surplus_writer.close()
            writer.write(_frame(f"ns1.{ZONE}", 2))
            assert (await _read(reader))[:2] == b"\0\2"
        writer.close()
    finally:
        await server.stop()


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
async def test_an_occupied_port_says_what_to_do(tmp_path: Path, kind: socket.SocketKind) -> None:
    """UDP or TCP: the sentence names address, protocol and the way round, and nothing stays open."""
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            other.listen()
        port = other.getsockname()[1]
        with pytest.raises(AddressOccupied, match=f"127.0.0.1 port {port}/.*another process has it"):
            await EmbeddedServer(settings_in(tmp_path, port=port)).start()
    async with serving(tmp_path):
        pass


def test_keys_from_files_and_environment(tmp_path: Path) -> None:
    """Plain base64 and tsig-keygen's form are read; what others can read is refused, the secret never shown."""
    file = tmp_path / "key"
    file.write_text(f'key "k" {{ algorithm hmac-sha256; secret "{SECRET}"; }};\n', encoding="ascii")
    file.chmod(0o600)
    from_file = load_key(KeySettings("K.", file=str(file)), {})
    from_env = load_key(KeySettings("k", env="HF_KEY"), {"HF_KEY": SECRET})
    assert from_file == from_env
    file.chmod(0o640)
    with pytest.raises(NameserverProblem, match=r"0640.*chmod 600") as refused:
        load_key(KeySettings("k", file=str(file)), {})
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (KeySettings("k", file="/nonexistent/key"), "can't read"),
        (KeySettings("k", env="HF_NO_SUCH"), "HF_NO_SUCH is not set"),
        (KeySettings("k", env="HF_BAD"), "no base64 secret"),
        (KeySettings("k", "hmac-md5", env="HF_BAD"), "hmac-md5"),
        (KeySettings("k"), "key_file"),
    ],
)
def test_bad_keys_are_explained(settings: KeySettings, says: str) -> None:
    """Each fault has its sentence."""
    with pytest.raises(NameserverProblem, match=says) as refused:
        load_key(settings, {"HF_BAD": "***secret***"})
    assert "***" not in str(refused.value)


@pytest.mark.parametrize(
    ("rtype", "text", "expected"),
    [
        ("AAAA", "2001:DB8:0:0::1", "2001:db8::1"),
        ("TXT", "ab cd", '"ab" "cd"'),
        ("TXT", '"ab cd"', '"ab cd"'),
        ("CNAME", "WWW.Example.", "www.example"),
        ("CNAME", "www.example", "www.example"),
        ("MX", "10 Mail.Example.", "10 mail.example"),
        ("TYPE65280", "\\# 18 " + "00" * 16 + " 0102", "\\# 18 " + "00" * 16 + "0102"),
    ],
)
def test_canonical_forms(rtype: str, text: str, expected: str) -> None:
    """One spelling per value; reading it again changes nothing."""
    assert rdata_text(dns_rdata(rtype, text)) == expected
    assert rdata_text(dns_rdata(rtype, expected)) == expected


def test_bad_text_is_named() -> None:
    """What is no DNS data is an error that quotes it."""
    with pytest.raises(BadText, match=r"192\.0\.2\.256"):
        dns_rdata("A", "192.0.2.256")
    with pytest.raises(BadText, match="DNS name"):
        ask_message("a..b", "A")
    assert canonical(RRset("WwW.Example.", "A", 1, ("192.0.2.2", "192.0.2.1", "192.0.2.2"))) == RRset(
        "www.example", "A", 1, ("192.0.2.1", "192.0.2.2")
    )


async def test_memory_dns_answers_every_operation() -> None:
    """As values and by the async names alike; a snapshot goes back, and equal content is an equal snapshot."""
    memory = MemoryDns([small_zone(rr("_holdfast-main", "TXT", '"one"'))])
    start = memory.snapshot()
    update = Update(
        ZONE,
        (Prerequisite(Existence.RRSET_IS, FENCE, "TXT", ('"one"',)),),
        (SetRRset(rr("_holdfast-main", "TXT", '"two"')), SetRRset(rr("www", "A", "192.0.2.9"))),
    )
    assert await memory.update(update) == Response(Rcode.NOERROR)
    assert memory.answer(update) == Response(Rcode.NXRRSET)
    answer = await memory.ask(Ask(ZONE, f"www.{ZONE}", "A"))
    assert answer == (await memory.ask_many(AskMany(ZONE, ((f"www.{ZONE}", "A"),))))[0]
    assert not isinstance(answer, CouldNotAsk)
    assert answer.rrset == rr("www", "A", "192.0.2.9")
    assert memory.answer(Ask(ZONE, ZONE, "NS")).rrset == rr("@", "NS", f"ns1.{ZONE}")
    content = await memory.transfer(Transfer(ZONE))
    assert not isinstance(content, CouldNotAsk)
    assert content.serial == 11
    assert await memory.servers(Servers(ZONE)) == ("192.0.2.53:53",)
    assert isinstance(memory.answer(Transfer("other.test")), CouldNotAsk)
    assert memory.answer(Ask("other.test", "x.other.test", "A")).rcode is Rcode.REFUSED
    memory.restore(start)
    assert memory.snapshot() == start
    assert hash(memory.snapshot()) == hash(start)
