"""The exhaustive search on arrays: state for state the plain one, on correct and on flawed designs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.lab import production
from holdfast.lab.engines import exhaustive
from holdfast.lab.engines.columns import searching
from holdfast.lab.engines.columns.packing import Met, Packing, TooWideError
from holdfast.lab.engines.columns.wedges import first_stuck
from holdfast.lab.specimens import first_fix, group_fences, lost_chunks, october, paused_planner
from holdfast.lab.system import Scenario, System
from holdfast.lab.tape import replay
from holdfast.lab.world.faults import ALL_FAULTS, USUAL_FAULTS, Faults


def _bounded(faults: int) -> Scenario:
    return october.scenario(plans=2, enactors=2, endpoints=2, rounds=2, faults=faults, invariants=False)


def _struck(kinds: frozenset[object] = frozenset(USUAL_FAULTS), total: int = 1) -> Faults:
    return Faults(total, kinds=kinds, disasters=production.DISASTERS)  # type: ignore[arg-type]  # kinds of faults


FLAWED: dict[str, Callable[[], Scenario]] = {
    "october": october.scenario,
    "first-fix": first_fix.scenario,
    "group-fences": group_fences.scenario,
    "paused-planner": paused_planner.scenario,
}
WEDGED: dict[str, Callable[[], Scenario]] = {
    "october": lambda: october.scenario(enactors=2, endpoints=1, invariants=False),
    "lost-chunks": lost_chunks.scenario,
}
SOUND: dict[str, Callable[[], Scenario]] = {
    "october without invariants": lambda: _bounded(0),
    "and with a fault": lambda: _bounded(1),
    "production": lambda: production.scenario(plans=3, enactors=2, transfer=True),
    "production with disasters": lambda: production.scenario(plans=2, enactors=1, faults=_struck()),
    "production with every fault": lambda: production.scenario(
        plans=2, enactors=1, faults=_struck(frozenset(ALL_FAULTS)), transfer=True
    ),
    "messages of a freezer in flight": lambda: production.with_freeze(
        plans=1, enactors=1, faults=Faults(2), transfer=True, faulty=True
    ),
    "a thaw that waits": lambda: production.with_freeze(plans=1, enactors=2, transfer=True, thaw_after=True),
}


@pytest.mark.parametrize("name", SOUND)
def test_states_steps_and_terminal_states_are_those_of_the_plain_search(name: str) -> None:
    """Counted and compared one by one, also that nothing is wedged where that can be asked."""
    system = System(SOUND[name]())
    wedge = name.startswith("production")
    ours = searching.search(system, wedge=wedge, keep_terminal=True)
    plain = exhaustive.search(system, wedge=wedge, keep_terminal=True)
    assert plain.complete
    assert (ours.count, ours.steps, ours.complete) == (plain.count, plain.steps, True)
    assert ours.terminal == plain.terminal


@pytest.mark.parametrize("name", FLAWED)
def test_the_same_shortest_witness_is_found(name: str) -> None:
    """Choice for choice on the same tables, after as many states, in the same words; its tape replays.

    On tables of its own agents are numbered as they are met, so of twins the other one may go first.
    """
    system = System(FLAWED[name]())
    ours, plain = searching.search(system), exhaustive.search(system)
    assert ours.found is not None
    assert (ours.found, ours.count, ours.steps) == (plain.found, plain.count, plain.steps)
    alone = exhaustive.search(System(FLAWED[name]()))
    assert alone.found is not None
    assert (len(alone.found.choices), alone.count) == (len(ours.found.choices), ours.count)
    assert replay(System(FLAWED[name]()), ours.found.choices).broken == ours.found.broken


@pytest.mark.parametrize("name", WEDGED)
def test_the_same_wedge_is_found(name: str) -> None:
    """The first state of the search from which no way leads on."""
    system = System(WEDGED[name]())
    ours = searching.search(system, wedge=True)
    assert ours.found is not None
    assert ours.found == exhaustive.search(system, wedge=True).found
    assert ours.found.broken.startswith("progress possible")


def test_chunks_and_tables_learned_before_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A level cut into small chunks, packed again in between, gives the same numbers."""
    system = System(_bounded(1))
    whole = searching.search(system, keep_terminal=True)
    monkeypatch.setattr(searching, "CHUNK", 97)
    for again in (system, System(_bounded(1))):
        cut = searching.search(again, keep_terminal=True)
        assert (cut.count, cut.steps, len(cut.terminal)) == (whole.count, whole.steps, len(whole.terminal))


def test_a_limit_ends_it_without_an_answer() -> None:
    """And the sentence says so."""
    outcome = searching.search(System(_bounded(1)), limits=exhaustive.Limits(states=500))
    assert not outcome.complete
    assert "the budget ended first" in outcome.sentence()


def test_a_state_that_does_not_fit_is_refused_in_words() -> None:
    """64 bits are all; nothing is cut off silently."""
    packing = Packing(System(october.scenario(enactors=3)))
    with pytest.raises(TooWideError, match="use the exhaustive engine"):
        packing.grow(1 << 62)


numbers = st.lists(st.integers(0, 40), max_size=12)


@given(st.lists(numbers, max_size=12))
def test_what_was_met_is_found_under_its_number(batches: list[list[int]]) -> None:
    """Against a dictionary."""
    met, known = Met(), dict[int, int]()
    for batch in batches:
        keys = sorted(set(batch))
        found = met.numbers(np.array(keys, dtype=np.uint64))
        assert found.tolist() == [known.get(key, -1) for key in keys]
        fresh = [key for key in keys if key not in known]
        known |= {key: len(known) + at for at, key in enumerate(fresh)}
        met.add(np.array(fresh, dtype=np.uint64), np.array([known[key] for key in fresh], dtype=np.int64))


edges = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=20)


@given(edges, st.sets(st.integers(0, 7)))
def test_stuck_is_who_reaches_no_good_state(steps: list[tuple[int, int]], good: set[int]) -> None:
    """By definition."""
    reached = set(good)
    while more := {a for a, b in steps if b in reached} - reached:
        reached |= more
    stuck = min(set(range(8)) - reached, default=-1)
    before, after = (np.array([s[i] for s in steps], dtype=np.int64) for i in (0, 1))
    assert first_stuck([before], [after], np.array([n in good for n in range(8)])) == stuck
