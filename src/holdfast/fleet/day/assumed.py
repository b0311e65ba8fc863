"""What nobody has published, each with the range that we think possible. None is measured; all are drawn.

A Latin hypercube takes every parameter once from each of n equal slices of its range, in random order: few draws
cover each range evenly.
"""

from __future__ import annotations

import random
from typing import Final

import msgspec


class Parameter(msgspec.Struct, frozen=True):
    """One assumption."""

    name: str
    low: float
    high: float
    about: str


PARAMETERS: Final = (
    Parameter("load", 0.4, 0.9, "share of the lease service that steady renewals take (rho)"),
    Parameter("cost", 4.0, 16.0, "establishing a lease / renewing one (k)"),
    Parameter("ttl_s", 120.0, 300.0, "lease length; state checks 'every few minutes' [S]; renewed at a third"),
    Parameter("patience", 0.5, 1.5, "after which clients give up, in renewal intervals (W / tau)"),
    Parameter("pool_life_s", 60.0, 900.0, "how long pooled connections live on without the name (mean)"),
    Parameter("negative_ttl_s", 5.0, 300.0, "how long resolvers keep 'no address' in mind"),
    Parameter("restarts_s", 1200.0, 3600.0, "2025: restarting the lease hosts one by one takes"),
    Parameter("throttle", 0.3, 0.9, "2025: what people let in while they throttle, of what the service can do"),
    Parameter("launches_per_h", 0.005, 0.02, "launches asked for in an hour, as a share of the hosts"),
    Parameter("ask_again", 0.3, 0.9, "share of failed launches that is asked for again, ten minutes later"),
    Parameter("launch_limit", 0.3, 1.0, "2025: launches let in after the leases are back, of the usual rate"),
    Parameter("changes_per_h", 0.5, 2.0, "changes of configuration for each host in an hour"),
    Parameter("documents", 4.0, 20.0, "documents that a host has"),
    Parameter("headroom", 1.3, 2.5, "what propagation can do / what it usually does"),
    Parameter(
        "new_share",
        0.2,
        0.5,
        "share of a pool's targets that it asks for while launches fail, and again until it has them",
    ),
    Parameter("answers_share", 0.2, 0.8, "probes of a target without its network state that succeed"),
    Parameter("false_share", 0.0001, 0.001, "probes of a healthy target that fail"),
    Parameter("overload", 0.05, 0.3, "how much more of them, for each share of all probes that fails"),
    Parameter("zone_least_share", 0.7, 0.9, "2025: a zone with a smaller share healthy fails over"),
    Parameter("file_share", 0.05, 0.5, "holdfast: what each further file of a delivery costs, of one by itself"),
)


class Assumed(msgspec.Struct, frozen=True):
    """One draw: a value for each of `PARAMETERS`."""

    load: float
    cost: float
    ttl_s: float
    patience: float
    pool_life_s: float
    negative_ttl_s: float
    restarts_s: float
    throttle: float
    launches_per_h: float
    ask_again: float
    launch_limit: float
    changes_per_h: float
    documents: float
    headroom: float
    new_share: float
    answers_share: float
    false_share: float
    overload: float
    zone_least_share: float
    file_share: float


def middle() -> Assumed:
    """The middle of every range."""
    return Assumed(**{p.name: (p.low + p.high) / 2 for p in PARAMETERS})


def draws(many: int, *, seed: int) -> tuple[Assumed, ...]:
    """A Latin hypercube of so many draws."""
    rng = random.Random(seed)  # noqa: S311 - seeded on purpose
    columns: dict[str, list[float]] = {}
    for parameter in PARAMETERS:
        slices = list(range(many))
        rng.shuffle(slices)
        width = (parameter.high - parameter.low) / many
        columns[parameter.name] = [parameter.low + (s + rng.random()) * width for s in slices]
    return tuple(Assumed(**{name: column[at] for name, column in columns.items()}) for at in range(many))
