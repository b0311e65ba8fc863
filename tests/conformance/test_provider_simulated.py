"""The laboratory's name servers pass the suite that the real ones pass, and answer message for message alike."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import ClassVar, TypeAlias

import msgspec
import pytest
from conftest import Servers, server_writers

from holdfast.conformance.provider import ProviderConformance
from holdfast.conformance.provider_world import TTL_S, Writer, addresses
from holdfast.lab.servers import BIND, EMBEDDED, KNOT, POWERDNS, RFC_STRICT, Server
from holdfast.model.configuration import ProviderKind
from holdfast.model.records import RRset
from holdfast.nameserver.memory import MemoryDns
from holdfast.nameserver.zone import Zone
from holdfast.ports.dns import (
    DeleteRRset,
    Existence,
    Prerequisite,
    Response,
    SetRRset,
    Transfer,
    Update,
    ZoneContent,
)


def simulated(server: Server, zone: str) -> MemoryDns:
    """A zone that holds nothing but SOA, NS and the name server's address, on a server of the laboratory."""
    apex = (
        RRset(zone, "SOA", 60, (f"ns1.{zone} hostmaster.{zone} 1 3600 600 86400 5",)),
        RRset(zone, "NS", 60, (f"ns1.{zone}",)),
        RRset(f"ns1.{zone}", "A", 60, ("127.0.0.1",)),
    )
    return MemoryDns([Zone.of(zone, apex)], quirks={zone: server.quirks})


class _Simulated(ProviderConformance):
    server: ClassVar[Server]

    @asynccontextmanager
    async def writers(self, count: int) -> AsyncIterator[tuple[Writer, ...]]:
        memory = simulated(self.server, "lab.test")
        yield tuple(Writer(self.server.provider("lab.test"), memory) for _ in range(count))


class TestSimulatedBind(_Simulated):
    """BIND's dialect and habits."""

    server = BIND


class TestSimulatedKnot(_Simulated):
    """Knot's."""

    server = KNOT


class TestSimulatedPowerdns(_Simulated):
    """PowerDNS's."""

    server = POWERDNS


class TestSimulatedEmbedded(_Simulated):
    """The embedded server's."""

    server = EMBEDDED


class TestSimulatedStrict(_Simulated):
    """A server that does what RFC 2136 says and nothing else."""

    server = RFC_STRICT


# -- message for message ------------------------------------------------------------------------------------

Message: TypeAlias = tuple[tuple[Prerequisite, ...], tuple[SetRRset | DeleteRRset, ...]]
Tale: TypeAlias = Callable[[Callable[[str], str]], tuple[Message, ...]]
"""Messages one after the other, by the function that makes a label a name of the zone."""


def _set(name: str, rtype: str, *rdatas: str) -> SetRRset:
    return SetRRset(RRset(name, rtype, TTL_S, rdatas))


def _put(*changes: SetRRset | DeleteRRset) -> Message:
    return (), changes


def _if(existence: Existence, name: str, rtype: str = "ANY", *rdatas: str) -> Prerequisite:
    return Prerequisite(existence, name, rtype, rdatas)


