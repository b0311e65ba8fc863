"""Scripted name servers for `doctor`: several addresses of loopback, one port, UDP and TCP, no recursion."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import cast

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.zone

from servers.ports import free_port


class Script:
    """What one server does: a zone (None answers REFUSED), whether UDP or TCP are silent, a packet limit."""

    def __init__(
        self, zone_text: str | None, *, origin: str, udp: bool = True, tcp: bool = True, udp_bytes: int = 1232
    ) -> None:
        self.origin = dns.name.from_text(origin)
        self.zone = None if zone_text is None else dns.zone.from_text(zone_text, origin=origin, relativize=False)
        self.udp = udp
        self.tcp = tcp
        self.udp_bytes = udp_bytes

    def answer(self, wire: bytes, *, tcp: bool) -> bytes:
        """The reply to a query."""
        query = dns.message.from_wire(wire)
        reply = dns.message.make_response(query)
        question = query.question[0]
        if self.zone is None or not question.name.is_subdomain(self.origin):
            reply.set_rcode(dns.rcode.REFUSED)
            return reply.to_wire()
        reply.flags |= dns.flags.AA
        owner = self._owner(question.name)
        node = None if owner is None else self.zone.get_node(owner)
        rrset = None if owner is None else self.zone.get_rrset(owner, question.rdtype)
        alias = None if owner is None else self.zone.get_rrset(owner, dns.rdatatype.CNAME)
        found = rrset if rrset is not None else alias
        if found is not None:
            copy = dns.rrset.from_rdata_list(question.name, found.ttl, list(found))
            reply.answer.append(copy)
        else:
            soa = self.zone.get_rrset(self.origin, dns.rdatatype.SOA)
            assert soa is not None
            reply.authority.append(soa)
            if node is None:
                reply.set_rcode(dns.rcode.NXDOMAIN)
        wire = reply.to_wire(max_size=65535)
        if not tcp and len(wire) > self.udp_bytes:
            reply.answer = []
            reply.flags |= dns.flags.TC
            wire = reply.to_wire(max_size=65535)
        return wire

    def _owner(self, name: dns.name.Name) -> dns.name.Name | None:
        assert self.zone is not None
        if self.zone.get_node(name) is not None:
            return name
        wild = dns.name.from_text("*", name.parent())
        return wild if self.zone.get_node(wild) is not None else None


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, script: Script) -> None:
        self.script = script

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self.script.udp:
            self.transport.sendto(self.script.answer(data, tcp=False), addr)


async def _tcp(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while script.tcp:
            (length,) = struct.unpack("!H", await reader.readexactly(2))
            reply = script.answer(await reader.readexactly(length), tcp=True)
            writer.write(struct.pack("!H", len(reply)) + reply)
    except asyncio.IncompleteReadError:
        pass
    finally:
        writer.close()


@asynccontextmanager
async def serving(scripts: Sequence[tuple[str, Script]]) -> AsyncIterator[int]:
    """Serve scripts at addresses; the common port."""
    port = free_port()
    loop = asyncio.get_running_loop()
    udp = []
    tcp = []
    for address, script in scripts:
        transport, _ = await loop.create_datagram_endpoint(
            lambda script=script: _Udp(script),  # type: ignore[misc]
            local_addr=(address, port),
        )
        udp.append(transport)
        tcp.append(
            await asyncio.start_server(
                lambda r, w, script=script: _tcp(script, r, w),  # type: ignore[misc]
                address,
                port,
            )
        )
    try:
        yield port
    finally:
        for transport in udp:
            transport.close()
        for server in tcp:
            server.close()
            await server.wait_closed()
