"""The enactor's loop, whole: from a plan in the store to DNS, and healing what it finds."""

from __future__ import annotations

from enactor_world import ZONE, World, enactor, names, plan

from holdfast.ports.clock import Rest


def test_first_plan_reaches_an_empty_zone() -> None:
    """A zone without a fence is repaired to the newest plan: fence and data in one message."""
    world = World()
    first = world.publish(plan(1, names(("api", ("10.0.0.1", "10.0.0.2")))))
    actor = enactor(world)
    assert actor.rest().rest is Rest.POLL
    fence = world.fence()
    assert fence is not None
    assert fence.identity == first.identity
    assert world.addresses(f"api.{ZONE}") == ("10.0.0.1", "10.0.0.2")
    assert world.kinds() == ["fence.repaired", "write.applied", "zone.converged"]


def test_newer_plan_raises_the_fence() -> None:
    """A newer plan raises the fence in the message that carries its data."""
    world = World()
    world.publish(plan(1, names(("api", ("10.0.0.1",)))))
    actor = enactor(world)
    actor.rest()
    world.publish(plan(2, names(("api", ("10.0.0.1", "10.0.0.2")))))
    actor.again()
    assert world.addresses(f"api.{ZONE}") == ("10.0.0.1", "10.0.0.2")
    assert world.kinds()[3:] == ["fence.raised", "write.applied", "zone.converged"]
