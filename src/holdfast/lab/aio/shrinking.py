"""Shrinking a broken schedule: to the fewest departures from asyncio's own order.

First all schedules with few departures are tried, calmest first, for a while: what that finds can't be beaten.
Else departures are taken back one chunk after another (delta debugging).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from holdfast.lab.aio.choosing import Follow
from holdfast.lab.aio.running import Body, Broken, Ended, Terms, run
from holdfast.lab.aio.searching import Budget, calmest

CALM_BUDGET = Budget(schedules=3_000, seconds=3.0)
RUNS_MAX = 400


def shrink(body: Body, terms: Terms, choices: Sequence[int], broken: Broken) -> tuple[Ended, int]:
    """A run, told in detail, that breaks the same with fewer departures; and how many runs that took."""
    calm, runs = calmest(body, terms, broken, CALM_BUDGET, departures(choices))
    best = _trimmed(choices if calm is None else calm)
    if calm is None:
        best, more = _chunks(body, terms, best, broken)
        runs += more
    return run(body, Follow(best), terms, detail=True), runs + 1


def departures(choices: Sequence[int]) -> int:
    """At how many places a schedule is not asyncio's own."""
    return sum(1 for c in choices if c)


def _chunks(body: Body, terms: Terms, choices: tuple[int, ...], broken: Broken) -> tuple[tuple[int, ...], int]:
    """Take back departures, by halves, then quarters, ... then one by one, as long as it still breaks."""
    best, runs = choices, 0
    size = max(1, departures(best) // 2)
    while size and runs < RUNS_MAX:
        for fewer in _without(best, size):
            tried = _breaks(body, terms, fewer, broken)
            runs += 1
            if tried is not None and departures(tried) < departures(best):
                best = tried
                break
        else:
            size //= 2
    return best, runs


def _without(choices: tuple[int, ...], size: int) -> Iterator[tuple[int, ...]]:
    """Each schedule without some departures in a row: asyncio's own choice in their place, or none at all.

    With none, what was chosen after it is chosen now: so goes a step that only made room for nothing.
    """
    places = [i for i, c in enumerate(choices) if c]
    for start in range(0, len(places), size):
        gone = set(places[start : start + size])
        yield tuple(0 if i in gone else c for i, c in enumerate(choices))
        yield tuple(c for i, c in enumerate(choices) if i not in gone)


def _breaks(body: Body, terms: Terms, choices: tuple[int, ...], broken: Broken) -> tuple[int, ...] | None:
    ended = run(body, Follow(choices), terms)
    if ended.broken is None or ended.broken.key != broken.key:
        return None
    return _trimmed(ended.choices)


def _trimmed(choices: Sequence[int]) -> tuple[int, ...]:
    """Without the end that is asyncio's own order anyway."""
    found = tuple(choices)
    while found and not found[-1]:
        found = found[:-1]
    return found
