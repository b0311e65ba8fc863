"""What a service serves while it refuses others, and the hints that follow from it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.overload import CrowdPace, retry_after_s
from holdfast.overload.pace import CROWDED_S, KEPT_S, LEAST_S


def _crowd(pace: CrowdPace, *, from_s: float, to_s: float, per_s: float, lump_s: float = 1.0) -> float:
    """Refusals all the time, and work that is finished in lumps; when it ends."""
    at_s = from_s
    while at_s < to_s:
        for second in range(math.ceil(lump_s)):
            pace.refused(now_s=at_s + second / 2)
        pace.served(round(per_s * lump_s), now_s=at_s + lump_s / 2)
        at_s += lump_s
    return at_s


def test_it_is_known_after_a_while_of_a_crowd() -> None:
    """Not from the first lump; then it is what was served in a second."""
    pace = CrowdPace()
    assert pace.per_s(now_s=0.0) is None
    now_s = _crowd(pace, from_s=0.0, to_s=LEAST_S / 2, per_s=40.0)
    assert pace.per_s(now_s=now_s) is None
    now_s = _crowd(pace, from_s=now_s, to_s=60.0, per_s=40.0)
    assert pace.per_s(now_s=now_s) == pytest.approx(40.0, rel=0.05)


def test_a_service_that_gets_slower_or_faster_is_followed() -> None:
    """A minute later what was before counts for a twentieth."""
    pace = CrowdPace()
    now_s = _crowd(pace, from_s=0.0, to_s=60.0, per_s=40.0)
    for per_s in (10.0, 100.0):
        now_s = _crowd(pace, from_s=now_s, to_s=now_s + 60.0, per_s=per_s)
        assert pace.per_s(now_s=now_s) == pytest.approx(per_s, rel=0.25)


def test_what_is_served_without_a_crowd_says_nothing() -> None:
    """Few come, and few are served: that is no want of capacity. Between crowds the figure stands still."""
    pace = CrowdPace()
    for second in range(100):
        pace.served(1, now_s=float(second))
    assert pace.per_s(now_s=100.0) is None
    end_s = _crowd(pace, from_s=100.0, to_s=160.0, per_s=40.0)
    known = pace.per_s(now_s=end_s + CROWDED_S)
    pace.served(1, now_s=end_s + CROWDED_S + 10.0)
    assert pace.per_s(now_s=end_s + KEPT_S - 2.0) == known


def test_it_is_forgotten_long_after_the_crowd() -> None:
    """Another day's crowd is told nothing by it."""
    pace = CrowdPace()
    end_s = _crowd(pace, from_s=0.0, to_s=60.0, per_s=40.0)
    pace.refused(now_s=end_s + KEPT_S + 1.0)
    assert pace.per_s(now_s=end_s + KEPT_S + 1.0) is None


def test_a_store_that_hangs_is_no_slow_store() -> None:
    """Nothing is served for a minute, and all are refused: when it goes on, it is as fast as before."""
    pace = CrowdPace()
    now_s = _crowd(pace, from_s=0.0, to_s=60.0, per_s=40.0)
    for _ in range(60):
        now_s += 1.0
        pace.refused(now_s=now_s)
    pace.served(40, now_s=now_s)
    assert pace.per_s(now_s=now_s) == pytest.approx(40.0, rel=0.05)


def test_between_two_lumps_it_is_no_slower() -> None:
    """A commit of a slow service takes ten seconds: a moment before its end the pace is what it was."""
    pace = CrowdPace()
    end_s = _crowd(pace, from_s=0.0, to_s=80.0, per_s=5.0, lump_s=10.0)
    pace.refused(now_s=end_s + 4.9)
    assert pace.per_s(now_s=end_s + 4.9) == pytest.approx(5.0, rel=0.05)


@given(
    backlog=st.floats(0, 1e7),
    spare=st.floats(-10, 1e6),
    chance=st.floats(0, 1, exclude_max=True),
    cap=st.floats(1, 600),
    least=st.floats(0, 1),
    takes=st.floats(0, 1),
)
def test_a_hint_lies_between_its_floor_and_its_cap(
    backlog: float, spare: float, chance: float, cap: float, least: float, takes: float
) -> None:
    """Whatever is known or believed."""
    after_s = retry_after_s(
        backlog=backlog, spare_per_s=spare, chance=chance, cap_s=cap, least_s=least, takes_share=takes
    )
    assert least <= after_s <= cap + 1e-9


def test_hints_follow_a_spare_rate_that_falls() -> None:
    """Each that is served takes a share of the rate: in every tenth of the time as many are called as served."""
    backlog, spare_per_s, takes = 1000, 50.0, 0.0006
    hints_s = [
        retry_after_s(backlog=backlog, spare_per_s=spare_per_s, chance=n / backlog, cap_s=1e9, takes_share=takes)
        for n in range(backlog)
    ]
    span_s = -math.log(1 - takes * backlog) / (takes * spare_per_s)
    assert max(hints_s) == pytest.approx(span_s, rel=0.01)
    served, left_s = 0.0, 0.0
    for tenth in range(1, 11):
        until_s = span_s * tenth / 10
        while left_s < until_s:  # the service itself, step by step
            served += 0.01 * spare_per_s * (1 - takes * served)
            left_s += 0.01
        assert sum(h <= until_s for h in hints_s) == pytest.approx(served, abs=5)


def test_by_the_cap_only_so_many_are_called() -> None:
    """A backlog beyond what is served by the cap: the hints are spread up to it, and don't pile up at it."""
    hints_s = [
        retry_after_s(backlog=1e6, spare_per_s=10.0, chance=n / 100, cap_s=120.0, takes_share=1e-4)
        for n in range(100)
    ]
    assert max(hints_s) < 120.0
    assert len({round(hint_s, 6) for hint_s in hints_s}) == 100