E = Existence
TALES: dict[str, Tale] = {
    "an address beside an alias": lambda n: (
        _put(_set(n("a"), "CNAME", n("ns1"))),
        _put(_set(n("a"), "A", "192.0.2.1"), _set(n("b"), "A", "192.0.2.2")),
    ),
    "an alias beside an address": lambda n: (
        _put(_set(n("a"), "A", "192.0.2.1")),
        _put(_set(n("a"), "CNAME", n("ns1")), _set(n("b"), "A", "192.0.2.2")),
    ),
    "a swap of address and alias": lambda n: (
        _put(_set(n("a"), "A", "192.0.2.1")),
        _put(DeleteRRset(n("a"), "A"), _set(n("a"), "CNAME", n("ns1"))),
    ),
    "a swap beside a stray text": lambda n: (
        _put(_set(n("a"), "A", "192.0.2.1"), _set(n("a"), "TXT", '"stray"')),
        _put(DeleteRRset(n("a"), "A"), _set(n("a"), "CNAME", n("ns1"))),
    ),
    "a swap of alias and address": lambda n: (
        _put(_set(n("a"), "CNAME", n("ns1"))),
        _put(DeleteRRset(n("a"), "CNAME"), _set(n("a"), "A", "192.0.2.1")),
    ),
    "an alias replaced": lambda n: (
        _put(_set(n("a"), "CNAME", n("ns1"))),
        _put(_set(n("a"), "CNAME", n("ns2"))),
    ),
    "text in capitals": lambda n: (
        _put(_set(n("a"), "TXT", '"abc"')),
        ((_if(E.RRSET_IS, n("a"), "TXT", '"ABC"'),), (_set(n("b"), "A", "192.0.2.1"),)),
    ),
    "text in two strings": lambda n: (
        _put(_set(n("a"), "TXT", '"ab" "cd"')),
        ((_if(E.RRSET_IS, n("a"), "TXT", '"abcd"'),), (_set(n("b"), "A", "192.0.2.1"),)),
    ),
    "half of an RRset": lambda n: (
        _put(_set(n("a"), "A", "192.0.2.1", "192.0.2.2")),
        ((_if(E.RRSET_IS, n("a"), "A", "192.0.2.1"),), (_set(n("b"), "A", "192.0.2.1"),)),
    ),
    "an RRset in another order": lambda n: (
        _put(_set(n("a"), "A", "192.0.2.1", "192.0.2.2")),
        ((_if(E.RRSET_IS, n("a"), "A", "192.0.2.2", "192.0.2.1"),), (_set(n("b"), "A", "192.0.2.1"),)),
    ),
    "a hundred records": lambda n: (_put(_set(n("a"), "A", *addresses(100)), _set(n("b"), "A", "192.0.2.1")),),
    "a hundred and one": lambda n: (_put(_set(n("a"), "A", *addresses(101)), _set(n("b"), "A", "192.0.2.1")),),
    "a prerequisite behind a wildcard": lambda n: (
        _put(_set(n("*"), "TXT", '"anything"')),
        ((_if(E.RRSET_ABSENT, n("a"), "TXT"),), (_set(n("a"), "TXT", '"mine"'),)),
    ),
    "an absent RRset that exists": lambda n: (
        _put(_set(n("a"), "A", "192.0.2.1")),
        ((_if(E.RRSET_ABSENT, n("a"), "A"),), (_set(n("b"), "A", "192.0.2.1"),)),
    ),
    "an existing RRset that is absent": lambda n: (
        ((_if(E.RRSET_EXISTS, n("a"), "A"),), (_set(n("b"), "A", "192.0.2.1"),)),
    ),
    "a name in use that is not": lambda n: (((_if(E.NAME_IN_USE, n("a")),), (_set(n("b"), "A", "192.0.2.1"),)),),
    "an absent name that is in use": lambda n: (
        _put(_set(n("a"), "A", "192.0.2.1")),
        ((_if(E.NAME_ABSENT, n("a")),), (_set(n("b"), "A", "192.0.2.1"),)),
    ),
    "one of two prerequisites": lambda n: (
        _put(_set(n("a"), "A", "192.0.2.1")),
        (
            (_if(E.RRSET_IS, n("a"), "A", "192.0.2.1"), _if(E.RRSET_IS, n("b"), "A", "192.0.2.1")),
            (_set(n("c"), "A", "192.0.2.1"),),
        ),
    ),
    "what is not there deleted": lambda n: (_put(DeleteRRset(n("a"), "A"), _set(n("b"), "A", "192.0.2.1")),),
    "the last record of a name": lambda n: (
        _put(_set(n("a"), "A", "192.0.2.1")),
        _put(DeleteRRset(n("a"), "A")),
        ((_if(E.NAME_ABSENT, n("a")),), (_set(n("b"), "A", "192.0.2.1"),)),
    ),
    "a guard against delegation": lambda n: (
        _put(_set(n("sub"), "NS", "ns.elsewhere.test")),
        ((_if(E.RRSET_ABSENT, n("sub"), "NS"),), (_set(n("sub"), "A", "192.0.2.1"),)),
    ),
    "the same again": lambda n: (
        _put(_set(n("a"), "A", "192.0.2.1")),
        _put(_set(n("a"), "A", "192.0.2.1")),
    ),
    "set and deleted in one message": lambda n: (_put(_set(n("a"), "A", "192.0.2.1"), DeleteRRset(n("a"), "A")),),
    "deleted and set in one message": lambda n: (
        _put(_set(n("a"), "A", "192.0.2.1")),
        _put(DeleteRRset(n("a"), "A"), _set(n("a"), "A", "192.0.2.2")),
    ),
}


