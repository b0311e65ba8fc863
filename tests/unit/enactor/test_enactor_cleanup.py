"""R7: clean-up takes only what lies below every fence, and nothing when it can't be sure."""

from __future__ import annotations

import pytest
from enactor_world import KEYS, SCOPE, ZONE, Actor, World, configuration, names, plan
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.enactor.cleanup import Bound, clean_once, clean_up
from holdfast.model.codec import encode
from holdfast.model.fence import Fence
from holdfast.model.identity import NOTHING, Identity
from holdfast.model.keys import generation_of
from holdfast.model.plan import Plan
from holdfast.ports.clock import Idle
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.store import Commit, Put, Range
from holdfast.providers.memory import MEMORY
from holdfast.providers.rfc2136 import Rfc2136Provider

OTHER = "other.test"
ZONES = (ZONE, OTHER)
PROVIDERS = {z: Rfc2136Provider(z, MEMORY) for z in ZONES}


def many(world: World, count: int, incarnation: int = 1) -> list[Plan]:
    """Plans 1 to `count`, published."""
    return [
        world.publish(plan(g, names(("api", (f"10.0.0.{g}",))), zones=ZONES, incarnation=incarnation))
        for g in range(1, count + 1)
    ]


def clean(world: World, keep: int | None = 1, was: Bound | None = None) -> Bound | str:
    """One pass."""
    actor = Actor(world, "clean", clean_once(SCOPE, PROVIDERS, actor="clean", keep=keep, clean=was))
    while not actor.done:
        actor.step()
    assert isinstance(actor.result, (Bound, str))
    return actor.result


def heads(world: World) -> list[int]:
    """Generations of the plans that are there."""
    return [generation_of(e.key) for e in world.store.apply(Range(KEYS.plans, keys_only=True))]


def chunks(world: World) -> list[int]:
    """Generations of the chunks that are there."""
    return [generation_of(e.key) for e in world.store.apply(Range(KEYS.all_chunks, keys_only=True))]


def test_what_lies_below_the_lowest_fence_goes() -> None:
    """Zones at 3 and 5: plans 1 and 2 go with their chunks, 3 stays, for the lower zone still holds it."""
    world = World(ZONES)
    plans = many(world, 6)
    world.set_fence(Fence(plans[2].identity))
    world.set_fence(Fence(plans[4].identity), OTHER)
    assert isinstance(clean(world), Bound)
    assert heads(world) == [3, 4, 5, 6]
    assert chunks(world) == [3, 4, 5, 6]
    assert world.kinds() == ["cleanup.removed"]
    assert "2 plans and 2 chunks" in world.text("cleanup.removed")


def test_the_newest_k_stay_whatever_the_fences_say() -> None:
    """keep_plans of the configuration, or as asked."""
    world = World(ZONES)
    plans = many(world, 6)
    for zone in ZONES:
        world.set_fence(Fence(plans[5].identity), zone)
    clean(world, keep=4)
    assert heads(world) == [3, 4, 5, 6]
    world.put(KEYS.config, configuration())
    clean(world, keep=None)
    assert heads(world) == [3, 4, 5, 6], "the default keeps 20"
    clean(world, keep=0)
    assert heads(world) == [6]


@pytest.mark.parametrize("state", ["absent", "garbled", "silent", "nothing"])
def test_one_uncertain_zone_holds_everything(state: str) -> None:
    """Missing, unreadable, silent, or put up by a freeze before any plan: nothing is deleted."""
    world = World(ZONES)
    plans = many(world, 4)
    world.set_fence(Fence(plans[3].identity))
    if state == "garbled":
        world.set_text("garbled", OTHER)
    if state == "nothing":
        world.set_fence(Fence(NOTHING), OTHER)
    if state == "silent":
        world.fault = lambda op: CouldNotAsk("no route") if getattr(op, "zone", "") == OTHER else None
    held = clean(world)
    assert heads(world) == [1, 2, 3, 4]
    assert isinstance(held, str) == (state != "nothing")


def test_a_zone_without_provider_holds_everything() -> None:
    """The newest plan covers a zone whose fence can't be read from here."""
    world = World(ZONES)
    everywhere = plan(2, names(("api", ("10.0.0.1",))), zones=(*ZONES, "third.test"))
    many(world, 1)
    world.publish(everywhere)
    for zone in ZONES:
        world.set_fence(Fence(everywhere.identity), zone)
    assert "third.test" in str(clean(world))
    assert heads(world) == [1, 2]


