"""Draining: until DNS does not lead here any more, asked at a real name server on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import dns.flags
import dns.message
import dns.rrset
import pytest

from holdfast.model.lease import Place
from holdfast.service.agent import draining
from holdfast.service.agent.draining import leads_here, wait_until_out
from holdfast.service.agent.file import Drain

PLACE = Place(80, "192.0.2.1")
NAME = "www.x.test"


class NameServer(asyncio.DatagramProtocol):
    """Answers every question with the addresses that it has."""

    def __init__(self) -> None:
        self.addresses = ["192.0.2.1", "192.0.2.2"]
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        reply = dns.message.make_response(dns.message.from_wire(data))
        reply.answer.append(dns.rrset.from_text_list(NAME + ".", 5, "IN", "A", self.addresses))
        assert self.transport is not None
        self.transport.sendto(reply.to_wire(), addr)


@asynccontextmanager
async def name_server() -> AsyncIterator[tuple[NameServer, str]]:
    """A server, and its address."""
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(NameServer, local_addr=("127.0.0.1", 0))
    try:
        yield server, "127.0.0.1:{}".format(transport.get_extra_info("sockname")[1])
    finally:
        transport.close()
        await asyncio.sleep(0)


async def test_it_waits_until_the_address_has_left_the_name() -> None:
    """It says once that the name still leads here, and goes when it does not."""
    async with name_server() as (server, at):
        drain = Drain(names=(NAME,), dns=at, linger_s=0.01, at_most_s=10.0)
        assert await leads_here(drain, PLACE) == NAME
        told: list[str] = []
        heard = asyncio.Event()

        def say(text: str) -> None:
            told.append(text)
            heard.set()

        task = asyncio.create_task(wait_until_out(drain, PLACE, say=say))
        await heard.wait()
        server.addresses = ["192.0.2.2"]
        assert await task
        assert told[0] == f"still leads here: {NAME}"
        assert "no name leads here any more" in told[-1]


async def test_it_gives_up_in_time_and_says_why() -> None:
    """The limits hold the target: after `at_most_s` it is False."""
    async with name_server() as (_, at):
        told: list[str] = []
        assert not await wait_until_out(Drain((NAME,), at, 0.01, 0.2), PLACE, say=told.append)
        assert "gives up" in told[-1]


async def test_a_silent_name_server_counts_as_leading_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who can't know stays."""
    monkeypatch.setattr(draining, "ASK_S", 0.2)
    async with name_server() as (_, at):
        gone = at
    assert "does not answer" in await leads_here(Drain((NAME,), gone), PLACE)


async def test_without_names_it_lingers() -> None:
    """Nothing to ask: only the time."""
    assert await wait_until_out(Drain(linger_s=0.01), PLACE, say=lambda text: None)
