"""The standard campaign: a fixed set of searches of the shipped loops, each with its bounds. CI runs it on every
change, and a mutant of the shipped code counts as killed when any of them finds something.
"""

from __future__ import annotations

from collections.abc import Iterator

from holdfast.lab import chain, planning, production
from holdfast.lab.checks import Check, Terms, everything, proved, sampled
from holdfast.lab.engines.found import Outcome
from holdfast.lab.engines.parallel import in_order
from holdfast.lab.scenarios import health
from holdfast.lab.scenarios.catalogue import SCENES
from holdfast.lab.servers import BIND, KNOT
from holdfast.lab.world.faults import USUAL_FAULTS as ALL
from holdfast.lab.world.faults import Fault, Faults
from holdfast.model.freeze import Selector

TWO = (KNOT, BIND)
ONE_NAME = Selector(name=f"a.{production.ZONE}")

ALL_TERMS = Terms()


def _struck(total: int) -> Faults:
    return Faults(total, kinds=ALL | {Fault.PARTITION}, disasters=production.DISASTERS)


CHECKS: tuple[Check, ...] = (
    *SCENES,
    everything("two enactors, always a way on", lambda: production.scenario(plans=3, transfer=True), wedge=True),
    everything("a freeze", lambda: production.with_freeze(plans=2, transfer=True)),
    everything("a freeze of one name", lambda: production.with_freeze(plans=2, transfer=True, selector=ONE_NAME)),
    everything("a freeze and its thaw", lambda: production.with_freeze(plans=2, transfer=True, thaw_after=True)),
    everything("clean-up", lambda: production.with_cleaner(plans=3)),
    everything("a freeze over two zones", lambda: production.with_freeze(plans=2, enactors=1, servers=TWO)),
    everything("clean-up over two zones", lambda: production.with_cleaner(plans=3, servers=TWO)),
    *(
        everything(f"a mad plan: {what}", lambda which=which: production.under_mad_planner(which))  # type: ignore[misc]
        for which, (what, _) in enumerate(production.mad_plans())
    ),
    everything(
        "one fault or disaster, always a way on",
        lambda: production.scenario(
            plans=2, enactors=1, faults=Faults(1, kinds=ALL, disasters=production.DISASTERS)
        ),
        wedge=True,
    ),
    everything("planner and velocity", lambda: planning.scenario(planners=1, script=(1, 4))),
    sampled("enactors, sampled", lambda: production.scenario(faults=_struck(2), transfer=True), 600),
    sampled(
        "a faulty freeze, sampled",
        lambda: production.with_freeze(faults=_struck(2), faulty=True, transfer=True),
        600,
    ),
    sampled("clean-up, sampled", lambda: production.with_cleaner(faults=_struck(2)), 400),
    sampled("planners, sampled", lambda: planning.scenario(revisions=2), 150),
    sampled("health, sampled", lambda: health.everybody(faults=_struck(2)), 40),
    sampled("the chain, sampled", lambda: chain.scenario(faults=2), 1_500),
    proved(
        "any number of enactors and faults",
        lambda: production.scenario(plans=2, enactors=1, faults=Faults(1, kinds=ALL)),
        crowd="enactor",
    ),
)


def check_named(name: str) -> Check:
    """A check of the campaign by its name.

    Raises:
        ValueError: there is none of that name.
    """
    for check in CHECKS:
        if check.name == name:
            return check
    raise ValueError(
        f"no check of the campaign is called {name!r}; there are: {', '.join(c.name for c in CHECKS)}"
    )


def ordered(first: str) -> tuple[Check, ...]:
    """All checks, the one named `first` (if any) before the others."""
    if not first:
        return CHECKS
    ahead = check_named(first)
    return (ahead, *(c for c in CHECKS if c is not ahead))


def campaign(
    terms: Terms = ALL_TERMS, *, first: str = "", stop: bool = True, jobs: int = 1
) -> Iterator[tuple[Check, Outcome]]:
    """Run the checks, `jobs` at a time; outcomes come in order, with `stop` until one finds something."""
    checks = ordered(first)
    if jobs > 1:
        outcomes = in_order(_run, [(check.name, terms) for check in checks], jobs)
    else:
        outcomes = (check.run(terms) for check in checks)
    for check, outcome in zip(checks, outcomes, strict=True):
        yield check, outcome
        if stop and outcome.found is not None:
            return


def _run(asked: tuple[str, Terms]) -> Outcome:
    name, terms = asked
    return check_named(name).run(terms)