def test_a_store_behind_the_fences_is_left_alone() -> None:
    """Restored from an old copy: its plans may be what people need next."""
    world = World(ZONES)
    many(world, 4)
    for zone in ZONES:
        world.set_fence(Fence(Identity(1, 9, "f" * 32)), zone)
    assert "above the store's" in str(clean(world))
    assert heads(world) == [1, 2, 3, 4]


def test_chunks_of_planners_that_lost_are_removed() -> None:
    """Two planners made generation 2: the loser's chunks go with the bound, the winner's stay while it is kept."""
    world = World(ZONES)
    plans = many(world, 3)
    lost = KEYS.chunk(2, "c" * 32, 0)
    ahead = KEYS.chunk(4, "c" * 32, 0)
    for key in (lost, ahead):
        world.store.apply(Commit(puts=(Put(key, encode(plans[0].sections[0])),)))
    for zone in ZONES:
        world.set_fence(Fence(plans[2].identity), zone)
    clean(world, keep=2)
    left = [e.key for e in world.store.apply(Range(KEYS.all_chunks, keys_only=True))]
    assert lost not in left
    assert ahead in left, "a planner may be about to publish it"
    assert [generation_of(k) for k in left] == [2, 3, 4]


def test_an_older_incarnation_with_a_higher_generation_is_below() -> None:
    """Identity counts, not the number in the key; the newest K by number stay all the same."""
    world = World(ZONES)
    many(world, 5)
    newest = world.publish(plan(6, names(("api", ("10.0.0.9",))), zones=ZONES, incarnation=2))
    for zone in ZONES:
        world.set_fence(Fence(newest.identity), zone)
    clean(world)
    assert heads(world) == [6]


def test_a_clean_pass_lists_nothing_again() -> None:
    """The loop rests with the same locals: bound unchanged, nothing listed, nothing said."""
    world = World(ZONES)
    plans = many(world, 3)
    for zone in ZONES:
        world.set_fence(Fence(plans[2].identity), zone)
    actor = Actor(world, "clean", clean_up(SCOPE, PROVIDERS, actor="clean", keep=1))
    actor.until(lambda o: isinstance(o, Idle))
    assert heads(world) == [3]
    world.log.clear()
    events = len(world.events)
    actor.again()
    assert not any(isinstance(op, (Range, Commit)) for op in world.log)
    assert len(world.events) == events


def test_held_is_said_once() -> None:
    """And again only for another reason."""
    world = World(ZONES)
    actor = Actor(world, "clean", clean_up(SCOPE, PROVIDERS, actor="clean"))
    actor.rest()
    actor.again()
    assert world.kinds() == ["cleanup.held"]
    assert "the store has no plan" in world.text("cleanup.held")
    world.store_out = True
    actor.again()
    assert world.kinds() == ["cleanup.held", "cleanup.held"]


def test_killed_at_each_operation_it_never_leaves_a_head_without_its_chunks() -> None:
    """A plan is gone or whole, and the next pass finishes the work."""
    for k in range(100):
        world = World(ZONES)
        plans = many(world, 5)
        for zone in ZONES:
            world.set_fence(Fence(plans[3].identity), zone)
        actor = Actor(world, "clean", clean_once(SCOPE, PROVIDERS, actor="clean", keep=1))
        for _ in range(k):
            if not actor.done:
                actor.step()
        finished = actor.done
        actor.crash()
        assert set(heads(world)) <= set(chunks(world))
        clean(world)
        assert heads(world) == [4, 5]
        assert chunks(world) == [4, 5]
        if finished:
            return
    raise AssertionError("a pass takes fewer operations")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 6), st.integers(0, 6), st.integers(1, 4), st.integers(0, 30), st.integers(0, 6))
def test_nothing_at_or_above_the_lowest_fence_is_ever_deleted(
    one: int, two: int, keep: int, pause: int, later: int
) -> None:
    """Paused anywhere while the fences move on (they only rise): what any fence names afterwards is there."""
    world = World(ZONES)
    plans = many(world, 6)

    def put(zone: str, generation: int) -> None:
        world.set_fence(Fence(NOTHING if generation == 0 else plans[generation - 1].identity), zone)

    put(ZONE, one)
    put(OTHER, two)
    actor = Actor(world, "clean", clean_once(SCOPE, PROVIDERS, actor="clean", keep=keep))
    for _ in range(pause):
        if not actor.done:
            actor.step()
    put(ZONE, max(one, later))
    while not actor.done:
        actor.step()
    lowest = min(max(one, later), two)
    must = {g for g in range(1, 7) if g >= lowest or g > 6 - keep}
    assert must <= set(heads(world))
    assert must <= set(chunks(world))
