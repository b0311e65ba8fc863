"""Shrinking asyncio schedules: by the calmest schedules first, and where that takes too long by taking back."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.lab.aio import shrinking
from holdfast.lab.aio.choosing import Follow, Sampled
from holdfast.lab.aio.running import Body, Ended, Terms, run
from holdfast.lab.aio.searching import Budget
from holdfast.lab.aio.shrinking import departures, shrink
from holdfast.lab.engines.strategies import PORTFOLIO

NEEDED = 5
"""Departures that `last_comes_first` can't be broken without."""


async def last_comes_first() -> None:
    """The order of the first crowd is no matter; the second breaks if its last is first and its first last."""
    order: list[str] = []

    async def add(name: str) -> None:
        order.append(name)

    await asyncio.gather(*(add(name) for name in "uvwxyz"))
    await asyncio.gather(*(add(name) for name in "abcdef"))
    assert (order[6], order[-1]) != ("f", "a")


async def two_ways_to_break() -> None:
    """One departure, the last task first, raises a ValueError; an AssertionError takes a second one."""
    order: list[str] = []

    async def add(name: str) -> None:
        order.append(name)

    await asyncio.gather(*(add(name) for name in "abcd"))
    assert order[:2] != ["d", "c"]
    if order[0] == "d":
        raise ValueError


def broken_run(body: Body, seed: int, key: str = "AssertionError") -> Ended:
    """A run of chance that breaks so."""
    chance = random.Random(seed)
    while True:
        ended = run(body, Sampled(PORTFOLIO[0](chance), chance), Terms())
        if ended.broken is not None and ended.broken.key == ("raised", key):
            return ended


@pytest.fixture
def no_calm_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """The calmest schedules are given up at once: all is left to taking back."""
    monkeypatch.setattr(shrinking, "CALM_BUDGET", Budget(schedules=1, seconds=60.0))


def shrunk(found: Ended, body: Body) -> tuple[Ended, int]:
    """The shrunk run, which breaks the same, and its number of runs."""
    assert found.broken is not None
    ended, runs = shrink(body, Terms(), found.choices, found.broken)
    assert ended.broken is not None
    assert ended.broken.key == found.broken.key
    return ended, runs


@pytest.mark.usefixtures("no_calm_search")
@pytest.mark.parametrize("seed", range(6))
def test_taking_back_leaves_only_what_it_needs(seed: int) -> None:
    """Departures of the crowd that is no matter are all gone; of the others none can be taken back."""
    found = broken_run(last_comes_first, seed)
    ended, runs = shrunk(found, last_comes_first)
    assert departures(ended.choices) == NEEDED <= departures(found.choices)
    assert not any(ended.choices[:5])
    assert runs <= shrinking.RUNS_MAX
    assert ended.told, "told in detail"
    for at, choice in enumerate(ended.choices):
        if choice:
            fewer = (*ended.choices[:at], 0, *ended.choices[at + 1 :])
            assert run(last_comes_first, Follow(fewer), Terms()).broken is None


@pytest.mark.usefixtures("no_calm_search")
def test_another_breakage_is_no_shrinking() -> None:
    """A schedule with fewer departures that raises something else is not taken for the same finding."""
    found = broken_run(two_ways_to_break, 1)
    ended, _ = shrunk(found, two_ways_to_break)
    assert departures(ended.choices) == 2


def test_the_calmest_schedule_wins_where_it_is_reached() -> None:
    """Within its budget the search of the calmest finds the two departures, whatever the chance run had."""
    for seed in range(3):
        ended, _ = shrunk(broken_run(two_ways_to_break, seed), two_ways_to_break)
        assert departures(ended.choices) == 2


def test_too_many_departures_for_the_calm_search_are_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five departures are too many to try them all within a budget, and still none is left over."""
    monkeypatch.setattr(shrinking, "CALM_BUDGET", Budget(schedules=200, seconds=600.0))
    ended, runs = shrunk(broken_run(last_comes_first, 0), last_comes_first)
    assert departures(ended.choices) == NEEDED
    assert runs > 200, "the calm search was given up first"


@pytest.mark.usefixtures("no_calm_search")
def test_nothing_to_take_back() -> None:
    """A run in asyncio's own order that breaks is left as it is, in one run."""

    async def body() -> None:
        await asyncio.sleep(0)
        raise KeyError("always")

    ended, _ = shrunk(run(body, Follow(()), Terms()), body)
    assert departures(ended.choices) == 0


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 5))
def test_what_is_left_is_never_more_and_breaks_the_same(seed: int, crowd: int) -> None:
    """For any broken run: not more departures than before, the same breakage, and its choices replay it."""

    async def body() -> None:
        order: list[int] = []

        async def add(number: int) -> None:
            await asyncio.sleep(0)
            order.append(number)

        await asyncio.gather(*(add(n) for n in range(crowd)))
        assert order == sorted(order), "out of order"

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shrinking, "CALM_BUDGET", Budget(schedules=1, seconds=60.0))
        found = broken_run(body, seed)
        ended, _ = shrunk(found, body)
    assert 1 <= departures(ended.choices) <= departures(found.choices)
    again = run(body, Follow(ended.choices), Terms(), detail=True)
    assert again.told == ended.told
