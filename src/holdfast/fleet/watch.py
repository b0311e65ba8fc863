"""A pool under watch: what DNS serves of it, by the shipped chain and by the design of 2025, and what that costs.

`Truth`: who holds a lease, is ready, lags behind or is broken at any time, and what probes of it come to.

- *2025*: all that is registered is probed, held lease or not; one failure takes a target out, one success takes it
  in; a zone with too few healthy targets is taken out as a whole.
- *holdfast*: who holds a lease is a target and says whether it is ready; then the shipped rules of
  `leases.members`, `health` and `planner` (`chain`).

Wrongly removed: time out of DNS of targets that are ready or lag, are not broken, and have served before, as a
share of all such time, whatever their leases say. Exposure: how long a target that is broken in truth stays in
DNS.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final, Protocol, TypeAlias

import msgspec

from holdfast.fleet.chain import PROBERS, ZONES, Chain
from holdfast.model.configuration import Check

RISE: Final = 2
FALL: Final = 3


class Watch(msgspec.Struct, frozen=True):
    """How a pool is checked, and for how long it is watched."""

    lasts_s: float
    interval_s: float = 10.0
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
    """Of each broken target: from its breaking until it left DNS, or was mended, or the end."""
    series: tuple[tuple[float, float], ...]
    """(seconds, share of the capacity that should serve and does)."""
    lagging_most: int = 0
    """Targets that served and lagged behind, at once."""
    unreported: int = 0
    """Of those, by rounds: not reported as lagging (the design of 2025 reports none)."""
    entered_unready: int = 0
    """New targets that served before they were ready."""
    moves: tuple[tuple[int, int], ...] = ()
    """(target, its transitions), of those that had any."""

    @property
    def least_share(self) -> float:
        """The least of the capacity that should serve and did."""
        return min((share for _, share in self.series), default=1.0)


Round: TypeAlias = tuple[list[tuple[int, bool]], int]
"""Results that may tell something, and how many of all failed."""


class Truth(Protocol):
    """The truth about a pool of targets. The sets are as of the last `at`."""

    failing_share: float
    """Of the probes of the last round, so many failed: the checker slows down by it."""
    old: list[int]
    """Targets that serve when it begins."""
    registered: frozenset[int]
    healthy: list[int]
    unready: list[int]
    """Registered, not yet ready, and never were."""
    broken: set[int]
    lagging: set[int]
    breaks: frozenset[int]
    """Targets that break some time."""
    version: int
    """Another one whenever any of these sets changed."""

    def at(self, now_s: float) -> None:
        """It is now."""

    def says_ready(self) -> Mapping[int, bool]:
        """Who holds a lease, and what it says of itself."""

    def probes(self, restless: Iterable[int]) -> Round:
        """A round by one prober. Successes of healthy targets are given only for those in `restless`."""


class _Ledger:
    """Counts what DNS served."""

    def __init__(self, pool: Truth, interval_s: float) -> None:
        self.pool, self.interval_s = pool, interval_s
        self.served: set[int] = set()
        self.before: frozenset[int] | None = None
        self.moves: dict[int, int] = {}
        self.out_s = self.all_s = 0.0
        self.exposed_s = dict.fromkeys(sorted(pool.breaks), 0.0)
        self.lagging_most = self.unreported = 0
        self.early: set[int] = set()
        self.series: list[tuple[float, float]] = []
        self._same: tuple[int, int, int] | None = None
        """Version of the pool, and what the last round came to: (version, out, good)."""

    def note(self, serving: frozenset[int], now_s: float, *, reported: frozenset[int] = frozenset()) -> None:
        if self._same is None or self._same[0] != self.pool.version or serving is not self.before:
            self._same = (self.pool.version, *self._looks(serving))
        _, out, good = self._same
        self.out_s += out * self.interval_s
        self.all_s += good * self.interval_s
        for number in self.pool.broken:
            if number in serving:
                self.exposed_s[number] += self.interval_s
        if self.pool.lagging:
            lagging = serving.intersection(self.pool.lagging)
            self.lagging_most = max(self.lagging_most, len(lagging))
            self.unreported += len(lagging - reported)
        self.series.append((now_s, 1 - out / max(good, 1)))

    def _looks(self, serving: frozenset[int]) -> tuple[int, int]:
        """How many that should serve do not, and how many should."""
        pool = self.pool
        good = (self.served | serving).intersection(pool.healthy)
        for number in serving ^ (serving if self.before is None else self.before):
            self.moves[number] = self.moves.get(number, 0) + 1
        self.early |= serving.intersection(pool.unready)
        self.served |= serving.difference(pool.unready)
        self.before = serving
        return len(good - serving), len(good)

    def result(self) -> Flapping:
        return Flapping(
            wrongly_removed_share=self.out_s / self.all_s if self.all_s else 0.0,
            transitions=sum(self.moves.values()),
            transitions_most=max(self.moves.values(), default=0),
            exposure_s=tuple(self.exposed_s.values()),
            series=tuple(self.series),
            lagging_most=self.lagging_most,
            unreported=self.unreported,
            entered_unready=len(self.early),
            moves=tuple(sorted(self.moves.items())),
        )


def watch_holdfast(pool: Truth, watch: Watch) -> Flapping:
    """The shipped rules."""
    ledger = _Ledger(pool, watch.interval_s)
    chain = _serving_pool(pool, watch)
    said: Mapping[int, bool] = {}
    for turn in range(int(watch.lasts_s / watch.interval_s)):
        now_s = turn * watch.interval_s
        pool.at(now_s)
        says = pool.says_ready()
        if says != said or chain.forgets(now_s):
            chain.holds(says, now_s=now_s)
            said = says
        failed = 0
        for prober in chain.probers:
            results, failures = pool.probes(prober.restless())
            prober.sees(results, now_s=now_s)
            failed += failures
        pool.failing_share = failed / (len(pool.registered) * len(PROBERS))
        chain.turn(now_s)
        ledger.note(chain.serving, now_s, reported=chain.lagging)
    return ledger.result()


def _serving_pool(pool: Truth, watch: Watch) -> Chain:
    """The chain with its old targets in DNS, before the new ones come."""
    interval_s = watch.interval_s
    chain = Chain(check=Check(interval_s=interval_s, rise=RISE, fall=FALL))
    chain.holds(dict.fromkeys(pool.old, True), now_s=-RISE * interval_s)
    for turn in range(-RISE, 0):
        for prober in chain.probers:
            prober.sees([(n, True) for n in pool.old], now_s=turn * interval_s)
    chain.turn(-interval_s)
    assert chain.serving == frozenset(pool.old), "all of them answered"
    return chain


def watch_2025(pool: Truth, watch: Watch) -> Flapping:
    """Everybody who is registered is probed; one result decides; zones fail over."""
    ledger = _Ledger(pool, watch.interval_s)
    zones = _Zones(watch)
    serving: frozenset[int] = frozenset()
    for turn in range(int(watch.lasts_s / watch.interval_s)):
        now_s = turn * watch.interval_s
        pool.at(now_s)
        results, failed = pool.probes(())
        down = {n for n, ok in results if not ok}
        pool.failing_share = failed / len(pool.registered)
        up_zones = zones.up(pool.registered, down, now_s)
        now_serving = frozenset(n for n in pool.registered if n not in down and n % ZONES in up_zones)
        serving = serving if now_serving == serving else now_serving
        ledger.note(serving, now_s)
    return ledger.result()


class _Zones:
    """Which zones the design of 2025 leaves in."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.out_until_s = dict.fromkeys(range(ZONES), 0.0)

    def up(self, registered: Collection[int], down: set[int], now_s: float) -> frozenset[int]:
        out_until_s = self.out_until_s
        if down:
            self._take_out(registered, down, now_s)
        if all(until_s > now_s for until_s in out_until_s.values()):
            out_until_s[0] = now_s  # the last zone always stays
        return frozenset(zone for zone, until_s in out_until_s.items() if now_s >= until_s)

    def _take_out(self, registered: Collection[int], down: set[int], now_s: float) -> None:
        sizes, downs = [0] * ZONES, [0] * ZONES
        for number in registered:
            sizes[number % ZONES] += 1
        for number in down:
            downs[number % ZONES] += 1
        for zone, until_s in self.out_until_s.items():
            left = sizes[zone] - downs[zone]
            if now_s >= until_s and left < self.watch.zone_least_share * sizes[zone]:
                self.out_until_s[zone] = now_s + self.watch.zone_out_s
