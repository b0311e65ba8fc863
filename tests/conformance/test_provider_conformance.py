"""The shipped provider suite on memory, the embedded server, BIND, Knot and PowerDNS."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import ClassVar

import pytest
from conftest import Servers, memory_writers, server_writers

from holdfast.conformance.provider import ProviderConformance
from holdfast.conformance.provider_world import Writer
from holdfast.model.configuration import ProviderKind


class TestMemory(ProviderConformance):
    """The embedded server's zone engine, without wire and disk."""

    def writers(self, count: int) -> AbstractAsyncContextManager[tuple[Writer, ...]]:
        return memory_writers(count)


class _OnServer(ProviderConformance):
    kind: ClassVar[ProviderKind]

    @pytest.fixture(autouse=True)
    def _serve(self, servers: Servers) -> None:
        self.servers = servers
        self.running = servers.get(self.kind)

    def writers(self, count: int) -> AbstractAsyncContextManager[tuple[Writer, ...]]:
        return server_writers(self.running, self.servers.fresh_zone(self.kind), count)


@pytest.mark.real
class TestEmbedded(_OnServer):
    """The embedded server as a process."""

    kind = ProviderKind.EMBEDDED


@pytest.mark.real
class TestBind(_OnServer):
    """BIND 9."""

    kind = ProviderKind.BIND


@pytest.mark.real
class TestKnot(_OnServer):
    """Knot DNS."""

    kind = ProviderKind.KNOT


@pytest.mark.real
class TestPowerdns(_OnServer):
    """PowerDNS with SQLite."""

    kind = ProviderKind.POWERDNS
