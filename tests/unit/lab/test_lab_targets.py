"""The probed targets of the world: what probes tell of them, and timers that fire seldom."""

from __future__ import annotations

from holdfast.lab.actor import Actor
from holdfast.lab.engines.schedule import as_choices
from holdfast.lab.scenarios import health
from holdfast.lab.system import Scenario, System
from holdfast.lab.world.faults import Fault, Faults
from holdfast.lab.world.own import Own, chosen
from holdfast.lab.world.store import StoreCell
from holdfast.lab.world.targets import Targets, probings
from holdfast.model.configuration import Check
from holdfast.ports.clock import Fired, Idle, Rest
from holdfast.ports.probe import ProbeTarget

WATCHED = tuple(ProbeTarget(t, ("10.0.0.1",), 80, Check()) for t in ("t1", "t2"))
DOWN = Targets(down=frozenset({"t2"}))


def test_a_probe_tells_the_truth_of_the_moment() -> None:
    """Without faults: nothing yet, or the truth of one target; in rounds, the truth of all."""
    single = [results for _, _, results in probings(DOWN, WATCHED, Faults(), cut=False)]
    assert [[(r.target, r.ok) for r in results] for results in single] == [[], [("t1", True)], [("t2", False)]]
    rounds = Targets(DOWN.down, rounds=True)
    assert [[r.ok for r in results] for _, _, results in probings(rounds, WATCHED, Faults(), cut=False)] == [
        [],
        [True, False],
    ]


def test_lost_and_late_probes_cost_a_fault_each() -> None:
    """A lost one fails though the target is up; a late one says that it came late."""
    faults = Faults(1, kinds=frozenset({Fault.UNANSWERED, Fault.LATE}))
    costly = [
        (r[0].target, r[0].ok, r[0].late) for cost, _, r in probings(DOWN, WATCHED, faults, cut=False) if cost
    ]
    assert costly == [("t1", False, False), ("t1", False, True), ("t2", False, True)]


def test_who_is_cut_from_the_targets_sees_all_fail() -> None:
    """A partition lets no probe through."""
    found = probings(DOWN, WATCHED, Faults(), cut=True)
    assert not any(r.ok for _, _, results in found for r in results)


def test_a_timer_fires_only_as_often_as_the_bound_says() -> None:
    """`seldom` counts over an actor's life, by prefix; a timer of no prefix may fire at any look."""
    own = Own(timers=(("beat/0", False), ("other", False)))
    free = chosen(own, Fired(("beat/0", "other")))
    assert free is not None
    assert len(free) == 4
    bounded = chosen(own, Fired(("beat/0", "other")), (("beat/", 0),))
    assert bounded is not None
    assert [result for _, result, _ in bounded] == [frozenset(), frozenset({"other"})]
    once = chosen(own, Fired(("beat/0",)), (("beat/", 1),))
    assert once is not None
    assert once[-1][2].firings == (("beat/", 1),)


def test_only_who_probes_is_cut_from_the_targets() -> None:
    """A partition from the targets means something to probers alone, and none strikes the environment."""
    system = System(health.scene("x", ((1,),), faults=Faults(1, kinds=frozenset({Fault.PARTITION}))))
    state = system.start
    for _ in range(6):  # the prober reads its configuration and begins to watch
        state = system.steps_of(state, system.index("prober-a"))[0].after
    cut = {system.actors[s.actor].name for s in system.steps(state) if "cut from the targets" in s.label}
    assert cut == {"prober-a"}
    assert not any(system.actors[s.actor].environment for s in system.steps(state) if "is cut from" in s.label)


def test_a_sampled_move_is_found_under_the_label_that_is_listed() -> None:
    """Woken by a hint or not comes to the same in a rest whose answer nobody reads: the system lists one step."""

    async def sleeper() -> None:
        while True:
            await Idle(Rest.POLL, hints=("x",))

    scenario = Scenario("x", "1 sleeper", (Actor("sleeper", "sleeper", sleeper),), StoreCell(), ())
    system = System(scenario)
    (listed,) = system.steps(system.start)
    assert listed.label == "rests"
    assert as_choices(system, [(0, "is woken by a hint", listed.after[0])]) == (0,)
    system.close()
