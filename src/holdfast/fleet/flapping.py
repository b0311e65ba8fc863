"""Health checks on targets whose configuration has not arrived: who takes healthy capacity out of DNS?

A pool of targets, a part of which is new and without its configuration: its probes now succeed, now fail. Some
targets break in truth. The checker slows down the more of what it checks fails, and then healthy targets time out
too. Two designs:

- *2025*: all that is registered is probed; one failure takes a target out, one success takes it in; a zone with
  too few healthy targets is taken out as a whole.
- *holdfast*: a target enters only once it is ready (the gate), then by the shipped rules of `health`, `planner`.

Wrongly removed: time out of DNS of targets that are ready, not broken, and have served before, as a share of all
such time. Exposure: how long a target that is broken in truth stays in DNS; what caution costs.
"""

from __future__ import annotations

import random
from collections.abc import Callable
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


class _Truth:
    """Who is ready and who is broken at any time, and what a probe comes to."""

    def __init__(self, pool: Pool, seed: int, arrival: Callable[[float], float] | None) -> None:
        self.pool = pool
        self.rng = random.Random(seed)  # noqa: S311 - seeded on purpose
        numbers = list(range(1, pool.targets + 1))
        self.rng.shuffle(numbers)
        new = numbers[: round(pool.unready_share * pool.targets)]
        place = arrival or (lambda chance: chance * pool.arrives_s)
        self.ready_at_s = dict.fromkeys(numbers, 0.0) | {n: place(self.rng.random()) for n in new}
        old = numbers[len(new) :]
        self.broke_at_s = {n: self.rng.random() * 0.8 * pool.lasts_s for n in old[: pool.broken]}
        self.failing_share = 0.0

    def healthy(self, number: int, now_s: float) -> bool:
        return self.ready_at_s[number] <= now_s < self.broke_at_s.get(number, float("inf"))

    def answers(self, number: int, now_s: float) -> bool:
        """One probe."""
        if now_s >= self.broke_at_s.get(number, float("inf")):
            return False
        chance = self.rng.random()
        false_share = self.pool.false_share + self.pool.overload * self.failing_share
        if now_s < self.ready_at_s[number]:
            return chance < self.pool.answers_share * (1 - false_share)
        return chance >= false_share


class _Ledger:
    """Counts what DNS served."""

    def __init__(self, truth: _Truth) -> None:
        self.truth = truth
        self.served: set[int] = set()
        self.before: frozenset[int] | None = None
        self.moves: dict[int, int] = {}
        self.out_s = self.all_s = 0.0
        self.exposed_s = dict.fromkeys(truth.broke_at_s, 0.0)
        self.series: list[tuple[float, float]] = []

    def note(self, serving: frozenset[int], now_s: float) -> None:
        truth, interval_s = self.truth, self.truth.pool.interval_s
        good = {n for n in self.served | serving if truth.healthy(n, now_s)}
        out = len(good - serving)
        self.out_s += out * interval_s
        self.all_s += len(good) * interval_s
        for number, broke_s in truth.broke_at_s.items():
            self.exposed_s[number] += interval_s * (number in serving and now_s >= broke_s)
        for number in serving ^ (serving if self.before is None else self.before):
            self.moves[number] = self.moves.get(number, 0) + 1
        self.served |= {n for n in serving if truth.ready_at_s[n] <= now_s}
        self.before = serving
        self.series.append((now_s, 1 - out / max(len(good), 1)))

    def result(self) -> Flapping:
        return Flapping(
            wrongly_removed_share=self.out_s / self.all_s if self.all_s else 0.0,
            transitions=sum(self.moves.values()),
            transitions_most=max(self.moves.values(), default=0),
            exposure_s=tuple(self.exposed_s[n] for n in sorted(self.exposed_s)),
            series=tuple(self.series),
        )


RISE: Final = 2
FALL: Final = 3


def play_holdfast(pool: Pool, *, seed: int, arrival: Callable[[float], float] | None = None) -> Flapping:
    """The gate, then the shipped rules. `arrival` maps a chance to the second at which a new target is ready."""
    truth = _Truth(pool, seed, arrival)
    ledger = _Ledger(truth)
    chain = Chain(check=Check(interval_s=pool.interval_s, rise=RISE, fall=FALL))
    ready: frozenset[int] = frozenset()
    for turn in range(int(pool.lasts_s / pool.interval_s)):
        now_s = turn * pool.interval_s
        arrived = frozenset(n for n, at_s in truth.ready_at_s.items() if at_s <= now_s)
        if arrived != ready:
            ready = arrived
            chain.configure(ready)
        failed = 0
        for prober in chain.probers:
            for number in ready:
                ok = truth.answers(number, now_s)
                failed += not ok
                prober.saw(number, ok=ok, rise=RISE, fall=FALL, now_s=now_s)
        truth.failing_share = failed / max(1, len(ready) * len(PROBERS))
        chain.turn(now_s)
        ledger.note(chain.serving, now_s)
    return ledger.result()


def play_2025(pool: Pool, *, seed: int, arrival: Callable[[float], float] | None = None) -> Flapping:
    """Everybody who is registered is probed; one result decides; zones fail over."""
    truth = _Truth(pool, seed, arrival)
    ledger = _Ledger(truth)
    out_until_s = dict.fromkeys(range(ZONES), 0.0)
    for turn in range(int(pool.lasts_s / pool.interval_s)):
        now_s = turn * pool.interval_s
        up = {n for n in truth.ready_at_s if truth.answers(n, now_s)}
        truth.failing_share = 1 - len(up) / pool.targets
        for zone in range(ZONES):
            members = [n for n in truth.ready_at_s if n % ZONES == zone]
            if now_s >= out_until_s[zone] and sum(n in up for n in members) < pool.zone_least_share * len(members):
                out_until_s[zone] = now_s + pool.zone_out_s
        if all(until_s > now_s for until_s in out_until_s.values()):
            out_until_s[0] = now_s  # the last zone always stays
        ledger.note(frozenset(n for n in up if now_s >= out_until_s[n % ZONES]), now_s)
    return ledger.result()
