"""Storms in a row: a world for each ten seeds, a report for each seed."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator, Sequence

import msgspec

from zones.schedule import SEEDS_A_WORLD, topology
from zones.storm import Report, Storm
from zones.world import World

SECONDS = 10.0
SETTLE_S = 60.0


def storms(seeds: Sequence[int], *, seconds: float = SECONDS, settle_s: float = SETTLE_S) -> Iterator[Report]:
    """Run them. A world in which something was breached is left: what it holds is no start for the next seed."""
    waiting = list(seeds)
    while waiting:
        with World(topology(waiting[0]), seed=waiting[0]) as world:
            world.begin()
            block, bad = waiting[0] // SEEDS_A_WORLD, False
            while waiting and not bad and waiting[0] // SEEDS_A_WORLD == block:
                report = Storm(world, waiting.pop(0), seconds=seconds).run(settle_s=settle_s)
                bad = bool(report.breaches or report.unsettled)
                if bad:
                    sys.stderr.write(f"seed {report.seed}\n{world.tails()}\n")
                yield report


def main(arguments: list[str]) -> None:
    """As a program."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the world is taken down
    seeds = [seed for text in arguments for seed in _seeds(text)]
    began_s = time.monotonic()
    for report in storms(seeds):
        sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
        sys.stdout.flush()
    sys.stderr.write(f"{len(seeds)} storms in {time.monotonic() - began_s:.0f} s\n")


def _seeds(text: str) -> range:
    """`7` or `0-199`."""
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)
