"""Many schedules side by side are the schedules that run one by one: draw for draw, state for state."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.lab import production
from holdfast.lab.engines import sampling
from holdfast.lab.engines.chance import Draws
from holdfast.lab.engines.flock.arrays import UNKNOWN, Ints, Pairs, Tuples
from holdfast.lab.engines.flock.draws import LaneDraws
from holdfast.lab.engines.flock.lanes import Lanes
from holdfast.lab.engines.flock.running import Numbers
from holdfast.lab.engines.flock.tables import Tables, as_state
from holdfast.lab.engines.flock.verdicts import Verdicts
from holdfast.lab.engines.sampling import run_schedule, run_share, sample
from holdfast.lab.engines.schedule import STEPS_MAX, Schedule
from holdfast.lab.engines.shares import WHOLE, OwnBound, Share
from holdfast.lab.engines.strategies import PORTFOLIO
from holdfast.lab.specimens import group_fences, october
from holdfast.lab.steps import State
from holdfast.lab.system import Scenario, System
from holdfast.lab.world.faults import ALL_FAULTS, Faults

SEED = 3
WORST = Faults(3, kinds=ALL_FAULTS, disasters=production.DISASTERS)
SCENARIOS: dict[str, Callable[[], Scenario]] = {
    "specimen": lambda: october.scenario(enactors=2, endpoints=2, faults=2),
    "properties that break": group_fences.scenario,
    "every fault there is": lambda: production.scenario(plans=2, faults=WORST, transfer=True),
    "actors that wait for others": lambda: production.with_freeze(
        plans=2, faults=2, transfer=True, thaw_after=True, faulty=True
    ),
}


class _Recorded(Lanes):
    """Keeps what each schedule had come to when it ended: draws, steps, state."""

    ends: dict[int, tuple[int, int, State]]

    def _close(self, lanes: Ints) -> None:
        for lane in lanes.tolist():
            state = as_state(self._state[lane], self._actors)
            self.ends[int(self.numbers[lane])] = (int(self._draws.counts[lane]), int(self._taken[lane]), state)
        super()._close(lanes)


def _flown(system: System, schedules: int) -> tuple[dict[int, tuple[int, int, State]], list[int]]:
    tables = Tables(system)
    _Recorded.ends = {}
    broken: list[int] = []
    lanes = _Recorded(
        system,
        tables,
        Verdicts(system, tables),
        seed=SEED,
        width=40,
        steps_max=STEPS_MAX,
        hand_out=Numbers(0, schedules, WHOLE),
        broke=broken.append,
    )
    while len(lanes.numbers):
        lanes.advance()
    return _Recorded.ends, broken


def _values(system: System, state: State) -> tuple[object, ...]:
    """A state as values: numbers differ from system to system."""
    agents = [system.agents.pending[agent] for agent in state[: system.first_cell]]
    cells = [system.agents.cells.values[n] for n in state[system.first_cell : system.flight_at]]
    return (*agents, *cells, system.flight(state), state[system.left_at])


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize("schedules", [60, pytest.param(3_000, marks=pytest.mark.soak)])
def test_lanes_do_what_schedules_do_by_themselves(name: str, schedules: int) -> None:
    """The same number of draws, the same end, the same breakages, whichever schedules run beside."""
    system, alone = System(SCENARIOS[name]()), System(SCENARIOS[name]())
    ends, broken = _flown(system, schedules)
    assert sorted(ends) == list(range(schedules))
    broken_alone = []
    for number in range(schedules):
        draws = Draws(SEED, number)
        run = Schedule(alone, draws, PORTFOLIO[number % len(PORTFOLIO)](draws))
        if run.go(STEPS_MAX):
            broken_alone.append(number)
        else:
            assert _values(system, ends[number][2]) == _values(alone, tuple(run.state))
        assert ends[number][0] == draws.count
    assert sorted(broken) == broken_alone
    assert broken or name != "properties that break"


def test_sampling_without_numpy_finds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """The flock is only quicker: without it the same schedule of the same number is found."""
    monkeypatch.setattr(sampling, "SINGLE", 0)
    quick = sample(System(group_fences.scenario()), seed=5, schedules=2_000)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    plain = sample(System(group_fences.scenario()), seed=5, schedules=2_000)
    assert plain.found is not None
    assert (quick.found, quick.count) == (plain.found, plain.count)


@pytest.mark.parametrize("single", [0, 200])
def test_shares_together_find_what_one_searcher_finds(single: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The smallest number that breaks something is the same, shared out or not; every schedule is in one share."""
    monkeypatch.setattr(sampling, "SINGLE", single)
    whole = sample(System(october.scenario()), seed=8)
    bound = OwnBound()
    until = time.perf_counter() + 60
    found = [
        run_share(
            System(october.scenario()), seed=8, end=400, until=until, share=Share(mine, 3), bound=bound
        ).broken
        for mine in range(3)
    ]
    assert min(number for number in found if number >= 0) == whole.count - 1 == bound.get()
    assert all(sum(Share(mine, 3).has(n) for mine in range(3)) == 1 for n in range(100))


