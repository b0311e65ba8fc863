"""frontrun: DPOR over asyncio tasks (its engine is written in Rust), and random schedules."""

from __future__ import annotations

import asyncio
import time
import warnings
from collections.abc import Callable
from typing import Any

import frontrun

from october import FULL, SMALL, Region, Size, asyncio_hop
from rows import RATE_S, TRIAL_S, Trial, found, over_seeds, proved, rate, timed

OPERATIONS_MAX = 400
"""Length of a random schedule: more than the race has steps."""


async def planner(region: Region) -> None:
    """A worker."""
    await region.planner()


async def enactor(region: Region) -> None:
    """A worker."""
    await region.enactor()


def explore(size: Size, *, mended: bool = False, **how: Any) -> Any:
    """Its verdict is on the state at the end, where the region remembers what broke."""

    async def search() -> Any:
        return await frontrun.explore(
            setup=lambda: Region(asyncio_hop, size, mended=mended, raises=False),
            workers=[planner, *([enactor] * size.enactors)],
            invariant=lambda region: not region.broken,
            **how,
        )

    return asyncio.run(search())


def main() -> None:
    """Random schedules, DPOR as it comes, and without a bound of preemptions."""
    warnings.simplefilter("ignore")
    results: list[Any] = []

    def sampled(seed: int) -> tuple[bool, int]:
        limits: dict[str, Any] = {"max_attempts": 10**6, "max_ops": OPERATIONS_MAX, "total_timeout": TRIAL_S}
        results.append(explore(FULL, strategy="random", seed=seed, **limits))
        return results[-1].property_holds is False, results[-1].num_explored

    trials = over_seeds(sampled)
    again = ""
    if trials[0].found:
        schedules = [results[0].counterexample, *(_again() for _ in range(3))]
        again = f"{sum(s == schedules[0] for s in schedules[1:])} of 3 (same seed)"
    found("frontrun", "random", trials, shrinks="no", replays=again)
    for bound in (2, None):
        _dpor(bound)

    def sampling() -> tuple[bool, int]:
        limits: dict[str, Any] = {"max_attempts": 10**6, "max_ops": OPERATIONS_MAX, "total_timeout": RATE_S}
        return False, explore(FULL, mended=True, strategy="random", seed=0, **limits).num_explored

    rate("frontrun", "random", timed(sampling))
    for bound in (2, None):
        _proof(bound)


def _again() -> Any:
    limits: dict[str, Any] = {"max_attempts": 10**6, "max_ops": OPERATIONS_MAX, "total_timeout": TRIAL_S}
    return explore(FULL, strategy="random", seed=0, **limits).counterexample


def _wall(search: Callable[[], Any], limit_s: float) -> tuple[Any, float, str]:
    """A result, its seconds, and what it is worth: it says "holds" also when its time has ended first."""
    begun_cpu, begun = time.process_time(), time.perf_counter()
    result = search()
    ended = time.perf_counter() - begun >= limit_s
    verdict = {True: "its verdict: holds", False: "", None: f"inconclusive: {result.inconclusive_reason}"}
    said = verdict[result.property_holds] + (", though the time ended" if ended and result.property_holds else "")
    return result, time.process_time() - begun_cpu, said


def _dpor(bound: int | None) -> None:
    limit_s = 3 * TRIAL_S
    search = lambda: explore(FULL, preemption_bound=bound, total_timeout=limit_s)  # noqa: E731
    result, seconds, said = _wall(search, limit_s)
    trial = Trial(result.property_holds is False, result.num_explored, seconds)
    replays = f"{result.reproduction_successes} of {result.reproduction_attempts}" if trial.found else ""
    found("frontrun", _mode(bound), [trial], replays=replays, note=said)
    rate("frontrun", _mode(bound), trial)


def _proof(bound: int | None) -> None:
    limit_s = 6 * TRIAL_S
    search = lambda: explore(SMALL, mended=True, preemption_bound=bound, total_timeout=limit_s)  # noqa: E731
    result, seconds, said = _wall(search, limit_s)
    done = result.property_holds is True and "time ended" not in said
    trial = Trial(False, result.num_explored, seconds)
    proved("frontrun", _mode(bound), done=done, trial=trial, note=said)


def _mode(bound: int | None) -> str:
    return f"DPOR, {'no bound' if bound is None else f'{bound} preemptions'}"


if __name__ == "__main__":
    main()
