"""I8 in all 15 (rho, k) cells: by the driver on the shipped rules, and at 10^5 by the model of whole fleets."""

from __future__ import annotations

import pytest

from holdfast.fleet.cells import CELLS, fleet_at, horizon_s, judge
from holdfast.fleet.design import HOLDFAST, NAIVE, Trouble
from holdfast.fleet.driver import Driver
from holdfast.fleet.model import Model
from holdfast.leases.envelope import Outlook, outlook

SEEDS = 100


@pytest.mark.parametrize(("load", "cost"), CELLS)
def test_a_cell_recovers(load: float, cost: float) -> None:
    """The driver with 500 hosts, two seeds; the model with 10^4, three."""
    small, large = fleet_at(load=load, cost=cost, size=500), fleet_at(load=load, cost=cost, size=10_000)
    driven = [Driver(small, HOLDFAST, seed=seed).advance(horizon_s(small, Trouble())) for seed in range(2)]
    modelled = [Model(large, HOLDFAST, seed=seed).advance(horizon_s(large, Trouble())) for seed in range(3)]
    for outcomes in (driven, modelled):
        verdict = judge(load, cost, outcomes)
        assert verdict.good, verdict


@pytest.mark.parametrize(("load", "cost"), CELLS)
def test_a_naive_cell_collapses_where_the_law_says_so(load: float, cost: float) -> None:
    """Where k rho is above the edge it never comes back; the driver, one seed."""
    fleet = fleet_at(load=load, cost=cost, size=300)
    outcome = Driver(fleet, NAIVE, seed=1).advance(5000)
    if outlook(fleet) is Outlook.COLLAPSES:
        assert outcome.recovered_s is None
        assert outcome.held_share < 0.1


@pytest.mark.soak
@pytest.mark.parametrize(("load", "cost"), CELLS)
def test_a_cell_recovers_with_every_seed(load: float, cost: float) -> None:
    """100 seeds: the driver with 1,000 hosts, the model with 10^5. Prints the row of the table."""
    small, large = fleet_at(load=load, cost=cost, size=1000), fleet_at(load=load, cost=cost, size=100_000)
    driven = judge(
        load, cost, (Driver(small, HOLDFAST, seed=s).advance(horizon_s(small, Trouble())) for s in range(SEEDS))
    )
    modelled = judge(
        load, cost, (Model(large, HOLDFAST, seed=s).advance(horizon_s(large, Trouble())) for s in range(SEEDS))
    )
    print(f"\ndriver {driven}\nmodel  {modelled}")
    assert driven.good
    assert modelled.good


@pytest.mark.soak
@pytest.mark.parametrize(("load", "cost"), CELLS)
def test_a_naive_cell_collapses_with_every_seed(load: float, cost: float) -> None:
    """100 seeds of the model with 10^4 hosts; what recovers, recovers only where the law does not say collapse."""
    fleet = fleet_at(load=load, cost=cost, size=10_000)
    outcomes = [Model(fleet, NAIVE, seed=seed).advance(horizon_s(fleet, Trouble())) for seed in range(SEEDS)]
    back = sum(o.recovered_s is not None for o in outcomes)
    print(f"\nload {load} k {cost}: {outlook(fleet).value}; {back} of {SEEDS} recovered")
    assert back == 0 or outlook(fleet) is not Outlook.COLLAPSES
