"""The laboratory's figures against issue 3's table. docs/lab-figures.md has them as measured.

Run: python benchmarks/lab_figures.py [--long]

Rates are per second of this process's CPU time, on one core: the machine may have other things to do. A rate
begins with empty tables, so that what is learned from the real code is paid for; over how long stands beside it.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from holdfast.lab import chain, production
from holdfast.lab.commands import load_tape, replay_tape
from holdfast.lab.engines.columns import searching as columns
from holdfast.lab.engines.dpor import explore
from holdfast.lab.engines.exhaustive import Limits, search
from holdfast.lab.engines.found import Outcome
from holdfast.lab.engines.modular import prove
from holdfast.lab.engines.sampling import sample
from holdfast.lab.engines.shrink import preemptions, shrink
from holdfast.lab.specimens import october
from holdfast.lab.system import Scenario, System
from holdfast.lab.world.faults import ALL_FAULTS, USUAL_FAULTS, Fault, Faults

RUNS = 5
TAPES = Path(__file__).parents[1] / "tests" / "lab" / "tapes"
ALL = ALL_FAULTS - {Fault.PARTITION, Fault.DUPLICATED, Fault.DISASTER}


def line(what: str, text: str) -> None:
    """One row."""
    print(f"{what:<58} {text}", flush=True)


def cpu(work: Callable[[], Outcome]) -> tuple[float, Outcome]:
    """CPU seconds that it took, and what it came to."""
    begun = time.process_time()
    outcome = work()
    return time.process_time() - begun, outcome


def witness(what: str, engine: Callable[[System], Outcome]) -> None:
    """CPU seconds to the shortest witness of October, real code and all; and that it is always the same."""
    found = [cpu(lambda: engine(System(october.scenario()))) for _ in range(RUNS)]
    (tape,) = {outcome.found for _, outcome in found}
    assert tape is not None
    text = f"{1000 * statistics.median(s for s, _ in found):.0f} ms, {len(tape.choices)} steps, always the same"
    line(f"October 3x3x3, shortest witness{what}", text)


def sampled() -> None:
    """Schedules to the bug over 100 seeds, and the CPU seconds of the slowest."""
    found = [cpu(lambda seed=seed: sample(System(october.scenario()), seed=seed)) for seed in range(100)]  # type: ignore[misc]
    counts = [outcome.count for _, outcome in found if outcome.found is not None]
    within = sum(seconds <= 1.0 for seconds, _ in found)
    line(
        "sampler finds October",
        f"median {statistics.median(counts):.0f} schedules, at most {max(counts)}; {len(counts)} of 100 seeds find"
        f" it, {within} within 1 s, the slowest in {max(s for s, _ in found):.2f} s",
    )


def rate(what: str, scenario: Scenario, schedules: int) -> None:
    """Schedules a second of one search from empty tables on, and in its last quarter."""
    system, begun = System(scenario), time.process_time()
    came: list[tuple[int, float]] = [(0, 0.0)]
    outcome = sample(
        system,
        schedules=schedules,
        seconds=3_600,
        on_progress=lambda count: came.append((count, time.process_time() - begun)),
    )
    assert outcome.found is None, outcome.sentence()
    spent = time.process_time() - begun
    count, at = next((c, t) for c, t in came if c >= 3 * schedules // 4)
    last = (schedules - count) / (spent - at)
    line(
        f"sampled schedules/s, {what}",
        f"{schedules / spent:,.0f} over {spent:.0f} s ({last:,.0f} in the last quarter), "
        f"{outcome.steps / schedules:.0f} steps each, {len(system.agents.keys):,} states learned;"
        f" {outcome.bounds}",
    )


def reduced() -> None:
    """Executions a second of DPOR."""
    scenario = october.scenario(rounds=3, invariants=False)
    rates = []
    for _ in range(RUNS):
        seconds, outcome = cpu(lambda: explore(System(scenario), executions=10_000))
        rates.append(outcome.count / seconds)
    line("DPOR executions/s", f"{statistics.median(rates):,.0f}")


def shrunk() -> None:
    """Preemptions and runs at most over some seeds, and the CPU seconds it takes."""
    left, runs, seconds = [], [], []
    for seed in range(20):
        system = System(october.scenario())
        found = sample(system, seed=seed).found
        assert found is not None
        begun = time.process_time()
        smaller, count = shrink(system, found)
        seconds.append(time.process_time() - begun)
        runs.append(count)
        left.append(preemptions(system, smaller.choices))
    line(
        "shrinking October, 20 seeds",
        f"{max(left)} preemptions left at most, {max(runs)} runs at most, median"
        f" {statistics.median(seconds):.1f} s",
    )


def replayed() -> None:
    """Each tape of the regression corpus, 100 times."""
    tapes = [load_tape(path) for path in sorted(TAPES.glob("*.json"))]
    begun = time.process_time()
    for tape in tapes:
        for _ in range(100):
            replay_tape(tape)  # holds it to its trace
    text = f"{len(tapes)} tapes x 100 identical, {10 * (time.process_time() - begun) / len(tapes):.1f} ms each"
    line("replay from empty tables", text)


def main() -> None:
    """All rows; `--long` adds the proofs that take minutes."""
    witness("", search)
    witness(", on arrays", columns.search)
    sampled()
    shrunk()
    replayed()
    reduced()
    rate("specimen", october.scenario(invariants=False), 300_000)
    rate("production", chain.scenario(faults=2), 120_000)
    outcome = search(
        System(production.scenario(faults=Faults(1, kinds=ALL), transfer=True)), limits=Limits(seconds=60)
    )
    line("exhaustive states/s, production", f"{outcome.count / outcome.seconds:,.0f} ({outcome.sentence()})")
    outcome = columns.search(System(production.with_freeze(enactors=3, transfer=True)), limits=Limits(seconds=30))
    line("the same on arrays, production", f"{outcome.count / outcome.seconds:,.0f} ({outcome.sentence()})")
    for plans in (2, 3) if "--long" in sys.argv else (2,):
        for restarts in (False, True):
            scenario = production.with_freeze(
                plans=plans, enactors=1, faults=Faults(2, kinds=USUAL_FAULTS), transfer=True, restarts=restarts
            )
            line("production with a freeze", prove(System(scenario), crowd="enactor", spare=2).sentence())


if __name__ == "__main__":
    main()
