"""What probers saw, and what health makes of it."""

from __future__ import annotations

import enum
from typing import Final

import msgspec

LEASES_OBSERVER: Final = "~leases"
"""Under which it is published what leases say of targets; no prober can have this name."""

LEASE_LOST: Final = "its lease is lost"
"""The reason of a target that is DOWN because nobody renews its lease: what tells it from one that leaves."""
LEASE_LOST_AS_MOST: Final = "its lease is lost, as most of its group are or were: rather the lease service than it"
"""The same in a loss that the lease service is likelier to have caused: counts for nothing."""


class TargetState(enum.Enum):
    """A prober's view of a target after rise and fall."""

    UP = "up"
    DOWN = "down"
    PENDING = "pending"
    """Not seen often enough yet to say: never withdraws, never enters."""


class TargetObservation(msgspec.Struct, frozen=True):
    """One target as one prober sees it. `flaps` counts its transitions within the prober's flap window."""

    target: str
    state: TargetState
    reason: str
    flaps: int = 0


class Observations(msgspec.Struct, frozen=True):
    """What one observer publishes; `revision` rises with each publication, also across its restarts.

    `distrust` is set while the prober doubts itself (its own latency, or too many failing together): then it
    withdraws nothing. `targets` sorted by key. Re-published unchanged as a sign of life (heartbeat).
    """

    observer: str
    vantage: str
    revision: int
    targets: tuple[TargetObservation, ...]
    distrust: str = ""
    format: int = 1


class Health(enum.Enum):
    """The verdict on a target: only `UNHEALTHY` ever withdraws."""

    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    UNKNOWN = "unknown"
    """Too few fresh opinions. Never withdraws, and a target that is out stays out."""


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """Health's word on one target, with the count behind it ("2 of 3 vantage points: connect refused")."""

    target: str
    health: Health
    reason: str
    hold_down: bool = False


class Verdicts(msgspec.Struct, frozen=True):
    """All verdicts, sorted by target, and why the whole may be distrusted (then nothing is withdrawn)."""

    verdicts: tuple[Verdict, ...]
    distrust: str = ""
