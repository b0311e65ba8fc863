"""The planner's loop, stepped over the memory store's engine: documents in, plans and events out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from planner_scopes import ZONE, four, served, stored, verdicts

from holdfast.documents.plans import read_newest, read_plan
from holdfast.documents.reading import Document
from holdfast.model.codec import encode
from holdfast.model.configuration import Configuration, StoredConfiguration
from holdfast.model.directives import Directives, RollbackWord
from holdfast.model.fence import Fence
from holdfast.model.identity import NOTHING, Identity
from holdfast.model.keys import Keys
from holdfast.model.observation import Health, Observations, Verdict, Verdicts
from holdfast.model.plan import Plan
from holdfast.planner.desk import Desk
from holdfast.planner.loop import Planner, plan_once
from holdfast.planner.view import View
from holdfast.ports.clock import Arm, Disarm, Fired, Rest
from holdfast.ports.events import Emit
from holdfast.ports.judgement import Timer
from holdfast.ports.operation import CouldNotAsk, Loop, Operation
from holdfast.ports.provider import FenceAbsent, FenceFound, FenceReading
from holdfast.ports.store import Commit, Get, GetMany, Put, Range
from holdfast.stores.memory import MemoryState

KEYS = Keys("s")


class FencedZone:
    """A provider of which the planner only reads the fence."""

    def __init__(self) -> None:
        self.reading: FenceReading | CouldNotAsk = FenceAbsent()
        self.reads = 0

    async def read_fence(self, scope: str) -> FenceReading | CouldNotAsk:
        self.reads += 1
        return self.reading


class Said:
    """Health rules that say what the test says."""

    def __init__(self) -> None:
        self.bad: dict[str, str] = {}

    def timers(
        self, configuration: Configuration, observations: tuple[Observations, ...], serving: frozenset[str]
    ) -> tuple[Timer, ...]:
        return tuple(Timer(f"stale/{o.observer}/{o.revision}", 30.0) for o in observations)

    def judge(
        self,
        configuration: Configuration,
        observations: tuple[Observations, ...],
        serving: frozenset[str],
        fired: frozenset[str],
    ) -> Verdicts:
        keys = sorted(f"{g.name}/{t.name}" for g in configuration.groups for t in g.targets)
        return Verdicts(tuple(Verdict(k, Health(self.bad.get(k, "healthy")), "said") for k in keys))


class World:
    """A store, one zone, timers and an event log; `step` drives a coroutine over them."""

    def __init__(self) -> None:
        self.store = MemoryState()
        self.zone = FencedZone()
        self.rules = Said()
        self.timers: dict[str, float] = {}
        self.fired: set[str] = set()
        self.events: list[str] = []
        self.texts: list[str] = []
        self.before_commit: Callable[[], None] | None = None
        self.store_out = False

    def planner(self, name: str = "p1") -> Planner:
        return Planner(scope="s", name=name, providers={ZONE: self.zone}, rules=self.rules, desk=Desk())  # type: ignore[dict-item]  # the planner reads fences only

    def put(self, key: str, value: object) -> None:
        self.store.apply(Commit(puts=(Put(key, encode(value)),)))

    def raise_fence(self, identity: Identity) -> None:
        self.zone.reading = FenceFound(Fence(identity=identity))

    def step(self, loop: Loop[Any]) -> Any:
        answer: Any = None
        while True:
            try:
                answer = self._answer(loop.send(answer))
            except StopIteration as done:
                return done.value

    def _answer(self, op: Operation[Any]) -> Any:
        if isinstance(op, Emit):
            self.events.append(op.event.kind)
            self.texts.append(op.event.text)
            return None
        if isinstance(op, Arm):
            return self.timers.setdefault(op.timer, op.after_s) and None
        if isinstance(op, Disarm):
            for timer in op.timers:
                self.timers.pop(timer, None)
                self.fired.discard(timer)
            return None
        if isinstance(op, Fired):
            return frozenset(self.fired & set(op.timers))
        if self.store_out:
            return CouldNotAsk("connection refused")
        if isinstance(op, Commit) and op.compares and self.before_commit is not None:
            interfere, self.before_commit = self.before_commit, None
            interfere()
        if isinstance(op, Get):
            return self.store.apply(op)
        if isinstance(op, GetMany):
            return self.store.apply(op)
        if isinstance(op, Range):
            return self.store.apply(op)
        assert isinstance(op, Commit), op
        return self.store.apply(op)

    def run(self, planner: Planner, view: View, *, hinted: bool = False) -> tuple[View, Rest]:
        result: tuple[View, Rest] = self.step(plan_once(planner, view, hinted=hinted))
        return result

    def newest(self) -> Plan:
        found = self.step(read_newest(KEYS))
        assert isinstance(found, Document)
        plan = self.step(read_plan(KEYS, found.value))
        assert isinstance(plan, Plan)
        return plan


@pytest.fixture
def world() -> World:
    """A world with a configuration of one name and four targets."""
    world = World()
    world.put(KEYS.config, stored(four()))
    return world


def test_first_pass_publishes_and_then_the_view_stands_still(world: World) -> None:
    """An empty store gets generation 1; a second and third pass change neither store nor view."""
    planner = world.planner()
    view, rest = world.run(planner, View())
    assert (world.newest().identity.generation, rest) == (1, Rest.POLL)
    assert world.events.count("plan.created") == 1
    revision = world.store.revision
    second, _ = world.run(planner, view)
    third, _ = world.run(planner, second)
    assert (third, world.store.revision) == (second, revision)
    assert world.events.count("plan.created") == 1


def test_a_hinted_verdict_becomes_a_plan_without_reading_a_fence(world: World) -> None:
    """The quick way from observation to plan: known fences do when no removal is waiting."""
    planner = world.planner()
    view, _ = world.run(planner, View())
    world.raise_fence(world.newest().identity)
    view, _ = world.run(planner, view)
    reads = world.zone.reads
    world.rules.bad = {"g/a": "unhealthy"}
    view, _ = world.run(planner, view, hinted=True)
    assert world.zone.reads == reads
    assert served(world.newest()) == "2 3 4"


def test_a_refund_timer_runs_only_once_the_removal_is_applied(world: World) -> None:
    """R11: no timer while the fence is below the charge; then it is armed, and its end frees the budget."""
    planner = world.planner()
    view, _ = world.run(planner, View())
    world.raise_fence(world.newest().identity)
    world.rules.bad = {"g/a": "unhealthy", "g/c": "unhealthy"}
    view, _ = world.run(planner, view)
    removing = world.newest().identity
    view, rest = world.run(planner, view)
    assert rest is Rest.RETRY, "the second removal waits for the first to be applied"
    assert "refund/2/z.test" not in world.timers
    world.raise_fence(removing)
    view, rest = world.run(planner, view)
    assert world.timers["refund/2/z.test"] == 300.0
    assert rest is Rest.POLL
    world.fired.add("refund/2/z.test")
    view, _ = world.run(planner, view)
    assert served(world.newest()) == "2 4"
    view, _ = world.run(planner, view)
    assert "refund/2/z.test" not in world.timers, "a charge that left the ledger is forgotten"


def test_what_is_held_back_is_told_once(world: World) -> None:
    """`change.refused` carries the arithmetic, and is not repeated by each poll."""
    planner = world.planner()
    view, _ = world.run(planner, View())
    world.raise_fence(world.newest().identity)
    world.rules.bad = {"g/a": "unhealthy", "g/c": "unhealthy"}
    view, _ = world.run(planner, view)
    world.raise_fence(world.newest().identity)
    for _ in range(4):
        view, _ = world.run(planner, view)
    refused = [t for k, t in zip(world.events, world.texts, strict=True) if k == "change.refused"]
    assert len(refused) == len(set(refused))
    assert any("would make 200 of 400" in text for text in refused)


def test_newer_inputs_between_decision_and_transaction_lose_the_race(world: World) -> None:
    """R10: a configuration applied meanwhile makes the creation fail; the next pass plans from the new one."""
    planner = world.planner()
    newer = stored(four(), names=(("www.z.test", "g"), ("api.z.test", "g")), revision=2)
    world.before_commit = lambda: world.put(KEYS.config, newer)
    view, rest = world.run(planner, View())
    assert (world.events[-1], rest) == ("plan.lost", Rest.TURN)
    world.run(planner, view)
    assert world.newest().head.inputs.configuration_revision == 2


def test_two_planners_make_one_line_of_plans(world: World) -> None:
    """A planner that was overtaken reads the winner's plan and has nothing to add."""
    one, two = world.planner("p1"), world.planner("p2")
    first, _ = world.run(one, View())
    second, _ = world.run(two, View())
    assert world.newest().head.planner == "p1"
    world.raise_fence(world.newest().identity)
    world.rules.bad = {"g/a": "unhealthy"}
    second, _ = world.run(two, second)
    first, _ = world.run(one, first)
    assert (world.newest().identity.generation, world.newest().head.planner) == (2, "p2")
    assert first.parent == second.parent


