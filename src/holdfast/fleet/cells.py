"""Cells of steady load and cost, and what is asked of the shipped design in each (I8).

The 15 cells are rho in {0.3, 0.45, 0.6, 0.75, 0.9} by k in {4, 8, 16}. Asked: no collapse, recovery within 1.1 x
the closed form, work begun per success at most 1.05, stale work at most 1 %. Refusals are reported beside it: they
are the price, and cost little.

Rejected: cells with k of 1 or 2. There the closed form is shorter than the time in which clients ask again at all
(tau), so it bounds nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from holdfast.fleet.design import HOLDFAST, NAIVE, Design, Outcome, Trouble
from holdfast.fleet.driver import Driver
from holdfast.leases.envelope import Fleet, ideal_recovery_s

LOADS: Final = (0.3, 0.45, 0.6, 0.75, 0.9)
COSTS: Final = (4.0, 8.0, 16.0)
CELLS: Final = tuple((load, cost) for cost in COSTS for load in LOADS)
SLOWER_SHARE: Final = 1.1
BEGUN_MOST: Final = 1.05
STALE_MOST: Final = 0.01

Run = Callable[[Fleet, Design, int], Outcome]
"""A fleet, a design and a seed to an outcome: by the driver, or by the model of whole fleets."""


class Verdict(NamedTuple):
    """What the runs of one cell came to; the worst of each figure."""

    load: float
    cost: float
    runs: int
    ideal_s: float
    slowest_share: float
    """Of the closed form; infinite if a run did not recover."""
    begun_most: float
    stale_most: float
    attempts_mean: float
    refused_mean: float
    """Refusals per success."""

    @property
    def good(self) -> bool:
        """Whether the cell keeps what is asked."""
        return (
            self.slowest_share <= SLOWER_SHARE and self.begun_most <= BEGUN_MOST and self.stale_most <= STALE_MOST
        )


def fleet_at(*, load: float, cost: float, size: int = 400) -> Fleet:
    """A fleet with this steady load."""
    return Fleet(size=size, renewals_per_s=size / (60.0 * load), cost=cost)


def judge(load: float, cost: float, outcomes: Iterable[Outcome]) -> Verdict:
    """The worst of several runs of one cell."""
    seen = tuple(outcomes)
    ideal_s = ideal_recovery_s(fleet_at(load=load, cost=cost))
    assert ideal_s is not None, "a cell's load is below 1"
    slowest_s = max(float("inf") if o.recovered_s is None else o.recovered_s for o in seen)
    return Verdict(
        load=load,
        cost=cost,
        runs=len(seen),
        ideal_s=ideal_s,
        slowest_share=slowest_s / ideal_s,
        begun_most=max(o.begun_per_success for o in seen),
        stale_most=max(o.stale_share for o in seen),
        attempts_mean=sum(o.attempts_per_success for o in seen) / len(seen),
        refused_mean=sum(o.refused / max(o.succeeded, 1) for o in seen) / len(seen),
    )


def horizon_s(fleet: Fleet, trouble: Trouble) -> float:
    """Long enough to call it a collapse: four times the closed form after the trouble, and an hour and a half."""
    ideal_s = ideal_recovery_s(fleet) or 0.0
    return trouble.deaf_s + 5400.0 + 4 * ideal_s


def naive(fleet: Fleet, *, seed: int = 1, until_s: float = 6000.0, trouble: Trouble | None = None) -> Outcome:
    """The design that collapses, by the driver."""
    return Driver(fleet, NAIVE, seed=seed, trouble=trouble).advance(until_s)


def protected(
    fleet: Fleet, *, seed: int = 1, until_s: float = 20_000.0, trouble: Trouble | None = None
) -> Outcome:
    """All protections on, by the driver."""
    return Driver(fleet, HOLDFAST, seed=seed, trouble=trouble).advance(until_s)
