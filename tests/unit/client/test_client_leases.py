"""The lease client against the shipped service: in process, and over HTTP where the way matters."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from holdfast.access.gate import Gate
from holdfast.client.batching import Throttle
from holdfast.client.client import LeaseClient, new_holder
from holdfast.client.http import LeaseHttp, NotServed, Rejected
from holdfast.conformance.lease_world import LeaseWorld, memory_world
from holdfast.leases.holding import Change
from holdfast.leases.law import LeaseSettings, patience_s
from holdfast.model.lease import Ask, Place, Renew, Result, TryLater, bad_holder
from holdfast.service.leases.http import serve_leases
from holdfast.service.listening import listen
from servers.process import Missing
from servers.tls import make_tls
from visible import missing

KEY = "a-key"
QUICK = LeaseSettings(ttl_least_s=0.6)


class Wire:
    """A way to the service that counts, and that can be cut."""

    def __init__(self, world: LeaseWorld) -> None:
        self.world = world
        self.cut = False
        self.messages: list[int] = []
        self.tries = 0

    async def calls(self, asks: Sequence[Ask], *, timeout_s: float) -> Sequence[Result]:
        self.tries += 1
        if self.cut:
            raise NotServed("the wire is cut")
        self.messages.append(len(asks))
        return await self.world.inbox.calls(asks, timeout_s=timeout_s)

    async def close(self) -> None:
        """Nothing to let go of."""


def client_of(wire: Wire, **more: object) -> LeaseClient:
    """A client on this wire; time is real, the TTL short."""
    return LeaseClient("", "", transport=wire, rng=random.Random(1), ttl_s=0.6, **more)  # type: ignore[arg-type]


async def test_hundreds_of_leases_go_in_a_few_messages() -> None:
    """300 leases are held at once, renewed in batches, and given back at the end."""
    async with memory_world() as world:
        wire = Wire(world)
        async with client_of(wire) as client:
            leases = [client.hold("api", f"n{number}") for number in range(300)]
            tokens = [await lease.held() for lease in leases]
            assert len(set(tokens)) == 300
            assert all(lease.valid and lease.left_s > 50 for lease in leases)
            assert max(wire.messages) >= 299
        assert len(wire.messages) <= 8
        # The service has forgotten them: another gets them at once.
        async with client_of(wire) as other:
            assert await other.hold("api", "n7").held() > max(tokens)


async def _real_time(world: LeaseWorld, done: asyncio.Event) -> None:
    """The world's clock follows the real one."""
    loop = asyncio.get_running_loop()
    offset_s = world.now_s - loop.time()
    while not done.is_set():
        world.now_s = loop.time() + offset_s
        world.inbox.wake()
        await asyncio.sleep(0.01)


async def test_a_cut_wire_ends_validity_first_here_and_then_there() -> None:
    """The holder counts its lease as lost before the service gives it away; tries stay within the budget."""
    async with memory_world(QUICK) as world, asyncio.TaskGroup() as group:
        done = asyncio.Event()
        group.create_task(_real_time(world, done))
        wire = Wire(world)
        async with client_of(wire) as client:
            lease = client.hold("jobs", "nightly")
            await lease.held()
            events = lease.events()
            wire.cut = True
            lost = await anext(events)
            assert (lost.change, lease.valid) == (Change.LOST, False)
            assert world.said("lease.lost") == []
            assert wire.tries < 30
            assert "cut" in client.trouble
            wire.cut = False
            back = await anext(events)
            assert back.change in (Change.REGAINED, Change.GRANTED)
            assert lease.valid
        done.set()


async def test_when_the_service_is_back_all_renew_at_once() -> None:
    """2,500 leases whose renewals failed while the wire was cut: the first answer calls all of them back."""
    async with memory_world(LeaseSettings(ttl_least_s=9.0)) as world, asyncio.TaskGroup() as group:
        done = asyncio.Event()
        group.create_task(_real_time(world, done))
        wire = Wire(world)
        async with client_of(wire) as client:
            leases = [client.hold("api", f"n{number}") for number in range(2500)]
            for lease in leases:
                await lease.held()
            wire.cut = True
            before = wire.tries
            await asyncio.sleep(4.5)
            assert wire.tries - before < 30
            wire.cut = False
            await asyncio.sleep(2.5)
            assert all(lease.valid for lease in leases)
            assert min(lease.left_s for lease in leases) > 5.0, "all were renewed since"
        done.set()


async def test_a_moved_place_and_a_guard_raise_the_token() -> None:
    """`move` tells the service; `refused_by_guard` has the lease granted above what the guard knows."""
    async with memory_world() as world, client_of(Wire(world)) as client:
        lease = client.hold("api", "n", place=Place(80, "192.0.2.1"))
        first = await lease.held()
        events = lease.events()
        waiting = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        lease.move(Place(81, "192.0.2.1"))
        assert (await waiting).token > first
        lease.refused_by_guard(lease.token + 5)
        assert (await anext(events)).token > first + 5
        async for members in client.watch("api"):
            assert [member.place and member.place.port for member in members.leases] == [81]
            break


