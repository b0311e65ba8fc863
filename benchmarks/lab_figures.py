"""The laboratory's figures against issue 3's table: medians over repeated runs, one core.

Run: python benchmarks/lab_figures.py [--long]
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

from holdfast.lab import production
from holdfast.lab.engines.columns import searching as columns
from holdfast.lab.engines.dpor import explore
from holdfast.lab.engines.exhaustive import Limits, search
from holdfast.lab.engines.modular import prove
from holdfast.lab.engines.sampling import sample
from holdfast.lab.engines.shrink import preemptions, shrink
from holdfast.lab.specimens import october
from holdfast.lab.system import System
from holdfast.lab.world.faults import ALL_FAULTS, USUAL_FAULTS, Fault, Faults

RUNS = 5
ALL = ALL_FAULTS - {Fault.PARTITION, Fault.DUPLICATED, Fault.DISASTER}


def line(what: str, text: str) -> None:
    """One row."""
    print(f"{what:<58} {text}", flush=True)


def median(of: Callable[[], float]) -> float:
    """Median of a few runs."""
    return statistics.median(of() for _ in range(RUNS))


def witness() -> float:
    """Seconds to the shortest witness of October, real code and all."""
    begun = time.perf_counter()
    outcome = search(System(october.scenario()))
    assert outcome.found is not None
    return time.perf_counter() - begun


def sampled() -> None:
    """Schedules to the bug over 100 seeds, and the slowest."""
    counts, seconds = [], []
    for seed in range(100):
        begun = time.perf_counter()
        outcome = sample(System(october.scenario()), seed=seed, seconds=5)
        seconds.append(time.perf_counter() - begun)
        counts.append(outcome.count if outcome.found else 10**9)
    within = sum(s <= 1.0 for s in seconds)
    line(
        "sampler finds October", f"median {statistics.median(counts):.0f} schedules, {within} of 100 seeds in 1 s"
    )


def rate(system: System) -> float:
    """Schedules a second, once the tables are warm."""
    sample(system, seconds=3)
    outcome = sample(system, seed=7, seconds=3)
    return outcome.count / outcome.seconds


def shrunk() -> None:
    """Preemptions left, and the seconds it takes."""
    left, seconds = [], []
    for seed in range(5):
        system = System(october.scenario())
        found = sample(system, seed=seed).found
        assert found is not None
        begun = time.perf_counter()
        smaller, _ = shrink(system, found)
        seconds.append(time.perf_counter() - begun)
        left.append(preemptions(system, smaller.choices))
    line("shrinking October", f"{max(left)} preemptions left at most, {statistics.median(seconds):.1f} s")


def main() -> None:
    """All rows; `--long` adds the proofs that take minutes."""
    line("October 3x3x3, shortest witness", f"{1000 * median(witness):.0f} ms")
    sampled()
    line("sampled schedules/s, specimen", f"{rate(System(october.scenario(invariants=False))):,.0f}")
    line("sampled schedules/s, production", f"{rate(System(production.scenario())):,.0f}")
    outcome = explore(System(october.scenario(rounds=3, invariants=False)), seconds=5)
    line("DPOR executions/s", f"{outcome.count / outcome.seconds:,.0f}")
    outcome = search(
        System(production.scenario(faults=Faults(1, kinds=ALL), transfer=True)), limits=Limits(seconds=60)
    )
    line("exhaustive states/s, production", f"{outcome.count / outcome.seconds:,.0f} ({outcome.sentence()})")
    outcome = columns.search(System(production.with_freeze(enactors=3, transfer=True)), limits=Limits(seconds=30))
    line("the same on arrays, production", f"{outcome.count / outcome.seconds:,.0f} ({outcome.sentence()})")
    shrunk()
    for plans in (2, 3) if "--long" in sys.argv else (2,):
        for restarts in (False, True):
            scenario = production.with_freeze(
                plans=plans, enactors=1, faults=Faults(2, kinds=USUAL_FAULTS), transfer=True, restarts=restarts
            )
            line("production with a freeze", prove(System(scenario), crowd="enactor", spare=2).sentence())


if __name__ == "__main__":
    main()
