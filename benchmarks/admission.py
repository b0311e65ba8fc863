"""What one admission decision costs: offer, take and finish, of the shipped queue, in this process.

    python benchmarks/admission.py [DECISIONS]

AIM 5 microseconds for the decision (`offer`) on a busy queue. Prints the median and the extremes of the rounds.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

from holdfast.overload import Admission, Lane, LimiterSettings

ROUNDS = 7
LANES = (Lane("renew", 0.0001, pool="memory"), Lane("establish", 0.001, newest_first=True, pool="store"))
RENEW, ESTABLISH = 0, 1


def _busy() -> Admission[int]:
    """Both lines half full."""
    queue: Admission[int] = Admission(LANES, limiters={"memory": LimiterSettings.fixed(256)})
    for lane in (RENEW, ESTABLISH):
        for number in range(queue.depth(lane) // 2):
            queue.offer(number, lane=lane, deadline_s=1e9, now_s=0.0)
    return queue


def _offers(decisions: int, lane: int) -> float:
    queue = _busy()
    began = time.perf_counter()
    for number in range(decisions):
        queue.offer(number, lane=lane, deadline_s=1e9, now_s=0.0)
    return (time.perf_counter() - began) / decisions


def _refusals(decisions: int) -> float:
    queue = _busy()
    began = time.perf_counter()
    for number in range(decisions):
        queue.offer(number, lane=ESTABLISH, deadline_s=0.001, now_s=0.0)
    return (time.perf_counter() - began) / decisions


def _whole(decisions: int) -> float:
    queue = _busy()
    began = time.perf_counter()
    for number in range(decisions):
        now_s = number * 1e-4
        queue.offer(number, lane=number & 1, deadline_s=now_s + 60, now_s=now_s)
        job, _ = queue.take(now_s=now_s)
        if job is not None:
            queue.finish(job, now_s=now_s + 1e-4)
    return (time.perf_counter() - began) / decisions


def main() -> None:
    """Run it."""
    decisions = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    cases: dict[str, Callable[[], float]] = {
        "offer a renewal": lambda: _offers(decisions, RENEW),
        "offer an establishment, line full": lambda: _offers(decisions, ESTABLISH),
        "refuse as unfinishable": lambda: _refusals(decisions),
        "offer, take and finish": lambda: _whole(decisions),
    }
    print(f"{'':<36} {'median us':>10} {'lowest':>8} {'highest':>8}")
    for name, case in cases.items():
        seen = [case() * 1e6 for _ in range(ROUNDS)]
        print(f"{name:<36} {statistics.median(seen):>10.2f} {min(seen):>8.2f} {max(seen):>8.2f}")


if __name__ == "__main__":
    main()
