"""simloop: a seeded asyncio loop, with uniform draws and with PCT."""

from __future__ import annotations

import time

import simloop

from october import mended_race, race
from rows import RATE_S, TRIAL_S, Trial, found, over_seeds, rate

APART = 1_000_000
"""Trials take their seeds from ranges that don't overlap."""


def main() -> None:
    """Both of its policies."""
    for policy, depths in (("random", (3,)), ("pct", (3, 7))):
        for depth in depths:
            _mode(policy, depth)


def _mode(policy: str, depth: int) -> None:
    mode = policy if policy == "random" else f"{policy}, depth {depth}"
    seeds: list[int] = []

    def search(trial: int) -> tuple[bool, int]:
        ends = time.perf_counter() + TRIAL_S
        for seed in range(trial * APART + 1, (trial + 1) * APART, 100):
            report = simloop.explore(race, range(seed, seed + 100), policy=policy, pct_depth=depth)
            if report is not None:
                seeds.append(report.seed)
                return True, report.seed - trial * APART
            if time.perf_counter() > ends:
                return False, seed + 99 - trial * APART
        return False, APART

    trials = over_seeds(search)
    shrinks, replays = "", ""
    if seeds:
        small = [simloop.explore(race, [s], policy=policy, pct_depth=depth, shrink=True) for s in seeds[:5]]
        kept = [len(r.shrunk.kept) for r in small if r is not None and r.shrunk is not None]
        shrinks = f"{min(kept)}-{max(kept)} steps that are not FIFO" if kept else "no"
        same = [simloop.explore(race, [seeds[0]], policy=policy, pct_depth=depth) for _ in range(10)]
        hashes = {r.trace_hash for r in same if r is not None}
        replays = f"{sum(r is not None for r in same)} of 10" if len(hashes) == 1 else "NO"
    found("simloop", mode, trials, shrinks=shrinks, replays=replays)
    rate("simloop", mode, _rate(policy, depth))


def _rate(policy: str, depth: int) -> Trial:
    begun, ends, count = time.process_time(), time.perf_counter() + RATE_S, 0
    while time.perf_counter() < ends:
        assert simloop.explore(mended_race, range(count, count + 50), policy=policy, pct_depth=depth) is None
        count += 50
    return Trial(False, count, time.process_time() - begun)


if __name__ == "__main__":
    main()