def test_an_empty_store_under_a_fence_stands_down_and_says_so_once(world: World) -> None:
    """The store was lost: nothing is planned until `adopt` raises the store's incarnation."""
    planner = world.planner()
    lost = msgspec.structs.replace(NOTHING, incarnation=1, generation=7)
    world.raise_fence(lost)
    view, _ = world.run(planner, View())
    view, _ = world.run(planner, view)
    assert world.events == ["planner.stands_down"]
    assert "the store has no plan" in world.texts[0]
    world.put(KEYS.incarnation, 2)
    world.run(planner, view)
    identity = world.newest().identity
    assert (identity.incarnation, identity.generation) == (2, 8)
    assert world.newest().head.ledger, "the ledger was lost: one window without removals"


def test_an_empty_store_waits_for_every_fence(world: World) -> None:
    """Without the fence it can't be told whether the store is new or was lost."""
    world.zone.reading = CouldNotAsk("timed out")
    world.run(world.planner(), View())
    assert world.events == ["planner.stands_down"]


def test_store_out_is_told_once_and_backs_off(world: World) -> None:
    """No answer is no decision: the view stays, attempts rise, one event."""
    planner = world.planner()
    world.store_out = True
    view, rest = world.run(planner, View())
    view, rest = world.run(planner, view)
    assert (view.attempt, rest, world.events) == (2, Rest.RETRY, ["planner.waits"])


