"""The watch on check and act, without a search."""

from __future__ import annotations

import asyncio

import pytest

from holdfast.proving import Gap, StaleCheck, Stand, swapped


class Counter:
    """One that adds after a wait."""

    def __init__(self) -> None:
        self.total = 0

    async def add(self) -> None:
        """Read, wait, write back."""
        before = self.total
        await asyncio.sleep(0)
        self.total = before + 1


CODE = Counter.add.__code__
LINES = sorted({line for _, _, line in CODE.co_lines() if line is not None})
GAP = Gap(check=(__file__, LINES[1]), act=(__file__, LINES[3]), path="self.total")


async def test_two_callers_of_one_object() -> None:
    """The second acts on what the first has changed."""
    counter = Counter()
    with (
        pytest.raises(StaleCheck, match=f"at line {LINES[3]}; its check at line {LINES[1]} was older"),
        GAP.watched(),
    ):
        await asyncio.gather(counter.add(), counter.add())


async def test_two_callers_of_two_objects_have_nothing_to_do_with_each_other() -> None:
    """Nor has one caller twice in a row."""
    one, other = Counter(), Counter()
    before = GAP.acts
    with GAP.watched():
        await asyncio.gather(one.add(), other.add())
        await one.add()
    assert GAP.acts == before + 3


async def test_stand_ins_answer_whatever_is_asked() -> None:
    """Called, awaited, entered, looped over; and they are gone afterwards."""
    counter = Counter()
    with swapped(counter, "client") as client:
        async with client.session(timeout=3) as session:
            assert await session.get("/")["key"]
            assert [item async for item in session.rows()]
            assert list(session.columns) == []
    assert not hasattr(counter, "client")
    assert repr(Stand("a").b()) == "Stand('a.b()')"
