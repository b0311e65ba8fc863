"""With public keys configured, an enactor holds only plans of its planners, wherever a plan comes from."""

from __future__ import annotations

import msgspec
from enactor_world import KEYS, SCOPE, ZONE, Actor, World, configuration, enactor, names, plan

from holdfast.enactor.adopt import Adopted, adopt
from holdfast.enactor.override import repair_override
from holdfast.model.codec import decode
from holdfast.model.configuration import EndpointConfig, ProviderKind, ZoneConfig
from holdfast.model.freeze import Freeze, Selector
from holdfast.model.plan import Plan, PlanHead, Signature
from holdfast.ports.dns import DeleteRRset
from holdfast.ports.signing import signed
from holdfast.ports.store import Get
from holdfast.providers.memory import MEMORY
from holdfast.providers.rfc2136 import Rfc2136Provider
from holdfast.stores.memory import MemoryState

API = f"api.{ZONE}"
PROVIDERS = {ZONE: Rfc2136Provider(ZONE, MEMORY)}
ONE = names(("api", ("10.0.0.1", "10.0.0.2")))
TWO = names(("api", ("10.0.0.2", "10.0.0.3")))


class Stamp:
    """A signature without cryptography, which the rooms need not know: the key's name over the generation."""

    def __init__(self, key: str) -> None:
        self.key = key

    def sign(self, head: PlanHead) -> Signature:
        return Signature(self.key, f"{self.key}:{head.generation}".encode())

    def refusal(self, head: PlanHead) -> str:
        return "" if head.signature == self.sign(head) else "a stamp is missing"


OURS, THEIRS = Stamp("ours"), Stamp("theirs")


def ours(made: Plan) -> Plan:
    """The plan as our planner publishes it."""
    return signed(made, OURS)


def settled() -> tuple[World, Actor]:
    """Our plan 1 applied."""
    world = World()
    world.put(KEYS.config, configuration())
    world.put(KEYS.incarnation, 1)
    world.publish(ours(plan(1, ONE)))
    actor = enactor(world, believes=OURS)
    actor.rest()
    assert world.addresses(API) == ("10.0.0.1", "10.0.0.2")
    return world, actor


def test_a_plan_of_nobody_or_of_another_is_refused_and_the_names_stay() -> None:
    """Unsigned and foreign plans: told once each, never written, and the older plan is still held and healed."""
    world, actor = settled()
    for made in (plan(2, TWO), signed(plan(2, TWO), THEIRS)):
        world.publish(made)
        actor.again()
        actor.again()
        assert world.addresses(API) == ("10.0.0.1", "10.0.0.2")
    assert world.kinds().count("plan.foreign") == 1
    assert "is refused: a stamp is missing" in world.text("plan.foreign")
    world.update(DeleteRRset(API, "A"))
    actor.again()
    assert world.addresses(API) == ("10.0.0.1", "10.0.0.2")
    world.publish(ours(plan(3, TWO)))
    actor.again()
    actor.again()
    assert world.addresses(API) == ("10.0.0.2", "10.0.0.3")


def test_without_keys_any_plan_is_held() -> None:
    """Signed by whomever or not at all: nothing changes for those who configure no keys."""
    world = World()
    world.publish(signed(plan(1, ONE), THEIRS))
    actor = enactor(world)
    actor.rest()
    world.publish(plan(2, TWO))
    actor.again()
    assert world.addresses(API) == ("10.0.0.2", "10.0.0.3")


def test_a_foreign_plan_on_the_disk_is_neither_held_nor_put_back() -> None:
    """The disk is no better witness: an emptied store is not made whole from it, an empty name not filled."""
    world = World()
    world.put(KEYS.config, configuration())
    world.publish(signed(plan(1, ONE), THEIRS))
    trusting = enactor(world)
    trusting.rest()
    trusting.crash()
    world.store = MemoryState()
    world.update(DeleteRRset(API, "A"))
    actor = enactor(world, believes=OURS)
    actor.rest()
    actor.again()
    assert "on the disk is refused" in world.text("plan.foreign")
    assert world.store.apply(Get(KEYS.newest)) is None
    assert world.addresses(API) == ()


def test_our_plan_on_the_disk_makes_a_lost_store_whole_with_its_signature() -> None:
    """Reseed: the plan is put back as it was signed, and other enactors believe it."""
    world, actor = settled()
    actor.crash()
    world.store = MemoryState()
    again = enactor(world, believes=OURS)
    again.rest()
    again.again()
    assert world.kinds().count("store.reseeded") == 1
    entry = world.store.apply(Get(KEYS.plan(1)))
    assert entry is not None
    assert OURS.refusal(decode(entry.value, PlanHead)) == ""
    other = enactor(world, "b", believes=OURS)
    other.rest()
    assert "plan.foreign" not in world.kinds()


def test_a_person_does_not_heal_with_a_foreign_plan() -> None:
    """`repair --override` believes what enactors believe."""
    world, _ = settled()
    freeze = Freeze("frz111", Selector(), "r", "me")
    world.freeze_in_store(freeze)
    fence = world.fence()
    assert fence is not None
    world.set_fence(msgspec.structs.replace(fence, freezes=(freeze.id,)))
    world.publish(plan(2, TWO))
    loop = repair_override(SCOPE, PROVIDERS, actor="me", freeze_id=freeze.id, believes=OURS)
    actor = Actor(world, "me", loop)
    while not actor.done:
        actor.step()
    assert actor.result == f"plan {plan(2, TWO).identity} is refused: a stamp is missing"
    assert world.addresses(API) == ("10.0.0.1", "10.0.0.2")


def test_what_is_adopted_is_signed() -> None:
    """After a foreign plan was refused, `adopt` is the way on: its plan is believed at once."""
    world, actor = settled()
    stored = configuration()
    world.put(
        KEYS.config,
        msgspec.structs.replace(
            stored,
            configuration=msgspec.structs.replace(
                stored.configuration,
                zones=(ZoneConfig(ZONE, ProviderKind.MEMORY, ""),),
                endpoints=(EndpointConfig(API, ZONE, "web"),),
            ),
        ),
    )
    world.publish(plan(2, TWO))
    actor.again()
    adopting = Actor(world, "p", adopt(SCOPE, PROVIDERS, actor="p", by="me", reason="forged", signs=OURS))
    while not adopting.done:
        adopting.step()
    assert isinstance(adopting.result, Adopted)
    actor.again()
    actor.again()
    fence = world.fence()
    assert fence is not None
    assert fence.identity == adopting.result.identity
    assert world.addresses(API) == ("10.0.0.1", "10.0.0.2")
