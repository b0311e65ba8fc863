"""Requirements on the fence: read, pinned, raised, frozen, repaired (R0, R2, R3, R8)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from holdfast.conformance.provider_world import SCOPE, TTL_S, AnyWriter, Verdict, fence
from holdfast.model.fence import fence_owner
from holdfast.model.records import RRset
from holdfast.ports.dns import DeleteRRset, SetRRset
from holdfast.ports.provider import (
    FenceAbsent,
    FencedWrite,
    FenceFound,
    FenceMoved,
    FenceUnreadable,
    PinRepair,
    Soa,
    Wrote,
)


class FencingRequirements:
    """See `holdfast.conformance.provider`."""

    writers: Callable[[int], AbstractAsyncContextManager[tuple[AnyWriter, ...]]]

    async def test_new_zone_has_no_fence(self) -> None:
        """Without a TXT at its owner the fence is absent, which is an answer and no failure."""
        async with self.writers(1) as (w,):
            assert await w.fence() == FenceAbsent()

    async def test_repair_puts_up_the_first_fence_with_data(self) -> None:
        """R3: fence and data come in one message; both are read back."""
        async with self.writers(1) as (w,):
            first = await w.begin(w.change("a", ["192.0.2.1", "192.0.2.2"]))
            assert await w.fence() == FenceFound(first)
            assert await w.addresses("a") == ("192.0.2.1", "192.0.2.2")

    async def test_pinned_write_leaves_the_fence(self) -> None:
        """R0: later messages of a plan pin the exact fence and leave it, or move its sequence alone."""
        async with self.writers(1) as (w,):
            first = await w.begin()
            held = w.kept(await w.send(first, None, w.change("a", ["192.0.2.1"])), first)
            assert await w.fence() == FenceFound(held)
            assert held.identity == first.identity
            assert await w.addresses("a") == ("192.0.2.1",)

    async def test_raise_comes_with_data(self) -> None:
        """R0: a newer plan raises the fence in the same message as its first batch."""
        async with self.writers(1) as (w,):
            first = await w.begin(w.change("a", ["192.0.2.1"]))
            change = w.change("a", ["192.0.2.9"], before=["192.0.2.1"])
            w.wrote(await w.send(first, fence(2), change), fence(2))
            assert await w.addresses("a") == ("192.0.2.9",)

    async def test_raise_without_data(self) -> None:
        """R0: the fence is raised also where no data differ, or clean-up would stall."""
        async with self.writers(1) as (w,):
            first = await w.begin()
            w.wrote(await w.send(first, fence(2)), fence(2))

    async def test_stale_write_is_refused_by_the_server(self) -> None:
        """R0: a freshly signed message of an older plan is refused, and nothing of it lands."""
        async with self.writers(2) as (old, new):
            first = await old.begin(old.change("a", ["192.0.2.1"]))
            new.wrote(await new.send(first, fence(2), new.change("a", ["192.0.2.2"])), fence(2))
            stale = old.change("a", ["192.0.2.1"], before=["192.0.2.2"])
            assert await old.send(first, None, stale) == FenceMoved(FenceFound(fence(2)))
            assert old.verdicts[-1] is Verdict.MOVED
            assert await new.addresses("a") == ("192.0.2.2",)

    async def test_stale_write_hours_later(self) -> None:
        """R0: the same message, delivered again after the fence was raised, is refused though signed anew.

        Before, it may land again: it pins the same fence. Not where each message moves the sequence.
        """
        async with self.writers(2) as (old, new):
            first = await old.begin()
            held = old.kept(await old.send(first, None, old.change("a", ["192.0.2.1"])), first)
            assert await old.deliver_again() is (Verdict.APPLIED if held == first else Verdict.MOVED)
            new.wrote(await new.send(held, fence(2), new.change("a", ["192.0.2.2"])), fence(2))
            assert await old.deliver_again() is Verdict.MOVED
            assert await new.addresses("a") == ("192.0.2.2",)

    async def test_equal_plan_writers_work_side_by_side(self) -> None:
        """R0: who pins the raised fence of the same plan may write, whoever raised it.

        Where each message moves the sequence, the other's pin is void: it re-reads, and has its turn.
        """
        async with self.writers(2) as (one, two):
            first = await one.begin()
            held = one.kept(await one.send(first, None, one.change("a", ["192.0.2.1"])), first)
            change = two.change("b", ["192.0.2.2"])
            if held != first:
                assert await two.send(first, None, change) == FenceMoved(FenceFound(held))
            two.kept(await two.send(held, None, change), held)
            assert await two.addresses("a") == ("192.0.2.1",)
            assert await one.addresses("b") == ("192.0.2.2",)

    async def test_freeze_is_compare_and_set(self) -> None:
        """R8: a freeze adds its id; of two at once one is refused, re-reads, and both end up in the fence."""
        async with self.writers(2) as (one, two):
            first = await one.begin()
            with_one = fence(1, freezes=("frzaaaa",), sequence=1)
            one.wrote(await one.send(first, with_one), with_one)
            lost = await two.send(first, fence(1, freezes=("frzbbbb",), sequence=1))
            assert lost == FenceMoved(FenceFound(with_one))
            both = fence(1, freezes=("frzaaaa", "frzbbbb"), sequence=2)
            two.wrote(await two.send(with_one, both), both)
            thawed = fence(1, freezes=("frzbbbb",), sequence=3)
            one.wrote(await one.send(both, thawed), thawed)
            assert await two.fence() == FenceFound(thawed)

    async def test_freeze_stops_messages_in_flight(self) -> None:
        """I5: a message pinned before the freeze lands nowhere after it was acknowledged."""
        async with self.writers(2) as (enactor, person):
            first = await enactor.begin(enactor.change("a", ["192.0.2.1"]))
            enactor.hold()
            await enactor.send(first, None, enactor.change("a", ["192.0.2.7"], before=["192.0.2.1"]))
            frozen = fence(1, freezes=("frzaaaa",), sequence=1)
            person.wrote(await person.send(first, frozen), frozen)
            assert await enactor.deliver_held() is Verdict.MOVED
            assert await person.addresses("a") == ("192.0.2.1",)

    async def test_repair_is_refused_when_the_zone_has_moved(self) -> None:
        """R3: a repair pins the exact SOA; any change since refuses it, though the fence is still absent.

        A provider that has no serial to pin says so, and is held to that: its repair lands on the absent fence.
        """
        async with self.writers(1) as (w,):
            await w.begin()
            await w.foreign(DeleteRRset(fence_owner(SCOPE, w.zone), "TXT"))
            pin = await w.pin()
            await w.foreign(w.set("other", "A", "192.0.2.1"))
            result = await w.run(w.provider.write(SCOPE, FencedWrite(pin, fence(2), ())))
            if not w.provider.capabilities.serial_pin:
                assert w.provider.capabilities.create_only
                w.wrote(result, fence(2))
                return
            assert result == FenceMoved(FenceAbsent())
            assert w.verdicts[-1] is Verdict.MOVED
            assert await w.fence() == FenceAbsent()

    async def test_delayed_repair_is_refused(self) -> None:
        """R3: a repair that is delivered after another one, whose fence was deleted again, lands nowhere.

        Without a serial to pin this is the stated gap: it lands. While the other's fence is there, it does not.
        """
        async with self.writers(1) as (w,):
            await w.begin()
            await w.foreign(DeleteRRset(fence_owner(SCOPE, w.zone), "TXT"))
            w.hold()
            await w.run(w.provider.write(SCOPE, FencedWrite(await w.pin(), fence(2), ())))
            assert isinstance(await w.repair(fence(3)), Wrote)
            assert await w.deliver_held() is not Verdict.APPLIED
            await w.foreign(DeleteRRset(fence_owner(SCOPE, w.zone), "TXT"))
            if not w.provider.capabilities.serial_pin:
                assert await w.deliver_held() is Verdict.APPLIED
                return
            assert await w.deliver_held() is Verdict.MOVED
            assert await w.fence() == FenceAbsent()

    async def test_garbled_fence_is_unreadable_and_repaired(self) -> None:
        """R3: TXT that is no fence, at the fence's owner, permits a repair that pins that very text."""
        async with self.writers(1) as (w,):
            await w.begin()
            await w.foreign(
                SetRRset(RRset(fence_owner(SCOPE, w.zone), "TXT", TTL_S, ('"garbage; \\"quoted\\""',)))
            )
            seen = await w.fence()
            assert isinstance(seen, FenceUnreadable), seen
            w.wrote(await w.repair(fence(2)), fence(2))

    async def test_two_fences_at_once_are_unreadable(self) -> None:
        """R3: a second TXT record beside the fence makes it unreadable; the repair leaves one."""
        async with self.writers(1) as (w,):
            first = await w.begin()
            owner = fence_owner(SCOPE, w.zone)
            both = tuple(sorted((first.rdata(), fence(2).rdata())))
            await w.foreign(SetRRset(RRset(owner, "TXT", TTL_S, both)))
            assert isinstance(await w.fence(), FenceUnreadable)
            w.wrote(await w.repair(fence(3)), fence(3))
            assert await w.fence() == FenceFound(fence(3))

    async def test_repair_loses_to_a_changed_garble(self) -> None:
        """R3: what is repaired must be what was seen."""
        async with self.writers(1) as (w,):
            await w.begin()
            owner = fence_owner(SCOPE, w.zone)
            await w.foreign(SetRRset(RRset(owner, "TXT", TTL_S, ('"one"',))))
            pin = await w.pin()
            await w.foreign(SetRRset(RRset(owner, "TXT", TTL_S, ('"two"',))))
            result = await w.run(w.provider.write(SCOPE, FencedWrite(pin, fence(2), ())))
            assert isinstance(result, FenceMoved), result
            assert isinstance(result.seen, FenceUnreadable)
            assert result.seen.rdatas == ('"two"',)

    async def test_repair_of_a_fence_that_is_there_is_refused(self) -> None:
        """R3: a fence put up since it was found absent stays."""
        async with self.writers(1) as (w,):
            first = await w.begin()
            soa = await w.run(w.provider.read_soa())
            assert isinstance(soa, Soa)
            pin = PinRepair(FenceAbsent(), soa)
            result = await w.run(w.provider.write(SCOPE, FencedWrite(pin, fence(2), ())))
            assert result == FenceMoved(FenceFound(first))

    async def test_wildcard_text_is_an_absent_fence(self) -> None:
        """R2: a wildcard's TXT that answers for the fence counts as absence, and does not hinder the repair."""
        async with self.writers(1) as (w,):
            await w.foreign(w.set("*", "TXT", '"v=spf1 -all"'))
            assert await w.fence() == w.absent('"v=spf1 -all"')
            first = await w.begin()
            assert await w.fence() == FenceFound(first)

    async def test_garble_equal_to_the_wildcards_text_is_unreadable(self) -> None:
        """R2: what is stored decides, not what the text looks like."""
        async with self.writers(1) as (w,):
            await w.foreign(
                w.set("*", "TXT", '"same"'), SetRRset(RRset(fence_owner(SCOPE, w.zone), "TXT", 5, ('"same"',)))
            )
            assert isinstance(await w.fence(), FenceUnreadable)
            await w.begin()

    async def test_wildcard_alias_is_an_absent_fence(self) -> None:
        """R2: the same for a wildcard CNAME; the repair's guard looks at what is stored."""
        async with self.writers(1) as (w,):
            await w.foreign(w.set("*", "CNAME", w.name("ns1")))
            seen = await w.fence()
            assert isinstance(seen, FenceAbsent), seen
            first = await w.begin()
            assert await w.fence() == FenceFound(first)
