"""Storms in a row: a world for each ten seeds, a report for each seed."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator

import msgspec

from zones.schedule import SEEDS_A_WORLD, topology
from zones.storm import Report, Storm
from zones.world import World

SECONDS = 10.0
SETTLE_S = 60.0


def storms(first: int, count: int, *, seconds: float = SECONDS, settle_s: float = SETTLE_S) -> Iterator[Report]:
    """Run them. A world in which something was breached is left: what it holds is no start for the next seed."""
    seed, end = first, first + count
    while seed < end:
        with World(topology(seed), seed=seed) as world:
            world.begin()
            for seed in range(seed, min(end, seed - seed % SEEDS_A_WORLD + SEEDS_A_WORLD)):  # noqa: B020
                report = Storm(world, seed, seconds=seconds).run(settle_s=settle_s)
                if report.breaches or report.unsettled:
                    sys.stderr.write(f"seed {seed}\n{world.tails()}\n")
                yield report
                if report.breaches or report.unsettled:
                    break
        seed += 1


def main(arguments: list[str]) -> None:
    """As a program."""
    first, count, seconds = (*arguments, *("0", "10", str(SECONDS))[len(arguments) :])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the world is taken down
    began_s = time.monotonic()
    for report in storms(int(first), int(count), seconds=float(seconds)):
        sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
        sys.stdout.flush()
    sys.stderr.write(f"{count} storms in {time.monotonic() - began_s:.0f} s\n")
