"""The designs that can be searched by name: flawed ones that every engine must catch, and the loops that ship.

Scenarios are imported when they are built, so that `holdfast lab --help` stays quick.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from holdfast.lab.system import Scenario
from holdfast.lab.world.faults import USUAL_FAULTS, Faults


class Size(msgspec.Struct, frozen=True):
    """How much of everything. A tape keeps it, so that the same system can be built again."""

    plans: int = 3
    enactors: int = 3
    endpoints: int = 3
    rounds: int = 0
    faults: int = 0
    in_flight: int = 2
    disasters: int = 0
    """1: disasters (a fence deleted, the store lost, ...) count among the faults."""
    freeze: int = 0
    """1: a person freezes the whole scope; 2: and thaws it later."""
    restarts: int = 0
    """What publishes plans crashes, restarts and suffers other faults too. The modular engine proves it for any
    number of them in which no part of a plan is written more than `restarts` times again; with the others they
    count among `faults`."""
    transfer: int = 0
    """1: enactors read a zone's data by one transfer instead of one question for each name and type."""


class SizeError(ValueError):
    """A size that makes no sense, or that the design does not have; the text says what to do."""


class Design(msgspec.Struct, frozen=True):
    """A design under test. `takes` are the fields of `Size` that mean something to it."""

    name: str
    about: str
    takes: tuple[str, ...]
    build: Callable[[Size], Scenario]
    flawed: bool = True

    @property
    def options(self) -> tuple[str, ...]:
        """Its sizes as options of the command line."""
        return tuple(f"--{field.replace('_', '-')}" for field in self.takes)


def faults_of(size: Size) -> Faults:
    """The budget of faults. Partitions are left out: every lost message is there without them."""
    from holdfast.lab import production

    disasters = production.DISASTERS if size.disasters else ()
    return Faults(size.faults, kinds=USUAL_FAULTS, in_flight=size.in_flight, disasters=disasters)


def _october(s: Size) -> Scenario:
    from holdfast.lab.specimens import october

    return october.scenario(
        plans=s.plans, enactors=s.enactors, endpoints=s.endpoints, rounds=s.rounds, faults=s.faults
    )


def _first_fix(s: Size) -> Scenario:
    from holdfast.lab.specimens import first_fix

    return first_fix.scenario(plans=s.plans, enactors=s.enactors, endpoints=s.endpoints, faults=s.faults)


def _group_fences(s: Size) -> Scenario:
    from holdfast.lab.specimens import group_fences

    return group_fences.scenario(enactors=s.enactors, faults=s.faults)


def _paused_planner(s: Size) -> Scenario:
    from holdfast.lab.specimens import paused_planner

    return paused_planner.scenario(planners=2, revisions=s.plans, faults=s.faults)


def _lost_chunks(s: Size) -> Scenario:
    from holdfast.lab.specimens import lost_chunks

    return lost_chunks.scenario(plans=min(s.plans, 3), enactors=min(s.enactors, 2))


def _holdfast(s: Size) -> Scenario:
    from holdfast.lab import production

    if s.freeze:
        return production.with_freeze(
            plans=s.plans,
            enactors=s.enactors,
            faults=faults_of(s),
            transfer=bool(s.transfer),
            thaw_after=s.freeze > 1,
            restarts=bool(s.restarts),
        )
    return production.scenario(
        plans=s.plans,
        enactors=s.enactors,
        faults=faults_of(s),
        transfer=bool(s.transfer),
        restarts=bool(s.restarts),
    )


def _holdfast_cleanup(s: Size) -> Scenario:
    from holdfast.lab import production

    return production.with_cleaner(plans=s.plans, enactors=s.enactors, faults=faults_of(s))


def _holdfast_planner(s: Size) -> Scenario:
    from holdfast.lab import planning

    return planning.scenario(revisions=s.plans, enactors=s.enactors, faults=s.faults)


def _holdfast_chain(s: Size) -> Scenario:
    from holdfast.lab import chain

    return chain.scenario(enactors=s.enactors, faults=faults_of(s))


def _holdfast_health(s: Size) -> Scenario:
    from holdfast.lab.scenarios import health

    return health.everybody(enactors=s.enactors, faults=faults_of(s))


