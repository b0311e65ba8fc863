"""Interruption at every operation, races of several enactors, messages that arrive late: the invariants hold.

Each zone that any update leaves behind is looked at: the fence's identity never goes down (I1), no name that had
addresses is left with none (I2), no change lands in a frozen zone (I5).
"""

from __future__ import annotations

from typing import Any

import pytest
from enactor_world import (
    KEYS,
    SCOPE,
    ZONE,
    Actor,
    World,
    enactor,
    names,
    plan,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.enactor.cleanup import clean_once
from holdfast.killswitch.freeze import freeze, thaw
from holdfast.model.fence import fence_owner, parse_fence
from holdfast.model.freeze import Selector
from holdfast.model.identity import NOTHING, Identity
from holdfast.model.plan import Plan
from holdfast.nameserver.zone import Zone
from holdfast.ports.clock import Idle, Rest
from holdfast.ports.dns import DeleteRRset, Rcode, Update
from holdfast.ports.operation import CouldNotAsk, Operation
from holdfast.ports.store import Get
from holdfast.providers.memory import MEMORY
from holdfast.providers.rfc2136 import Rfc2136Provider

API = f"api.{ZONE}"
PROVIDERS = {ZONE: Rfc2136Provider(ZONE, MEMORY)}
P1 = plan(1, names(("api", ("10.0.0.1",)), ("www", ("10.0.0.1", "10.0.0.2"))))
P2 = plan(2, names(("api", ("10.0.0.2",)), ("www", ("10.0.0.1", "10.0.0.2")), ("new", ("10.0.0.1",))))
P3 = plan(3, names(("api", ("10.0.0.1",)), ("www", ("10.0.0.1", "10.0.0.2", "10.0.0.3"))))


class Watched(World):
    """A world that checks I1, I2 and I5 after each update."""

    def __init__(self) -> None:
        super().__init__()
        self.highest = NOTHING
        self.acknowledged = False
        self.content: Zone | None = None

    def answer(self, actor: str, op: Operation[Any]) -> Any:
        if not isinstance(op, Update) or not op.changes:
            return super().answer(actor, op)
        before = self._served()
        data = self._data()
        answer = super().answer(actor, op)
        fence = self.fence()
        assert fence is not None or self.highest == NOTHING, "the fence was deleted"
        identity = NOTHING if fence is None else fence.identity
        assert identity >= self.highest, f"I1: {identity} after {self.highest}"
        self.highest = identity
        assert before <= self._served(), f"I2: {before - self._served()} left empty"
        assert not self.acknowledged or data == self._data(), "I5: data changed under an acknowledged freeze"
        return answer

    def _served(self) -> frozenset[str]:
        return frozenset(name for name, rtype in self._data() if rtype == "A")

    def _data(self) -> dict[tuple[str, str], tuple[str, ...]]:
        zone = self.dns.zone(ZONE)
        assert zone is not None
        return {
            (r.name, r.rtype): r.rdatas for r in zone.content().rrsets if r.rtype in ("A", "AAAA", "TYPE65280")
        }

    def agrees(self, wanted: Plan) -> bool:
        """Whether DNS is at this plan."""
        found = {(r.name, r.rtype): r.rdatas for s in wanted.sections for n in s.names for r in _render(n)}
        mine = {n.name for s in wanted.sections for n in s.names}
        here = {k: v for k, v in self._data().items() if k[0] in mine}
        fence = self.fence()
        return fence is not None and fence.identity == wanted.identity and here == found


def _render(records: Any) -> Any:
    return PROVIDERS[ZONE].render(records)


def _steps_of_a_pass(world: Watched, actor: Actor) -> int:
    start = len(world.log)
    actor.rest()
    return len(world.log) - start


def test_crash_at_each_operation_of_the_first_pass() -> None:
    """Killed anywhere between an empty zone and plan 1, then started again with its disk: it converges."""
    whole = Watched()
    whole.publish(P1)
    steps = _steps_of_a_pass(whole, enactor(whole))
    assert steps > 12
    for k in range(steps + 1):
        world = Watched()
        world.publish(P1)
        actor = enactor(world)
        for _ in range(k):
            actor.step()
        actor.crash()
        enactor(world).rest()
        assert world.agrees(P1), f"killed at operation {k}"


@pytest.mark.parametrize("store_out", [False, True])
@pytest.mark.parametrize("landed", [False, True])
def test_crash_at_each_operation_of_a_raise(landed: bool, store_out: bool) -> None:
    """Killed anywhere between plan 1 and plan 2, its last message lost or delivered, with a store or without."""
    whole = Watched()
    whole.publish(P1)
    actor = enactor(whole)
    actor.rest()
    whole.publish(P2)
    steps = _steps_of_a_pass(whole, actor)
    for k in range(1, steps + 1):
        world = Watched()
        world.publish(P1)
        actor = enactor(world)
        actor.rest()
        world.publish(P2)
        for _ in range(k):
            actor.step()
        last = actor.pending
        actor.crash()
        if landed and isinstance(last, Update):
            world.answer("late", last)
        world.store_out = store_out
        again = enactor(world)
        again.rest()
        again.again()
        kept = b'"generation":2' in world.disks["a"]["plan"]
        assert world.agrees(P2 if kept or not store_out else P1), f"killed at operation {k}"
        world.store_out = False
        again.again()
        assert world.agrees(P2), f"killed at operation {k}"


def test_the_race_of_october_2025() -> None:
    """An enactor stops before it sends its old plan; a newer one is applied and cleaned up behind; then the old
    message is delivered, freshly: the DNS server refuses it, and nothing is lost."""
    world = Watched()
    world.publish(P1)
    slow, fast = enactor(world, "slow"), enactor(world, "fast")
    fast.rest()
    slow.rest()
    world.publish(P2)
    slow.step()
    slow.until(lambda o: isinstance(o, Update) and bool(o.changes))
    world.publish(P3)
    fast.again()
    assert world.agrees(P3)
    cleaner = Actor(world, "clean", clean_once(SCOPE, PROVIDERS, actor="clean", keep=1))
    while not cleaner.done:
        cleaner.step()
    assert world.store.apply(Get(KEYS.plan(2))) is None, "the old plan is deleted, as in 2025"
    assert isinstance(slow.pending, Update)
    answer = world.answer("slow", slow.pending)
    assert answer.rcode is Rcode.NXRRSET
    slow.reply(answer)
    slow.rest()
    assert world.agrees(P3)
    assert world.text("write.refused") == "refused by the DNS server: the fence is at generation 3, mine is 2"


def test_a_message_delayed_past_an_acknowledged_freeze_is_refused() -> None:
    """I5: in flight when the freeze was ordered, delivered hours after it was acknowledged."""
    world = Watched()
    world.publish(P1)
    actor = enactor(world)
    actor.rest()
    world.publish(P2)
    late = actor.until(lambda o: isinstance(o, Update) and bool(o.changes))
    person = Actor(world, "me", freeze(SCOPE, PROVIDERS, actor="me", selector=Selector(), reason="stop", by="me"))
    while not person.done:
        person.step()
    assert person.result.complete
    world.acknowledged = True
    assert world.answer("late", late).rcode is Rcode.NXRRSET
    actor.reply(CouldNotAsk("timed out", maybe_applied=True))
    actor.rest()
    actor.again()
    assert world.agrees(P1) is False or world.addresses(API) == ("10.0.0.1",)
    world.acknowledged = False
    thawing = Actor(world, "me", thaw(SCOPE, PROVIDERS, actor="me", freeze_id=person.result.id, by="me"))
    while not thawing.done:
        thawing.step()
    actor.again()
    assert world.agrees(P2)


def test_a_delayed_repair_is_refused_when_anything_moved() -> None:
    """R3: a repair is pinned to the exact serial; a repair delivered after another one does nothing."""
    world = Watched()
    world.publish(P1)
    actor = enactor(world)
    late = actor.until(lambda o: isinstance(o, Update) and bool(o.changes))
    assert any(p.rtype == "SOA" for p in late.prerequisites)  # type: ignore[attr-defined]
    other = enactor(world, "b")
    other.rest()
    # The fence is lost once more, so that only the serial stands between the late repair and the zone.
    world.publish(P2)
    other.again()
    world.highest = NOTHING
    World.answer(world, "fault", Update(ZONE, (), (DeleteRRset(fence_owner(SCOPE, ZONE), "TXT"),)))
    assert World.answer(world, "late", late).rcode is not Rcode.NOERROR
    assert world.fence() is None


@pytest.mark.parametrize("many", [2, 3])
def test_enactors_side_by_side_share_a_large_plan(many: int) -> None:
    """Three enactors step in turn through a plan of several messages: done, and not each of them all of it."""
    world = Watched()
    big = plan(1, names(*((f"n{i:05d}", ("10.0.0.1",)) for i in range(4000))))
    world.publish(big)
    actors = [enactor(world, f"e{i}", turn=i, turns=many) for i in range(many)]
    rested: set[str] = set()
    while len(rested) < many:
        for actor in actors:
            if isinstance(actor.pending, Idle) and actor.pending.rest is Rest.POLL:
                rested.add(actor.name)
            else:
                actor.step()
    assert world.agrees(big)
    alone = World()
    alone.publish(big)
    enactor(alone).rest()
    assert _written(world) <= 1.5 * _written(alone), "the work is shared, not repeated"


def _written(world: World) -> int:
    """RRsets in update messages that were sent."""
    return sum(len(op.changes) for op in world.log if isinstance(op, Update))


chooser = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 12)), min_size=20, max_size=60)


