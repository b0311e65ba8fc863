"""The shipped suite for lease services: called in process, and over real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from holdfast.access.gate import Gate
from holdfast.client.http import LeaseHttp
from holdfast.conformance.lease_world import LeaseWorld, memory_world
from holdfast.conformance.leases import LeaseConformance
from holdfast.service.leases.http import serve_leases
from holdfast.service.listening import listen

KEY = "a-key-of-the-suite"


class TestInProcess(LeaseConformance):
    """The inbox of the loop, called directly."""

    def open(self) -> AbstractAsyncContextManager[LeaseWorld]:
        return memory_world()


@asynccontextmanager
async def http_world() -> AsyncIterator[LeaseWorld]:
    """The same service behind its HTTP side, reached by the client."""
    sock = listen("127.0.0.1", 0)
    port = sock.getsockname()[1]
    async with (
        memory_world() as world,
        LeaseHttp(f"http://127.0.0.1:{port}", KEY) as client,
        serve_leases(world.inbox, sock, Gate(key=KEY)),
    ):
        world.caller = client
        yield world


class TestHttp(LeaseConformance):
    """Over a real socket."""

    def open(self) -> AbstractAsyncContextManager[LeaseWorld]:
        return http_world()
