"""A kill and a restart in virtual time, beside the law of when all leases are held again (`leases.held_again`).

The law is for clients of one kind, so a setting here has only clients of many leases or only single ones, and none
that want another's lease.
"""

from __future__ import annotations

import math

import msgspec

from holdfast.fleet.service.world import Setting, World
from holdfast.leases.envelope import held_again_after
from holdfast.leases.held_again import HeldAgain
from holdfast.leases.law import RENEWALS_PER_TTL

GIVE_UP_TTLS = 3.0
SETTLE_TURNS = 4.0
"""A client that began with all its leases at once has drawn them somewhat apart after these."""


class Restart(msgspec.Struct, frozen=True):
    """What one came to. Times in seconds."""

    law: HeldAgain
    took_s: float
    """From the service's return until each lease had been renewed; infinite: not within three TTLs."""
    lost: int
    """Leases that their holders had to count as lost meanwhile."""

    @property
    def off_share(self) -> float:
        """How far from what was expected."""
        return self.took_s / self.law.expected_s - 1

    @property
    def within(self) -> bool:
        """Whether it came within the law's range."""
        return self.law.least_s <= self.took_s <= self.law.most_s


def fleet_of(*, clients: int, each: int, load: float, ttl_s: float, together: bool = False) -> Setting:
    """So many clients with so many leases each; renewing all takes this share (rho) of the service.

    `together`: each client began with all of its leases at once. Else they came over one renewal interval.
    """
    return Setting(
        leases=clients * each,
        bulk_share=float(each > 1),
        bulk_each=each,
        over_s=0.0 if together else ttl_s / RENEWALS_PER_TTL,
        contested=0,
        load=load,
        ttl_s=ttl_s,
    )


def restart(setting: Setting, *, away_s: float, seed: int) -> Restart:
    """Settle, kill at a random moment of a turn, start again after so long, and wait for every lease."""
    world = World(setting, seed=seed)
    world.settle()
    tau_s = setting.ttl_s / RENEWALS_PER_TTL
    world.run(tau_s * (SETTLE_TURNS + world.rng.random()))
    world.kill()
    world.run(away_s)
    world.start()
    world.back()
    world.run(GIVE_UP_TTLS * setting.ttl_s, enough=lambda: world.truth.all_answered_s is not None)
    seen = world.seen()
    clients = setting.leases // setting.bulk_each if setting.bulk_share else setting.leases
    law = held_again_after(msgspec.structs.replace(setting.fleet, clients=clients), outage_s=away_s)
    assert law is not None, "a fleet that can't be renewed has no law"
    return Restart(law, math.inf if seen.answered_s is None else seen.answered_s, len(seen.losses))
