"""Which protection carries the weight: each switched off alone, and alone on, by the driver on the shipped rules.

Most rows are after the loss of all leases, with patient clients. Some protections do nothing there, and have rows
where they do:

- *learnt limit*: eight workers that slow down when crowded; learnt from 16 (as shipped), or from a guess of 64.
- *eager clients* (retry budget, circuit breaker): they ask again within 4 s, and refusing one takes a tenth of a
  renewal. As clients that obey hints never meet either, the rows of `WITHOUT_HINTS` say what is left without them.
- *a stall* (expiry velocity): the service works on nothing for 150 s; the clients' leases end after 120 s. What
  counts is how many are held at worst.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

import msgspec

from holdfast.fleet.cells import fleet_at, horizon_s
from holdfast.fleet.clients import Habits
from holdfast.fleet.design import HOLDFAST, NAIVE, SHIPPED, Design, Outcome, Trouble
from holdfast.fleet.driver import Driver, Server
from holdfast.leases.envelope import Fleet, ideal_recovery_s
from holdfast.overload import LimiterSettings

CELLS: Final = ((0.6, 4.0), (0.9, 4.0), (0.6, 8.0), (0.9, 16.0))
WHOLE: Final = "whole"
OFF: Final = "alone off"
ON: Final = "alone on"
WITHOUT_HINTS: Final = "no hints"
NAMES: Final = {
    "strict_priority": "renewals strictly first",
    "newest_first": "newest first above half depth",
    "bounded_queue": "queue bounded at 2 s",
    "finishable_at_admission": "finishable, asked at the door",
    "finishable_when_taken": "finishable, asked when taken",
    "hints": "retry hints",
    "learnt_limit": "learnt limit",
    "retry_budget": "retry budget, eager clients",
    "breaker": "circuit breaker, eager clients",
    "expiry_velocity": "expiry velocity, a stall",
}


class Scene(msgspec.Struct, frozen=True):
    """Where a design is tried."""

    server: Server = Server()
    habits: Habits = Habits()
    trouble: Trouble = Trouble()
    size_share: float = 1.0
    """Eager clients make many calls, and only ratios matter: a smaller fleet."""


LOSS: Final = Scene()
_GUESSED: Final = Scene(Server(workers=8, crowding=0.05, limiter=LimiterSettings(first=64, least=4, most=1000)))
_LEARNT: Final = Scene(Server(workers=8, crowding=0.05, limiter=LimiterSettings(first=16, least=4, most=1000)))
EAGER: Final = Scene(Server(refusal_share=0.1), Habits(again_s=4.0), Trouble(deaf_s=60.0), size_share=0.25)
STALL: Final = Scene(trouble=Trouble(lost_share=0.0, deaf_s=150.0))


class Case(msgspec.Struct, frozen=True):
    """One row of the table: a design in a scene."""

    name: str
    group: str
    """`whole`, `alone off`, `alone on`, `no hints`."""
    design: Design
    scene: Scene = LOSS


class Result(msgspec.Struct, frozen=True):
    """What a row came to in one cell: the worst of its runs. None: some run did not recover."""

    name: str
    group: str
    load: float
    cost: float
    ideal_s: float
    recovered_s: float | None
    held_share: float
    """At the end of the worst run."""
    attempts_per_success: float | None
    begun_per_success: float | None
    stale_share: float
    held_least_share: float | None = None
    """Held at worst, where not all was lost to begin with."""


def cases() -> tuple[Case, ...]:
    """All rows, in the order of the table."""
    whole = (
        Case("all protections", WHOLE, HOLDFAST),
        Case("all protections, crowded server", WHOLE, HOLDFAST, _LEARNT),
        Case("all protections, crowded server, from 64", WHOLE, HOLDFAST, _GUESSED),
        Case("all protections, eager clients", WHOLE, SHIPPED, EAGER),
        Case("all protections, a stall", WHOLE, SHIPPED, STALL),
        Case("none", WHOLE, NAIVE),
        Case("none, eager clients", WHOLE, NAIVE, EAGER),
        Case("none, a stall", WHOLE, NAIVE, STALL),
    )
    return (*whole, *(_off(p) for p in NAMES), *(_on(p) for p in NAMES), *_without_hints())


def _switched(design: Design, protection: str, *, on: bool) -> Design:
    if protection in ("hints", "retry_budget", "breaker"):
        return msgspec.structs.replace(design, **{protection: on})
    if protection == "expiry_velocity":
        share = SHIPPED.expire_share_per_s if on else 1.0
        return msgspec.structs.replace(design, expire_share_per_s=share)
    protections = replace(design.protections, **{protection: on})
    return msgspec.structs.replace(design, protections=protections)


def _off(protection: str) -> Case:
    scene = {"learnt_limit": _GUESSED, "expiry_velocity": STALL}.get(protection, LOSS)
    if protection in ("retry_budget", "breaker"):
        scene = EAGER
    whole = HOLDFAST if scene in (LOSS, _GUESSED) else SHIPPED
    return Case(NAMES[protection], OFF, _switched(whole, protection, on=False), scene)


def _on(protection: str) -> Case:
    design = _switched(NAIVE, protection, on=True)
    name = NAMES[protection]
    if protection in ("hints", "retry_budget", "breaker"):
        # A naive service refuses nobody, so nobody is told anything, or has to hold back.
        design = _switched(design, "bounded_queue", on=True)
        name += ", bounded queue"
    if protection == "expiry_velocity":  # it is for clients that renew what is overdue
        design = msgspec.structs.replace(design, renews_overdue=True)
    scenes = {"learnt_limit": _LEARNT, "expiry_velocity": STALL, "retry_budget": EAGER, "breaker": EAGER}
    return Case(name, ON, design, scenes.get(protection, LOSS))


def _without_hints() -> Iterator[Case]:
    """Eager clients that get no hints: what is left of budget and breaker."""
    bare = _switched(SHIPPED, "hints", on=False)
    yield Case("all others, eager clients", WITHOUT_HINTS, bare, EAGER)
    for name, gone in (
        ("nor retry budget", ("retry_budget",)),
        ("nor circuit breaker", ("breaker",)),
        ("nor budget nor breaker", ("retry_budget", "breaker")),
    ):
        design = bare
        for protection in gone:
            design = _switched(design, protection, on=False)
        yield Case(f"{name}, eager clients", WITHOUT_HINTS, design, EAGER)


def ablate(
    *, size: int = 400, seeds: int = 3, on_progress: Callable[[str], None] = lambda _: None
) -> tuple[Result, ...]:
    """All rows in all cells."""
    return tuple(_results(size, seeds, on_progress))


def _results(size: int, seeds: int, on_progress: Callable[[str], None]) -> Iterator[Result]:
    rows = cases()
    for number, case in enumerate(rows):
        for load, cost in CELLS:
            on_progress(f"{case.group}: {case.name}, load {load:g}, k {cost:g} ({number + 1} of {len(rows)})")
            fleet = fleet_at(load=load, cost=cost, size=max(100, round(size * case.scene.size_share)))
            outcomes = [_run(case, fleet, seed) for seed in range(seeds)]
            yield _result(case, load, cost, ideal_recovery_s(fleet) or 0.0, outcomes)


def _run(case: Case, fleet: Fleet, seed: int) -> Outcome:
    scene = case.scene
    driver = Driver(fleet, case.design, seed=seed, server=scene.server, habits=scene.habits, trouble=scene.trouble)
    return driver.advance(horizon_s(fleet, scene.trouble))


def _result(case: Case, load: float, cost: float, ideal_s: float, outcomes: list[Outcome]) -> Result:
    """The worst run; each figure by itself."""
    times_s = [o.recovered_s for o in outcomes]
    slowest_s = max((t for t in times_s if t is not None), default=None)
    least = min(o.held_least_share or 0.0 for o in outcomes)
    return Result(
        name=case.name,
        group=case.group,
        load=load,
        cost=cost,
        ideal_s=ideal_s,
        recovered_s=None if None in times_s else slowest_s,
        held_share=min(o.held_share for o in outcomes),
        attempts_per_success=_finite(max(o.attempts_per_success for o in outcomes)),
        begun_per_success=_finite(max(o.begun_per_success for o in outcomes)),
        stale_share=max(o.stale_share for o in outcomes),
        held_least_share=least if case.scene.trouble.lost_share < 1 else None,
    )


def _finite(figure: float) -> float | None:
    return None if figure == float("inf") else figure