_SPECIMEN = ("plans", "enactors", "endpoints", "faults")
_SHIPPED = ("plans", "enactors", "faults", "in_flight", "disasters")

DESIGNS: dict[str, Design] = {
    d.name: d
    for d in (
        Design(
            "2025",
            "the design of October 2025: locks per endpoint, a check done once, clean-up by age",
            (*_SPECIMEN, "rounds"),
            _october,
        ),
        Design("first-fix", "its first published fix: look, then act, in two steps", _SPECIMEN, _first_fix),
        Design(
            "group-fences", "a fence per group of names instead of one per zone", ("enactors", "faults"),
            _group_fences,
        ),
        Design(
            "paused-planner",
            "planners that read the newest plan after their inputs",
            ("plans", "faults"),
            _paused_planner,
        ),
        Design(
            "lost-chunks",
            "publishing that takes the head's transaction for proof of its chunks (finding 11)",
            ("plans", "enactors"),
            _lost_chunks,
        ),
        Design(
            "holdfast",
            "the enactors that ship, while plans come at any time",
            (*_SHIPPED, "restarts", "freeze", "transfer"),
            _holdfast,
            flawed=False,
        ),
        Design(
            "holdfast-cleanup", "the same with the clean-up that ships", _SHIPPED, _holdfast_cleanup, flawed=False
        ),
        Design(
            "holdfast-planner",
            "two planners that ship, with a prober, people and enactors",
            ("plans", "enactors", "faults"),
            _holdfast_planner,
            flawed=False,
        ),
        Design(
            "holdfast-chain",
            "planner, enactors, clean-up and freeze that ship, while a target fails and comes back",
            ("enactors", "faults", "in_flight", "disasters"),
            _holdfast_chain,
            flawed=False,
        ),
        Design(
            "holdfast-health",
            "probers, planners and enactors that ship, while targets die and come back",
            ("enactors", "faults", "in_flight", "disasters"),
            _holdfast_health,
            flawed=False,
        ),
    )
}  # fmt: skip
LEAST = {"plans": 1, "enactors": 1, "endpoints": 1}
MOST = {
    "plans": 50,
    "enactors": 26,
    "endpoints": 100,
    "rounds": 100,
    "faults": 50,
    "in_flight": 20,
    "restarts": 10,
    "freeze": 2,
}


class UnknownDesignError(ValueError):
    """No such design; the text lists those there are."""


def design_named(name: str) -> Design:
    """A design.

    Raises:
        UnknownDesignError: there is none of that name.
    """
    found = DESIGNS.get(name)
    if found is None:
        raise UnknownDesignError(f"no design {name!r}; there are {', '.join(DESIGNS)}")
    return found


def size_of(name: str, given: Mapping[str, int]) -> Size:
    """The size that was asked for, checked against what the design has. `thaw` is a freeze that ends.

    Raises:
        UnknownDesignError: no such design.
        SizeError: the design does not have what was asked for, or a number is out of its range.
    """
    design = design_named(name)
    wanted = dict(given)
    if wanted.pop("thaw", 0):
        wanted["freeze"] = 2
    for field in wanted:
        if field not in design.takes:
            option = f"--{field.replace('_', '-')}"
            raise SizeError(f"the design {name} has no {option}; it takes {', '.join(design.options)}")
    size = Size(**wanted)
    _check(design, size)
    for field in ("disasters", "restarts"):
        if getattr(size, field) and not size.faults:
            raise SizeError(f"--{field} are faults, and no fault is allowed: say how many with --faults")
    return size


def _check(design: Design, size: Size) -> None:
    for field in design.takes:
        value = getattr(size, field)
        least, most = LEAST.get(field, 0), MOST.get(field, 1)
        if not least <= value <= most:
            option = f"--{field.replace('_', '-')}"
            raise SizeError(f"{option} is {value}; it must be from {least} to {most}")


def scenario_of(name: str, size: Size) -> Scenario:
    """What is searched.

    Raises:
        UnknownDesignError: no such design.
        SizeError: a number is out of its range.
    """
    design = design_named(name)
    _check(design, size)
    return design.build(size)
