"""The engines on the specimens: each finds what is there, agrees with the others, and says no more than it did."""

from __future__ import annotations

import statistics
from collections.abc import Callable

import msgspec
import pytest

from holdfast.lab.engines.calming import Event, calmest
from holdfast.lab.engines.dpor import UnsupportedFaultError, explore
from holdfast.lab.engines.exhaustive import Limits, search
from holdfast.lab.engines.sampling import sample
from holdfast.lab.engines.shrink import preemptions, shrink
from holdfast.lab.specimens import first_fix, group_fences, october, paused_planner
from holdfast.lab.system import Happened, Invariant, Scenario, System, View
from holdfast.lab.tape import follow, replay
from holdfast.lab.world.faults import Fault, Faults
from holdfast.ports.store import Commit, Get, Put

FLAWED: dict[str, tuple[Callable[[], Scenario], str]] = {
    "october": (october.scenario, "I2 never empty"),
    "first-fix": (first_fix.scenario, "I2 never empty"),
    "group-fences": (group_fences.scenario, "I1 monotone"),
    "paused-planner": (paused_planner.scenario, "I9 inputs monotone"),
}


@pytest.mark.parametrize("name", FLAWED)
def test_every_specimen_is_caught_and_replays_on_the_real_code(name: str) -> None:
    """Exhaustive search finds the flaw of each specimen; its tape breaks the same property on real coroutines."""
    build, invariant = FLAWED[name]
    outcome = search(System(build()))
    assert outcome.found is not None
    assert outcome.found.broken.startswith(invariant)
    run = replay(System(build()), outcome.found.choices)
    assert run.broken == outcome.found.broken


@pytest.mark.parametrize("name", FLAWED)
def test_the_sampler_catches_every_specimen(name: str) -> None:
    """Sampling finds each flaw within 2,000 schedules."""
    build, invariant = FLAWED[name]
    outcome = sample(System(build()), seed=1, schedules=2_000)
    assert outcome.found is not None
    assert outcome.found.broken.startswith(invariant)


def test_the_shortest_witness_is_the_same_every_time() -> None:
    """Two searches of the October race give one and the same tape, 21 steps long."""
    tapes = {search(System(october.scenario())).found for _ in range(2)}
    assert len(tapes) == 1
    (found,) = tapes
    assert found is not None
    assert len(found.choices) == 21


def test_the_sampler_needs_few_schedules_for_october() -> None:
    """Median over 30 seeds at most 100 schedules, and every seed finds it."""
    counts = []
    for seed in range(30):
        outcome = sample(System(october.scenario()), seed=seed, schedules=5_000)
        assert outcome.found is not None
        counts.append(outcome.count)
    assert statistics.median(counts) <= 100


def test_the_wedge_is_found_and_its_tape_replays() -> None:
    """With I2 left out, the state from which no plan can ever be applied again is found."""
    outcome = search(System(october.scenario(enactors=2, endpoints=1, invariants=False)), wedge=True)
    assert outcome.found is not None
    assert outcome.found.broken.startswith("progress possible")
    replay(System(october.scenario(enactors=2, endpoints=1, invariants=False)), outcome.found.choices)


def test_a_tape_gives_the_same_trace_each_time() -> None:
    """Replays of one tape hash alike, whatever the tables had learned before."""
    found = search(System(october.scenario())).found
    assert found is not None
    used = System(october.scenario())
    sample(used, seed=3, schedules=50)
    traces = {replay(System(october.scenario()), found.choices).trace, replay(used, found.choices).trace}
    assert len(traces) == 1


@pytest.mark.parametrize("seeds", [8, pytest.param(100, marks=pytest.mark.soak)])
def test_shrinking_leaves_a_story_with_few_preemptions(seeds: int) -> None:
    """A sampled October run shrinks within 50 runs to at most two preemptions."""
    for seed in range(seeds):
        system = System(october.scenario())
        found = sample(system, seed=seed, schedules=5_000).found
        assert found is not None
        smaller, runs = shrink(system, found)
        assert runs <= 50
        assert smaller.broken.startswith("I2 never empty")
        assert replay(System(october.scenario()), smaller.choices).broken == smaller.broken
        assert preemptions(system, smaller.choices) <= 2


