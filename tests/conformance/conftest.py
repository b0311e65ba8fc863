"""Name servers for the conformance tests: each kind started once for a run, a fresh zone for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from holdfast.conformance.provider_world import Writer
from holdfast.model.configuration import ProviderKind
from holdfast.model.records import RRset
from holdfast.nameserver.memory import MemoryDns
from holdfast.nameserver.zone import Zone
from holdfast.providers.factory import DIALECTS
from holdfast.providers.rfc2136 import Rfc2136Provider
from holdfast.runtime.dns import DnsTransport
from servers.bind import start_bind
from servers.embedded import start_embedded
from servers.etcd import Etcd, start_etcd
from servers.knot import start_knot
from servers.postgres import Postgres, start_postgres
from servers.powerdns import start_powerdns
from servers.process import Running, Starter, ZoneSpec
from visible import start_or_skip

ZONES = 96
"""Above the number of tests that ask for one."""
STARTERS: dict[ProviderKind, Starter] = {
    ProviderKind.BIND: start_bind,
    ProviderKind.KNOT: start_knot,
    ProviderKind.POWERDNS: start_powerdns,
    ProviderKind.EMBEDDED: start_embedded,
}


class Servers:
    """Running servers by kind, and which of their zones no test has touched yet."""

    def __init__(self) -> None:
        self._running: dict[ProviderKind, Running] = {}
        self._fresh: dict[ProviderKind, Iterator[ZoneSpec]] = {}

    def get(self, kind: ProviderKind) -> Running:
        """The server of a kind, started at the first call; skips the test where it is not installed."""
        if kind not in self._running:
            self._running[kind] = start_or_skip(
                lambda: STARTERS[kind](tuple(ZoneSpec(f"z{i:02}.test") for i in range(ZONES)))
            )
            self._fresh[kind] = iter(self._running[kind].zones)
        return self._running[kind]

    def fresh_zone(self, kind: ProviderKind) -> str:
        """A zone that holds nothing but SOA, NS and the name server's address."""
        self.get(kind)
        return next(self._fresh[kind]).name

    def stop(self) -> None:
        """Stop them all."""
        for running in self._running.values():
            running.stop()


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """The servers of this run."""
    found = Servers()
    yield found
    found.stop()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One PostgreSQL for this run; each test has a schema of its own there."""
    with start_or_skip(start_postgres) as running:
        yield running


@pytest.fixture(scope="session")
def etcd() -> Iterator[Etcd]:
    """One cluster of three members for this run; each test has a prefix of its own there."""
    with start_or_skip(start_etcd) as running:
        yield running


@asynccontextmanager
async def server_writers(running: Running, zone: str, count: int) -> AsyncIterator[tuple[Writer, ...]]:
    """Writers on a zone of a real server, each with a connection of its own."""
    async with AsyncExitStack() as stack:
        found: list[Writer] = []
        for _ in range(count):
            transport = DnsTransport([running.access(zone)])
            stack.push_async_callback(transport.close)
            found.append(Writer(Rfc2136Provider(zone, DIALECTS[running.kind]), transport))
        yield tuple(found)


@asynccontextmanager
async def memory_writers(count: int) -> AsyncIterator[tuple[Writer, ...]]:
    """Writers on a new zone in memory."""
    zone = "memory.test"
    apex = (
        RRset(zone, "SOA", 60, (f"ns1.{zone} hostmaster.{zone} 1 3600 600 86400 5",)),
        RRset(zone, "NS", 60, (f"ns1.{zone}",)),
        RRset(f"ns1.{zone}", "A", 60, ("127.0.0.1",)),
    )
    memory = MemoryDns([Zone.of(zone, apex)])
    yield tuple(Writer(Rfc2136Provider(zone, DIALECTS[ProviderKind.MEMORY]), memory) for _ in range(count))
