"""simloom: seeded random walks, PCT, and enumeration of all schedules within a number of delays."""

from __future__ import annotations

import time

import simloom

from october import mended_race, race, small_mended_race
from rows import RATE_S, TRIAL_S, Trial, found, over_seeds, proved, rate, timed

APART = 1_000_000
SCHEDULES = 2_000
"""Of an enumeration, which has no limit of time: about what it has time for elsewhere."""


def main() -> None:
    """Sampling, and its bounded proofs."""
    for scheduler in (None, "pct:auto"):
        _sampled(scheduler)
    for delays in (2, 3):
        _enumerated(delays)
    for delays in (2, 4):
        _proof(delays)


def _sampled(scheduler: str | None) -> None:
    mode = scheduler or "random walk"
    failures: list[simloom.RunResult] = []

    def search(trial: int) -> tuple[bool, int]:
        ends, done = time.perf_counter() + TRIAL_S, 0
        while time.perf_counter() < ends:
            seed = trial * APART + done
            ended = simloom.explore(race, runs=100, start_seed=seed, scheduler=scheduler)
            done += ended.runs
            if ended.first_failure is not None:
                failures.append(ended.first_failure)
                return True, done
        return False, done

    trials = over_seeds(search)
    shrinks, replays = "", ""
    if failures:
        left = [simloom.shrink(race, failure).deviations for failure in failures[:5]]
        shrinks = f"{min(left)}-{max(left)} deviations from FIFO"
        tape = failures[0].tape
        again = [simloom.replay(race, tape=tape, raise_on_error=False, scheduler=scheduler) for _ in range(10)]
        replays = f"{sum(r.digest == failures[0].digest for r in again)} of 10"
    found("simloom", mode, trials, shrinks=shrinks, replays=replays)
    rate("simloom", mode, _rate(scheduler))


def _rate(scheduler: str | None) -> Trial:
    begun, ends, count = time.process_time(), time.perf_counter() + RATE_S, 0
    while time.perf_counter() < ends:
        count += simloom.explore(mended_race, runs=50, start_seed=count, scheduler=scheduler).runs
    return Trial(False, count, time.process_time() - begun)


def _enumerated(delays: int) -> None:
    results: list[simloom.SystematicResult] = []

    def search() -> tuple[bool, int]:
        results.append(simloom.explore_systematic(race, max_delays=delays, max_schedules=SCHEDULES))
        return results[0].failed, results[0].schedules

    trial = timed(search)
    note = "all of them" if results[0].exhaustive else "its schedules ended first"
    found("simloom", f"all, {delays} delays", [trial], note=note)


def _proof(delays: int) -> None:
    results: list[simloom.SystematicResult] = []

    def search() -> tuple[bool, int]:
        results.append(simloom.explore_systematic(small_mended_race, max_delays=delays, max_schedules=SCHEDULES))
        return results[0].failed, results[0].schedules

    trial = timed(search)
    done = results[0].proven_correct
    proved("simloom", f"all, {delays} delays", done=done, trial=trial, note=f"within {delays} delays")


if __name__ == "__main__":
    main()
