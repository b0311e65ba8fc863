"""A secondary beside its primary (R18), and a harness that leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest
from conftest import server_writers

from holdfast.ports.dns import Answer, Ask, Servers
from holdfast.ports.provider import Wrote
from holdfast.runtime.dns import DnsTransport
from servers.bind import start_bind, start_bind_with_secondary
from servers.process import HOST, Running, ZoneSpec
from visible import start_or_skip

pytestmark = pytest.mark.real

ZONE = "followed.test"
WITHIN_S = 10.0


async def test_secondary_is_asked_by_its_published_address() -> None:
    """What the primary holds reaches the secondary by NOTIFY; `Ask(server=...)` sees it there, unsigned."""
    ports: list[int] = []

    def start() -> Running:
        running, port = start_bind_with_secondary((ZoneSpec(ZONE),))
        ports.append(port)
        return running

    with start_or_skip(start) as running:
        published = (f"{HOST}:{running.port}", f"{HOST}:{ports[0]}")
        transport = DnsTransport([running.access(ZONE, published=published)])
        try:
            assert await transport.servers(Servers(ZONE)) == published
            async with server_writers(running, ZONE, 1) as (w,):
                first = await w.begin()
                assert await w.send(first, None, w.change("a", ["192.0.2.1"])) == Wrote(first)
            answer = await _until_there(transport, published[1])
            assert answer.authoritative
        finally:
            await transport.close()


async def _until_there(transport: DnsTransport, server: str) -> Answer:
    async with asyncio.timeout(WITHIN_S):
        while True:
            answer = await transport.ask(Ask(ZONE, f"a.{ZONE}", "A", server=server))
            if isinstance(answer, Answer) and answer.rrset is not None:
                assert answer.rrset.rdatas == ("192.0.2.1",)
                return answer
            await asyncio.sleep(0.02)


def test_stopped_server_leaves_nothing() -> None:
    """Leaving the context ends the process, also a paused one, and removes its files."""
    running = start_or_skip(lambda: start_bind((ZoneSpec(ZONE),)))
    with running:
        running.process.signal(signal.SIGSTOP)
    assert running.process.ended
    assert not running.directory.exists()
    with pytest.raises(ProcessLookupError):
        os.killpg(running.process.pid, 0)