def test_a_share_runs_all_its_schedules_once() -> None:
    """Numbers come from the beginning to the end, whole turns of the portfolio to each share."""
    shares = [Numbers(25, 200, Share(mine, 2)) for mine in range(2)]
    given: list[int] = []
    for numbers in shares:
        for turns in ((0, 3, 7), (1, 2, 4, 5, 6, 8, 9)):
            for _ in range(60):
                given += [n for n in numbers(turns, 2).tolist() if n >= 0]
    assert sorted(given) == list(range(25, 200))


def test_a_schedule_is_its_number_and_its_seed() -> None:
    """Run again by itself it does the same; under another seed it does not."""
    system = System(october.scenario())
    once, again, other = (run_schedule(system, seed, 17)[0].taken for seed in (1, 1, 2))
    assert once == again
    assert once != other


@given(seed=st.integers(-(2**70), 2**70), number=st.integers(0, 2**40))
def test_draws_on_arrays_are_the_draws(seed: int, number: int) -> None:
    """Each lane draws what its schedule draws alone, in any mixture of single and joint draws."""
    alone = Draws(seed, number)
    expected = [alone.random() for _ in range(6)]
    lanes = LaneDraws(seed, 3)
    lanes.begin(np.arange(3), np.array([number + 1, number, number + 2]))
    ones = np.array([1])
    found = [
        *lanes.each(ones),
        lanes.one(1),
        lanes.run(slice(0, 3))[1],
        *lanes.several(slice(1, 2), np.array([0, 0]), np.array([1, 2]), np.array([2])),
        *lanes.each(ones),
    ]
    assert found == expected
    assert all(0 <= value < 1 for value in found)


NUMBERS = st.integers(0, 6) | st.integers(0, 2**31 - 1)


@given(st.lists(st.lists(st.tuples(NUMBERS, st.integers(-1, 2**31 - 2)), max_size=40), max_size=4))
def test_pairs_are_a_dictionary(batches: list[list[tuple[int, int]]]) -> None:
    """What was put is found, what was not is unknown, however it grew."""
    pairs, model = Pairs(), dict[tuple[int, int], int]()
    for batch in batches:
        fresh = [pair for pair in dict.fromkeys(batch) if pair not in model]
        values = range(len(model), len(model) + len(fresh))
        model |= dict(zip(fresh, values, strict=True))
        if fresh:
            ones, others = (np.array(column, dtype=np.int64) for column in zip(*fresh, strict=True))
            pairs.put(ones, others, np.array(values, dtype=np.int64))
        asked = [*model, (7, 7), (0, -1)]
        ones, others = (np.array(column, dtype=np.int64) for column in zip(*asked, strict=True))
        assert pairs.get(ones, others).tolist() == [model.get(pair, UNKNOWN) for pair in asked]


def test_pairs_outgrow_crowded_places() -> None:
    """Many pairs grow the table several times over; all stay."""
    pairs = Pairs()
    ones = np.arange(40_000, dtype=np.int64)
    for begin in range(0, len(ones), 10_000):
        part = ones[begin : begin + 10_000]
        pairs.put(part % 7, part, part)
    assert (pairs.get(ones % 7, ones) == ones).all()
    assert (pairs.get(ones % 7 + 7, ones) == UNKNOWN).all()


ROWS = st.lists(st.tuples(*[st.integers(-1, 3)] * 4), unique=True, max_size=30)


@given(ROWS, ROWS)
def test_tuples_are_a_dictionary(first: list[tuple[int, ...]], second: list[tuple[int, ...]]) -> None:
    """As pairs of pairs they are exact; a head of -1 is a number like any other."""
    second = [row for row in second if row not in first]
    known = Tuples(4)
    model = {row: value for value, row in enumerate([*first, *second])}
    for rows in (first, second):
        if rows:
            columns = [np.array(column, dtype=np.int64) for column in zip(*rows, strict=True)]
            known.put(columns, np.array([model[row] for row in rows], dtype=np.int64))
    asked = [*model, (3, 3, 3, 9), (9, 9, 9, 9)]
    columns = [np.array(column, dtype=np.int64) for column in zip(*asked, strict=True)]
    assert known.get(columns).tolist() == [model.get(row, UNKNOWN) for row in asked]
