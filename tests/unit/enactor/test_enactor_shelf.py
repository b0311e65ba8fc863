"""The plan on the disk: small ones whole, large ones by section; a crash leaves the old one or the new."""

from __future__ import annotations

from typing import Any

import pytest
from enactor_world import ZONE, Actor, World, enactor, names, plan

from holdfast.enactor.shelf import PLAN_FILE, Shelf, Shelved, put_plan, section_file, take_plan
from holdfast.model.plan import Plan
from holdfast.ports.disk import DiskFailed, Load, Stage
from holdfast.ports.dns import DeleteRRset


def large(generation: int, moved: int = 0) -> Plan:
    """Five sections of two names; `moved` says which name has another address."""
    return plan(
        generation,
        names(*((f"n{i}", (f"10.0.{generation if i == moved else 0}.{i + 1}",)) for i in range(10))),
        per_section=2,
    )


def run(world: World, loop: Any) -> Any:
    """A coroutine to its end."""
    actor = Actor(world, "a", loop)
    while not actor.done:
        actor.step()
    return actor.result


def stored(world: World, wanted: Plan, shelf: Shelf | None = None) -> Shelf:
    """Put a plan on the disk."""
    result = run(world, put_plan(wanted, shelf or Shelf()))
    assert isinstance(result, Shelf)
    return result


def taken(world: World) -> Shelved:
    """Read it back."""
    result = run(world, take_plan())
    assert isinstance(result, Shelved)
    return result


def test_small_and_large_come_back_as_they_were() -> None:
    """One document, or one for each section."""
    world = World()
    small = plan(1, names(("api", ("10.0.0.1",))))
    stored(world, small)
    assert taken(world) == Shelved(small, Shelf())
    assert list(world.disks["a"]) == [PLAN_FILE]
    shelf = stored(world, large(2))
    assert taken(world) == Shelved(large(2), shelf)
    stored(world, small, shelf)
    assert taken(world).plan == small


def test_only_changed_sections_are_written() -> None:
    """One of five, and the head."""
    world = World()
    shelf = stored(world, large(1, moved=0))
    first = stored(world, large(2, moved=0), shelf)
    world.log.clear()
    stored(world, large(3, moved=0), first)
    assert [op.name for op in world.log if isinstance(op, Stage)] == [section_file(0, 0), PLAN_FILE]


def test_a_crash_at_any_point_leaves_the_old_plan_or_the_new_one() -> None:
    """Also after several changes, and after a restart that finds the places by their digests."""
    for k in range(40):
        world = World()
        shelf = stored(world, large(1, moved=0))
        shelf = stored(world, large(2, moved=3), shelf)
        assert taken(world).shelf == shelf
        actor = Actor(world, "a", put_plan(large(3, moved=3), shelf))
        for _ in range(k):
            if not actor.done:
                actor.step()
        finished = actor.done
        actor.crash()
        found = taken(world)
        assert found.plan in (large(2, moved=3), large(3, moved=3))
        shelf = stored(world, large(4, moved=5), found.shelf)
        assert taken(world) == Shelved(large(4, moved=5), shelf)
        if finished:
            assert found.plan == large(3, moved=3)
            return
    raise AssertionError("putting three sections takes fewer operations")


@pytest.mark.parametrize("damage", ["missing", "garbled", "altered", "head"])
def test_damage_is_absence(damage: str) -> None:
    """A section that is not there, or not the one that the head names: no plan, and why."""
    world = World()
    stored(world, large(1))
    disk = world.disks["a"]
    if damage == "missing":
        del disk[section_file(3, 0)]
    if damage == "garbled":
        disk[section_file(3, 0)] = b"{"
    if damage == "altered":
        disk[section_file(3, 0)] = disk[section_file(3, 0)].replace(b"10.0.0.7", b"10.0.0.8")
    if damage == "head":
        disk[PLAN_FILE] = disk[PLAN_FILE].replace(b'"planner":"p"', b'"planner":"q"')
    found = taken(world)
    assert found.plan is None
    assert ("checksum" if damage == "head" else "section 3") in found.damage


def test_a_failing_disk_keeps_the_old_plan() -> None:
    """Full in the middle: what lies there is whole."""
    world = World()
    shelf = stored(world, large(1))
    world.fault = lambda op: DiskFailed("full") if isinstance(op, Stage) and op.name == PLAN_FILE else None
    assert run(world, put_plan(large(2), shelf)) == DiskFailed("full")
    world.fault = None
    assert taken(world).plan == large(1)
    world.fault = lambda op: DiskFailed("bad sector") if isinstance(op, Load) else None
    assert "bad sector" in taken(world).damage


def test_an_enactor_holds_a_large_plan_from_its_disk() -> None:
    """Whole loop: restarted with the store gone, it heals a name of any section."""
    world = World()
    world.publish(large(1))
    actor = enactor(world)
    actor.rest()
    world.publish(large(2, moved=7))
    actor.again()
    actor.crash()
    world.store_out = True
    world.update(DeleteRRset(f"n7.{ZONE}", "A"), DeleteRRset(f"n1.{ZONE}", "A"))
    enactor(world).rest()
    assert world.addresses(f"n7.{ZONE}") == ("10.0.2.8",)
    assert world.addresses(f"n1.{ZONE}") == ("10.0.0.2",)
