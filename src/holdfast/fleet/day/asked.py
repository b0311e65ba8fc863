"""What is asked of the network in a day: launches and changes, one by one. The same is asked of both designs."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

import msgspec

from holdfast.fleet.day.assumed import Assumed
from holdfast.fleet.day.scripts import Script

LISTED: Final = 600
"""Hosts that are followed one by one: the first so many of those that hold leases (`leases.HOSTS`)."""
TARGETS: Final = 150
"""Size of the pool: so many of the hosts, and its new ones."""


class Change(msgspec.Struct, frozen=True):
    """A new version of one of a host's documents."""

    at_s: float
    host: int
    document: int


class Asked(msgspec.Struct, frozen=True):
    """A day's demand."""

    launches: tuple[tuple[float, bool], ...]
    """(when it is asked for first, whether by the pool), in order."""
    changes: tuple[Change, ...]


def old_targets(assumed: Assumed) -> int:
    """Targets of the pool that are there from the beginning."""
    return TARGETS - round(assumed.new_share * TARGETS)


def asked_of(script: Script, assumed: Assumed, *, seed: int) -> Asked:
    """Launches and changes come at random all day; the pool asks for its new targets while the cause lasts."""
    rng = random.Random(seed)  # noqa: S311 - seeded on purpose
    usual = [(at_s, False) for at_s in _times(rng, assumed.launches_per_h * LISTED, script.until_s)]
    pool = [(rng.uniform(0, script.cause_s), True) for _ in range(TARGETS - old_targets(assumed))]
    documents = round(assumed.documents)
    changes = (
        Change(at_s, rng.randrange(LISTED), rng.randrange(documents))
        for at_s in _times(rng, assumed.changes_per_h * LISTED, script.until_s)
    )
    return Asked(tuple(sorted([*usual, *pool])), tuple(changes))


def _times(rng: random.Random, per_h: float, until_s: float) -> Iterator[float]:
    at_s = rng.expovariate(per_h / 3600)
    while at_s < until_s:
        yield at_s
        at_s += rng.expovariate(per_h / 3600)


def rate_per_s(assumed: Assumed) -> float:
    """What propagation can do for the listed hosts, in changes delivered one by one."""
    return assumed.headroom * (assumed.changes_per_h + assumed.launches_per_h) * LISTED / 3600
