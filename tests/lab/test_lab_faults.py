"""Every kind of fault upon every loop that ships: one anywhere, the invariants hold, and a way leads on."""

from __future__ import annotations

import functools
from collections.abc import Callable

import msgspec
import pytest

from holdfast.lab import production
from holdfast.lab.engines.exhaustive import search
from holdfast.lab.engines.sampling import sample
from holdfast.lab.scenarios import acts, cleaning, fleet, freezes, health, planners
from holdfast.lab.servers import BIND, KNOT
from holdfast.lab.system import Scenario, System
from holdfast.lab.world.faults import ALL_FAULTS, Fault, Faults
from holdfast.model.freeze import Selector

F = Fault
MESSAGES = (F.LOST_REPLY, F.DELAYED, F.DUPLICATED, F.UNANSWERED, F.REFUSED)
DISK = (F.DISK_LOST, F.DISK_FULL)
ANYWHERE = (*MESSAGES, F.CRASH, F.PARTITION)


def _with(build: Callable[[], Scenario]) -> Callable[[Faults], Scenario]:
    return lambda faults: msgspec.structs.replace(build(), faults=faults)


def _prober(faults: Faults) -> Scenario:
    """Few targets, and faults upon the prober alone: the planner has its own row."""
    if F.LATE in faults.kinds or F.UNANSWERED in faults.kinds:
        return msgspec.structs.replace(health.lost_probe(), faults=faults)
    turns: health.Turns = () if faults.kinds & {F.CRASH, F.PARTITION} else ((1,),)
    again = {"prober/stand-back": 1}
    return health.scene("", turns, targets=2, leave=1, writers=0, spared=True, faults=faults, timers=again)


_ONE_DOWN = ((fleet.observed(2, (1,)),),)
LOOPS: dict[str, tuple[Callable[[Faults], Scenario], tuple[Fault, ...]]] = {
    "enactor": (
        lambda faults: production.scenario(plans=2, enactors=1, faults=faults, transfer=True),
        (*ANYWHERE, *DISK, F.DENIED),
    ),
    "planner": (lambda faults: planners.scene("one target down", _ONE_DOWN, faults=faults), ANYWHERE),
    "prober": (_prober, (*ANYWHERE, F.LATE)),
    "clean-up": (_with(cleaning.tidies), ANYWHERE),
    "freeze": (_with(lambda: msgspec.structs.replace(freezes.freezing(), converged=None)), (*ANYWHERE, F.DENIED)),
    "thaw": (_with(lambda: freezes.thawing(other=False)), (*ANYWHERE, F.DENIED)),
    "thaw timer": (lambda faults: acts.timed(faults=faults), (*ANYWHERE, F.DENIED)),
    "adopt": (lambda faults: acts.adopting(faults=faults), ANYWHERE),
    "repair --override": (lambda faults: acts.overriding(Selector(), faults=faults), (*ANYWHERE, F.DENIED)),
}
"""How each loop is searched, and the faults that can strike there."""


def _run(loop: str, faults: Faults) -> int:
    scenario = LOOPS[loop][0](faults)
    outcome = search(System(scenario), wedge=scenario.converged is not None)
    assert outcome.complete, outcome.sentence()
    return outcome.count


@functools.cache
def _calm(loop: str, kind: Fault) -> int:
    """States of the same search without the fault."""
    scenario = LOOPS[loop][0](Faults(0, kinds=frozenset({kind})))
    return search(System(scenario)).count


@pytest.mark.parametrize(("loop", "kind"), [(n, k) for n, (_, kinds) in LOOPS.items() for k in kinds], ids=str)
def test_one_fault_of_the_kind_breaks_nothing(loop: str, kind: Fault) -> None:
    """All states with one such fault anywhere: nothing is broken, a way leads on; and the fault was a choice."""
    assert _run(loop, Faults(1, kinds=frozenset({kind}))) > _calm(loop, kind)


def test_every_kind_of_fault_is_searched_upon_some_loop() -> None:
    """A new kind needs a row (disasters strike data, and have tests of their own)."""
    assert {kind for _, kinds in LOOPS.values() for kind in kinds} == set(Fault) - {F.DISASTER}


# -- two zones ----------------------------------------------------------------------------------------------

TWO = (KNOT, BIND)


@pytest.mark.parametrize("selector", [Selector(), Selector(zone="y.test")], ids=str)
def test_a_freeze_holds_over_two_zones(selector: Selector) -> None:
    """Acknowledged only once every covered zone's fence carries it; the other zone goes on."""
    build = production.with_freeze(plans=2, enactors=1, servers=TWO, transfer=True, selector=selector)
    outcome = search(System(build))
    assert outcome.complete, outcome.sentence()


def test_a_freeze_of_two_zones_and_its_thaw_leave_a_way_on() -> None:
    """Fences first, the store last, in both zones: in the end all goes on."""
    build = production.with_freeze(plans=2, enactors=1, servers=TWO, transfer=True, thaw_after=True)
    outcome = search(System(build), wedge=True)
    assert outcome.complete, outcome.sentence()


@pytest.mark.parametrize("faults", [0, pytest.param(1, marks=pytest.mark.soak)])
def test_clean_up_over_two_zones_keeps_what_the_lower_fence_names(faults: int) -> None:
    """I3 with an enactor at work in two zones: what lies between the fences stays."""
    outcome = search(System(production.with_cleaner(plans=3 - faults, enactors=1, servers=TWO, faults=faults)))
    assert outcome.complete, outcome.sentence()


@pytest.mark.soak
def test_a_freeze_holds_over_two_zones_with_a_fault() -> None:
    """The same with one fault anywhere."""
    outcome = search(System(production.with_freeze(plans=2, enactors=1, servers=TWO, transfer=True, faults=1)))
    assert outcome.complete, outcome.sentence()


# -- the whole chain ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("schedules", [20, pytest.param(2_000, marks=pytest.mark.soak)])
def test_health_flaps_under_every_fault_in_sampled_schedules(schedules: int, rotating_seed: int) -> None:
    """Two probers, two planners, two enactors, two faults of any kind: never empty, never too fast (I2, I4)."""
    faults = Faults(2, kinds=ALL_FAULTS, disasters=production.DISASTERS)
    system = System(health.everybody(faults=faults))
    outcome = sample(system, seed=rotating_seed, schedules=schedules, seconds=900)
    assert outcome.found is None, outcome.sentence()
    assert outcome.count == schedules
