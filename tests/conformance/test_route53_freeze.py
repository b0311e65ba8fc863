"""A freeze on Route 53 is acknowledged when the last name server shows it, and nothing lands after (R8, I5)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
from test_provider_route53 import ZONE, route53_writers

from holdfast.conformance.provider_route53 import Route53Writer
from holdfast.conformance.provider_world import SCOPE, Verdict, fence
from holdfast.killswitch.fences import SYNC_POLLS, ZoneOutcome, change_fence
from holdfast.model.fence import Fence
from holdfast.model.identity import NOTHING
from holdfast.ports.clock import Idle, Rest
from holdfast.ports.provider import FenceFound, FenceUnreadable
from holdfast.ports.route53 import Accepted, ChangeRecordSets, RecordSet, SetAction, SetChange
from servers.route53 import Served, serving
from servers.route53_engine import Knobs

POLL_S = 2.0


class Bench:
    """An enactor and a person at one zone, and a time that moves when somebody rests."""

    def __init__(self, served: Served, enactor: Route53Writer, person: Route53Writer) -> None:
        self.served, self.enactor, self.person = served, enactor, person
        self.rests: list[Rest] = []

    async def freeze(self) -> ZoneOutcome:
        def adding(found: Fence) -> Fence:
            return msgspec.structs.replace(found, freezes=("frzaaaa",))

        create = Fence(identity=NOTHING, writer="person")
        loop = change_fence(self.person.provider, SCOPE, "person", adding, create=create)
        return await self.person.run(loop)


@asynccontextmanager
async def _bench(pending_s: float) -> AsyncIterator[Bench]:
    now = [1e9]
    async with (
        serving((ZONE,), Knobs(pending_s=pending_s), lambda: now[0]) as served,
        route53_writers(served, 2) as (enactor, person),
    ):
        bench = Bench(served, enactor, person)

        async def rest(op: Idle) -> bool:
            bench.rests.append(op.rest)
            now[0] += POLL_S
            return False

        person.answers.register(Idle, rest)
        yield bench


async def test_a_freeze_is_acknowledged_after_insync() -> None:
    """It waits as long as the change is PENDING; a batch in flight is refused from the moment it was accepted."""
    async with _bench(60.0) as bench:
        first = await bench.enactor.begin(bench.enactor.change("a", ["192.0.2.1"]))
        bench.enactor.hold()
        await bench.enactor.send(first, None, bench.enactor.change("a", ["192.0.2.7"]))
        assert (await bench.freeze()).done
        assert bench.rests == [Rest.POLL] * 30
        assert await bench.enactor.deliver_held() is Verdict.MOVED
        assert await bench.person.addresses("a") == ("192.0.2.1",)


async def test_a_freeze_that_does_not_propagate_is_not_acknowledged() -> None:
    """It says that the fence holds all the same, and which change is still on its way."""
    async with _bench(1e6) as bench:
        await bench.enactor.begin()
        outcome = await bench.freeze()
        assert not outcome.done
        assert "no write is accepted any more, but change C" in outcome.text
        assert len(bench.rests) == SYNC_POLLS


async def test_a_freeze_whose_reply_was_lost_is_written_again() -> None:
    """Nobody can ask about a change without its id: the fence is written once more, and that change is awaited."""
    async with _bench(3.0) as bench:
        await bench.enactor.begin()
        bench.person.lose_reply()
        assert (await bench.freeze()).done
        assert bench.rests == [Rest.TURN, Rest.POLL, Rest.POLL]
        seen = await bench.person.fence()
        assert isinstance(seen, FenceFound)
        assert (seen.fence.freezes, seen.fence.sequence) == (("frzaaaa",), 2)


async def test_a_zone_without_a_fence_is_frozen_by_create() -> None:
    """There is no serial to pin: the CREATE refuses a fence that came up meanwhile (R3)."""
    async with _bench(0.0) as bench:
        assert (await bench.freeze()).done
        seen = await bench.person.fence()
        assert isinstance(seen, FenceFound)
        assert seen.fence.freezes == ("frzaaaa",)


@pytest.mark.parametrize("ttl", [5, 60])
async def test_an_unreadable_fence_is_deleted_exactly_whatever_its_ttl(ttl: int) -> None:
    """A person's TTL, or text: the repair reads it again and deletes precisely that (R3)."""
    async with _bench(0.0) as bench:
        first = await bench.enactor.begin()
        text = fence(9).rdata() if ttl == 60 else '"garbled"'
        changes = (
            SetChange(SetAction.DELETE, RecordSet(bench.person.fence_name, "TXT", 5, (first.rdata(),))),
            SetChange(SetAction.CREATE, RecordSet(bench.person.fence_name, "TXT", ttl, (text,))),
        )
        assert isinstance(await bench.person.api.change_sets(ChangeRecordSets(ZONE, changes)), Accepted)
        assert isinstance(await bench.enactor.fence(), FenceUnreadable)
        bench.enactor.wrote(await bench.enactor.repair(fence(2)), fence(2))
