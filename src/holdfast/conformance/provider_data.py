"""Requirements on the data: reading, guards, read-back, offenders, limits (R4, R12)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import ClassVar

from holdfast.conformance.provider_world import TTL_S, AnyWriter, Verdict, addresses, fence
from holdfast.model.records import TYPE_WEIGHT, NameRecords, RRset, Weighted
from holdfast.ports.provider import Blocked, FenceFound, RRsetChange


class DataRequirements:
    """See `holdfast.conformance.provider`."""

    writers: Callable[[int], AbstractAsyncContextManager[tuple[AnyWriter, ...]]]
    packed: ClassVar[int]

    async def test_what_is_rendered_is_read(self) -> None:
        """A name's records, written as rendered, read back as the same RRsets: both families, and weights."""
        async with self.writers(1) as (w,):
            records = NameRecords(
                name=w.name("api"),
                zone=w.zone,
                ttl=TTL_S,
                a=(Weighted("192.0.2.2", 3), Weighted("192.0.2.1", 1), Weighted("192.0.2.3", 0)),
                aaaa=(Weighted("2001:db8::1", 5),),
                group="g",
            )
            rendered = w.provider.render(records)
            await w.begin(*(RRsetChange(r.name, r.rtype, None, r) for r in rendered))
            assert (await w.read("api")).rrsets == rendered
            assert {r.rtype for r in rendered} <= set(w.provider.managed_types)
            assert rendered[0].rdatas == ("192.0.2.1", "192.0.2.2")
            assert (TYPE_WEIGHT in {r.rtype for r in rendered}) == w.provider.capabilities.weights

    async def test_weight_zero_is_absent(self) -> None:
        """A family whose weights are all 0 renders to no RRset, whatever the server."""
        async with self.writers(1) as (w,):
            records = NameRecords(
                name=w.name("api"), zone=w.zone, ttl=5, a=(Weighted("192.0.2.1", 0),), aaaa=(), group="g"
            )
            assert w.provider.render(records) == ()

    async def test_replacing_leaves_nothing_of_the_old(self) -> None:
        """An RRset is replaced as a whole: no record of the old one survives beside the new."""
        async with self.writers(1) as (w,):
            first = await w.begin(w.change("a", ["192.0.2.1", "192.0.2.2"]))
            await w.foreign(w.set("a", "A", "192.0.2.3", "192.0.2.4"))
            change = w.change("a", ["192.0.2.1"], before=["192.0.2.1", "192.0.2.2"])
            w.kept(await w.send(first, None, change), first)
            assert await w.addresses("a") == ("192.0.2.1",)

    async def test_other_types_are_left_alone(self) -> None:
        """Foreign records at a managed name survive our writes, and the removal of our RRsets."""
        async with self.writers(1) as (w,):
            first = await w.begin(w.change("a", ["192.0.2.1"]))
            await w.foreign(w.set("a", "TXT", '"foreign"'), w.set("a", "MX", f"10 {w.name('ns1')}"))
            w.kept(await w.send(first, None, w.change("a", None, before=["192.0.2.1"])), first)
            assert await w.addresses("a") == ()
            assert {(w.name("a"), "TXT"), (w.name("a"), "MX")} <= await w.content()

    async def test_questions_and_transfer_agree(self) -> None:
        """Few names by questions, many by one transfer: the same RRsets, the same offenders."""
        async with self.writers(1) as (w,):
            labels = tuple(f"n{i:03}" for i in range(300))
            await w.begin(*(w.change(label, ["192.0.2.1"]) for label in labels))
            await w.foreign(w.set("al", "CNAME", w.name("n000")), w.set("sub", "NS", "ns.elsewhere.test"))
            many = await w.read("al", "sub", *labels)
            few = await w.read("al", "sub", "n000", "n299")
            assert many.aliases == few.aliases
            assert [o.name for o in few.aliases] == [w.name("al"), w.name("sub")]
            assert {r for r in many.rrsets if r.name in (w.name("n000"), w.name("n299"))} == set(few.rrsets)
            assert len([r for r in many.rrsets if r.rtype == "A"]) == 300

    async def test_foreign_alias_is_named_and_nothing_is_applied(self) -> None:
        """R4: a CNAME at an owner that we create refuses the message (YXRRSET); only the offender is named."""
        async with self.writers(1) as (w,):
            first = await w.begin()
            await w.foreign(w.set("taken", "CNAME", w.name("elsewhere")))
            changes = (w.change("free", ["192.0.2.1"]), w.change("taken", ["192.0.2.1"]))
            result = await w.send(first, fence(2), *changes)
            assert isinstance(result, Blocked), result
            assert [o.name for o in result.offenders] == [w.name("taken")]
            assert "CNAME" in result.offenders[0].why
            assert w.refused_in_message()
            assert await w.fence() == FenceFound(first)
            assert await w.addresses("free") == ()

    async def test_delegation_is_named_and_nothing_is_applied(self) -> None:
        """R4: the same for NS at an owner below the apex, where addresses would be glue."""
        async with self.writers(1) as (w,):
            first = await w.begin()
            await w.foreign(w.set("sub", "NS", "ns.elsewhere.test"))
            result = await w.send(first, fence(2), w.change("free", ["192.0.2.1"]), w.change("sub", ["192.0.2.1"]))
            assert isinstance(result, Blocked), result
            assert [o.name for o in result.offenders] == [w.name("sub")]
            assert w.refused_in_message()
            assert await w.fence() == FenceFound(first)

    async def test_apex_may_be_written(self) -> None:
        """R4: the apex has NS by nature; addresses there are no glue."""
        async with self.writers(1) as (w,):
            first = await w.begin()
            w.kept(await w.send(first, None, w.change("", ["192.0.2.1"])), first)

    async def test_name_that_became_an_alias_meanwhile(self) -> None:
        """R4: an owner seen with addresses carries no guard; made a CNAME since, it is found by the read-back."""
        async with self.writers(1) as (w,):
            first = await w.begin(w.change("a", ["192.0.2.1"]), w.change("b", ["192.0.2.1"]))
            await w.foreign(w.delete("a", "A"))
            await w.foreign(w.set("a", "CNAME", w.name("elsewhere")))
            changes = tuple(w.change(x, ["192.0.2.2"], before=["192.0.2.1"]) for x in ("a", "b"))
            result = await w.send(first, None, *changes)
            assert isinstance(result, Blocked), result
            assert [o.name for o in result.offenders] == [w.name("a")]
            assert (await w.read("a")).aliases[0].name == w.name("a")

    async def test_free_name_below_a_wildcard_alias(self) -> None:
        """R2, R4: a name that only a wildcard CNAME answers for is free, and is written."""
        async with self.writers(1) as (w,):
            first = await w.begin()
            await w.foreign(w.set("*", "CNAME", w.name("ns1")))
            assert (await w.read("a")).aliases == ()
            w.kept(await w.send(first, None, w.change("a", ["192.0.2.1"])), first)
            assert await w.addresses("a") == ("192.0.2.1",)

    async def test_alias_equal_to_the_wildcards_is_named(self) -> None:
        """R4: an owner's own CNAME is found as the offender although the wildcard says the same."""
        async with self.writers(1) as (w,):
            first = await w.begin()
            target = w.name("ns1")
            await w.foreign(w.set("*", "CNAME", target), w.set("a", "CNAME", target))
            result = await w.send(first, None, w.change("a", ["192.0.2.1"]), w.change("b", ["192.0.2.1"]))
            assert isinstance(result, Blocked), result
            assert [o.name for o in result.offenders] == [w.name("a")]

    async def test_foreign_types_are_not_written(self) -> None:
        """R4: no CNAME through this door: a swap between alias and addresses can't be asked for."""
        async with self.writers(1) as (w,):
            first = await w.begin(w.change("a", ["192.0.2.1"]))
            result = await w.send(first, None, w.change("a", [w.name("b")], rtype="CNAME"))
            assert isinstance(result, Blocked), result
            assert set(w.verdicts) == {Verdict.APPLIED}
            assert await w.addresses("a") == ("192.0.2.1",)

    async def test_packed_messages_are_accepted_whole(self) -> None:
        """R4: thousands of names of two addresses pack into messages that the server takes, none split."""
        async with self.writers(1) as (w,):
            first = await w.begin()
            changes = tuple(
                w.change(f"endpoint-with-a-long-label-{i:05}", addresses(2)) for i in range(self.packed)
            )
            messages = w.provider.pack(changes)
            assert sorted(c.name for m in messages for c in m) == sorted(c.name for c in changes)
            held = first
            for message in messages:
                held = w.kept(await w.send(held, None, *message), held)
            found = await w.read(*(c.name.partition(".")[0] for c in changes))
            assert len([r for r in found.rrsets if r.rtype == "A"]) == self.packed

    async def test_pack_never_splits_a_name(self) -> None:
        """A name's RRsets stay in one message, so that it never shows half a plan."""
        async with self.writers(1) as (w,):
            changes = tuple(
                w.change(f"n{i:04}", ["192.0.2.1"] if rtype == "A" else ["2001:db8::1"], rtype=rtype)
                for i in range(1500)
                for rtype in ("A", "AAAA")
            )
            messages = w.provider.pack(changes)
            assert len(messages) > 1
            owners = [{c.name for c in m} for m in messages]
            assert sum(len(o) for o in owners) == len(frozenset.union(*map(frozenset, owners))) == 1500

    async def test_large_rrsets(self) -> None:
        """A hundred addresses at a name are written and read back."""
        async with self.writers(1) as (w,):
            first = await w.begin()
            w.kept(await w.send(first, None, w.change("a", addresses(100))), first)
            assert len(await w.addresses("a")) == 100

    async def test_rrset_too_large_for_any_message(self) -> None:
        """What can't fit a message is named before it is sent; nothing else is held up by it."""
        async with self.writers(1) as (w,):
            first = await w.begin()
            result = await w.send(first, None, w.change("fat", addresses(6000)), w.change("a", ["192.0.2.1"]))
            assert isinstance(result, Blocked), result
            assert [o.name for o in result.offenders] == [w.name("fat")]
            assert await w.fence() == FenceFound(first)

    async def test_ttl_is_written(self) -> None:
        """The TTL is the plan's."""
        async with self.writers(1) as (w,):
            first = await w.begin()
            name = w.name("a")
            change = RRsetChange(name, "A", None, RRset(name, "A", 77, ("192.0.2.1",)))
            w.kept(await w.send(first, None, change), first)
            assert (await w.read("a")).rrsets[0].ttl == 77
