"""Several PowerDNS processes over one PostgreSQL: they break the fence; seen, refused, pinned, made safe."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from itertools import cycle

import dns.asyncquery
import dns.rcode
import dns.update
import pytest

from holdfast.model.configuration import ProviderKind, ZoneConfig
from holdfast.model.records import RRset
from holdfast.ports.dns import Existence, Prerequisite, Rcode, Response, SetRRset, Update
from holdfast.ports.operation import CouldNotAsk
from holdfast.runtime.dns import DnsTransport
from holdfast.service.actors import refuse_several_processes
from holdfast.service.doctor_powerdns import judge
from holdfast.service.scene import CannotOpen
from holdfast.stores.examined import Verdict
from servers.postgres import Postgres
from servers.powerdns_pgsql import SERIALIZABLE, start_powerdns_pgsql
from servers.process import HOST, KEY_NAME, KEY_SECRET, Running, ZoneSpec, key
from visible import start_or_skip

pytestmark = pytest.mark.real

ZONE = "z.test"
FENCE = f"_holdfast-s.{ZONE}"
TRIES = 60
"""Two win in about 6 races of 7."""
AGAIN = 20
ROUNDS = 15


@pytest.fixture(scope="module")
def four(postgres: Postgres) -> Iterator[tuple[Running, ...]]:
    """Two processes as installed and two with serializable transactions, all over one database."""
    settings = ("", "", SERIALIZABLE, SERIALIZABLE)
    running = start_or_skip(lambda: start_powerdns_pgsql((ZoneSpec(ZONE),), postgres, settings))
    yield running
    for one in running:
        one.stop()


@pytest.fixture
def pair(four: tuple[Running, ...]) -> tuple[Running, ...]:
    """Two processes as installed."""
    return four[:2]


async def race(ports: tuple[int, ...], round_: int) -> int:
    """Two writers ask for the same fence at once, each through a port; how many are told NOERROR."""

    async def send(message: dns.update.UpdateMessage, port: int) -> str:
        answer = await dns.asyncquery.tcp(message, HOST, port=port, timeout=20)
        return dns.rcode.to_text(answer.rcode())

    start = dns.update.UpdateMessage(ZONE, keyring=key())
    start.replace("_holdfast-s", 60, "TXT", f'"g{round_}"')
    # Serializable transactions may be refused for what was read beside them: such a writer asks again.
    said = [await send(start, ports[0])]
    while said[-1] == "SERVFAIL" and len(said) < AGAIN:
        said.append(await send(start, ports[0]))
    assert said[-1] == "NOERROR"
    writers = []
    for number, port in enumerate(ports):
        message = dns.update.UpdateMessage(ZONE, keyring=key())
        message.present("_holdfast-s", "TXT", f'"g{round_}"')
        message.replace("_holdfast-s", 60, "TXT", f'"g{round_ + 1}"')
        message.replace("www", 60, "A", f"192.0.2.{number + 1}")
        writers.append(send(message, port))
    return (await asyncio.gather(*writers)).count("NOERROR")


async def test_trap_two_processes_both_win(pair: tuple[Running, ...]) -> None:
    """As PowerDNS is installed, two processes grant the same fence to two writers; one process never does."""
    first, second = (one.port for one in pair)
    for round_ in range(TRIES):
        if await race((first, second), round_) == 2:
            break
    else:
        pytest.fail("the facts file is out of date: two processes over PostgreSQL keep updates apart")
    assert {await race((first, first), n) for n in range(TRIES, TRIES + ROUNDS)} == {1}


async def test_serializable_database_makes_it_safe(four: tuple[Running, ...]) -> None:
    """With serializable transactions in every process, no fence is granted twice."""
    first, second = (one.port for one in four[2:])
    won = [await race((first, second), n) for n in range(100, 100 + 2 * ROUNDS)]
    assert max(won) == 1
    assert won.count(1) > 0


@asynccontextmanager
async def balancer(pair: tuple[Running, ...]) -> AsyncIterator[int]:
    """A load balancer: each new connection goes to the next process. Its port."""
    turn = cycle(one.port for one in pair)
    relays: list[asyncio.Task[None]] = []

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                sink.write(data)
        sink.close()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_reader, to_writer = await asyncio.open_connection(HOST, next(turn))
        try:
            await asyncio.gather(pump(reader, to_writer), pump(to_reader, writer))
        finally:
            for one in (writer, to_writer):
                one.close()
                with suppress(OSError):
                    await one.wait_closed()

    def taken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        relays.append(asyncio.create_task(relay(reader, writer)))

    server = await asyncio.start_server(taken, HOST, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        # Clients have closed: what they left is passed on, and each relay ends by itself.
        await asyncio.gather(*relays)


def transport(port: int, monkeypatch: pytest.MonkeyPatch, *server_ids: str) -> tuple[DnsTransport, ZoneConfig]:
    """A transport as a configuration makes it."""
    monkeypatch.setenv("HOLDFAST_TEST_KEY", KEY_SECRET)
    server = f"{HOST}:{port}"
    zone = ZoneConfig(
        ZONE, ProviderKind.POWERDNS, server, KEY_NAME, key_env="HOLDFAST_TEST_KEY", server_ids=server_ids
    )
    return DnsTransport.of((zone,)), zone


async def test_several_processes_refuse_the_start(
    pair: tuple[Running, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No enactor starts where two processes answer one address; on one it does, or if they are named."""
    async with balancer(pair) as port:
        dns_, zone = transport(port, monkeypatch)
        assert await dns_.processes(ZONE) == ("pdns-0", "pdns-1")
        assert judge(zone, await dns_.processes(ZONE)).verdict is Verdict.BAD
        with pytest.raises(CannotOpen, match=r"pdns-0, pdns-1.*server_ids"):
            await refuse_several_processes(dns_, (zone,))
        named, zone = transport(port, monkeypatch, "pdns-0", "pdns-1")
        await refuse_several_processes(named, (zone,))
        await dns_.close()
        await named.close()
    alone, zone = transport(pair[0].port, monkeypatch)
    await refuse_several_processes(alone, (zone,))
    await alone.close()


async def test_pinned_updates_go_to_one_process_and_one_wins(
    pair: tuple[Running, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through a balancer, one name in `server_ids` brings every update to that process: one winner a race."""
    async with balancer(pair) as port:
        writers = [transport(port, monkeypatch, "pdns-1")[0] for _ in range(2)]
        for round_ in range(ROUNDS):
            old, new = (RRset(FENCE, "TXT", 60, (f'"p{round_}{end}"',)) for end in ("", "x"))
            reset = await writers[0].update(Update(ZONE, (), (SetRRset(old),)))
            assert reset == Response(Rcode.NOERROR)
            update = Update(ZONE, (Prerequisite(Existence.RRSET_IS, FENCE, "TXT", old.rdatas),), (SetRRset(new),))
            answers = await asyncio.gather(*(w.update(update) for w in writers))
            assert answers.count(Response(Rcode.NOERROR)) == 1, answers
        for writer in writers:
            await writer.close()
        absent, _ = transport(port, monkeypatch, "pdns-9")
        said = await absent.update(update)
        assert isinstance(said, CouldNotAsk)
        assert not said.maybe_applied
        assert "server_ids has pdns-9" in said.reason
        await absent.close()
