"""The model of whole fleets against the driver on the shipped rules, and against the closed forms."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.fleet.cells import CELLS, fleet_at
from holdfast.fleet.design import HALF_DEAD, HOLDFAST, NAIVE, Design, Outcome, Trouble, half_dead
from holdfast.fleet.driver import Driver
from holdfast.fleet.line import Line
from holdfast.fleet.model import Model
from holdfast.fleet.wheel import Wheel, delay_shares
from holdfast.leases.envelope import Outlook, ideal_recovery_s, outlook

NEAR = 0.05
SAMPLE = [(0.45, 4.0), (0.9, 4.0), (0.6, 16.0)]


def _holds(model: Outcome, driver: Outcome) -> None:
    assert model.recovered_s is not None
    assert driver.recovered_s is not None
    assert model.recovered_s == pytest.approx(driver.recovered_s, rel=NEAR)
    assert model.attempts_per_success == pytest.approx(driver.attempts_per_success, rel=NEAR)


@pytest.mark.parametrize(("load", "cost"), SAMPLE)
def test_the_model_does_what_the_rules_do(load: float, cost: float) -> None:
    """Recovery time and attempts per success within 5 % of the driver."""
    fleet = fleet_at(load=load, cost=cost, size=2000)
    _holds(Model(fleet, HOLDFAST, seed=2).advance(20_000), Driver(fleet, HOLDFAST, seed=2).advance(20_000))


@pytest.mark.soak
@pytest.mark.parametrize(("load", "cost"), CELLS)
def test_the_model_does_what_the_rules_do_at_ten_thousand_hosts(load: float, cost: float) -> None:
    """As above, in all cells, with 10^4 hosts. Prints the differences."""
    fleet = fleet_at(load=load, cost=cost, size=10_000)
    model, driver = (kind(fleet, HOLDFAST, seed=3).advance(20_000) for kind in (Model, Driver))
    time_share = (model.recovered_s or 0.0) / (driver.recovered_s or 1.0)
    asked_share = model.attempts_per_success / driver.attempts_per_success
    print(f"\nload {load} k {cost}: model / driver: time {time_share:.3f}, attempts {asked_share:.3f}")
    _holds(model, driver)


@pytest.mark.parametrize(("load", "cost"), CELLS)
def test_the_model_recovers_as_the_closed_form_says(load: float, cost: float) -> None:
    """10^4 leases: at most 12 % sooner, never later than 1.1 x."""
    fleet = fleet_at(load=load, cost=cost, size=10_000)
    ideal_s = ideal_recovery_s(fleet)
    outcome = Model(fleet, HOLDFAST, seed=4).advance(20_000)
    assert ideal_s is not None
    assert outcome.recovered_s is not None
    assert 0.85 * ideal_s <= outcome.recovered_s <= 1.1 * ideal_s
    assert outcome.begun_per_success <= 1.05
    assert outcome.stale_share <= 0.01


@pytest.mark.parametrize(("load", "cost"), CELLS)
def test_the_model_collapses_where_the_law_says_so(load: float, cost: float) -> None:
    """Naive: never, where the law says that it collapses; sooner or later, where it says the contrary."""
    fleet = fleet_at(load=load, cost=cost, size=3000)
    outcome = Model(fleet, NAIVE, seed=5).advance(6000)
    if outlook(fleet) is Outlook.COLLAPSES:
        assert outcome.recovered_s is None
        assert outcome.stale_share > 0.9
    if outlook(fleet) is Outlook.RECOVERS:
        assert outcome.recovered_s is not None


@pytest.mark.parametrize("kind", [Model, Driver])
def test_the_half_dead_state_is_stable_and_detected(kind: type[Model] | type[Driver]) -> None:
    """Renewals first, then first come first served: half the fleet is held, all else is in vain, hour by hour."""
    fleet = fleet_at(load=0.6, cost=8, size=400)
    run = kind(fleet, HALF_DEAD, seed=1, trouble=Trouble(lost_share=0.7, deaf_s=0))
    first, second, third = (run.advance(h * 1800, until_recovered=False) for h in (1, 2, 3))
    assert half_dead(first, second)
    assert half_dead(second, third)
    assert 0.4 < third.held_share < 0.7


@pytest.mark.soak
def test_the_half_dead_state_is_detected_with_every_seed() -> None:
    """100 seeds of the model: half-dead from the first half hour to the third, and told so; prints it."""
    fleet = fleet_at(load=0.6, cost=8, size=2000)
    held = []
    for seed in range(100):
        run = Model(fleet, HALF_DEAD, seed=seed, trouble=Trouble(lost_share=0.7, deaf_s=0))
        first, second, third = (run.advance(h * 1800, until_recovered=False) for h in (1, 2, 3))
        assert half_dead(first, second)
        assert half_dead(second, third)
        held.append(third.held_share)
    print(f"\nhalf-dead in 100 of 100 runs: {min(held):.1%} to {max(held):.1%} held for an hour and a half")


def test_what_recovers_or_is_dead_is_not_half_dead() -> None:
    """The shipped design after the same loss; the naive one that holds nothing."""
    fleet = fleet_at(load=0.6, cost=8, size=1000)
    for design, trouble in ((HOLDFAST, Trouble(lost_share=0.7, deaf_s=0)), (NAIVE, Trouble())):
        run = Model(fleet, design, seed=1, trouble=trouble)
        seen = [run.advance(at_s, until_recovered=False) for at_s in (600, 1200, 3600, 4200)]
        assert not any(half_dead(a, b) for a, b in itertools.pairwise(seen))


@pytest.mark.parametrize("design", [HOLDFAST, NAIVE, HALF_DEAD])
def test_a_calm_step_is_the_same_as_the_long_way(design: Design, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lease by lease, through a loss and the calm after it."""
    fleet = fleet_at(load=0.45, cost=4, size=500)
    for lost_share in (0.0, 0.7):
        runs = [Model(fleet, design, seed=6, trouble=Trouble(lost_share=lost_share, deaf_s=0)) for _ in range(2)]
        short = runs[0].advance(900, until_recovered=False)
        with monkeypatch.context() as patch:
            patch.setattr(Model, "_calm", lambda *_: False)
            assert runs[1].advance(900, until_recovered=False) == short
        assert np.array_equal(runs[0]._until, runs[1]._until)


