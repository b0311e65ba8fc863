"""Which fleet an envelope is of: what the flags say, else what a file with a `[leases]` table says."""

from __future__ import annotations

import msgspec

from holdfast.config.leases import LeaseService
from holdfast.leases.envelope import Fleet
from holdfast.leases.law import RENEWALS_PER_TTL, LeaseSettings, ttl_s
from holdfast.service.leases.listing import read_leases
from holdfast.service.leases.serving import law_of
from holdfast.service.scene import CannotOpen, Scene


class Given(msgspec.Struct, frozen=True):
    """The flags; None: not given. Times in seconds."""

    size: int | None
    renewals_per_s: float | None
    cost: float
    ttl_s: float | None
    renew_every_s: float | None
    timeout_s: float
    clients: int | None = None


def fleet_of(given: Given, settings: LeaseService | None) -> Fleet:
    """Without a file the flags must say size and rate. The TTL of a file's service grows with the fleet.

    Raises:
        ValueError: something is not given, or makes no sense.
    """
    size = given.size
    rate = given.renewals_per_s
    if rate is None and settings is not None:
        rate = settings.renewals_per_s
    if size is None or rate is None:
        raise ValueError("how many hosts, and what can the service do? Say --fleet and --rate, or name a file")
    lasts_s = given.ttl_s
    if lasts_s is None:
        lasts_s = LeaseSettings().ttl_least_s if settings is None else ttl_s(law_of(settings), fleet=size)
    every_s = lasts_s / RENEWALS_PER_TTL if given.renew_every_s is None else given.renew_every_s
    if given.clients is not None and given.clients < 1:
        raise ValueError(f"leases are held by 1 client or more, not by {given.clients}")
    return Fleet(size, rate, given.cost, lasts_s, every_s, given.timeout_s, given.clients or 0)


async def held(scene: Scene) -> tuple[int, int]:
    """How many leases the store has, and how many holders they have.

    Raises:
        CannotOpen: the store does not answer, or nobody holds one: then only a person knows the fleet.
    """
    leases = (await read_leases(scene, "")).leases
    if not leases:
        raise CannotOpen("nobody holds a lease yet; say with --fleet how many will")
    return len(leases), len({lease.holder for lease in leases})
