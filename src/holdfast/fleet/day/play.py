"""A day: one draw, one design, one seed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from holdfast.fleet.day.asked import LISTED, old_targets
from holdfast.fleet.day.assumed import Assumed
from holdfast.fleet.day.leases import Leases, play_leases
from holdfast.fleet.day.network import Network, play_network
from holdfast.fleet.day.pool import Change, DayTruth, What
from holdfast.fleet.day.scripts import Script
from holdfast.fleet.watch import Flapping, Watch, watch_2025, watch_holdfast

DESIGNS: Final = ("2025", "holdfast")


class Day(msgspec.Struct, frozen=True):
    """What a day came to."""

    script: str
    design: str
    seed: int
    assumed: Assumed
    leases: Leases
    network: Network | None
    """None for a script without launches."""
    health: Flapping | None
    """Of the pool, all day."""
    new: tuple[int, ...] = ()
    """Targets of the pool that were launched that day."""

    @property
    def over_s(self) -> float | None:
        """When everything was normal again, launches included; None: not that day."""
        network, held_s = self.network, self.leases.held_s
        if held_s is None or network is None:
            return held_s
        return max(held_s, network.normal_s, network.launches_fail_until_s)


def play(script: Script, assumed: Assumed, *, design: str, seed: int) -> Day:
    """Through the whole chain."""
    leases = play_leases(script, assumed, design=design, seed=seed)
    if not script.names:
        return Day(script.name, design, seed, assumed, leases, None, None)
    network = play_network(script, assumed, leases, design=design, seed=seed)
    pool = _Pool(assumed, leases, network, lags=design == "holdfast")
    truth = DayTruth(pool.old, pool.changes(), assumed, until_s=script.until_s, seed=seed)
    watch = Watch(lasts_s=script.until_s, zone_least_share=assumed.zone_least_share)
    health = (watch_2025 if design == "2025" else watch_holdfast)(truth, watch)
    return Day(script.name, design, seed, assumed, leases, network, health, tuple(pool.new.values()))


class _Pool:
    """The pool's targets, numbered from 1 on: the first of the listed hosts, then its launches."""

    def __init__(self, assumed: Assumed, leases: Leases, network: Network, *, lags: bool) -> None:
        self.leases, self.network, self.lags = leases, network, lags
        self.old = range(1, old_targets(assumed) + 1)
        made = [launch for launch in network.launches if launch.pool and launch.made_s is not None]
        self.new = {launch.number: len(self.old) + 1 + n for n, launch in enumerate(made)}

    def target(self, number: int) -> int | None:
        """The target of a host or an instance; None: it is not of the pool."""
        if number >= LISTED:
            return self.new.get(number)
        return number + 1 if number < len(self.old) else None

    def changes(self) -> Iterator[Change]:
        """What becomes of them. `lags`: whether they say that they lag behind (2025: nobody asks)."""
        for lease in self.leases.changes:
            if (target := self.target(lease.host)) is not None:
                yield Change(lease.at_s, target, What.HELD if lease.held else What.LOST)
        for launch in self.network.launches:
            if launch.made_s is not None and (target := self.target(launch.number)) is not None:
                yield Change(launch.made_s, target, What.LAUNCHED)
        for at_s, number, ready in self.network.ready:
            if (target := self.target(number)) is not None and (self.lags or number >= LISTED):
                yield Change(at_s, target, What.READY if ready else What.LAGS)
