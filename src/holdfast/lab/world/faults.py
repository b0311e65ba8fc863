"""Faults are choices of the scheduler, each at a cost of one from a budget."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any

import msgspec


class Fault(enum.Enum):
    """What may go wrong. Long pauses, reordering and clock jumps cost nothing: any schedule has them (messages in
    flight land in any order, a running timer may have fired at any look, and the time of day is any)."""

    LOST_REPLY = "lost reply"
    """A write is applied, its answer lost."""
    DELAYED = "delayed"
    """A write times out and stays in flight: it may be delivered at any time later, or never."""
    DUPLICATED = "duplicated"
    """A write is applied and a copy of it stays in flight."""
    UNANSWERED = "unanswered"
    """A read that comes back with nothing; a probe that is lost on its way."""
    REFUSED = "refused"
    """Throttle or contention: the server turns a write away, or the store is busy."""
    DENIED = "denied"
    """The server takes the signature for wrong or old (a clock that jumped, a key that was changed): NOTAUTH."""
    CRASH = "crash"
    """An actor starts again with only its disk; what it was sending may stay in flight."""
    DISK_LOST = "disk lost"
    """An actor starts again with nothing on its disk: a new machine under the old name."""
    DISK_FULL = "disk full"
    """Nothing more can be written to an actor's disk, until there is room again."""
    PARTITION = "partition"
    """An actor is cut from the store or a zone until healed: nothing through, or only the answers lost."""
    LATE = "late"
    """A probe that starts later than half its interval, and fails: it tells of the prober, not of the target."""
    DISASTER = "disaster"
    """Something strikes the data themselves: a fence deleted, records wiped, the store lost or restored."""


ALL_FAULTS = frozenset(Fault)
USUAL_FAULTS = ALL_FAULTS - {
    Fault.DUPLICATED,
    Fault.PARTITION,
    Fault.DENIED,
    Fault.DISK_LOST,
    Fault.DISK_FULL,
    Fault.LATE,
}
"""What a search has unless told otherwise; the others make it larger, and have searches of their own."""


class Disaster(msgspec.Struct, frozen=True):
    """A change to a cell from outside the system; `strike` gives the new value (equal: it can't strike now)."""

    cell: str
    label: str
    strike: Callable[[Any], Any]
    once: bool = False


class Faults(msgspec.Struct, frozen=True):
    """The budget: `total` faults of these `kinds`, at most `in_flight` messages that outlive their callers."""

    total: int = 0
    kinds: frozenset[Fault] = USUAL_FAULTS
    in_flight: int = 2
    disasters: tuple[Disaster, ...] = ()

    def allows(self, kind: Fault) -> bool:
        """Whether this kind may happen at all."""
        return self.total > 0 and kind in self.kinds
