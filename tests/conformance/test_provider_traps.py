"""Each trap of docs/facts/dns-fencing.md, shown on every server that has it, and closed by the provider.

The first half of a test shows what the server does to a client that walks into the trap, with messages made by
hand; the second half shows that ours does not. A server that no longer has its trap fails the test: then the facts
file is out of date.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import dns.query
import dns.rcode
import dns.update
import pytest
from conftest import Servers, server_writers

from holdfast.conformance.provider_world import SCOPE, TTL_S, Writer, addresses, fence
from holdfast.model.configuration import ProviderKind
from holdfast.model.fence import fence_owner
from holdfast.model.records import RRset
from holdfast.nameserver.encoding import encode_update
from holdfast.ports.dns import (
    Ask,
    Existence,
    Prerequisite,
    Rcode,
    Response,
    SetRRset,
    Transfer,
    Update,
)
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.provider import (
    Blocked,
    Denied,
    FencedWrite,
    FenceFound,
    FenceMoved,
    FenceReading,
    FenceUnreadable,
    Fencing,
    PinFence,
    Wrote,
)
from holdfast.providers.factory import DIALECTS
from holdfast.providers.proof import Proven, Refuted
from holdfast.providers.rfc2136 import Rfc2136Provider
from holdfast.runtime.dns import DnsTransport
from holdfast.runtime.tsig import Signer, now
from holdfast.runtime.zone_access import ZoneAccess
from servers.powerdns import start_powerdns
from servers.process import HOST, STRANGER_NAME, STRANGER_SECRET, Running, ZoneSpec, key
from visible import start_or_skip

pytestmark = pytest.mark.real

REAL = (ProviderKind.BIND, ProviderKind.KNOT, ProviderKind.POWERDNS)
ALL = (*REAL, ProviderKind.EMBEDDED)


class Trap:
    """A writer on a fresh zone of one server, and that server's own port for messages made by hand."""

    def __init__(self, running: Running, writer: Writer) -> None:
        self.running = running
        self.writer = writer

    @property
    def zone(self) -> str:
        return self.writer.zone

    def by_hand(self) -> dns.update.UpdateMessage:
        """An UPDATE for dnspython to sign, as a client without a fence makes it."""
        return dns.update.UpdateMessage(self.zone, keyring=key())

    def over_tcp(self, message: dns.update.UpdateMessage) -> str:
        return dns.rcode.to_text(dns.query.tcp(message, HOST, port=self.running.port, timeout=5).rcode())

    def over_udp(self, wire: bytes) -> str:
        """The same bytes in one datagram; a signed answer is read without checking it."""
        with socket.socket(type=socket.SOCK_DGRAM) as datagrams:
            datagrams.settimeout(5)
            datagrams.sendto(wire, (HOST, self.running.port))
            return dns.rcode.to_text(dns.rcode.Rcode(datagrams.recv(65535)[3] & 0xF))


async def _trap(kind: ProviderKind, servers: Servers) -> AsyncIterator[Trap]:
    running = servers.get(kind)
    async with server_writers(running, servers.fresh_zone(kind), 1) as (writer,):
        yield Trap(running, writer)


@pytest.fixture(params=ALL, ids=lambda kind: kind.value)
async def trap(request: pytest.FixtureRequest, servers: Servers) -> AsyncIterator[Trap]:
    """On every server."""
    async for found in _trap(request.param, servers):
        yield found


@pytest.fixture(params=REAL, ids=lambda kind: kind.value)
async def real_trap(request: pytest.FixtureRequest, servers: Servers) -> AsyncIterator[Trap]:
    """On the servers that are not ours."""
    async for found in _trap(request.param, servers):
        yield found


@pytest.fixture
async def bind_trap(servers: Servers) -> AsyncIterator[Trap]:
    """On BIND."""
    async for found in _trap(ProviderKind.BIND, servers):
        yield found


# -- NOERROR is not "applied" (R4) --------------------------------------------------------------------------


