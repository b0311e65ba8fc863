"""What each peer prints: one JSON object a line, for the table. Seconds are CPU seconds of the peer's process."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

TRIALS = 20
TRIAL_S = 10.0
"""Seconds, by the clock on the wall, after which a trial counts as not found; of a proof, six times as many."""
GIVEN_UP_AFTER = 4
"""Trials in a row, from the first, that find nothing: the rest is spared."""
RATE_S = 5.0


@dataclass(frozen=True)
class Trial:
    """One search: whether it found the race, after how many schedules, in how many CPU seconds."""

    found: bool
    count: int
    seconds: float


def timed(search: Callable[[], tuple[bool, int]]) -> Trial:
    """Runs a search that says whether it found something, and after how many schedules."""
    begun = time.process_time()
    found, count = search()
    return Trial(found, count, time.process_time() - begun)


def over_seeds(search: Callable[[int], tuple[bool, int]], trials: int = TRIALS) -> list[Trial]:
    """The same search with many seeds."""
    done: list[Trial] = []
    for seed in range(trials):
        done.append(timed(lambda seed=seed: search(seed)))  # type: ignore[misc]
        if len(done) == GIVEN_UP_AFTER and not any(t.found for t in done):
            break
    return done


def found(
    peer: str,
    mode: str,
    trials: Iterable[Trial],
    *,
    units: str = "schedules",
    shrinks: str = "",
    replays: str = "",
    note: str = "",
) -> None:
    """A row: searching the flawed race. Medians are over the trials that found it."""
    every = list(trials)
    hits = [t for t in every if t.found]
    said = {
        "row": "found",
        "peer": peer,
        "mode": mode,
        "found": len(hits),
        "trials": len(every),
        "units": units,
        "count": statistics.median(t.count for t in hits) if hits else None,
        "seconds": statistics.median(t.seconds for t in hits) if hits else None,
        "tried": max(t.count for t in every),
        "shrinks": shrinks,
        "replays": replays,
        "note": note,
        "raw": [[t.found, t.count, round(t.seconds, 4)] for t in every],
    }
    print(json.dumps(said), flush=True)


def rate(peer: str, mode: str, trial: Trial, units: str = "schedules") -> None:
    """A row: how quick it is on the mended race, where nothing ends the search."""
    per_second = trial.count / trial.seconds
    print(json.dumps({"row": "rate", "peer": peer, "mode": mode, "units": units, "rate": per_second}), flush=True)


def proved(peer: str, mode: str, *, done: bool, trial: Trial, units: str = "schedules", note: str = "") -> None:
    """A row: searching all of the small mended race."""
    said = {"row": "proof", "peer": peer, "mode": mode, "proof": done, "count": trial.count, "units": units}
    print(json.dumps({**said, "seconds": trial.seconds, "note": note}), flush=True)
