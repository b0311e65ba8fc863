"""A planner with a key signs what it makes, and builds on nothing that no believed key signed."""

from __future__ import annotations

import msgspec
import pytest
from planner_scopes import four, served, stored
from test_planner_loop import KEYS, World

from holdfast.model.directives import Directives, RollbackWord
from holdfast.model.plan import Plan, PlanHead, Signature
from holdfast.planner.loop import Planner
from holdfast.planner.view import View
from holdfast.ports.clock import Rest
from holdfast.ports.signing import signed


class Stamp:
    """A signature without cryptography: the key's name over the generation."""

    def __init__(self, key: str, *also: str) -> None:
        self.key = key
        self._keys = (key, *also)

    def sign(self, head: PlanHead) -> Signature:
        return Signature(self.key, f"{self.key}:{head.generation}".encode())

    def refusal(self, head: PlanHead) -> str:
        return "" if any(head.signature == Stamp(key).sign(head) for key in self._keys) else "a stamp is missing"


@pytest.fixture
def world() -> World:
    """A world with a configuration of one name and four targets."""
    made = World()
    made.put(KEYS.config, stored(four()))
    return made


def planner(world: World, *, signs: Stamp | None = None, believes: Stamp | None = None) -> Planner:
    """A planner with keys."""
    return msgspec.structs.replace(world.planner(), signs=signs, believes=believes)


def key_of(plan: Plan) -> str:
    """Who signed it."""
    return plan.head.signature.key if isinstance(plan.head.signature, Signature) else ""


def forge(world: World, plan: Plan) -> Plan:
    """Another plan of the same content under the next generation, put into the store past the planner."""
    head = msgspec.structs.replace(plan.head, generation=plan.head.generation + 1, signature=msgspec.UNSET)
    return put(world, signed(seal_of(head, plan), Stamp("theirs")))


def seal_of(head: PlanHead, plan: Plan) -> Plan:
    """A sealed plan with these sections."""
    from holdfast.model.codec import seal

    return seal(head, plan.sections)


def put(world: World, plan: Plan) -> Plan:
    """The plan as the store's newest."""
    for index, section in enumerate(plan.sections):
        world.put(KEYS.chunk(plan.identity.generation, plan.identity.hash, index), section)
    world.put(KEYS.plan(plan.identity.generation), plan.head)
    world.put(KEYS.newest, plan.identity)
    return plan


def test_plans_are_signed_and_the_view_stands_still(world: World) -> None:
    """Each plan carries the key's signature; with nothing to plan nothing is signed either."""
    ours = Stamp("ours")
    one = planner(world, signs=ours, believes=ours)
    view, _ = world.run(one, View())
    assert key_of(world.newest()) == "ours"
    world.raise_fence(world.newest().identity)
    view, rest = world.run(one, view)
    revision = world.store.revision
    again, rest = world.run(one, view)
    assert (again, rest, world.store.revision) == (view, Rest.POLL, revision)


def test_an_unsigned_newest_plan_is_signed_anew_once(world: World) -> None:
    """Keys are set up: the next plan says the same, is signed, and says why. Two planners' keys end in peace."""
    world.run(planner(world), View())
    before = world.newest()
    old, new = Stamp("old"), Stamp("new")
    first = planner(world, signs=old)
    view, _ = world.run(first, View())
    plan = world.newest()
    assert (key_of(plan), plan.head.generation) == ("old", before.head.generation + 1)
    assert plan.sections == before.sections
    assert plan.head.reasons[0].kind == "signed"
    second = planner(world, signs=new)
    other, _ = world.run(second, View())
    assert key_of(world.newest()) == "new"
    generation = world.newest().head.generation
    for _ in range(3):
        view, _ = world.run(first, view)
        other, _ = world.run(second, other)
    assert world.newest().head.generation == generation


def test_nothing_is_planned_on_a_foreign_plan(world: World) -> None:
    """Else its content, and its ledger, would come back with our signature. Told once, with the way out."""
    ours = Stamp("ours")
    one = planner(world, signs=ours, believes=ours)
    view, _ = world.run(one, View())
    forged = forge(world, world.newest())
    world.rules.bad = {"g/a": "unhealthy"}
    for _ in range(2):
        view, _ = world.run(one, view)
    assert world.newest() == forged
    assert world.events.count("plan.foreign") == 1
    assert "a stamp is missing. Nothing is planned on it" in world.texts[world.events.index("plan.foreign")]


def test_a_foreign_plan_is_not_rolled_back_to(world: World) -> None:
    """A rollback would vouch for old content: only for content that one of ours signed."""
    ours = Stamp("ours")
    one = planner(world, signs=ours, believes=ours)
    view, _ = world.run(one, View())
    first = world.newest()
    world.raise_fence(first.identity)
    forged = forge(world, first)
    head = msgspec.structs.replace(first.head, generation=3, signature=msgspec.UNSET)
    put(world, signed(seal_of(head, first), ours))
    view, _ = world.run(one, view)
    word = RollbackWord(forged.head.generation, "me", "r")
    world.put(KEYS.words, Directives(revision=1, rollback=word))
    view, _ = world.run(one, view)
    assert world.events[-1] == "plan.foreign"
    assert world.newest().head.generation == 3
    assert served(world.newest()) == served(first)
