"""The store is lost, emptied, or restored from an old copy; an old machine comes back: the right one wins."""

from __future__ import annotations

import msgspec
from enactor_world import KEYS, SCOPE, ZONE, Actor, World, configuration, enactor, names, plan
from hypothesis import given
from hypothesis import strategies as st

from holdfast.enactor.adopt import Adopted, adopt
from holdfast.enactor.memory import Memory
from holdfast.enactor.reseed import Settlement, settlement
from holdfast.model.codec import decode, intact
from holdfast.model.configuration import EndpointConfig, ProviderKind, StoredConfiguration, ZoneConfig
from holdfast.model.directives import Directives, Word
from holdfast.model.fence import Fence, fence_owner
from holdfast.model.freeze import Freeze, Selector
from holdfast.model.identity import Identity
from holdfast.model.records import RRset
from holdfast.ports.dns import DeleteRRset, SetRRset
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.provider import FenceAbsent, FenceFound, FenceUnreadable
from holdfast.ports.store import Entry, Get, Range
from holdfast.providers.memory import MEMORY
from holdfast.providers.rfc2136 import Rfc2136Provider
from holdfast.stores.memory import MemoryState

API = f"api.{ZONE}"
A = names(("api", ("10.0.0.1",)))
B = names(("api", ("10.0.0.1", "10.0.0.2")))
PROVIDERS = {ZONE: Rfc2136Provider(ZONE, MEMORY)}


def entry(world: World, key: str) -> Entry | None:
    """A document of the store."""
    return world.store.apply(Get(key))


def newest(world: World) -> Identity | None:
    """The store's newest plan."""
    found = entry(world, KEYS.newest)
    return None if found is None else decode(found.value, Identity)


def incarnation(world: World) -> int:
    """The store's incarnation."""
    found = entry(world, KEYS.incarnation)
    assert found is not None
    return decode(found.value, int)


def at_two() -> tuple[World, Actor, MemoryState]:
    """Plan 2 applied; and a copy of the store as it was at plan 1."""
    world = World()
    world.put(KEYS.config, configuration())
    world.put(KEYS.incarnation, 1)
    world.publish(plan(1, A))
    actor = enactor(world)
    actor.rest()
    old = world.store.clone()
    world.publish(plan(2, B))
    actor.again()
    return world, actor, old


def test_an_emptied_store_is_restarted_from_the_disk() -> None:
    """The disk holds the very plan that the fence names: it becomes the newest, one incarnation higher."""
    world, actor, _ = at_two()
    world.freeze_in_store(Freeze("frz111", Selector(name="x.*"), "r", "me"))
    world.set_fence(msgspec.structs.replace(world.fence() or Fence(Identity(0, 0, "")), freezes=("frz111",)))
    actor.again()
    world.store = MemoryState()
    actor.again()
    assert newest(world) == plan(2, B).identity
    assert incarnation(world) == 2
    assert entry(world, KEYS.freeze("frz111")) is not None, "freezes are put back"
    assert entry(world, KEYS.config) is not None, "so is the configuration"
    assert world.kinds().count("store.reseeded") == 1
    world.publish(plan(3, A, incarnation=2))
    actor.again()
    assert world.addresses(API) == ("10.0.0.1",)


def test_a_freeze_that_only_the_fence_knows_survives_the_loss() -> None:
    """Its document went with the store, and this disk never had it: the id is put back, covering everything (R8).

    Found by the laboratory: otherwise the fence is the freeze's last carrier, and a repair after that is garbled
    writes through an acknowledged freeze (I5).
    """
    world, actor, _ = at_two()
    fence = world.fence()
    assert fence is not None
    world.set_fence(msgspec.structs.replace(fence, freezes=("frz111",), sequence=fence.sequence + 1))
    world.store = MemoryState()
    actor.again()
    kept = entry(world, KEYS.freeze("frz111"))
    assert kept is not None
    freeze = decode(kept.value, Freeze)
    assert freeze.id == "frz111"
    assert freeze.selector == Selector()
    assert freeze.selector.covers(ZONE, API)


def test_a_store_restored_from_an_old_copy_is_caught_up() -> None:
    """Same incarnation, lower generation: the disk's plan wins over the old copy's."""
    world, actor, old = at_two()
    world.store = old
    actor.again()
    assert (newest(world), incarnation(world)) == (plan(2, B).identity, 2)
    assert world.addresses(API) == ("10.0.0.1", "10.0.0.2")


