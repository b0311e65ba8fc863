"""Storms in a row: a world for each ten seeds, a report for each seed."""

from __future__ import annotations

import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from storm_findings import percentile

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


def summary(reports: Sequence[Report]) -> str:
    """The figures of a campaign, for people."""
    faults = sum((Counter(r.faults) for r in reports), Counter[str]())
    took_s = [r.converged_s for r in reports]
    bad = [r.seed for r in reports if r.breaches or r.unsettled]
    lines = [
        f"{len(reports)} storms, {len(bad)} with a breach or without convergence: {bad}",
        f"{sum(faults.values())} faults and acts: "
        + ", ".join(f"{count} x {kind}" for kind, count in faults.most_common()),
        f"converged after p50 {percentile(took_s, 0.5):.1f} s, p99 {percentile(took_s, 0.99):.1f} s,"
        f" at most {max(took_s, default=0.0):.1f} s",
        f"{sum(r.generations for r in reports)} generations, {sum(r.removals for r in reports)} removals in DNS,"
        f" {sum(r.frozen for r in reports)} freezes acknowledged,"
        f" {sum(r.queries for r in reports)} queries ({sum(r.unanswered for r in reports)} unanswered)",
    ]
    return "\n".join(lines)


def read(files: Sequence[str]) -> list[Report]:
    """Reports of earlier runs: of each seed the last one."""
    found = [
        msgspec.json.decode(line, type=Report) for file in files for line in Path(file).read_bytes().splitlines()
    ]
    return list({report.seed: report for report in found}.values())


def main(arguments: list[str]) -> None:
    """As a program."""
    if arguments[:1] == ["summary"]:
        print(summary(read(arguments[1:])))
        return
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
