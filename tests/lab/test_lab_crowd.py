"""I8 in the laboratory: the shipped lease loop and shipped holdings, a crowd, deadlines and faults, to the end."""

from __future__ import annotations

import pytest

from holdfast.lab.crowd_hosts import Bounds
from holdfast.lab.crowd_world import CrowdWorld
from holdfast.lab.engines import rerun


def searched(bounds: Bounds, *, seconds: float = 150.0) -> str:
    """What a search comes to; a finding is told in full."""
    outcome = rerun.search(lambda: CrowdWorld(bounds), seconds=seconds)
    print(outcome.sentence())
    if outcome.found is None:
        assert outcome.complete, outcome.sentence()
        return ""
    found = rerun.shortest(lambda: CrowdWorld(bounds), outcome.found)
    told = rerun.tell(lambda: CrowdWorld(bounds), found.choices)
    print(told)
    return told


LONG_S = 12.0
"""Longer than a call's time-out, and the second for which an idle service need not look at its clock."""


@pytest.mark.parametrize(
    "bounds",
    [
        Bounds(renewing=0, coming=3),
        Bounds(coming=1, lost=1),
        Bounds(coming=1, unknown=1),
        Bounds(coming=1, away=1),
        Bounds(coming=0, crashes=1),
        Bounds(renewing=0, coming=2, ticks=1, tick_s=LONG_S, settles=False),
    ],
    ids=str,
)
def test_no_collapse_whatever_happens(bounds: Bounds) -> None:
    """All states within the bounds, and none of the properties is broken."""
    assert searched(bounds) == ""


@pytest.mark.soak
@pytest.mark.parametrize(
    "bounds",
    [
        Bounds(renewing=0, coming=2, ticks=1, tick_s=LONG_S),
        Bounds(coming=3),
        Bounds(coming=2, ticks=1),
        Bounds(coming=2, slow=1),
        Bounds(coming=1, slow=3),
        Bounds(coming=1, ticks=3),
        Bounds(coming=2, crashes=1),
        Bounds(coming=1, ticks=1, unknown=1),
        Bounds(coming=1, ticks=1, lost=1, crashes=1),
        Bounds(coming=1, crashes=1),
    ],
    ids=str,
)
def test_no_collapse_with_more_of_everything(bounds: Bounds) -> None:
    """Larger crowds, more time, faults together."""
    assert searched(bounds, seconds=1800.0) == ""
