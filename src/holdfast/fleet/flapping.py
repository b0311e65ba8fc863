"""Health checks on targets whose configuration has not arrived: who takes healthy capacity out of DNS?

A pool of targets, a part of which is new and without its configuration: its probes now succeed, now fail. Those
that serve already are sent a new document, and lag behind with it for a while: they answer as before. Some
targets break in truth. The checker slows down the more of what it checks fails, and then healthy targets time out
too. All hold a lease. The two designs stand in `watch`; the whole day has a pool of its own (`day.pool`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable

import msgspec

from holdfast.fleet.watch import Flapping, Round, Watch, watch_2025, watch_holdfast


class Pool(msgspec.Struct, frozen=True):
    """The pool, and how it is checked. Shares are of all targets."""

    targets: int = 300
    unready_share: float = 0.3
    """New ones, whose configuration arrives in the course of `arrives_s`."""
    arrives_s: float = 3600.0
    lagging_share: float = 1.0
    """Of those that serve already, so many lag behind with a document of second `document_s` ..."""
    document_s: float = 600.0
    catches_up_s: float = 1200.0
    """... and catch up in the course of this."""
    broken: int = 3
    """Break for good, at times spread over the run."""
    lasts_s: float = 5400.0
    interval_s: float = 10.0
    answers_share: float = 0.5
    """Of the probes of a target without its configuration, so many succeed."""
    false_share: float = 0.0005
    """Of the probes of a healthy target, so many fail."""
    overload: float = 0.1
    """Added to that for each share of the probes that fail: the checker slows down."""
    zone_least_share: float = 0.7
    """2025: a zone with a smaller share healthy is taken out ..."""
    zone_out_s: float = 300.0
    """... for so long."""

    @property
    def watch(self) -> Watch:
        """How it is checked."""
        return Watch(self.lasts_s, self.interval_s, self.zone_least_share, self.zone_out_s)


class _Truth:
    """Who is ready, who lags and who is broken at any time, and what a round of probes comes to."""

    def __init__(self, pool: Pool, seed: int, arrival: Callable[[float], float] | None) -> None:
        self.pool = pool
        self.rng = random.Random(seed)  # noqa: S311 - seeded on purpose
        numbers = list(range(1, pool.targets + 1))
        self.rng.shuffle(numbers)
        new = numbers[: round(pool.unready_share * pool.targets)]
        place = arrival or (lambda chance: chance * pool.arrives_s)
        self.ready_at_s = dict.fromkeys(numbers, 0.0) | {n: place(self.rng.random()) for n in new}
        self.old = numbers[len(new) :]
        self.broke_at_s = {n: self.rng.random() * 0.8 * pool.lasts_s for n in self.old[: pool.broken]}
        lagging = self.old[: round(pool.lagging_share * len(self.old))]
        self.caught_up_s = {n: pool.document_s + self.rng.random() * pool.catches_up_s for n in lagging}
        self.failing_share = 0.0
        self.registered = frozenset(numbers)
        self.breaks = frozenset(self.broke_at_s)
        self.version = 0
        self.at(0.0)

    def at(self, now_s: float) -> None:
        """It is now."""
        self.version += 1
        unready = {n for n, at_s in self.ready_at_s.items() if at_s > now_s}
        self.broken = {n for n, at_s in self.broke_at_s.items() if at_s <= now_s}
        self.healthy = [n for n in self.ready_at_s if n not in unready and n not in self.broken]
        self.unready = sorted(unready)
        begun = now_s >= self.pool.document_s
        self.lagging = {n for n, until_s in self.caught_up_s.items() if begun and now_s < until_s}

    def says_ready(self) -> dict[int, bool]:
        """What the targets say of themselves."""
        not_ready = self.lagging | set(self.unready)
        return {n: n not in not_ready for n in self.ready_at_s}

    def probes(self, restless: Iterable[int]) -> Round:
        """A round by one prober. Successes of healthy targets are given only for those in `restless`."""
        chance = self.rng.random
        false_share = self.pool.false_share + self.pool.overload * self.failing_share
        answers_share = self.pool.answers_share * (1 - false_share)
        failed = {n for n in self.healthy if chance() < false_share}
        unready = [(n, chance() < answers_share) for n in self.unready]
        healthy = [(n, True) for n in sorted(set(restless).intersection(self.healthy) - failed)]
        bad = [(n, False) for n in sorted(failed | self.broken)]
        return [*healthy, *unready, *bad], len(bad) + sum(not ok for _, ok in unready)


def play_holdfast(pool: Pool, *, seed: int, arrival: Callable[[float], float] | None = None) -> Flapping:
    """The shipped rules. `arrival` maps a chance to the second at which a new target is ready."""
    return watch_holdfast(_Truth(pool, seed, arrival), pool.watch)


def play_2025(pool: Pool, *, seed: int, arrival: Callable[[float], float] | None = None) -> Flapping:
    """The same pool, by the design of 2025."""
    return watch_2025(_Truth(pool, seed, arrival), pool.watch)
