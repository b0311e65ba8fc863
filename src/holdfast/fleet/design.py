"""What is compared: a design, the trouble that strikes it, and what a run comes to."""

from __future__ import annotations

from typing import Final

import msgspec

from holdfast.leases.law import LeaseSettings
from holdfast.overload import Protections

DEAF_S: Final = 480.0
"""How long a server takes requests in and works on none: long enough to fill any queue with stale work."""
JITTER_CAP_S: Final = 60.0
"""Full jitter of a client that was refused without a hint."""


class Design(msgspec.Struct, frozen=True):
    """The switches of a lease service and of its clients. The default is what ships, for a fleet that lost all."""

    protections: Protections = Protections()
    hints: bool = True
    """Refused clients are told when to come back, and obey."""
    expire_share_per_s: float = 1.0
    """At most this share of the held leases runs out in a second. 1: no velocity limit."""
    renewal_line_s: float = 0.0
    """How many seconds of renewals may wait; 0: as many as of establishments, min(2 s, W / 6)."""
    drops_queue: bool = False
    """The queue is emptied by hand, once, when the server is back; what was in it has to time out."""
    renews_overdue: bool = False
    """A client renews until it hears that its lease is gone, not only until the lease is over by its own clock."""
    retry_budget: bool = True
    breaker: bool = True
    """Both act on clients that ask often (`clients.Habits`)."""


NAIVE: Final = Design(protections=Protections.none(), hints=False, retry_budget=False, breaker=False)
"""One unbounded line, oldest first, everything begun."""
HOLDFAST: Final = Design()
SHIPPED: Final = Design(
    expire_share_per_s=LeaseSettings().expire_share_per_s, renews_overdue=True, renewal_line_s=30.0
)
"""With what counts only while leases run out, and with the line of renewals that a service has (`leases.desk`)."""
HALF_DEAD: Final = Design(
    protections=Protections(
        newest_first=False, bounded_queue=False, finishable_at_admission=False, finishable_when_taken=False
    ),
    hints=False,
    retry_budget=False,
    breaker=False,
)
"""Renewals strictly first, nothing else: holds a part of the fleet for ever (facts on leases and overload)."""


class Trouble(msgspec.Struct, frozen=True):
    """How it begins. Time 0 is the beginning of the trouble; recovery is counted from its end."""

    lost_share: float = 1.0
    """Share of the leases that is lost at once."""
    deaf_s: float = DEAF_S
    """The server takes requests in and works on none for this long."""
    free_s: float = 0.0
    """An outage in which calls fail at once; clients try again before their lease ends. All is held before it."""


class Outcome(msgspec.Struct, frozen=True):
    """What a run came to. Counts are of establishments, since the server was back."""

    held_share: float
    recovered_s: float | None
    """To 99 % held; None: not in this run."""
    attempts: int
    begun: int
    succeeded: int
    refused: int
    """Refused, evicted or dropped before anything was begun."""
    stale_share: float
    """Share of the server's busy time that went into work nobody waited for."""
    busy_share: float
    calls: int
    """Of both kinds, in the whole run."""
    held_least_share: float | None = None
    """The least that was held at any second of the run; None: not watched (by the model)."""

    @property
    def attempts_per_success(self) -> float:
        """How often a client had to ask; infinite if none succeeded."""
        return self.attempts / self.succeeded if self.succeeded else float("inf")

    @property
    def begun_per_success(self) -> float:
        """Establishments begun for each that somebody still waited for."""
        return self.begun / self.succeeded if self.succeeded else float("inf")


def half_dead(earlier: Outcome, later: Outcome) -> bool:
    """A stable state that looks alive: a part held, the server at work, and all establishments in vain.

    Of one run at two moments, some minutes apart. What to watch for in a real service: establishments begun, next
    to none answered in time, and the number of held leases neither falls nor rises.
    """
    begun, succeeded = later.begun - earlier.begun, later.succeeded - earlier.succeeded
    still = abs(later.held_share - earlier.held_share) < 0.01
    part = 0.02 < later.held_share < 0.98
    return still and part and begun > 0 and succeeded <= 0.01 * begun
