"""The standard campaign: a fixed set of searches of the shipped loops, each with its bounds. CI runs it on every
change, and a mutant of the shipped code counts as killed when any of them finds something.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from holdfast.lab import planning, production
from holdfast.lab.engines.exhaustive import Limits, search
from holdfast.lab.engines.found import Outcome
from holdfast.lab.engines.modular import prove
from holdfast.lab.engines.sampling import sample
from holdfast.lab.system import Scenario, System
from holdfast.lab.world.faults import ALL_FAULTS, Fault, Faults
from holdfast.model.freeze import Selector

ALL = ALL_FAULTS - {Fault.PARTITION, Fault.DUPLICATED}


ONE_NAME = Selector(name=f"a.{production.ZONE}")


class Check(msgspec.Struct, frozen=True):
    """One search. `run` takes the seed for what is sampled, and the share of the usual budget."""

    name: str
    run: Callable[[int, float], Outcome]


def _all(build: Callable[[], Scenario], *, wedge: bool = False) -> Callable[[int, float], Outcome]:
    return lambda seed, share: search(System(build()), wedge=wedge, limits=Limits(seconds=60 * share))


def _some(build: Callable[[], Scenario], schedules: int) -> Callable[[int, float], Outcome]:
    return lambda seed, share: sample(System(build()), seed=seed, schedules=int(schedules * share), seconds=60)


def _struck(total: int) -> Faults:
    return Faults(total, kinds=ALL | {Fault.PARTITION}, disasters=production.DISASTERS)


CHECKS: tuple[Check, ...] = (
    Check("two enactors, always a way on", _all(lambda: production.scenario(plans=3, transfer=True), wedge=True)),
    Check("a freeze", _all(lambda: production.with_freeze(plans=2, transfer=True))),
    Check("a freeze of one name", _all(lambda: production.with_freeze(plans=2, transfer=True, selector=ONE_NAME))),
    Check("clean-up", _all(lambda: production.with_cleaner(plans=3))),
    *(
        Check(f"a mad plan: {what}", _all(lambda which=which: production.under_mad_planner(which)))  # type: ignore[misc]
        for which, (what, _) in enumerate(production.mad_plans())
    ),
    Check(
        "one fault or disaster, always a way on",
        _all(
            lambda: production.scenario(
                plans=2, enactors=1, faults=Faults(1, kinds=ALL, disasters=production.DISASTERS)
            ),
            wedge=True,
        ),
    ),
    Check("planner and velocity", _all(lambda: planning.scenario(planners=1, script=(1, 4)))),
    Check("enactors, sampled", _some(lambda: production.scenario(faults=_struck(2), transfer=True), 600)),
    Check(
        "a faulty freeze, sampled",
        _some(lambda: production.with_freeze(faults=_struck(2), faulty=True, transfer=True), 600),
    ),
    Check("clean-up, sampled", _some(lambda: production.with_cleaner(faults=_struck(2)), 400)),
    Check("planners, sampled", _some(lambda: planning.scenario(revisions=2), 150)),
    Check(
        "any number of enactors and faults",
        lambda seed, share: prove(
            System(production.scenario(plans=2, enactors=1, faults=Faults(1, kinds=ALL))), crowd="enactor"
        ),
    ),
)


def campaign(seed: int = 0, *, share: float = 1.0, stop: bool = True) -> Iterator[tuple[Check, Outcome]]:
    """Run the checks in order; with `stop`, until one finds something."""
    for check in CHECKS:
        outcome = check.run(seed, share)
        yield check, outcome
        if stop and outcome.found is not None:
            return