async def test_swap_of_addresses_and_alias_empties_the_name(trap: Trap) -> None:
    """Delete A and add CNAME beside a stray TXT: NOERROR, the fence moves on, and neither is left.

    PowerDNS refuses it instead. The provider sends no CNAME, and creates no name without `absent CNAME`.
    """
    w = trap.writer
    first = await w.begin(w.change("a", ["192.0.2.1"]))
    await w.foreign(w.set("a", "TXT", '"stray"'))
    owner = fence_owner(SCOPE, w.zone)
    swap = Update(
        w.zone,
        (Prerequisite(Existence.RRSET_IS, owner, "TXT", (first.rdata(),)),),
        (
            SetRRset(RRset(owner, "TXT", TTL_S, (fence(2).rdata(),))),
            w.delete("a", "A"),
            w.set("a", "CNAME", w.name("ns1")),
        ),
    )
    response = await w.tap.deliver(swap)
    if trap.running.kind is ProviderKind.POWERDNS:
        assert response == Response(Rcode.REFUSED)
        assert await w.addresses("a") == ("192.0.2.1",)
        return
    assert response == Response(Rcode.NOERROR)
    assert await w.fence() == FenceFound(fence(2))
    found = await w.read("a")
    assert (found.rrsets, found.aliases) == ((), ())


async def test_address_beside_a_foreign_alias_is_silently_dropped(trap: Trap) -> None:
    """Without a guard an A added where a CNAME stands is NOERROR and nothing (REFUSED on PowerDNS)."""
    w = trap.writer
    await w.begin()
    await w.foreign(w.set("a", "CNAME", w.name("ns1")))
    response = await w.tap.deliver(Update(w.zone, (), (w.set("a", "A", "192.0.2.1"),)))
    powerdns = trap.running.kind is ProviderKind.POWERDNS
    assert response == Response(Rcode.REFUSED if powerdns else Rcode.NOERROR)
    assert (await w.read("a")).aliases[0].name == w.name("a")


async def test_guard_against_delegation_would_refuse_the_apex(trap: Trap) -> None:
    """`absent NS` at the apex is YXRRSET for every message: the provider leaves it out there."""
    w = trap.writer
    first = await w.begin()
    guard = Prerequisite(Existence.RRSET_ABSENT, w.zone, "NS")
    assert await w.tap.deliver(Update(w.zone, (guard,), ())) == Response(Rcode.YXRRSET)
    assert await w.send(first, None, w.change("", ["192.0.2.1"])) == Wrote(first)


# -- compare-and-set ----------------------------------------------------------------------------------------


async def test_deleting_an_exact_value_is_no_compare_and_set(trap: Trap) -> None:
    """A stale `delete A old` with `add A new` is NOERROR and leaves both newer and stale records."""
    w = trap.writer
    await w.begin(w.change("a", ["192.0.2.2"]))
    stale = trap.by_hand()
    stale.delete(f"{w.name('a')}.", "A", "192.0.2.1")
    stale.add(f"{w.name('a')}.", TTL_S, "A", "192.0.2.3")
    assert trap.over_tcp(stale) == "NOERROR"
    assert await w.addresses("a") == ("192.0.2.2", "192.0.2.3")


async def test_case_of_text(trap: Trap) -> None:
    """PowerDNS compares TXT without case, the others with it: so the fence has lower case only."""
    w = trap.writer
    first = await w.begin()
    shouted = Prerequisite(Existence.RRSET_IS, fence_owner(SCOPE, w.zone), "TXT", (first.rdata().upper(),))
    response = await w.tap.deliver(Update(w.zone, (shouted,), ()))
    powerdns = trap.running.kind is ProviderKind.POWERDNS
    assert response == Response(Rcode.NOERROR if powerdns else Rcode.NXRRSET)
    assert first.rdata() == first.rdata().lower()


async def test_two_strings_are_not_one(trap: Trap) -> None:
    """R6: `"ab" "cd"` is not `"abcd"`: a fence in two strings is unreadable, and meets no pin of ours."""
    w = trap.writer
    first = await w.begin()
    text = first.text()
    owner = fence_owner(SCOPE, w.zone)
    await w.foreign(SetRRset(RRset(owner, "TXT", TTL_S, (f'"{text[:9]}" "{text[9:]}"',))))
    assert isinstance(await w.fence(), FenceUnreadable)
    result = await w.send(first, None, w.change("a", ["192.0.2.1"]))
    assert isinstance(result, FenceMoved)
    assert w.tap.rcodes[-1] is Rcode.NXRRSET


