"""The law of when all leases are held again, beside the shipped service and clients in virtual time, over seeds.

    python benchmarks/leases_held_again.py [SEEDS]

For each fleet and outage: what the law expects, and between which times nine in ten; the median of the runs and
their extremes; how many came within 20 % of what is expected, and within the law's range. Leases lost are those of
which their own holders said so.
"""

from __future__ import annotations

import logging
import statistics
import sys

from holdfast.fleet.service.restart import Restart, fleet_of, restart

TTL_S = 90.0
OUTAGES_S = (1.0, 12.0, 37.0)
FLEETS = (
    # clients, leases each, load
    (20, 100, 0.12),
    (5, 100, 0.12),
    (100, 10, 0.12),
    (200, 1, 0.12),
    (20, 100, 0.45),
    (20, 100, 0.6),
    (200, 1, 0.6),
    (20, 100, 0.75),
)
OFF_MOST = 0.2


COLUMNS = "{:>7} {:>5} {:>5} {:>6} {:>20} {:>7} {:>6} {:>6} {:>8} {:>8} {:>5}"


def row(clients: int, each: int, load: float, away_s: float, runs: list[Restart]) -> str:
    """What the runs of a fleet and an outage came to."""
    law, took = runs[0].law, sorted(run.took_s for run in runs)
    return COLUMNS.format(
        clients,
        each,
        load,
        away_s,
        f"{law.expected_s:.1f} ({law.least_s:.1f} to {law.most_s:.1f})",
        f"{statistics.median(took):.1f}",
        f"{took[0]:.1f}",
        f"{took[-1]:.1f}",
        f"{sum(abs(run.off_share) <= OFF_MOST for run in runs)}/{len(runs)}",
        f"{sum(run.within for run in runs)}/{len(runs)}",
        sum(run.lost for run in runs),
    )


def main() -> None:
    """Run it."""
    logging.disable(logging.WARNING)  # that the service does not answer is the experiment
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    print(
        COLUMNS.format(
            "clients", "each", "load", "away", "law", "median", "least", "most", "<= 20 %", "range", "lost"
        )
    )
    for clients, each, load in FLEETS:
        setting = fleet_of(clients=clients, each=each, load=load, ttl_s=TTL_S)
        for away_s in OUTAGES_S:
            runs = [restart(setting, away_s=away_s, seed=seed) for seed in range(seeds)]
            print(row(clients, each, load, away_s, runs), flush=True)


if __name__ == "__main__":
    main()
