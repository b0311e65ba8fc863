"""`repair --override`: one freeze, its names, once; every freeze stays."""

from __future__ import annotations

from typing import Any

import msgspec
from enactor_world import KEYS, SCOPE, ZONE, Actor, World, configuration, enactor, names, plan

from holdfast.enactor.override import Healed, repair_override
from holdfast.model.fence import Fence
from holdfast.model.freeze import Freeze, Selector
from holdfast.model.identity import Identity
from holdfast.model.records import RRset
from holdfast.ports.dns import DeleteRRset, SetRRset, Update
from holdfast.providers.memory import MEMORY
from holdfast.providers.rfc2136 import Rfc2136Provider

API, WWW = f"api.{ZONE}", f"www.{ZONE}"
PROVIDERS = {ZONE: Rfc2136Provider(ZONE, MEMORY)}
ONE = names(("api", ("10.0.0.1",)), ("www", ("10.0.0.1",)))


def frozen_world(*freezes: Freeze) -> World:
    """Plan 1 applied, then these freezes, then everything wiped."""
    world = World()
    world.publish(plan(1, ONE))
    enactor(world).rest()
    for freeze in freezes:
        world.freeze_in_store(freeze)
    fence = world.fence()
    assert fence is not None
    world.set_fence(msgspec.structs.replace(fence, freezes=tuple(sorted(f.id for f in freezes))))
    world.update(DeleteRRset(API, "A"), DeleteRRset(WWW, "A"))
    return world


def override(world: World, freeze_id: str) -> Any:
    """Run it."""
    actor = Actor(world, "me", repair_override(SCOPE, PROVIDERS, actor="me", freeze_id=freeze_id))
    while not actor.done:
        actor.step()
    return actor.result


ALL = Freeze("all111", Selector(), "stop", "me")
ONLY_API = Freeze("api111", Selector(name="api.*"), "look at it", "you")


def test_it_heals_the_covered_names_and_keeps_the_freeze() -> None:
    """The frozen fence is the pin; the enactors stay stopped before and after."""
    world = frozen_world(ALL)
    (healed,) = override(world, "all111")
    assert healed == Healed(ZONE, 2)
    assert (world.addresses(API), world.addresses(WWW)) == (("10.0.0.1",), ("10.0.0.1",))
    fence = world.fence()
    assert fence is not None
    assert fence.freezes == ("all111",)


def test_names_of_another_freeze_stay_untouched() -> None:
    """That freeze was not overridden."""
    world = frozen_world(ALL, ONLY_API)
    (healed,) = override(world, "all111")
    assert healed.written == 1
    assert "1 names are frozen by api111" in healed.refusal
    assert (world.addresses(API), world.addresses(WWW)) == ((), ("10.0.0.1",))


def test_only_the_names_that_the_freeze_covers() -> None:
    """An override of a freeze of one name is no licence for the zone."""
    world = frozen_world(ONLY_API)
    override(world, "api111")
    assert (world.addresses(API), world.addresses(WWW)) == (("10.0.0.1",), ())


def test_a_newer_plan_is_raised_with_the_freezes_copied() -> None:
    """The newest plan is what heals."""
    world = frozen_world(ALL)
    newer = world.publish(plan(2, names(("api", ("10.0.0.2",)), ("www", ("10.0.0.1",)))))
    override(world, "all111")
    fence = world.fence()
    assert fence is not None
    assert (fence.identity, fence.freezes) == (newer.identity, ("all111",))
    assert world.addresses(API) == ("10.0.0.2",)


def test_what_it_refuses_and_says() -> None:
    """No such freeze, no plan, a newer fence, an unbelievable plan, too much capacity, a race."""
    world = frozen_world(ALL)
    assert "no zone's fence carries freeze nobody" in override(world, "nobody")
    world.set_fence(Fence(Identity(1, 9, "d" * 32), freezes=("all111",)))
    (above,) = override(world, "all111")
    assert "newer than the store's" in above.refusal
    assert override(World(), "all111") == "the store has no plan"
    world.store_out = True
    assert "the store is out" in override(world, "all111")
    world.store_out = False
    world.publish(plan(2, names(("api", ()))))
    assert "refused (R9)" in override(world, "all111")


def test_too_much_capacity_is_refused_here_as_well() -> None:
    """A person overrides a freeze, not the distrust of the planner."""
    world = frozen_world(ALL)
    world.put(KEYS.config, configuration(4))
    every = tuple(f"10.0.0.{i}" for i in range(1, 5))
    world.update(SetRRset(RRset(API, "A", 30, every)))
    (refused,) = override(world, "all111")
    assert "removes 300 of 400" in refused.refusal
    assert world.addresses(API) == every


def test_a_race_is_told() -> None:
    """The fence moved between reading and writing: nothing is forced."""
    world = frozen_world(ALL)
    actor = Actor(world, "me", repair_override(SCOPE, PROVIDERS, actor="me", freeze_id="all111"))
    actor.until(lambda o: isinstance(o, Update) and bool(o.changes))
    fence = world.fence()
    assert fence is not None
    world.set_fence(msgspec.structs.replace(fence, freezes=("all111", "new111")))
    while not actor.done:
        actor.step()
    (healed,) = actor.result
    assert "look again" in healed.refusal
    assert world.addresses(API) == ()
