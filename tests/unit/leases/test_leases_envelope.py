"""The envelope's laws against a simulation of the shipped rules in virtual time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.fleet.cells import fleet_at, naive, protected
from holdfast.fleet.design import HALF_DEAD, HOLDFAST, NAIVE, Design, Trouble
from holdfast.fleet.driver import Driver
from holdfast.leases.envelope import (
    Fleet,
    Outlook,
    collapse_load,
    envelope,
    free_outage_s,
    goodput,
    held_again_after,
    ideal_recovery_s,
    outlook,
    pressure,
    trigger_share,
)

CELLS = [(0.3, 4), (0.45, 4), (0.6, 4), (0.75, 4), (0.9, 4), (0.6, 8), (0.2, 16), (0.9, 16), (0.8, 2), (0.9, 1.5)]
COLLAPSING = [(load, cost) for load, cost in CELLS if load * cost > 2 * 1.16]
SAFE = [(load, cost) for load, cost in CELLS if load * cost < 2 * 0.91]


@pytest.mark.parametrize(("load", "cost"), COLLAPSING)
def test_naive_design_collapses_where_the_law_says_so(load: float, cost: float) -> None:
    """An hour and a half after its cause has ended, it holds next to nothing and works on stale requests."""
    fleet = fleet_at(load=load, cost=cost)
    assert outlook(fleet) is Outlook.COLLAPSES
    outcome = naive(fleet)
    assert outcome.recovered_s is None
    assert outcome.held_share < 0.1
    assert outcome.stale_share > 0.9


@pytest.mark.parametrize(("load", "cost"), SAFE)
def test_naive_design_recovers_where_the_law_says_so(load: float, cost: float) -> None:
    """Sooner or later."""
    assert naive(fleet_at(load=load, cost=cost)).recovered_s is not None


def test_the_law_is_sharp() -> None:
    """At 0.9 of the threshold it recovers, at 1.1 it does not, whatever the seed."""
    for seed in range(3):
        assert naive(fleet_at(load=0.45, cost=4), seed=seed).recovered_s is not None
        assert naive(fleet_at(load=0.55, cost=4), seed=seed).recovered_s is None


@pytest.mark.parametrize(("load", "cost"), CELLS)
def test_protected_service_recovers_near_the_closed_form(load: float, cost: float) -> None:
    """I8: no collapse; at most 1.1 x the closed form; work begun per success <= 1.05; stale work <= 1 %."""
    fleet = fleet_at(load=load, cost=cost)
    ideal_s = ideal_recovery_s(fleet)
    assert ideal_s is not None
    for seed in range(2):
        outcome = protected(fleet, seed=seed)
        assert outcome.recovered_s is not None
        assert outcome.recovered_s <= max(1.1 * ideal_s, 75.0)  # clients come back over tau + W / 4 in any case
        assert outcome.begun_per_success <= 1.05
        assert outcome.stale_share <= 0.01


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10))
def test_protected_service_recovers_near_the_closed_form_at_ten_thousand_hosts(seed: int) -> None:
    """As above, with fleets of 10^4."""
    for load, cost in CELLS:
        fleet = fleet_at(load=load, cost=cost, size=10_000)
        ideal_s = ideal_recovery_s(fleet)
        outcome = protected(fleet, seed=seed)
        assert ideal_s is not None
        assert outcome.recovered_s is not None
        assert outcome.recovered_s <= max(1.1 * ideal_s, 75.0)


def test_an_outage_within_the_slack_costs_nothing() -> None:
    """Shorter than TTL - tau: no lease is lost, if all renewals that come at once after it may wait in line.

    Longer: the naive design does not come back.
    """
    fleet = fleet_at(load=0.8, cost=8)
    assert free_outage_s(fleet) == 120
    within, longer = Trouble(deaf_s=0, free_s=100), Trouble(deaf_s=0, free_s=170)
    patient = Design(renewal_line_s=fleet.timeout_s / 2)
    for seed in range(4):
        for design in (NAIVE, patient):
            outcome = Driver(fleet, design, seed=seed, trouble=within).advance(600, until_recovered=False)
            assert outcome.begun == 0
    assert naive(fleet, trouble=longer).recovered_s is None
    assert protected(fleet, trouble=longer).recovered_s is not None


def test_a_short_line_of_renewals_loses_leases_after_a_near_miss() -> None:
    """Two seconds of line refuse renewals that have little time left, and hints are a lottery: a weakness."""
    fleet = fleet_at(load=0.8, cost=8)
    trouble = Trouble(deaf_s=0, free_s=100)
    lost = [
        Driver(fleet, HOLDFAST, seed=seed, trouble=trouble).advance(600, until_recovered=False).begun
        for seed in range(4)
    ]
    assert 0 < max(lost) <= 0.1 * fleet.size


@pytest.mark.parametrize("load", [0.6, 0.75, 0.9])
def test_a_loss_below_the_trigger_passes(load: float) -> None:
    """Losing a little less than the bound at once never collapses even the naive design."""
    fleet = fleet_at(load=load, cost=4)
    share = trigger_share(fleet)
    assert share is not None
    assert naive(fleet, trouble=Trouble(lost_share=0.8 * share, deaf_s=0)).held_share >= 0.98


def test_renewals_first_alone_ends_half_dead() -> None:
    """The stable state of the facts: FIFO behind strict priority holds part of the fleet for ever."""
    outcome = Driver(fleet_at(load=0.6, cost=8), HALF_DEAD, seed=1).advance(8000)
    assert outcome.recovered_s is None
    assert 0.0 <= outcome.held_share < 0.9


fleets = st.builds(
    Fleet,
    size=st.integers(1, 10**6),
    renewals_per_s=st.floats(1, 1e5),
    cost=st.floats(0.5, 50),
    ttl_s=st.floats(100, 1000),
    renew_every_s=st.floats(1, 60),
    timeout_s=st.floats(1, 120),
)


@given(fleets)
def test_the_parts_of_the_envelope_agree(fleet: Fleet) -> None:
    """Pressure 1 is the collapse load; the loop of hysteresis lies between that load and 1."""
    seen = envelope(fleet)
    assert (pressure(fleet) > 1) == (fleet.load > (1 + fleet.timeout_s / fleet.renew_every_s) / fleet.cost)
    assert 0 < seen.collapse_load <= 1
    assert (seen.naive is Outlook.OVERLOADED) == (fleet.load >= 1)
    if seen.expected_s is not None and seen.ideal_s is not None:
        assert 0 < seen.expected_s[0] < seen.ideal_s < seen.expected_s[1]
    edge = collapse_load(fleet)
    if edge < 0.99:
        between = (edge + 1) / 2
        assert goodput(fleet, load=between, collapsed=False) == between
        assert goodput(fleet, load=between, collapsed=True) == 0
        assert goodput(fleet, load=edge * 0.99, collapsed=True) == edge * 0.99
        assert trigger_share(fleet, load=edge * 0.99) is None
        assert 0 < (trigger_share(fleet, load=between) or 0) < 1


def test_a_fleet_that_makes_no_sense_is_refused_with_the_reason() -> None:
    """Zero hosts; a renewal that comes after the lease has run out."""
    with pytest.raises(ValueError, match="above 0"):
        Fleet(size=0, renewals_per_s=10)
    with pytest.raises(ValueError, match="runs out between renewals"):
        Fleet(size=10, renewals_per_s=10, ttl_s=60, renew_every_s=60)


def test_what_can_not_be_renewed_is_never_held_again() -> None:
    """An overloaded service; and as many clients as leases unless told otherwise, never more."""
    over = Fleet(size=1000, renewals_per_s=10)
    assert held_again_after(over, outage_s=1.0) is None
    assert (envelope(over).restart, envelope(over).longest) == (None, None)
    alone, together = (Fleet(size=1000, renewals_per_s=100, clients=clients) for clients in (0, 10))
    assert held_again_after(alone, outage_s=90.0) == held_again_after(
        Fleet(size=1000, renewals_per_s=100, clients=1000), outage_s=90.0
    )
    once, sooner = envelope(alone).restart, envelope(together).restart
    assert once is not None
    assert sooner is not None
    assert sooner.expected_s < once.expected_s, "a client of many sends along what is due soon"
    assert envelope(alone).longest != envelope(together).longest
    with pytest.raises(ValueError, match="1 to 10 clients, not by 11"):
        Fleet(size=10, renewals_per_s=100, clients=11)