def test_a_restored_store_gets_its_newer_words_back() -> None:
    """I9: configuration and words of the disk, where they are newer; the old copy is not believed meanwhile."""
    world, actor, old = at_two()
    newer = msgspec.structs.replace(configuration(prefixes=("10.0.0.0/8",)), revision=7)
    world.put(KEYS.config, newer)
    world.put(KEYS.words, Directives(revision=3, drained=(Word("web/t4", "me", "r"),)))
    actor.again()
    world.store = old
    actor.again()
    config, words = entry(world, KEYS.config), entry(world, KEYS.words)
    assert config is not None
    assert words is not None
    assert decode(config.value, StoredConfiguration) == newer
    assert decode(words.value, Directives).revision == 3


def test_words_of_an_older_store_are_taken_again_when_it_is_whole() -> None:
    """What was read from a store that is behind is read anew once it is settled, not taken for known."""
    world, actor, old = at_two()
    newer = msgspec.structs.replace(configuration(), revision=7)
    world.put(KEYS.config, newer)
    actor.again()
    world.store = old
    world.fault = lambda op: CouldNotAsk("no route") if getattr(op, "zone", "") == ZONE else None
    actor.again()
    world.fault = None
    world.publish(plan(2, B))
    actor.again()
    held = decode(world.disks["a"]["memory"], Memory)
    assert held.configuration == configuration()


def test_of_several_enactors_one_restarts_the_store() -> None:
    """Both hold the plan; the transaction lets one win, the other finds everything in order."""
    world, actor, old = at_two()
    other = enactor(world, "b")
    other.rest()
    world.store = old
    for _ in range(200):
        actor.step()
        other.step()
    assert world.kinds().count("store.reseeded") == 1
    assert incarnation(world) == 2


def test_without_the_plan_on_the_disk_it_stands_down_and_says_so() -> None:
    """An enactor with an empty disk and an old store: the names stay as they are."""
    world, _, old = at_two()
    world.store = old
    stranger = enactor(world, "stranger")
    stranger.rest()
    assert world.addresses(API) == ("10.0.0.1", "10.0.0.2")
    assert newest(world) == plan(1, A).identity
    assert "standing down" in world.text("zone.held")
    assert "adopt" in world.text("zone.held")


def test_an_old_machine_with_its_own_store_stands_down() -> None:
    """Its store and disk are an older incarnation: nothing of it lands."""
    world, _, _ = at_two()
    world.set_fence(Fence(Identity(2, 3, "d" * 32)))
    old = World()
    old.publish(plan(7, A, incarnation=1))
    old.dns = world.dns
    machine = enactor(old, "old")
    machine.rest()
    assert old.addresses(API) == ("10.0.0.1", "10.0.0.2")
    assert "standing down" in old.text("zone.held")


def test_a_plan_that_was_never_raised_gives_way_to_the_stores() -> None:
    """The disk is ahead, but no fence is: the store's word counts, e.g. after a restore."""
    world, actor, old = at_two()
    world.publish(plan(3, A))
    world.fault = lambda op: CouldNotAsk("no route") if getattr(op, "zone", "") == ZONE else None
    actor.again()
    world.fault = None
    world.store = old
    world.publish(plan(2, B))
    actor.again()
    actor.again()
    assert world.fence() is not None
    assert world.addresses(API) == ("10.0.0.1", "10.0.0.2")
    assert newest(world) == plan(2, B).identity


def test_a_silent_zone_lets_it_wait() -> None:
    """The highest fence is not known while a zone does not answer; meanwhile nothing is decided."""
    world, actor, _ = at_two()
    world.store = MemoryState()
    world.fault = lambda op: CouldNotAsk("no route") if getattr(op, "zone", "") == ZONE else None
    actor.again()
    assert newest(world) is None
    assert "lost or restored" in world.text("zone.held")
    world.fault = None
    actor.again()
    assert newest(world) == plan(2, B).identity


def test_names_are_healed_while_the_store_is_empty_and_undecided() -> None:
    """I6 needs no store: at an equal fence the disk's plan heals."""
    world, actor, _ = at_two()
    world.store_out = True
    world.update(DeleteRRset(API, "A"))
    actor.again()
    assert world.addresses(API) == ("10.0.0.1", "10.0.0.2")


identities = st.builds(Identity, st.integers(0, 2), st.integers(0, 3), st.sampled_from(["a" * 32, "b" * 32]))
readings = st.one_of(
    identities.map(lambda i: FenceFound(Fence(i))),
    st.just(FenceAbsent()),
    st.just(FenceUnreadable(("x",), "garbled")),
    st.just(CouldNotAsk("no route")),
)


@given(identities, st.none() | identities, st.lists(readings, max_size=3).map(tuple))
def test_settlement(held: Identity, stored: Identity | None, seen: tuple[FenceFound | CouldNotAsk, ...]) -> None:
    """The table: a reseed never lowers a fence's content, never without knowing all, never against the store."""
    result = settlement(plan=held, newest=stored, readings=seen)
    fences = [r.fence.identity for r in seen if isinstance(r, FenceFound)]
    if any(isinstance(r, CouldNotAsk) for r in seen):
        assert result is Settlement.WAIT
    elif result is Settlement.RESEED:
        assert fences
        assert held >= max(fences)
        assert stored is None or max(fences) > stored
    elif result is Settlement.TAKE:
        assert stored is not None
        assert all(f <= stored for f in fences)