def test_shrinking_leaves_only_the_faults_that_matter() -> None:
    """October needs no fault at all: a run that was found with two of them is told without any."""
    for seed in range(3):
        system = System(october.scenario(faults=2))
        found = sample(system, seed=seed, schedules=5_000).found
        assert found is not None
        smaller, _ = shrink(system, found)
        assert smaller.broken.startswith("I2 never empty")
        assert sum(step.cost for _, step in follow(system, smaller.choices)) == 0


def test_shrinking_never_leaves_a_run_that_breaks_something_else() -> None:
    """A run that breaks another property first is no run of this breakage: what was found is kept."""

    def stepped(before: View, after: View, step: Happened) -> str | None:
        newest = after.store.get("october/newest")
        return "plan 3 is out" if newest == b"3" and step.by == "planner" else None

    plain = october.scenario()
    system = System(plain)
    found = sample(system, seed=2, schedules=5_000).found
    assert found is not None
    other = System(msgspec.structs.replace(plain, invariants=(Invariant("other", stepped), *plain.invariants)))
    kept, runs = shrink(other, found)
    assert (kept, runs) == (found, 1)


def test_the_calmest_order_keeps_the_end_and_drops_what_it_does_not_depend_on() -> None:
    """Two writers of different keys don't depend on each other; the reader goes last, in one go with nobody."""
    put = {key: Commit(puts=(Put(key, b"1"),)) for key in "ab"}
    events = [
        Event(0, "", Get("x"), rests=False),
        Event(1, "", put["b"], rests=False),
        Event(0, "", put["a"], rests=False),
        Event(2, "", Get("a"), rests=False),
    ]
    order, preempted = calmest(events)
    assert [(e.actor, e.operation) for e in order] == [(0, Get("x")), (0, put["a"]), (2, Get("a"))]
    assert preempted == 1


SMALL = [
    {"plans": 2, "enactors": 1, "endpoints": 1, "rounds": 1},
    {"plans": 2, "enactors": 1, "endpoints": 2, "rounds": 1},
    {"plans": 2, "enactors": 2, "endpoints": 1, "rounds": 1},
    {"plans": 2, "enactors": 2, "endpoints": 2, "rounds": 1},
    {"plans": 3, "enactors": 1, "endpoints": 1, "rounds": 2},
    {"plans": 3, "enactors": 2, "endpoints": 1, "rounds": 1},
]


@pytest.mark.parametrize("size", SMALL, ids=str)
@pytest.mark.parametrize("faults", [0, 1])
def test_engines_agree_on_terminal_states(size: dict[str, int], faults: int) -> None:
    """Partial-order reduction, merged automata and unmerged histories end in exactly the same states."""
    if faults and size["enactors"] > 1:
        size = {**size, "plans": 2, "endpoints": 1}
    build = october.scenario(**size, invariants=False)
    kinds = frozenset({Fault.LOST_REPLY, Fault.UNANSWERED, Fault.REFUSED})
    build = _with_faults(build, Faults(total=faults, kinds=kinds))
    merged, plain = System(build), System(build, merge=False)
    merged.twins = plain.twins = ()
    ends = {_ends(s, search(s, keep_terminal=True).terminal) for s in (merged, plain)}
    system = System(build)
    ends.add(_ends(system, explore(system, keep_terminal=True).terminal))
    assert len(ends) == 1


def _with_faults(scenario: Scenario, faults: Faults) -> Scenario:
    return Scenario(scenario.name, scenario.bounds, scenario.actors, scenario.store, scenario.zones, faults)


def _ends(system: System, terminal: frozenset[tuple[int, ...]]) -> frozenset[object]:
    """Terminal states as values: numbers differ from system to system."""
    return frozenset((v := system.view(s)).store.entries + tuple(v.zones.values()) for s in terminal)


def test_dpor_refuses_what_it_does_not_reduce() -> None:
    """Crashes are for the exhaustive engine; DPOR says so instead of leaving them out."""
    with pytest.raises(UnsupportedFaultError, match="crash"):
        explore(System(october.scenario(faults=1)))


def test_a_search_that_ran_out_of_budget_proves_nothing() -> None:
    """The sentence of an unfinished search says so, with its bounds."""
    system = System(october.scenario(invariants=False))
    outcome = search(system, limits=Limits(states=5_000))
    assert not outcome.complete
    assert "not proved" in outcome.sentence()
    assert "3 plans, 3 enactors, 3 endpoints" in outcome.sentence()
