"""Requirements on what gets lost or comes twice or late, and on many writers at once (R0, R5, I1)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import ClassVar

from holdfast.conformance.provider_world import AnyWriter, Verdict, fence
from holdfast.model.fence import Fence
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.provider import FenceFound, FenceMoved, WriteResult, Wrote


class LossRequirements:
    """See `holdfast.conformance.provider`."""

    writers: Callable[[int], AbstractAsyncContextManager[tuple[AnyWriter, ...]]]
    racers: ClassVar[int]
    generations: ClassVar[int]

    async def test_lost_reply_of_an_applied_message(self) -> None:
        """R5: DNS shows my identity and my data, so it is done, and says how it knows."""
        async with self.writers(1) as (w,):
            first = await w.begin()
            w.lose_reply()
            w.wrote(await w.send(first, fence(2), w.change("a", ["192.0.2.1"])), fence(2), recovered=True)

    async def test_lost_reply_without_a_new_fence(self) -> None:
        """R5: the same for a message that only pins: the data tell."""
        async with self.writers(1) as (w,):
            first = await w.begin()
            w.lose_reply()
            w.kept(await w.send(first, None, w.change("a", ["192.0.2.1"])), first, recovered=True)

    async def test_lost_reply_of_a_repair(self) -> None:
        """R5: and for a repair."""
        async with self.writers(1) as (w,):
            first = await w.begin()
            await w.foreign(w.delete_fence())
            w.lose_reply()
            w.wrote(await w.repair(fence(2)), fence(2), recovered=True)
            assert first != fence(2)

    async def test_lost_request(self) -> None:
        """A message that has not arrived may still arrive: neither done nor lost."""
        async with self.writers(1) as (w,):
            first = await w.begin()
            w.hold()
            result = await w.send(first, fence(2), w.change("a", ["192.0.2.1"]))
            assert isinstance(result, CouldNotAsk), result
            assert result.maybe_applied
            assert await w.deliver_held() is Verdict.APPLIED
            assert await w.fence() == FenceFound(fence(2))

    async def test_lost_reply_then_a_newer_plan_with_other_data(self) -> None:
        """R5: a newer fence and other data is a lost race, whether or not mine had landed before."""
        async with self.writers(2) as (mine, newer):
            first = await mine.begin()
            mine.hold()
            await newer.send(first, fence(3), newer.change("a", ["192.0.2.3"]))
            result = await mine.send(first, fence(2), mine.change("a", ["192.0.2.2"]))
            assert result == FenceMoved(FenceFound(fence(3)))
            assert await mine.deliver_held() is Verdict.MOVED

    async def test_lost_reply_then_a_newer_plan_with_my_data(self) -> None:
        """R5: a newer identity and my data is done."""
        async with self.writers(2) as (mine, newer):
            first = await mine.begin()
            mine.hold()
            await newer.send(first, fence(3), newer.change("a", ["192.0.2.2"]))
            result = await mine.send(first, fence(2), mine.change("a", ["192.0.2.2"]))
            mine.wrote(result, fence(3), recovered=True)

    async def test_lost_freeze_under_a_newer_plan_is_not_done(self) -> None:
        """R8: a newer fence without my freeze id is no acknowledged freeze."""
        async with self.writers(2) as (person, newer):
            first = await person.begin()
            person.hold()
            await newer.send(first, fence(2))
            result = await person.send(first, fence(1, freezes=("frzaaaa",), sequence=1))
            assert result == FenceMoved(FenceFound(fence(2)))

    async def test_resent_after_it_had_landed(self) -> None:
        """R5: a refusal on a second attempt may mean that the first one landed; then it is done."""
        async with self.writers(1) as (w,):
            first = await w.begin()
            w.hold()
            change = w.change("a", ["192.0.2.1"])
            assert isinstance(await w.send(first, fence(2), change), CouldNotAsk)
            assert await w.deliver_held() is Verdict.APPLIED
            w.wrote(await w.send(first, fence(2), change), fence(2), recovered=True)
            assert w.verdicts[-1] is Verdict.MOVED

    async def test_duplicate_before_and_after_a_newer_plan(self) -> None:
        """A message delivered twice changes nothing the second time; after a newer plan it is refused."""
        async with self.writers(2) as (old, new):
            first = await old.begin()
            change = old.change("a", ["192.0.2.1"])
            old.wrote(await old.send(first, fence(2), change), fence(2))
            assert await old.deliver_again() is Verdict.MOVED
            newer = new.change("a", ["192.0.2.3"], before=["192.0.2.1"])
            new.wrote(await new.send(fence(2), fence(3), newer), fence(3))
            assert await old.deliver_again() is Verdict.MOVED
            assert await new.addresses("a") == ("192.0.2.3",)

    async def test_many_writers_one_winner_each(self) -> None:
        """I1: writers race for each generation, each over its own connection: one winner each, nothing lost."""
        async with self.writers(self.racers) as racers:
            held = await racers[0].begin()
            winners: list[int] = []
            for generation in range(2, self.generations + 2):
                results = await asyncio.gather(*(_race(w, i, held, generation) for i, w in enumerate(racers)))
                won = [i for i, result in enumerate(results) if isinstance(result, Wrote)]
                assert len(won) == 1, (generation, results)
                held = _raised(won[0], generation)
                racers[won[0]].wrote(results[won[0]], held)
                others = [r for i, r in enumerate(results) if i != won[0]]
                assert all(r == FenceMoved(FenceFound(held)) for r in others), (generation, results)
                winners.append(won[0])
            await _nothing_lost(racers[0], winners)


async def _race(writer: AnyWriter, number: int, held: Fence, generation: int) -> WriteResult:
    """Raise the fence with a name of this generation; again while the server can't tell (Knot's bulk)."""
    change = writer.change(f"g{generation}", [f"192.0.2.{number}"])
    while True:
        result = await writer.send(held, _raised(number, generation), change)
        if not isinstance(result, CouldNotAsk):
            return result


def _raised(number: int, generation: int) -> Fence:
    return fence(generation, writer=f"racer-{number}")


async def _nothing_lost(reader: AnyWriter, winners: list[int]) -> None:
    """Each generation's name holds exactly what its winner wrote."""
    found = await reader.read(*(f"g{i + 2}" for i in range(len(winners))))
    held = {rrset.name: rrset.rdatas for rrset in found.rrsets if rrset.rtype == "A"}
    assert held == {reader.name(f"g{i + 2}"): (f"192.0.2.{won}",) for i, won in enumerate(winners)}
