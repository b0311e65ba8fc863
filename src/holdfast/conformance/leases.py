"""What every way to a lease service must do, as a class of asynchronous tests: called in process, or over HTTP.

Use: subclass, and say how to open a world (`lease_world`). Time in it is the service's own and jumps; nothing
here sleeps.
"""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager

import msgspec

from holdfast.conformance.lease_world import SCOPE, TTL_S, LeaseWorld
from holdfast.leases.tokens import epoch_of, token_of
from holdfast.model.codec import encode
from holdfast.model.keys import Keys
from holdfast.model.lease import (
    Establish,
    Gone,
    Granted,
    Invalid,
    LeaseOwner,
    Listing,
    Members,
    Place,
    Release,
    Released,
    Renew,
    Result,
    Taken,
    TryLater,
)
from holdfast.ports.store import Commit, Put

PLACE = Place(port=80, a="192.0.2.1", label="left")


def ask(name: str = "n", holder: str = "me", *, place: Place | None = None, above: int = 0) -> Establish:
    """A call for a lease of the role `api`."""
    return Establish("api", name, holder, place, above)


def granted(result: Result) -> Granted:
    """A grant that must be one."""
    assert isinstance(result, Granted), result
    return result


class LeaseConformance:
    """Each method that begins with `test_` is one requirement."""

    def open(self) -> AbstractAsyncContextManager[LeaseWorld]:
        """A world whose `caller` is the way that is to be tested."""
        raise TypeError(f"{type(self).__name__} does not say how to open a world")

    async def establish(self, world: LeaseWorld, call: Establish) -> Granted:
        """A lease, however often the service says "later" (it is just starting)."""
        for _ in range(200):
            result = await world.call(call)
            if not isinstance(result, TryLater):
                return granted(result)
            await world.advance(result.after_s)
        raise AssertionError(f"never granted: {result}")

    async def test_a_grant_renews_under_its_token(self) -> None:
        """A grant has a token and a TTL; renewing keeps the token."""
        async with self.open() as world:
            first = await self.establish(world, ask())
            assert first.token > 0
            assert (first.ttl_s, first.renewed) == (TTL_S, False)
            for _ in range(5):
                await world.advance(TTL_S / 3)
                renewed = await world.call(Renew("api", "n", "me", first.token))
                assert renewed == Granted(first.token, TTL_S, True), renewed

    async def test_one_holder(self) -> None:
        """Another is told who has it and for how long; after a release it is granted a higher token."""
        async with self.open() as world:
            mine = await self.establish(world, ask())
            await world.advance(10.0)
            taken = await world.call(ask(holder="you"))
            assert isinstance(taken, Taken)
            assert (taken.holder, round(taken.free_in_s, 3)) == ("me", TTL_S - 10.0)
            assert isinstance(await world.call(Release("api", "n", "you", mine.token)), Gone)
            assert await world.call(Release("api", "n", "me", mine.token)) == Released()
            assert (await self.establish(world, ask(holder="you"))).token > mine.token
            assert isinstance(await world.call(Renew("api", "n", "me", mine.token)), Gone)

    async def test_a_repeated_call_gets_the_same_grant(self) -> None:
        """A holder that never heard the answer asks again, and has the lease that it was granted."""
        async with self.open() as world:
            mine = await self.establish(world, ask(place=PLACE))
            again = granted(await world.call(ask(place=PLACE)))
            assert (again.token, again.renewed) == (mine.token, True)

    async def test_of_many_one_gets_it(self) -> None:
        """Of fifty that ask at once, in two batches, one is granted; the others are told that it is taken."""
        async with self.open() as world:
            await self.establish(world, ask("other"))
            calls = [ask(holder=f"h{number}") for number in range(50)]
            results = await asyncio.gather(
                world.caller.calls(calls[:25], timeout_s=5.0), world.caller.calls(calls[25:], timeout_s=5.0)
            )
            both = [*results[0], *results[1]]
            assert sum(isinstance(result, Granted) for result in both) == 1
            assert all(isinstance(result, Granted | Taken | TryLater) for result in both)

    async def test_a_silent_holder_loses_it(self) -> None:
        """A lease runs out after its TTL; then another may have it, with a higher token."""
        async with self.open() as world:
            mine = await self.establish(world, ask())
            await world.advance(TTL_S - 1, steps=20)
            assert isinstance(await world.call(ask(holder="you")), Taken)
            await world.advance(3.0, steps=3)
            assert isinstance(await world.call(Renew("api", "n", "me", mine.token)), Gone)
            assert (await self.establish(world, ask(holder="you"))).token > mine.token
            assert world.said("lease.lost") == ["api/n of me ran out"]

    async def test_a_batch_is_answered_in_order(self) -> None:
        """Each call has its own answer at its own place; a wrong one says why, and hurts no other."""
        async with self.open() as world:
            mine = await self.establish(world, ask("a"))
            results = await world.caller.calls(
                (
                    Renew("api", "a", "me", mine.token),
                    Renew("api", "b", "me", mine.token),
                    ask("Not A Name"),
                    ask("a", "you"),
                    ask("c", place=msgspec.structs.replace(PLACE, port=0)),
                    ask("d", above=1 << 62),
                ),
                timeout_s=5.0,
            )
            assert [type(result) for result in results] == [Granted, Gone, Invalid, Taken, Invalid, Invalid]
            assert isinstance(results[2], Invalid)
            assert "Not A Name" in results[2].why

    async def test_a_watch_answers_when_the_list_changes(self) -> None:
        """A list comes at once to who has none, else when it changes, and unchanged when the time is up."""
        async with self.open() as world:
            await self.establish(world, ask("b", place=PLACE))
            await world.advance(1.0)
            first = await world.call(Listing("api"))
            assert isinstance(first, Members)
            assert [(lease.name, lease.place) for lease in first.leases] == [("b", PLACE)]
            watch = asyncio.create_task(world.call(Listing("api", first.revision), timeout_s=30.0))
            await world.advance(1.0)
            assert not watch.done()
            await self.establish(world, ask("a"))
            await world.advance(1.0)
            second = await watch
            assert isinstance(second, Members)
            assert [lease.name for lease in second.leases] == ["a", "b"]
            assert second.revision > first.revision
            unchanged = asyncio.create_task(world.call(Listing("api", second.revision), timeout_s=30.0))
            while not unchanged.done():
                await world.advance(10.0)
            assert await unchanged == second

    async def test_a_restart_loses_nothing(self) -> None:
        """After the service died: who held a lease renews it under the old token; new tokens are higher."""
        async with self.open() as world:
            held = [await self.establish(world, ask(f"n{number}")) for number in range(20)]
            await world.advance(TTL_S - 5)
            await world.restart()
            other = await self.establish(world, ask("other"))
            assert other.token > max(grant.token for grant in held)
            renewals = [Renew("api", f"n{number}", "me", grant.token) for number, grant in enumerate(held)]
            results = await world.caller.calls(renewals, timeout_s=5.0)
            assert [granted(result).token for result in results] == [grant.token for grant in held]

    async def test_the_store_may_be_out(self) -> None:
        """Held leases are renewed; nobody is granted one, nor told that it is gone, until the store is back."""
        async with self.open() as world:
            mine = await self.establish(world, ask())
            world.store.out = True
            refused = await world.call(ask("new"))
            assert isinstance(refused, TryLater)
            assert refused.after_s > 0
            assert "store is out" in refused.why
            for _ in range(9):
                await world.advance(TTL_S / 3, steps=5)
                granted(await world.call(Renew("api", "n", "me", mine.token)))
            assert isinstance(await world.call(Release("api", "n", "me", mine.token)), TryLater)
            world.store.out = False
            await world.advance(2.0, steps=4)
            await self.establish(world, ask("new"))
            assert (len(world.said("leases.store_out")), len(world.said("leases.store_back"))) == (1, 1)

    async def test_a_lost_answer_shuts_nobody_out(self) -> None:
        """A grant whose answer from the store was lost is nobody's: the store is settled, also for a restart."""
        async with self.open() as world:
            await self.establish(world, ask("other"))
            world.store.lose_answers = 1
            assert isinstance(await world.call(ask(holder="ghost")), TryLater)
            await world.advance(3.0, steps=6)
            mine = await self.establish(world, ask(holder="me"))
            await world.restart()
            await world.advance(1.0)
            again = await self.establish(world, ask(holder="me"))
            assert (again.token, again.renewed) == (mine.token, True)

    async def test_a_restored_store_is_outrun(self) -> None:
        """A holder that knows a higher token than the store's history is granted one above it (R19)."""
        async with self.open() as world:
            before = await self.establish(world, ask())
            known = token_of(epoch_of(before.token) + 7, 123)
            mine = await self.establish(world, ask(above=known))
            assert mine.token > known
            assert len(world.said("leases.epoch_raised")) == 1

    async def test_the_older_service_stands_down(self) -> None:
        """When another service has taken over, no call to the older one is granted anything."""
        async with self.open() as world:
            await self.establish(world, ask())
            owner = LeaseOwner(run="another", epoch=99)
            await world.store.commit(Commit(puts=(Put(Keys(SCOPE).lease_owner, encode(owner)),)))
            refused = await world.call(ask("new"))
            assert isinstance(refused, TryLater)
            assert isinstance(await world.call(Renew("api", "n", "me", 1)), TryLater)
            assert "another, epoch 99" in world.said("leases.superseded")[0]
