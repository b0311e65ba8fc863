"""Removals as enactors write them: whatever plans say, no message takes more out of DNS than the budget lets (I4).

The planner's ledger is bypassed: plans that remove one target each come faster than they are applied, as from a
planner that has lost count. An enactor that skips one weighs the next against what DNS serves, and refuses (R9).
"""

from __future__ import annotations

from holdfast.lab.alphabet import ZONE
from holdfast.lab.checks import Check, everything
from holdfast.lab.invariants import velocity
from holdfast.lab.scenarios.mad import EVERYTHING, GOOD, LIMITS, configuration, plan_of, records, v4, v6
from holdfast.lab.scenarios.stage import CALM, WRITES, Disk, documents, scene, zone_of
from holdfast.lab.system import Scenario
from holdfast.lab.world.faults import Faults
from holdfast.model.plan import Plan

ONE_TARGET = 2
"""Addresses of one target: one of each family."""


def plans() -> tuple[Plan, ...]:
    """Four targets, then three, then two."""
    first = plan_of(GOOD, None)
    chain = [first]
    for gone in (1, 2):
        left = EVERYTHING[gone:]
        chain.append(plan_of(tuple(records(i, v4(*left), v6(*left)) for i in (0, 1)), chain[-1]))
    return tuple(chain)


def one_by_one(faults: Faults = CALM, *, enactors: int = 2) -> Scenario:
    """Each plan removes one target; whoever skips one would remove two."""
    first, *rest = plans()
    return scene(
        bounds="plans that remove one target each, whether the last one is applied or not",
        zone=zone_of(first),
        store=documents((first,), config=configuration(LIMITS)),
        disks=(Disk(first),) * enactors,
        upcoming=tuple(rest),
        faults=faults,
        invariants=(velocity({ZONE: ONE_TARGET}),),
    )


def one_goes_wrong() -> Scenario:
    """The same, and a message may be lost, late, or turned away."""
    return one_by_one(Faults(1, kinds=WRITES), enactors=1)


CHECKS: tuple[Check, ...] = (
    everything("removals: one after the other", one_by_one),
    everything("removals: one message goes wrong", one_goes_wrong),
)