def test_an_observer_that_went_back_is_ignored(world: World) -> None:
    """I9: its older revision never enters the inputs, and people are told."""
    planner = world.planner()
    world.put(KEYS.observer("a"), Observations(observer="a", vantage="x", revision=9, targets=()))
    view, _ = world.run(planner, View())
    world.put(KEYS.observer("a"), Observations(observer="a", vantage="x", revision=3, targets=()))
    world.raise_fence(world.newest().identity)
    world.rules.bad = {"g/a": "unhealthy"}
    view, _ = world.run(planner, view)
    assert [(o.observer, o.revision) for o in world.newest().head.inputs.observations] == [("a", 9)]
    assert "observations.ignored" in world.events


def test_rollback_reads_the_old_plan_and_resume_returns(world: World) -> None:
    """The word holds generation 1's content as a new generation; without it the configuration rules again."""
    planner = world.planner()
    view, _ = world.run(planner, View())
    grown = stored(four(), names=(("www.z.test", "g"), ("api.z.test", "g")), revision=2)
    world.put(KEYS.config, msgspec.structs.replace(grown, configuration=_heavier(grown)))
    view, _ = world.run(planner, view)
    assert served(world.newest()).startswith("1*120")
    world.raise_fence(world.newest().identity)
    world.put(KEYS.words, Directives(revision=1, rollback=RollbackWord(1, "ada", "too heavy")))
    view, _ = world.run(planner, view)
    assert world.newest().head.rollback_of == 1
    assert served(world.newest()).startswith("1 ")
    world.put(KEYS.words, Directives(revision=2))
    world.run(planner, view)
    assert world.newest().head.rollback_of is None
    assert served(world.newest()).startswith("1*120")


def _heavier(grown: StoredConfiguration) -> Configuration:
    """The first target with weight 120."""
    group = grown.configuration.groups[0]
    targets = (msgspec.structs.replace(group.targets[0], weight=120), *group.targets[1:])
    return msgspec.structs.replace(grown.configuration, groups=(msgspec.structs.replace(group, targets=targets),))


def test_what_the_world_says_is_what_the_scopes_say() -> None:
    """The two helpers for verdicts agree, so that tables and loop tests speak of the same thing."""
    configuration = stored(four())
    said = Said()
    said.bad = {"g/a": "unhealthy"}
    judged = said.judge(configuration.configuration, (), frozenset(), frozenset())
    assert [(v.target, v.health) for v in judged.verdicts] == [
        (v.target, v.health) for v in verdicts(configuration, g_a="unhealthy").verdicts
    ]