class _Told(msgspec.Struct, frozen=True):
    """What a server made of a tale: each answer, whether it moved the serial, and what is there in the end."""

    answers: tuple[str, ...]
    moved: tuple[bool, ...]
    content: tuple[RRset, ...]


async def _tell(transport: Writer, tale: Tale) -> _Told:
    zone = transport.zone
    answers: list[str] = []
    moved: list[bool] = []
    serial, content = await _look(transport)
    for prerequisites, changes in tale(transport.name):
        response = await transport.tap.deliver(Update(zone, prerequisites, changes))
        assert isinstance(response, Response), response
        before, (serial, content) = serial, await _look(transport)
        answers.append(response.rcode.value)
        moved.append(serial != before)
    return _Told(tuple(answers), tuple(moved), content)


async def _look(writer: Writer) -> tuple[int, tuple[RRset, ...]]:
    """The serial, and all that the tales put there, by label."""
    found = await writer.tap.transfer(Transfer(writer.zone))
    assert isinstance(found, ZoneContent), found
    kept = [r for r in found.rrsets if r.name not in (writer.zone, writer.name("ns1"))]
    return found.serial, tuple(
        sorted(
            (RRset(r.name.removesuffix(writer.zone), r.rtype, r.ttl, _labels(r, writer.zone)) for r in kept),
            key=lambda r: (r.name, r.rtype),
        )
    )


def _labels(rrset: RRset, zone: str) -> tuple[str, ...]:
    return tuple(sorted(rdata.removesuffix(zone) for rdata in rrset.rdatas))


SIMULATED = {
    ProviderKind.BIND: BIND,
    ProviderKind.KNOT: KNOT,
    ProviderKind.POWERDNS: POWERDNS,
    ProviderKind.EMBEDDED: EMBEDDED,
}


@pytest.mark.real
@pytest.mark.parametrize("kind", SIMULATED, ids=lambda k: k.value)
async def test_each_message_is_answered_as_the_real_server_answers_it(
    kind: ProviderKind, servers: Servers
) -> None:
    """The same messages to both: equal answers, equal content, the serial moved or left alike."""
    differing = []
    running, zone = servers.get(kind), servers.fresh_zone(kind)
    async with server_writers(running, zone, 1) as (real,):
        for name, tale in TALES.items():
            prefixed = _prefixed(tale, name)
            ours = Writer(SIMULATED[kind].provider(zone), simulated(SIMULATED[kind], zone))
            await _clear(real)
            one, other = await _tell(real, prefixed), await _tell(ours, prefixed)
            if one != other:
                differing.append(f"{name}: {kind.value} {one}; simulated {other}")
    assert not differing, "\n".join(differing)


def _prefixed(tale: Tale, name: str) -> Tale:
    """A tale at names of its own."""
    mark = f"t{list(TALES).index(name)}"
    return lambda n: tale(lambda label: n(label if label == "ns1" else f"{label}.{mark}"))


async def _clear(writer: Writer) -> None:
    """Nothing left of the tale before."""
    _, content = await _look(writer)
    for rrset in content:
        name = f"{rrset.name}{writer.zone}"
        response = await writer.tap.deliver(Update(writer.zone, (), (DeleteRRset(name, rrset.rtype),)))
        assert isinstance(response, Response)