async def test_old_signature_is_refused_before_the_fence(trap: Trap) -> None:
    """A message signed an hour ago is NOTAUTH (REFUSED on PowerDNS) though its fence holds: no proof."""
    w = trap.writer
    first = await w.begin()
    owner = fence_owner(SCOPE, w.zone)
    message = Update(
        w.zone,
        (Prerequisite(Existence.RRSET_IS, owner, "TXT", (first.rdata(),)),),
        (w.set("a", "A", "192.0.2.1"),),
    )
    wire, _ = Signer(key()).sign(encode_update(message, message_id=1), now_s=now() - 3600)
    powerdns = trap.running.kind is ProviderKind.POWERDNS
    assert await _over_tcp_raw(trap, wire) == ("REFUSED" if powerdns else "NOTAUTH")
    assert await w.addresses("a") == ()
    assert await w.tap.deliver(message) == Response(Rcode.NOERROR)


async def test_replayed_datagram_brings_a_name_back(real_trap: Trap) -> None:
    """R6: a signed UPDATE over UDP, sent again byte by byte, is applied again; ours go over TCP, under a fence."""
    w = real_trap.writer
    first = await w.begin()
    unfenced = real_trap.by_hand()
    unfenced.replace(f"{w.name('retired')}.", TTL_S, "A", "192.0.2.1")
    datagram = unfenced.to_wire()
    assert real_trap.over_udp(datagram) == "NOERROR"
    await w.foreign(w.delete("retired", "A"))
    assert real_trap.over_udp(datagram) == "NOERROR"
    assert await w.addresses("retired") == ("192.0.2.1",)
    assert await w.send(first, None, w.change("retired", None, before=["192.0.2.1"])) == Wrote(first)


async def test_embedded_server_takes_no_updates_by_datagram(servers: Servers) -> None:
    """R6: ours refuses what it can't tell from a replay."""
    async for trap in _trap(ProviderKind.EMBEDDED, servers):
        message = trap.by_hand()
        message.replace(f"{trap.writer.name('a')}.", TTL_S, "A", "192.0.2.1")
        assert trap.over_udp(message.to_wire()) != "NOERROR"
        assert await trap.writer.addresses("a") == ()


# -- limits -------------------------------------------------------------------------------------------------


async def test_bind_takes_a_hundred_records(bind_trap: Trap) -> None:
    """101 records of a type are SERVFAIL for the whole message on BIND; the provider names the one name before."""
    w = bind_trap.writer
    first = await w.begin()
    fat = Update(w.zone, (), (w.set("fat", "A", *addresses(101)), w.set("innocent", "A", "192.0.2.1")))
    assert await w.tap.deliver(fat) == Response(Rcode.SERVFAIL)
    assert await w.addresses("innocent") == ()
    result = await w.send(first, None, w.change("fat", addresses(101)), w.change("innocent", ["192.0.2.1"]))
    assert isinstance(result, Blocked)
    assert [o.name for o in result.offenders] == [w.name("fat")]
    assert "101" in result.offenders[0].why
    assert "100" in result.offenders[0].why


# -- wildcards ----------------------------------------------------------------------------------------------


async def test_deeper_name_hides_the_wildcard(trap: Trap) -> None:
    """A TXT two labels down makes an empty non-terminal, for which the wildcard stops answering; ours does not."""
    w = trap.writer
    await w.foreign(w.set("*", "A", "192.0.2.1"))
    assert await w.addresses("anything") == ("192.0.2.1",)
    await w.foreign(w.set("_fence.anything", "TXT", '"too deep"'))
    assert await w.addresses("anything") == ()
    await w.begin()
    assert await w.addresses("another") == ("192.0.2.1",)
    assert fence_owner(SCOPE, w.zone).count(".") == w.zone.count(".") + 1


# -- the serial as a pin (R3) -------------------------------------------------------------------------------


async def test_serial_is_proved(trap: Trap) -> None:
    """With its defaults every server here serves the serial that it stores and moves it with each update."""
    proof = await trap.writer.run(Rfc2136Provider(trap.zone, DIALECTS[ProviderKind.RFC2136]).prove_serial(SCOPE))
    assert proof == Proven()
    assert await trap.writer.addresses("a") == ()
    found = await trap.writer.tap.ask(Ask(trap.zone, f"_holdfastproof-{SCOPE}.{trap.zone}", "TXT"))
    assert not isinstance(found, CouldNotAsk)
    assert found.rrset is None