def test_a_million_stale_calls_are_a_small_queue() -> None:
    """What nobody waits for any more is two counts: a naive queue of an outage of hours stays small."""
    line = Line((1.0, 4.0))
    for step in range(1000):
        line.put(step, step % 2, np.arange(1000, dtype=np.intp))
        line.gives_up(step - 60, keep=True)
    assert line.pieces == pytest.approx(1_000_000)
    assert line.waiting == 60_000
    assert len(line._groups) == 60


@settings(max_examples=100, deadline=None)
@given(st.floats(0, 100), st.floats(0, 100), st.sampled_from([0.5, 1.0, 2.0]))
def test_delays_are_dealt_as_they_would_be_drawn(from_s: float, span_s: float, step_s: float) -> None:
    """Shares sum to one, begin with the next step, and have the mean of the delay."""
    first, shares = delay_shares(from_s, from_s + span_s, step_s)
    assert first >= 1
    assert math.isclose(shares.sum(), 1.0)
    mean_s = float((np.arange(first, first + len(shares)) * shares).sum()) * step_s
    assert mean_s == pytest.approx(max(from_s + span_s / 2, step_s), abs=step_s / 2 + 1e-6)


def test_the_wheel_loses_nobody() -> None:
    """Everybody who is dealt a delay acts once, within it."""
    wheel = Wheel(np.random.default_rng(1), horizon_s=130, step_s=1.0)
    wheel.deal(np.arange(5000, dtype=np.intp), from_s=54.0, to_s=66.0)
    seen = []
    for wheel.now in range(1, 70):
        hosts = wheel.take()
        assert not len(hosts) or 54 <= wheel.now <= 67
        seen.extend(hosts.tolist())
    assert sorted(seen) == list(range(5000))


def test_a_throttle_below_one_a_second_still_lets_some_in() -> None:
    """Who throttles to one establishment in four seconds gets one in four seconds."""
    run = Model(fleet_at(load=0.6, cost=4, size=500), HOLDFAST, seed=1, trouble=Trouble(deaf_s=0))
    run.admits_per_s = 0.25
    assert run.advance(400).succeeded == pytest.approx(100, abs=2)
