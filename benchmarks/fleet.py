"""How fast whole fleets are simulated: the model, the driver on the shipped rules, SimPy, and a plain heapq loop.

    python benchmarks/fleet.py [--quick] [CASE...]

The same small case for all four: leases that are renewed every 60 s by one server, in order, for an hour of
virtual time. Then the model alone at 10^5 and 10^6 leases, for 5 hours after the loss of all leases (AIM 1 s for
10^5; 45 s and 350 MB for 10^6, on one core). Each runs in a process of its own: its CPU seconds, start and imports
included, and its peak memory. CASE is a part of a name ("10^5").
"""

from __future__ import annotations

import heapq
import json
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from typing import Any

from holdfast.fleet.cells import fleet_at
from holdfast.fleet.design import HOLDFAST, Trouble
from holdfast.fleet.driver import Driver
from holdfast.fleet.model import Model

ROUNDS = 3
SMALL, HOUR_S, LONG_S = 10_000, 3600.0, 5 * 3600.0
LOAD, COST, TAU_S = 0.6, 4.0, 60.0
CALM = Trouble(lost_share=0.0, deaf_s=0.0)
LOST = Trouble(lost_share=1.0, deaf_s=0.0)


def _model(size: int, until_s: float, trouble: Trouble) -> int:
    run = Model(fleet_at(load=LOAD, cost=COST, size=size), HOLDFAST, seed=1, trouble=trouble)
    return run.advance(until_s, until_recovered=False).calls


def _driver() -> int:
    run = Driver(fleet_at(load=LOAD, cost=COST, size=SMALL), HOLDFAST, seed=1, trouble=CALM)
    return run.advance(HOUR_S, until_recovered=False).calls


def _heapq() -> int:
    """The least that an event loop can do: no rules, a server that is a time until which it is busy."""
    rng = random.Random(1)
    one_s = LOAD * TAU_S / SMALL
    events = [(rng.uniform(0, TAU_S), number) for number in range(SMALL)]
    heapq.heapify(events)
    free_s, calls = 0.0, 0
    while events[0][0] <= HOUR_S:
        now_s, number = heapq.heappop(events)
        free_s = max(free_s, now_s) + one_s
        calls += 1
        heapq.heappush(events, (free_s + TAU_S * rng.uniform(0.9, 1.1), number))
    return calls


def _simpy() -> int:
    """A process for each lease, the server a resource."""
    import simpy

    rng = random.Random(1)
    one_s = LOAD * TAU_S / SMALL
    env = simpy.Environment()
    server = simpy.Resource(env, capacity=1)
    calls = 0

    def lease() -> Generator[Any, Any, None]:
        nonlocal calls
        yield env.timeout(rng.uniform(0, TAU_S))
        while True:
            calls += 1
            with server.request() as turn:
                yield turn
                yield env.timeout(one_s)
            yield env.timeout(TAU_S * rng.uniform(0.9, 1.1))

    for _ in range(SMALL):
        env.process(lease())
    env.run(until=HOUR_S)
    return calls


CASES: dict[str, Callable[[], int]] = {
    "model, 10^4, 1 h": lambda: _model(SMALL, HOUR_S, CALM),
    "driver (shipped rules), 10^4, 1 h": _driver,
    "heapq loop, 10^4, 1 h": _heapq,
    "SimPy, 10^4, 1 h": _simpy,
    "model, 10^5, 5 h": lambda: _model(100_000, LONG_S, LOST),
    "model, 10^6, 5 h": lambda: _model(1_000_000, LONG_S, LOST),
}


def _one(name: str) -> None:
    calls = CASES[name]()
    cpu_s = time.process_time()  # of the whole process: starting Python and its imports are in it
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"calls": calls, "cpu_s": cpu_s, "peak_mb": peak_mb}))


def _measured(name: str) -> dict[str, float] | str:
    done = subprocess.run([sys.executable, __file__, "--one", name], capture_output=True, text=True, check=False)
    if done.returncode:
        return done.stderr.strip().splitlines()[-1]
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    """Run it."""
    if sys.argv[1:2] == ["--one"]:
        _one(sys.argv[2])
        return
    rounds = 1 if "--quick" in sys.argv else ROUNDS
    asked = [word for word in sys.argv[1:] if word != "--quick"]
    print(f"{'':<36} {'calls':>12} {'CPU s, best':>12} {'worst':>8} {'calls/s':>12} {'peak MB':>8}")
    for name in CASES:
        if asked and not any(word in name for word in asked):
            continue
        seen = [_measured(name) for _ in range(rounds)]
        good = [s for s in seen if not isinstance(s, str)]
        if not good:
            print(f"{name:<36} not measured: {seen[0]}")
            continue
        best_s, worst_s = min(s["cpu_s"] for s in good), max(s["cpu_s"] for s in good)
        calls, peak = good[0]["calls"], max(s["peak_mb"] for s in good)
        print(f"{name:<36} {calls:>12,.0f} {best_s:>12.2f} {worst_s:>8.2f} {calls / best_s:>12,.0f} {peak:>8.0f}")


if __name__ == "__main__":
    main()
