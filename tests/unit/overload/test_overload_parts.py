"""Service times, hints, retry budget, breaker."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.overload import (
    Breaker,
    BreakerSettings,
    BudgetSettings,
    LimiterSettings,
    Outstanding,
    RetryBudget,
    ServiceTimes,
    retry_after_s,
)


@given(st.lists(st.floats(1e-6, 10.0), min_size=1, max_size=700))
def test_mean_and_p99_are_those_of_the_recent_times(times: list[float]) -> None:
    """Mean exactly, the percentile as it was at most 32 observations ago, and always a time that was seen."""
    seen = ServiceTimes(1.0)
    for took_s in times:
        seen.observe(took_s)
    recent = times[-256:]
    assert seen.mean_s == pytest.approx(sum(recent) / len(recent))
    assert seen.p99_s in times


@given(st.lists(st.floats(1e-6, 10.0), min_size=1, max_size=300), st.integers(1, 12))
def test_times_that_were_disproved_are_forgotten_by_halves(times: list[float], often: int) -> None:
    """The older half each time, down to eight; both figures are of the others at once."""
    seen = ServiceTimes(1.0)
    for took_s in times:
        seen.observe(took_s)
    kept = times[-256:]
    for _ in range(often):
        seen.disproved()
        kept = kept[-max(8, len(kept) // 2) :]
    assert seen.seen
    assert seen.mean_s == pytest.approx(sum(kept) / len(kept))
    assert seen.p99_s == sorted(kept)[int(0.99 * (len(kept) - 1))]


@given(st.floats(0, 1e7), st.floats(-10, 1e5), st.floats(0, 0.999))
def test_hints_spread_the_backlog_over_the_time_it_takes(backlog: float, spare: float, chance: float) -> None:
    """uniform(0, min(backlog / spare, cap)); without spare capacity the cap."""
    after_s = retry_after_s(backlog=backlog, spare_per_s=spare, chance=chance)
    assert 0 <= after_s <= 120
    if spare > 0:
        assert after_s <= max(backlog, 1.0) / spare
    else:
        assert after_s == pytest.approx(chance * 120)


def test_hint_has_a_floor_if_asked() -> None:
    """No client is told to come back at once."""
    assert retry_after_s(backlog=1, spare_per_s=1000, chance=0.0, least_s=0.5) == 0.5
    assert retry_after_s(backlog=1000, spare_per_s=100, chance=0.5, least_s=1.0) == pytest.approx(5.5)


@given(st.lists(st.tuples(st.floats(0, 20), st.floats(0, 118)), max_size=80))
def test_outstanding_counts_hints_that_still_run(story: list[tuple[float, float]]) -> None:
    """Exact to the width of a slot, at any later time."""
    outstanding, now_s, ends = Outstanding(), 0.0, []
    for step_s, after_s in story:
        now_s += step_s
        outstanding.add(after_s, now_s=now_s)
        ends.append(now_s + after_s)
        least = sum(end > now_s + 1 for end in ends)
        most = sum(end > now_s - 2 for end in ends)
        assert least <= outstanding.count <= most
    assert outstanding.advance(now_s + 1000) == 0


def test_retries_never_multiply_load() -> None:
    """A client that fails for an hour retries at most its share, its trickle and what it had saved up."""
    budget = RetryBudget(BudgetSettings(share=0.1, trickle_per_s=0.1, most=10, first=10), now_s=0.0)
    retries = 0
    for second in range(3600):
        budget.request(now_s=float(second))
        retries += sum(budget.retry(now_s=float(second)) for _ in range(5))
    assert 0.15 * 3600 <= retries <= 10 + 0.2 * 3600 + 1


def test_an_empty_budget_says_when_the_next_retry_is_due() -> None:
    """The wait is the trickle's; at its end the retry is allowed."""
    budget = RetryBudget(BudgetSettings(trickle_per_s=0.5, first=0), now_s=0.0)
    assert not budget.retry(now_s=0.0)
    assert budget.wait_s(now_s=0.0) == pytest.approx(2.0)
    assert budget.retry(now_s=2.0)


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 5)), max_size=300))
def test_breaker_always_lets_probes_through(story: list[tuple[bool, float]]) -> None:
    """Whatever happened, never more than 80 % are rejected, and a chance above that always passes."""
    breaker, now_s = Breaker(), 0.0
    for ok, step_s in story:
        now_s += step_s
        breaker.record(ok=ok, now_s=now_s)
        assert 0 <= breaker.reject_share(now_s=now_s) <= 0.8
        assert breaker.allow(now_s=now_s, chance=0.8)


def test_breaker_trips_beyond_95_percent_failure_and_closes_by_itself() -> None:
    """At 90 % failure nothing is rejected; when all fail most is; successes or a quiet window close it."""
    some, all_ = Breaker(), Breaker()
    for number in range(200):
        some.record(ok=number % 10 == 0, now_s=number * 0.1)
        all_.record(ok=False, now_s=number * 0.1)
    assert some.reject_share(now_s=20.0) == 0.0
    assert all_.reject_share(now_s=20.0) == 0.8
    assert all_.reject_share(now_s=60.0) == 0.0
    for _ in range(20):
        all_.record(ok=True, now_s=21.0)
    assert all_.reject_share(now_s=21.0) == 0.0


def test_breaker_window_follows_the_timeout() -> None:
    """max(30 s, 2 W)."""
    assert BreakerSettings.for_timeout(5).window_s == 30
    assert BreakerSettings.for_timeout(60).window_s == 120


@pytest.mark.parametrize(
    "make",
    [
        lambda: LimiterSettings(first=1, least=2),
        lambda: LimiterSettings(smoothing=0),
        lambda: BreakerSettings(trip=1.0),
        lambda: BudgetSettings(first=20, most=10),
        lambda: ServiceTimes(0.0),
        lambda: Outstanding(horizon_s=1, slot_s=2),
    ],
)
def test_settings_that_make_no_sense_are_refused(make: object) -> None:
    """At once, and by name."""
    assert callable(make)
    with pytest.raises(ValueError, match=r"\w"):
        make()
