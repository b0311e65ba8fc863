"""A day: one draw, one design, one seed."""

from __future__ import annotations

from typing import Final

import msgspec

from holdfast.fleet.day.assumed import Assumed
from holdfast.fleet.day.leases import Leases, play_leases
from holdfast.fleet.day.network import Network, play_network
from holdfast.fleet.day.scripts import Script
from holdfast.fleet.flapping import Pool, play_2025, play_holdfast
from holdfast.fleet.watch import Flapping

DESIGNS: Final = ("2025", "holdfast")
TARGETS: Final = 150
WATCHED_MOST_S: Final = 5400.0
"""Health is played for at most so long from the first launches on, and stands for the rest of the backlog."""
CALM_S: Final = 900.0


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
    health_from_s: float
    flaps_until_s: float
    """When the last new target has its network; health flaps until then, in the design that flaps."""

    @property
    def over_s(self) -> float | None:
        """When everything was normal again; None: not that day."""
        if self.leases.held_s is None:
            return None
        normal_s = 0.0 if self.network is None else self.network.normal_s
        return max(self.leases.held_s, normal_s, self.flaps_until_s if self.design == "2025" else 0.0)


def play(script: Script, assumed: Assumed, *, design: str, seed: int) -> Day:
    """Through the whole chain."""
    leases = play_leases(script, assumed, design=design, seed=seed)
    if not script.names:
        return Day(script.name, design, seed, assumed, leases, None, None, 0.0, 0.0)
    network = play_network(script, assumed, leases, design=design)
    begins_s = leases.held_s if leases.held_s is not None else script.until_s
    wait_s = max((w for at, w in enumerate(network.latency_s) if at * 60 >= begins_s), default=0.0)
    lags_s = max(network.drained_s(from_s=begins_s) - begins_s, 60.0)
    pool = Pool(
        targets=TARGETS,
        unready_share=assumed.new_share,
        arrives_s=max(wait_s, 60.0),
        document_s=0.0,
        catches_up_s=lags_s,
        lasts_s=min(max(wait_s, lags_s) + CALM_S, WATCHED_MOST_S),
        answers_share=assumed.answers_share,
        false_share=assumed.false_share,
        overload=assumed.overload,
        zone_least_share=assumed.zone_least_share,
    )
    health = (play_2025 if design == "2025" else play_holdfast)(pool, seed=seed)
    return Day(script.name, design, seed, assumed, leases, network, health, begins_s, begins_s + wait_s)