# -- adopt: store and all disks lost -----------------------------------------------------------------------------


def served_configuration() -> StoredConfiguration:
    """Two endpoints of one group in the zone."""
    stored = configuration()
    config = msgspec.structs.replace(
        stored.configuration,
        zones=(ZoneConfig(ZONE, ProviderKind.MEMORY, ""),),
        endpoints=(EndpointConfig(API, ZONE, "web"), EndpointConfig(f"www.{ZONE}", ZONE, "web")),
    )
    return msgspec.structs.replace(stored, configuration=config)


def adopted(world: World) -> Adopted | str:
    """Run `adopt`."""
    actor = Actor(world, "me", adopt(SCOPE, PROVIDERS, actor="me", by="me", reason="all lost"))
    while not actor.done:
        actor.step()
    result = actor.result
    assert isinstance(result, (Adopted, str))
    return result


def test_adopt_makes_a_plan_of_what_dns_serves() -> None:
    """Above every fence, in a new incarnation, changing nothing; enactors and planners go on from it."""
    world, actor, _ = at_two()
    actor.crash()
    world.disks.clear()
    world.store = MemoryState()
    world.put(KEYS.config, served_configuration())
    world.update(SetRRset(RRset(API, "A", 30, ("10.0.0.2", "192.0.2.7"))))
    before = world.addresses(API)
    result = adopted(world)
    assert isinstance(result, Adopted)
    assert (result.identity.incarnation, result.identity.generation) == (2, 3)
    assert result.empty == (f"www.{ZONE}",)
    fresh = enactor(world, "fresh")
    fresh.rest()
    assert world.addresses(API) == before
    fence = world.fence()
    assert fence is not None
    assert fence.identity == result.identity
    chunks = world.store.apply(Range(KEYS.all_chunks))
    assert len(chunks) == 1
    assert incarnation(world) == 2


def test_adopt_refuses_what_it_cannot_know() -> None:
    """No configuration, a silent zone, nothing served, a store that moved: each says what to do."""
    world = World()
    assert "apply" in str(adopted(world))
    world.put(KEYS.config, served_configuration())
    assert "nothing to adopt" in str(adopted(world))
    world.fault = lambda op: CouldNotAsk("no route") if getattr(op, "zone", "") == ZONE else None
    assert "can't be read" in str(adopted(world))
    world.fault = None
    world.store_out = True
    assert "the store is out" in str(adopted(world))


def test_an_adopted_plan_is_sound() -> None:
    """What adopt publishes passes the same checks as any plan."""
    world = World()
    world.put(KEYS.config, served_configuration())
    world.update(SetRRset(RRset(API, "A", 30, ("10.0.0.2",))))
    result = adopted(world)
    assert isinstance(result, Adopted)
    actor = enactor(world)
    actor.rest()
    held = decode(world.disks["a"]["plan"], type(plan(1, A)))
    assert intact(held)
    assert fence_owner(SCOPE, ZONE)
    assert [w.weight for w in held.sections[0].names[0].a] == [0, 100, 0, 0]


def test_adopt_keeps_a_freeze_that_only_a_fence_still_carries() -> None:
    """Its document went with the store: the id is put back, covering everything, and told (R8, finding 14)."""
    world, _, _ = at_two()
    fence = world.fence()
    assert fence is not None
    world.set_fence(msgspec.structs.replace(fence, freezes=("frz111",), sequence=fence.sequence + 1))
    world.store = MemoryState()
    world.put(KEYS.config, served_configuration())
    result = adopted(world)
    assert isinstance(result, Adopted)
    assert result.freezes == ("frz111",)
    kept = entry(world, KEYS.freeze("frz111"))
    assert kept is not None
    assert decode(kept.value, Freeze).selector == Selector()


def test_adopt_leaves_a_freeze_that_the_store_explains_as_it_is() -> None:
    """What people said of its scope is not overwritten."""
    world, _, _ = at_two()
    fence = world.fence()
    assert fence is not None
    world.set_fence(msgspec.structs.replace(fence, freezes=("frz111",), sequence=fence.sequence + 1))
    world.put(KEYS.config, served_configuration())
    order = Freeze("frz111", Selector(name=API), "stop", "me")
    world.freeze_in_store(order)
    result = adopted(world)
    assert isinstance(result, Adopted)
    assert result.freezes == ()
    kept = entry(world, KEYS.freeze("frz111"))
    assert kept is not None
    assert decode(kept.value, Freeze) == order