async def test_read_back_moves_nothing(trap: Trap) -> None:
    """A message of prerequisites alone is answered and leaves the zone, and its serial, as they were."""
    w = trap.writer
    first = await w.begin(w.change("a", ["192.0.2.1"]))
    before = await w.tap.transfer(Transfer(w.zone))
    owner = fence_owner(SCOPE, w.zone)
    right = Prerequisite(Existence.RRSET_IS, owner, "TXT", (first.rdata(),))
    wrong = Prerequisite(Existence.RRSET_IS, w.name("a"), "A", ("192.0.2.2",))
    assert await w.tap.deliver(Update(w.zone, (right,), ())) == Response(Rcode.NOERROR)
    assert await w.tap.deliver(Update(w.zone, (right, wrong), ())) == Response(Rcode.NXRRSET)
    assert await w.tap.transfer(Transfer(w.zone)) == before


@pytest.mark.parametrize(
    ("metadata", "why"),
    [
        (("SOA-EDIT-DNSUPDATE", "EPOCH"), "left the serial at"),
        (("SOA-EDIT", "INCREMENT-WEEKS"), "not the one it stores"),
    ],
    ids=["epoch", "increment-weeks"],
)
async def test_powerdns_serial_that_pins_nothing(metadata: tuple[str, str], why: str) -> None:
    """Two settings of PowerDNS under which an SOA pin holds nothing: the proof finds both, repair is refused."""
    zone = ZoneSpec("serial.test", metadata=(metadata,))
    with start_or_skip(lambda: start_powerdns((zone,))) as running:
        async with server_writers(running, zone.name, 1) as (w,):
            result = await w.repair(fence(1))
            assert isinstance(result, Denied), result
            assert why in result.reason
            assert not w.provider.capabilities.serial_pin
            seen: FenceReading | CouldNotAsk = await w.fence()
            assert not isinstance(seen, FenceFound)
            proof = await w.run(Rfc2136Provider(zone.name, DIALECTS[running.kind]).prove_serial(SCOPE))
            assert isinstance(proof, Refuted)


# -- credentials --------------------------------------------------------------------------------------------


async def test_wrong_key_is_denied(trap: Trap) -> None:
    """A key that the server does not know: Denied for writes, "could not ask" for reads; never a lost race."""
    first = await trap.writer.begin()
    stranger = Signer(key(STRANGER_NAME, STRANGER_SECRET))
    transport = DnsTransport([ZoneAccess(trap.zone, HOST, trap.running.port, stranger)])
    w = Writer(Rfc2136Provider(trap.zone, DIALECTS[trap.running.kind]), transport)
    try:
        write = FencedWrite(PinFence(first), None, (w.change("a", ["192.0.2.1"]),))
        assert isinstance(await w.run(w.provider.write(SCOPE, write)), Denied)
        assert isinstance(await w.fence(), CouldNotAsk)
    finally:
        await transport.close()
    assert await trap.writer.addresses("a") == ()


async def test_right_name_with_a_wrong_secret_is_denied(trap: Trap) -> None:
    """The same for a secret that was rotated away under an unchanged name."""
    first = await trap.writer.begin()
    transport = DnsTransport([ZoneAccess(trap.zone, HOST, trap.running.port, Signer(key(secret=STRANGER_SECRET)))])
    w = Writer(Rfc2136Provider(trap.zone, DIALECTS[trap.running.kind]), transport)
    try:
        write = FencedWrite(PinFence(first), None, (w.change("a", ["192.0.2.1"]),))
        assert isinstance(await w.run(w.provider.write(SCOPE, write)), Denied)
    finally:
        await transport.close()


def test_powerdns_states_that_it_is_safe_in_one_process_only() -> None:
    """Several PowerDNS processes on PostgreSQL or MySQL lose updates: the capability says so."""
    assert DIALECTS[ProviderKind.POWERDNS].fencing is Fencing.PROCESS


async def _over_tcp_raw(trap: Trap, wire: bytes) -> str:
    """Bytes as they are; the rcode of the answer."""
    reader, writer = await asyncio.open_connection(HOST, trap.running.port)
    try:
        writer.write(len(wire).to_bytes(2, "big") + wire)
        size = int.from_bytes(await reader.readexactly(2), "big")
        answer = await reader.readexactly(size)
        return dns.rcode.to_text(dns.rcode.Rcode(answer[3] & 0xF))
    finally:
        writer.close()
        await writer.wait_closed()
