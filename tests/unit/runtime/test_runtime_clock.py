"""Timers and rest: opaque, jittered here only, woken at once by hints."""

from __future__ import annotations

import asyncio
import random

from hypothesis import given
from hypothesis import strategies as st

from holdfast.ports.clock import ATTEMPT_MAX, Arm, Disarm, Fired, Idle, Now, Rest
from holdfast.ports.store import Commit, Put
from holdfast.runtime.clock import SUBSCRIPTIONS_MAX, Pacing, ProcessClock, backoff_s
from holdfast.stores.memory import MemoryStore

LONG = Pacing(poll_s=3600.0)


async def write(store: MemoryStore, key: str) -> None:
    """Change a key."""
    await store.commit(Commit(puts=(Put(key, b""),)))


async def test_timers_fire_once_armed_and_passed() -> None:
    """Not before their time, not unless armed; the first start counts; a fired one stays fired until disarmed."""
    now_s = [100.0]
    clock = ProcessClock(now_s=lambda: now_s[0])
    await clock.arm(Arm("a", 10.0))
    now_s[0] = 105.0
    await clock.arm(Arm("a", 100.0))
    await clock.arm(Arm("b", 10.0))
    assert await clock.fired(Fired(("a", "b", "never"))) == frozenset()
    now_s[0] = 110.0
    assert await clock.fired(Fired(("a", "b", "never"))) == {"a"}
    await clock.arm(Arm("a", 1000.0))
    assert await clock.fired(Fired(("a",))) == {"a"}
    await clock.disarm(Disarm(("a", "never")))
    await clock.arm(Arm("a", 1.0))
    assert await clock.fired(Fired(("a",))) == frozenset()


async def test_now_is_whole_seconds_of_unix_time() -> None:
    """For the thaw timer: never ahead of the wall clock."""
    assert await ProcessClock(unix_s=lambda: 1760943492.99).now(Now()) == 1760943492


async def test_a_restart_forgets() -> None:
    """After `forget` no timer has fired, and no hint from before wakes (R11)."""
    store = MemoryStore()
    clock = ProcessClock(now_s=lambda: 0.0, subscribe=store.subscribe, pacing=LONG)
    await clock.arm(Arm("a", 0.0))
    assert await clock.fired(Fired(("a",))) == {"a"}
    clock.forget()
    assert await clock.fired(Fired(("a",))) == frozenset()


async def test_a_poll_ends_by_time_without_hints() -> None:
    """Nothing happens: False, after the polling interval within its jitter."""
    clock = ProcessClock(pacing=Pacing(poll_s=0.02), subscribe=MemoryStore().subscribe)
    assert await clock.idle(Idle(Rest.POLL, hints=("p/",))), "the first rest under new hints looks again at once"
    before_s = asyncio.get_running_loop().time()
    async with asyncio.timeout(30.0):  # a rest that only a hint ends fails here, and does not hang (R16)
        assert not await clock.idle(Idle(Rest.POLL, hints=("p/",)))
    assert asyncio.get_running_loop().time() - before_s >= 0.017
    assert not await ProcessClock(pacing=Pacing(poll_s=0.001)).idle(Idle(Rest.POLL))


async def test_a_hint_wakes_a_poll_at_once() -> None:
    """A commit under the prefix ends an hour's rest; one under another prefix does not."""
    store = MemoryStore()
    clock = ProcessClock(subscribe=store.subscribe, pacing=LONG)
    hints = ("p/", "q")
    await clock.idle(Idle(Rest.POLL, hints=hints))
    rest = asyncio.create_task(clock.idle(Idle(Rest.POLL, hints=hints)))
    await asyncio.sleep(0)
    await write(store, "other/1")
    await asyncio.sleep(0)
    assert not rest.done()
    await write(store, "q")
    assert await asyncio.wait_for(rest, 5)


async def test_a_hint_between_two_rests_is_not_lost() -> None:
    """What changed while the loop was at work wakes its next rest, also after a retry or a turn in between."""
    store = MemoryStore()
    clock = ProcessClock(subscribe=store.subscribe, pacing=Pacing(poll_s=3600.0, turn_min_s=0.0, turn_max_s=0.001))
    poll = Idle(Rest.POLL, hints=("p/",))
    await clock.idle(poll)
    await write(store, "p/1")
    assert not await clock.idle(Idle(Rest.TURN, hints=("p/",)))
    assert await asyncio.wait_for(clock.idle(poll), 5)
    rest = asyncio.create_task(clock.idle(poll))
    await asyncio.sleep(0.01)
    assert not rest.done(), "a hint wakes once"
    rest.cancel()


async def test_a_hint_cuts_a_retry_but_not_below_its_base() -> None:
    """Hints that never stop must not turn backoff into a hot loop."""
    store = MemoryStore()
    pacing = Pacing(retry_base_s=0.03, retry_cap_s=3600.0, turn_min_s=5.0)
    clock = ProcessClock(subscribe=store.subscribe, pacing=pacing, rng=random.Random(3))
    retry = Idle(Rest.RETRY, hints=("p/",), attempt=8)
    await clock.idle(retry)
    await write(store, "p/1")
    before_s = asyncio.get_running_loop().time()
    assert await asyncio.wait_for(clock.idle(retry), 4)
    assert asyncio.get_running_loop().time() - before_s >= 0.029


async def test_many_sets_of_hints_do_not_pile_up() -> None:
    """A loop that rests under ever new prefixes holds a bounded number of subscriptions."""
    store = MemoryStore()
    clock = ProcessClock(subscribe=store.subscribe, pacing=LONG)
    for number in range(50):
        await clock.idle(Idle(Rest.POLL, hints=(f"p/{number}/",)))
    assert len(store._hints._subscriptions) == SUBSCRIPTIONS_MAX
    clock.forget()
    assert not store._hints


@given(st.integers(0, 100), st.integers())
def test_backoff_has_full_jitter_below_a_growing_ceiling(attempt: int, seed: int) -> None:
    """Between the shortest turn and base * 2^attempt, never above the cap, whatever the attempt."""
    pacing = Pacing()
    wait_s = backoff_s(pacing, attempt=attempt, rng=random.Random(seed))
    assert pacing.turn_min_s <= wait_s <= min(10.0, 0.2 * 2.0 ** min(attempt, ATTEMPT_MAX))


def test_backoff_can_be_seeded_and_spreads() -> None:
    """The same seed gives the same waits; different actors do not wait in step."""

    def waits(seed: int) -> list[float]:
        rng = random.Random(seed)
        return [backoff_s(Pacing(), attempt=attempt, rng=rng) for attempt in range(9)]

    assert waits(1) == waits(1) != waits(2)
    spread = [backoff_s(Pacing(), attempt=8, rng=random.Random(seed)) for seed in range(200)]
    assert min(spread) < 1.0
    assert max(spread) > 9.0