async def test_a_wrong_name_is_told_to_who_waits() -> None:
    """`held` raises what the service says is wrong."""
    async with memory_world() as world, client_of(Wire(world)) as client:
        with pytest.raises(ValueError, match="not a name"):
            await client.hold("api", "Not A Name").held()


async def test_a_hint_is_obeyed() -> None:
    """While the store is out nobody is granted a lease, and the client asks only when it was told to."""
    async with memory_world() as world:
        world.store.out = True
        wire = Wire(world)
        async with client_of(wire) as client:
            client.hold("api", "n")
            await asyncio.sleep(0.3)
            assert wire.tries <= 2
            assert client.trouble == ""


async def test_over_http_a_wrong_key_is_refused_and_a_dead_service_is_no_answer() -> None:
    """401 is `Rejected`, a closed port `NotServed`; what is no batch gets 400 with the reason."""
    sock = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    async with memory_world() as world:
        async with serve_leases(world.inbox, sock, Gate(key=KEY)):
            async with LeaseHttp(url, "another") as wrong:
                with pytest.raises(Rejected, match="401"):
                    await wrong.calls((Renew("api", "n", "me", 1),), timeout_s=1.0)
            async with LeaseHttp(url, KEY) as right:
                with pytest.raises(Rejected, match="timeout_s is above 0"):
                    await right.calls((Renew("api", "n", "me", 1),), timeout_s=1e9)
                assert await right.calls((), timeout_s=1.0) == []
        async with LeaseHttp(url, KEY) as gone:
            with pytest.raises(NotServed):
                await gone.calls((Renew("api", "n", "me", 1),), timeout_s=1.0)
        assert isinstance(await world.inbox.call(Renew("api", "n", "me", 1), timeout_s=1.0), TryLater)


async def test_over_tls_the_service_is_believed_by_its_authority_alone(tmp_path: Path) -> None:
    """With the authority's file the calls go through; without it there is no answer."""
    try:
        tls = await asyncio.to_thread(make_tls, tmp_path / "tls")
    except Missing as absent:
        missing(str(absent))
    sock = listen("127.0.0.1", 0)
    url = f"https://127.0.0.1:{sock.getsockname()[1]}"
    async with (
        memory_world() as world,
        serve_leases(world.inbox, sock, Gate(key=KEY), tls_cert=str(tls.certificate), tls_key=str(tls.key)),
    ):
        async with LeaseClient(url, KEY, ca_file=str(tls.ca)) as client:
            assert await client.hold("api", "n").held() > 0
        async with LeaseHttp(url, KEY) as stranger:
            with pytest.raises(NotServed, match="certificate"):
                await stranger.calls((Renew("api", "n", "me", 1),), timeout_s=2.0)


def test_a_holder_is_new_each_time() -> None:
    """Ids of two runs differ, and the service takes them."""
    one, two = new_holder(), new_holder()
    assert one != two
    assert bad_holder(one) == bad_holder(two) == ""


def test_new_leases_tried_for_in_an_outage_leave_the_held_ones_their_retries() -> None:
    """A budget each; and an answer to either says that the service is there: renewals need no retry any more."""
    throttle = Throttle(ttl_s=90.0, timeout_s=10.0, now_s=0.0)
    for renewals in (True, False):
        assert throttle.may_send(renewals=renewals, now_s=0.0, chance=0.99)
        throttle.ended(renewals=renewals, ok=False, now_s=0.0)
    while throttle.may_send(renewals=False, now_s=0.0, chance=0.99):
        throttle.ended(renewals=False, ok=False, now_s=0.0)
    assert throttle.wait_s(renewals=False, now_s=0.0) > 0
    assert throttle.wait_s(renewals=True, now_s=0.0) == 0
    assert throttle.may_send(renewals=True, now_s=0.0, chance=0.99)
    throttle.ended(renewals=False, ok=True, now_s=1.0)
    assert not throttle.failing(renewals=True)


@pytest.mark.parametrize("many", [False, True])
def test_a_client_that_finds_nobody_tries_again_within_its_patience(many: bool) -> None:
    """One backoff for all of its renewals, from quick to its patience, whatever comes due; an answer ends it."""
    rng, now_s, tries = random.Random(1), 0.0, list[float]()
    throttle = Throttle(ttl_s=90.0, timeout_s=10.0, now_s=0.0)
    while now_s < 3600.0:  # something is due all the time
        if throttle.may_send(renewals=True, now_s=now_s, chance=0.5):
            tries.append(now_s)
            throttle.ended(renewals=True, ok=False, now_s=now_s)
            throttle.silent(now_s=now_s, ttl_s=90.0, many=many, chance=rng.random())
        now_s += max(throttle.wait_s(renewals=True, now_s=now_s), 0.05)
    waits = [after - before for before, after in pairwise(tries)]
    least_s, most_s = patience_s(90.0, many=many)
    assert max(waits[:3]) < 1.0
    assert all(least_s <= wait_s <= most_s + 0.05 for wait_s in waits[10:])
    assert 3600 / 90 * 6 < len(tries) < 3600 / 90 * 13
    throttle.ended(renewals=True, ok=True, now_s=now_s)
    assert throttle.may_send(renewals=True, now_s=now_s, chance=0.5)
