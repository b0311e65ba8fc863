"""From a backend's death to the changed DNS answer, beyond the detection time that nobody can avoid.

    python benchmarks/reaction.py [--rounds N]

The quickstart runs as a process of its own (embedded DNS, three probers with quorum 2, planner, three enactors,
one SQLite file). Each round kills one real backend and asks DNS by UDP each millisecond until it is gone.

    detected   the moment at which the prober that made the quorum counted its last failed probe: the second
               `target.down` event of the round
    reaction   from there to the first DNS answer without the address: publish, judge, plan, store, fenced update,
               fsync, answer. Event times are in whole milliseconds: a figure may be too high by up to 1 ms
    in all     from the kill to that answer; mostly interval x fall
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "system"))

from quickstart_world import ADDRESSES, NAME, TARGETS, Quickstart, quickstart

from holdfast.service.demo.backends import Backend, start

AIM_MS = 20.0
QUORUM = 2
ASK_EVERY_S = 0.001
ROUND_S = 20.0


def stamp(at: float) -> str:
    """A time of the clock as records have it."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def one_round(world: Quickstart, turn: int) -> tuple[float, float]:
    """Kill a backend; (reaction, in all) in milliseconds. It is back in DNS afterwards."""
    address, target = ADDRESSES[turn % len(ADDRESSES)], TARGETS[turn % len(TARGETS)]
    killed = time.time()
    world.kill_backends(address)
    while address in (answer := world.answer()) or not answer:
        if time.time() - killed > ROUND_S:
            raise SystemExit(f"{address} was still in DNS after {ROUND_S:g} s")
        time.sleep(ASK_EVERY_S)
    changed = time.time()

    def downs() -> list[float]:
        found = world.events("target.down", stamp(killed))
        return sorted(r.when().timestamp() for r in found if f"{NAME}/{target} " in r.text)

    world.until(lambda: len(downs()) >= QUORUM, "the events are written")
    reason = start(Backend(address=address, port=world.backend_port, directory=world.state / "backends"))
    if reason is not None:
        raise SystemExit(reason)
    world.until_answers(*ADDRESSES)
    return (changed - downs()[QUORUM - 1]) * 1000, (changed - killed) * 1000


def main() -> None:
    """Run the rounds, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    with (
        tempfile.TemporaryDirectory(prefix="holdfast-reaction-") as directory,
        quickstart(Path(directory)) as world,
    ):
        world.demo_up()
        measured = [one_round(world, turn) for turn in range(rounds)]
    print(f"{'milliseconds':<14}{'least':>8}{'median':>8}{'p90':>8}{'most':>8}   rounds {rounds}")
    for label, values in (("reaction", [r for r, _ in measured]), ("in all", [a for _, a in measured])):
        ordered = sorted(values)
        p90 = ordered[min(len(ordered) - 1, int(0.9 * len(ordered)))]
        print(f"{label:<14}{ordered[0]:>8.1f}{statistics.median(ordered):>8.1f}{p90:>8.1f}{ordered[-1]:>8.1f}")
    median = statistics.median(r for r, _ in measured)
    print(f"aim: median reaction {AIM_MS:g} ms: {'reached' if median <= AIM_MS else 'missed'}")


if __name__ == "__main__":
    main()
