"""Health checks on targets whose configuration has not arrived: who takes healthy capacity out of DNS?

A pool of targets, a part of which is new and without its configuration: its probes now succeed, now fail. Those
that serve already are sent a new document, and lag behind with it for a while: they answer as before. Some
targets break in truth. The checker slows down the more of what it checks fails, and then healthy targets time out
too. Two designs:

- *2025*: all that is registered is probed; one failure takes a target out, one success takes it in; a zone with
  too few healthy targets is taken out as a whole.
- *holdfast*: all hold a lease and say whether they are ready; then the shipped rules of `leases.members`, `health`
  and `planner` (`chain`). New targets enter when they are ready; who serves and lags stays in, and is reported.

Wrongly removed: time out of DNS of targets that are ready or lag, are not broken, and have served before, as a
share of all such time. Exposure: how long a target that is broken in truth stays in DNS; what caution costs.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from holdfast.fleet.chain import PROBERS, ZONES, Chain
from holdfast.model.configuration import Check


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


class Flapping(msgspec.Struct, frozen=True):
    """What a run came to."""

    wrongly_removed_share: float
    transitions: int
    """Into or out of DNS."""
    transitions_most: int
    """Of any one target."""
    exposure_s: tuple[float, ...]
    """Of each broken target: from its breaking until it left DNS, or the end."""
    series: tuple[tuple[float, float], ...]
    """(seconds, share of the capacity that should serve and does)."""
    lagging_most: int = 0
    """Targets that served and lagged behind, at once."""
    unreported: int = 0
    """Of those, by rounds: not reported as lagging (the design of 2025 reports none)."""
    entered_unready: int = 0
    """New targets that served before they were ready."""


Round = tuple[list[tuple[int, bool]], int]
"""Results that may tell something, and how many of all failed."""


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
        self.at(0.0)

    def at(self, now_s: float) -> None:
        """It is now."""
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


class _Ledger:
    """Counts what DNS served."""

    def __init__(self, truth: _Truth) -> None:
        self.truth = truth
        self.served: set[int] = set()
        self.before: frozenset[int] | None = None
        self.moves: dict[int, int] = {}
        self.out_s = self.all_s = 0.0
        self.exposed_s = dict.fromkeys(truth.broke_at_s, 0.0)
        self.lagging_most = self.unreported = 0
        self.early: set[int] = set()
        self.series: list[tuple[float, float]] = []

    def note(self, serving: frozenset[int], now_s: float, *, reported: frozenset[int] = frozenset()) -> None:
        truth, interval_s = self.truth, self.truth.pool.interval_s
        good = (self.served | serving).intersection(truth.healthy)
        out = len(good - serving)
        self.out_s += out * interval_s
        self.all_s += len(good) * interval_s
        for number in truth.broken & serving:
            self.exposed_s[number] += interval_s
        for number in serving ^ (serving if self.before is None else self.before):
            self.moves[number] = self.moves.get(number, 0) + 1
        lagging = truth.lagging & serving
        self.lagging_most = max(self.lagging_most, len(lagging))
        self.unreported += len(lagging - reported)
        self.early |= serving.intersection(truth.unready)
        self.served |= serving.difference(truth.unready)
        self.before = serving
        self.series.append((now_s, 1 - out / max(len(good), 1)))

    def result(self) -> Flapping:
        return Flapping(
            wrongly_removed_share=self.out_s / self.all_s if self.all_s else 0.0,
            transitions=sum(self.moves.values()),
            transitions_most=max(self.moves.values(), default=0),
            exposure_s=tuple(self.exposed_s[n] for n in sorted(self.exposed_s)),
            series=tuple(self.series),
            lagging_most=self.lagging_most,
            unreported=self.unreported,
            entered_unready=len(self.early),
        )


RISE: Final = 2
FALL: Final = 3


def play_holdfast(pool: Pool, *, seed: int, arrival: Callable[[float], float] | None = None) -> Flapping:
    """The shipped rules. `arrival` maps a chance to the second at which a new target is ready."""
    truth = _Truth(pool, seed, arrival)
    ledger = _Ledger(truth)
    chain = _serving_pool(pool, truth)
    said: dict[int, bool] = {}
    for turn in range(int(pool.lasts_s / pool.interval_s)):
        now_s = turn * pool.interval_s
        truth.at(now_s)
        if (says := truth.says_ready()) != said:
            chain.holds(says)
            said = says
        failed = 0
        for prober in chain.probers:
            results, failures = truth.probes(prober.restless())
            prober.sees(results, now_s=now_s)
            failed += failures
        truth.failing_share = failed / (pool.targets * len(PROBERS))
        chain.turn(now_s)
        ledger.note(chain.serving, now_s, reported=chain.lagging)
    return ledger.result()


def _serving_pool(pool: Pool, truth: _Truth) -> Chain:
    """The chain with its old targets in DNS, before the new ones come."""
    chain = Chain(check=Check(interval_s=pool.interval_s, rise=RISE, fall=FALL))
    chain.holds(dict.fromkeys(truth.old, True))
    for turn in range(-RISE, 0):
        for prober in chain.probers:
            prober.sees([(n, True) for n in truth.old], now_s=turn * pool.interval_s)
    chain.turn(-pool.interval_s)
    assert chain.serving == frozenset(truth.old), "all of them answered"
    return chain


def play_2025(pool: Pool, *, seed: int, arrival: Callable[[float], float] | None = None) -> Flapping:
    """Everybody who is registered is probed; one result decides; zones fail over."""
    truth = _Truth(pool, seed, arrival)
    ledger = _Ledger(truth)
    out_until_s = dict.fromkeys(range(ZONES), 0.0)
    sizes = [sum(n % ZONES == zone for n in truth.ready_at_s) for zone in range(ZONES)]
    for turn in range(int(pool.lasts_s / pool.interval_s)):
        now_s = turn * pool.interval_s
        truth.at(now_s)
        results, failed = truth.probes(())
        down = {n for n, ok in results if not ok}
        truth.failing_share = failed / pool.targets
        for zone in range(ZONES):
            up = sizes[zone] - sum(n % ZONES == zone for n in down)
            if now_s >= out_until_s[zone] and up < pool.zone_least_share * sizes[zone]:
                out_until_s[zone] = now_s + pool.zone_out_s
        if all(until_s > now_s for until_s in out_until_s.values()):
            out_until_s[0] = now_s  # the last zone always stays
        up_zones = {zone for zone, until_s in out_until_s.items() if now_s >= until_s}
        ledger.note(frozenset(n for n in truth.ready_at_s if n not in down and n % ZONES in up_zones), now_s)
    return ledger.result()
