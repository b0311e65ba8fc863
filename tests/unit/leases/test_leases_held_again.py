"""When all leases are held again: the law against its own definition, by properties and by drawing."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.leases.held_again import Interval, Messages, held_again, turn
from holdfast.leases.law import patience_s

intervals = st.builds(
    lambda least_s, more_s: Interval(least_s, least_s + more_s), st.floats(0.1, 50), st.floats(0.1, 50)
)


@given(intervals, st.floats(0, 120), st.floats(0, 20))
def test_the_longer_the_wait_the_fewer_have_more_left(each: Interval, wait_s: float, more_s: float) -> None:
    """From 1 at once to 0 at the longest interval, falling; of many one has more left sooner than of a few."""
    assert each.left_beyond(0.0) == 1
    assert each.left_beyond(each.most_s) == 0
    assert 0 <= each.left_beyond(wait_s + more_s) <= each.left_beyond(wait_s) <= 1
    assert (
        each.all_over(wait_s, count=50)
        <= each.all_over(wait_s, count=5)
        <= each.all_over(wait_s + more_s, count=5)
    )


@pytest.mark.parametrize("each", [turn(30.0), Interval(*patience_s(90.0, many=False))])
def test_what_is_left_is_as_of_an_interval_that_goes_on_for_ever(each: Interval) -> None:
    """Drawn: intervals in a row, looked at a random moment; the share with more left than the law's tenths."""
    rng = random.Random(1)
    left: list[float] = []
    for _ in range(4000):
        moment_s, end_s = 1000.0 + rng.random() * each.most_s, 0.0
        while end_s < moment_s:
            end_s += rng.uniform(each.least_s, each.most_s)
        left.append(end_s - moment_s)
    for tenth in range(1, 10):
        wait_s = each.most_s * tenth / 10
        drawn = sum(one_s > wait_s for one_s in left) / len(left)
        assert drawn == pytest.approx(each.left_beyond(wait_s), abs=0.03)


cases = st.fixed_dictionaries(
    {
        "size": st.integers(10, 10**6),
        "ttl_s": st.floats(30, 1000),
        "load": st.floats(0.001, 0.999),
        "outage_s": st.floats(0, 2000),
    }
)


@given(cases, st.integers(1, 10))
def test_all_are_held_again_by_the_latest_of_three(case: dict[str, float], clients: int) -> None:
    """Never before all work is done; never after the longest turn or patience, or the work and two time-outs, and
    a time-out and what one client has due after that.
    """
    tau_s, load, size = case["ttl_s"] / 3, case["load"], int(case["size"])
    work_s = load * tau_s
    found = held_again(
        size=size,
        clients=clients,
        ttl_s=case["ttl_s"],
        renew_every_s=tau_s,
        renewals_per_s=size / work_s,
        outage_s=case["outage_s"],
    )
    turns_s = max(turn(tau_s).most_s - case["outage_s"], 0.0)
    most_s = max(work_s + 20.0, turns_s, patience_s(case["ttl_s"], many=size > clients)[1])
    assert work_s * (1 - 1e-9) <= found.least_s <= found.expected_s <= found.most_s
    assert found.most_s <= most_s + 10.0 + work_s / clients + 1e-6


def test_a_client_of_one_lease_renews_it_in_its_own_time() -> None:
    """Alone in its message, never early; of many, a message takes along what is due within 2 % of the TTL."""
    assert Messages.of(1, ttl_s=90.0, renew_every_s=30.0) == Messages(1.0, 0.0)
    many = Messages.of(2500, ttl_s=90.0, renew_every_s=30.0)
    assert many.size == pytest.approx(1 + 2500 * 1.8 / 30)
    assert 0.89 < many.early_s < 0.9


def test_short_outages_wait_for_turns_long_ones_for_tries_and_slow_services_for_work() -> None:
    """Of 50,000 leases one is due last, nearly for certain; of 20 clients none need have the longest wait."""
    short, long, slow = (
        held_again(
            size=50_000, clients=20, ttl_s=90.0, renew_every_s=30.0, renewals_per_s=per_s, outage_s=outage_s
        )
        for per_s, outage_s in ((15_000.0, 1.0), (15_000.0, 40.0), (2_000.0, 40.0))
    )
    assert 29.2 < short.least_s < 31.1 < short.expected_s < 31.2 < 31.9 < short.most_s < 32.1
    assert 6.0 < long.least_s < 7.0 < long.expected_s < 7.6 < long.most_s < 8.4
    assert (slow.least_s, slow.expected_s) == (25.0, 30.0), "the line outgrows the time-out"
    assert 42.0 < slow.most_s < 45.0, (
        "who was sent away is back when the line has gone, and one client's work is done"
    )