@settings(max_examples=60, deadline=None)
@given(chooser, st.data())
def test_random_interleavings_with_crashes_and_late_messages(
    schedule: list[tuple[int, int]], data: st.DataObject
) -> None:
    """Two enactors, three plans, lost replies, late deliveries, crashes: I1 and I2 always, P3 at the end."""
    world = Watched()
    plans = [P1, P2, P3]
    world.publish(plans.pop(0))
    actors = [enactor(world, "a"), enactor(world, "b")]
    flying: list[Operation[Any]] = []
    for who, steps in schedule:
        if who == 2:
            if plans:
                world.publish(plans.pop(0))
            elif flying:
                world.answer("late", flying.pop(data.draw(st.integers(0, len(flying) - 1))))
            continue
        if who == 3:
            victim = data.draw(st.integers(0, 1))
            if isinstance(actors[victim].pending, Update) and data.draw(st.booleans()):
                flying.append(actors[victim].pending)  # type: ignore[arg-type]
            actors[victim].crash()
            actors[victim] = enactor(world, "ab"[victim])
            continue
        for _ in range(steps):
            pending = actors[who].pending
            if isinstance(pending, Update) and pending.changes and data.draw(st.integers(0, 5)) == 0:
                flying.append(pending)
                actors[who].reply(CouldNotAsk("timed out", maybe_applied=True))
            else:
                actors[who].step()
    for left in plans:
        world.publish(left)
    for actor in actors:
        actor.rest()
    for message in flying:
        world.answer("late", message)
    for _ in range(3):
        for actor in actors:
            actor.again()
    assert world.agrees(P3)


def test_fence_text_is_ours() -> None:
    """The watched world reads the fence as the server has it: a guard on the test itself."""
    world = Watched()
    world.publish(P1)
    enactor(world).rest()
    zone = world.dns.zone(ZONE)
    assert zone is not None
    rrset = zone.rrset(fence_owner(SCOPE, ZONE), "TXT")
    assert rrset is not None
    fence = parse_fence(rrset.rdatas[0].strip('"'))
    assert fence is not None
    assert fence.identity == Identity(1, 1, P1.identity.hash)
