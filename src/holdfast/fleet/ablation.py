"""Which protection carries the weight: each switched off alone, and alone on, by the driver on the shipped rules.

The learnt limit shows only where doing too much at once costs something, so its rows run on another server: eight
workers that slow down when crowded, where the limit is learnt from 16 (as shipped) or is somebody's guess of 64.
Retry budget and breaker are not here: a host of this fleet asks once in a minute, and both act on clients that ask
often. Refusals cost nothing in the driver, which flatters those that refuse most.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

import msgspec

from holdfast.fleet.cells import fleet_at, horizon_s
from holdfast.fleet.design import HOLDFAST, NAIVE, Design, Outcome, Trouble
from holdfast.fleet.driver import Driver, Server
from holdfast.leases.envelope import ideal_recovery_s
from holdfast.overload import LimiterSettings

CELLS: Final = ((0.6, 4.0), (0.9, 4.0), (0.6, 8.0), (0.9, 16.0))
NAMES: Final = {
    "strict_priority": "renewals strictly first",
    "newest_first": "newest first above half depth",
    "bounded_queue": "queue bounded at 2 s",
    "finishable_at_admission": "finishable, asked at the door",
    "finishable_when_taken": "finishable, asked when taken",
    "hints": "retry hints",
    "learnt_limit": "learnt limit",
}
_GUESSED: Final = Server(workers=8, crowding=0.05, limiter=LimiterSettings(first=64, least=4, most=1000))
_LEARNT: Final = Server(workers=8, crowding=0.05, limiter=LimiterSettings(first=16, least=4, most=1000))


class Case(msgspec.Struct, frozen=True):
    """One row of the table: a design on a server."""

    name: str
    group: str
    """`whole`, `alone off` or `alone on`."""
    design: Design
    server: Server = Server()


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


def cases() -> tuple[Case, ...]:
    """All rows, in the order of the table."""
    whole = (
        Case("all protections", "whole", HOLDFAST),
        Case("all protections, crowded server", "whole", HOLDFAST, _LEARNT),
        Case("none", "whole", NAIVE),
    )
    return (*whole, *(_off(p) for p in NAMES), *(_on(p) for p in NAMES))


def _switched(design: Design, protection: str, *, on: bool) -> Design:
    if protection == "hints":
        return msgspec.structs.replace(design, hints=on)
    protections = replace(design.protections, **{protection: on})
    return msgspec.structs.replace(design, protections=protections)


def _off(protection: str) -> Case:
    server = _GUESSED if protection == "learnt_limit" else Server()
    return Case(NAMES[protection], "alone off", _switched(HOLDFAST, protection, on=False), server)


def _on(protection: str) -> Case:
    server = _LEARNT if protection == "learnt_limit" else Server()
    design = _switched(NAIVE, protection, on=True)
    if protection == "hints":  # nobody is refused by a naive service, so there is nobody to give a hint to
        design = _switched(design, "bounded_queue", on=True)
        return Case("retry hints (with a bounded queue)", "alone on", design, server)
    return Case(NAMES[protection], "alone on", design, server)


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
            fleet = fleet_at(load=load, cost=cost, size=size)
            until_s = horizon_s(fleet, Trouble())
            outcomes = [
                Driver(fleet, case.design, seed=seed, server=case.server).advance(until_s) for seed in range(seeds)
            ]
            yield _result(case, load, cost, ideal_recovery_s(fleet) or 0.0, outcomes)


def _result(case: Case, load: float, cost: float, ideal_s: float, outcomes: list[Outcome]) -> Result:
    """The worst run; each figure by itself."""
    times_s = [o.recovered_s for o in outcomes]
    slowest_s = max((t for t in times_s if t is not None), default=None)
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
    )


def _finite(figure: float) -> float | None:
    return None if figure == float("inf") else figure
