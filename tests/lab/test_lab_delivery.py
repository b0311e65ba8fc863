"""Propagation in the laboratory: the shipped loops of service and host, searched to the end of their bounds."""

from __future__ import annotations

import pytest

from holdfast.lab.delivery_world import BROKEN, UNLOADABLE, Bounds, DeliveryWorld
from holdfast.lab.engines import rerun
from holdfast.model.delivery import Publish

ONE = (b"1",)
ROLES = (Publish("role/api", "f", b"1"), Publish("all", "g", b"2"))
"""What is desired of a host of either role is generation 2, and not the same."""
SAMPLE = (
    Bounds(publishers=((b"1", BROKEN),), ticks=0),
    Bounds(publishers=((b"1", UNLOADABLE),), ticks=0),
    Bounds(publishers=(ONE,), ticks=0, lost=1),
    Bounds(publishers=(ONE,), ticks=0, unknown=1),
    Bounds(publishers=(ONE,), ticks=0, crashes=1),
    Bounds(publishers=((b"1", b"2"),), before=1, ticks=1, restores=1),
    Bounds(publishers=((b"1", b"2"),), before=1, ticks=0, restores=1, restarts=1),
    Bounds(publishers=(ONE, (b"2",)), ticks=0),
    Bounds(publishers=(ROLES,), before=2, ticks=0, roles=1),
    Bounds(publishers=(ROLES[:1],), before=1, ticks=0, roles=1),
    Bounds(publishers=(ONE,), before=1, ticks=0, successors=1),
    Bounds(publishers=(ONE,), before=1, ticks=0, hosts=2, places=1),
)
MORE = (
    Bounds(publishers=((b"1", BROKEN, b"2"),), ticks=0, lost=1),
    Bounds(publishers=((b"1", UNLOADABLE),), ticks=0, crashes=1),
    Bounds(publishers=((b"1", b"2"),), ticks=0, unknown=1, lost=1),
    Bounds(publishers=(ONE, (b"2",)), ticks=1),
    Bounds(publishers=((b"1", b"2"),), ticks=1, restores=1),
    Bounds(publishers=((b"1", b"2"),), ticks=0, restores=1, restarts=1),
    Bounds(publishers=(ROLES,), ticks=0, roles=2, lost=1),
    Bounds(publishers=((ROLES[0],),), before=1, ticks=0, successors=1, roles=1),
    Bounds(publishers=((b"1", UNLOADABLE),), before=1, ticks=0, successors=1),
    Bounds(publishers=((b"1", b"2"),), before=1, ticks=0, successors=1),
    Bounds(publishers=((b"1", b"2"),), before=1, ticks=0, hosts=2, places=1),
    Bounds(publishers=(ONE,), before=1, ticks=0, hosts=2, places=1, crashes=1),
)


def searched(bounds: Bounds, *, seconds: float) -> str:
    """What a search comes to; a finding is told in full."""
    outcome = rerun.search(lambda: DeliveryWorld(bounds), seconds=seconds)
    print(outcome.sentence())
    if outcome.found is None:
        assert outcome.complete, outcome.sentence()
        return ""
    found = rerun.shortest(lambda: DeliveryWorld(bounds), outcome.found)
    told = rerun.tell(lambda: DeliveryWorld(bounds), found.choices)
    print(told)
    return told


@pytest.mark.parametrize("bounds", SAMPLE, ids=str)
def test_newest_wins_ready_is_true_and_all_is_applied_at_rest(bounds: Bounds) -> None:
    """All states within the bounds: none of the five properties is broken."""
    assert searched(bounds, seconds=600.0) == ""


@pytest.mark.soak
@pytest.mark.parametrize("bounds", MORE, ids=str)
def test_with_more_of_everything(bounds: Bounds) -> None:
    """More documents, and faults together."""
    assert searched(bounds, seconds=3600.0) == ""
