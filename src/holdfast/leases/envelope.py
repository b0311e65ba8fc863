"""The safe operating envelope of a lease service, in closed form: would a naive design collapse, when is it safe.

N leases, renewed every tau seconds and good for a TTL; a server that does mu renewals a second; k, the cost of an
establishment in renewals; W, after which a client gives up on an answer. rho = N / (tau mu) is the steady load.

*Collapse.* In a naive service each client without a lease asks once in tau + W (it waits W in vain, then tau), for
work of k each time. That alone fills the server when k rho tau / (tau + W) > 1, so when **k rho > 1 + W / tau**:
then all it does is stale. With a share f of the leases lost the load is f k rho tau / (tau + W) + (1 - f) rho,
which gives the trigger size: below it, a loss can't last.
*Recovery.* The best that any server can do puts all capacity that renewals leave into establishments:
dh/dt = (mu - h / tau) / k, so 99 % are held after **-tau k ln(1 - 0.99 rho)**.
*Held again.* After an outage that lost nothing: `leases.held_again`. In one that is longer than
`unnoticed_outage_s` holders count their leases as lost for a while, though nobody else is given them.

Against simulation: the collapse law within 16 % in the worst cell, the recovery up to 12 % pessimistic (facts on
leases and overload; `tests/unit/leases/test_leases_envelope.py` simulates both with the shipped rules).
"""

from __future__ import annotations

import enum
import math
from typing import Final

import msgspec

from holdfast.leases.held_again import HeldAgain, held_again, turn
from holdfast.leases.holding import DRIFT_SHARE

HELD_SHARE: Final = 0.99
"""Recovered: this share of the leases is held."""
FASTER_SHARE: Final = 0.88
SLOWER_SHARE: Final = 1.10
"""Expected recovery, as shares of the closed form: it is pessimistic by up to 12 %, and 1.1 is what we hold to."""
LAW_MARGIN: Final = 0.16
"""How far simulation was from the collapse law in the worst cell."""


class Fleet(msgspec.Struct, frozen=True):
    """A fleet and its service. Times in seconds."""

    size: int
    renewals_per_s: float
    """What the service can renew in a second if it does nothing else (mu)."""
    cost: float = 4.0
    """Cost of an establishment / cost of a renewal (k)."""
    ttl_s: float = 180.0
    renew_every_s: float = 60.0
    timeout_s: float = 60.0
    clients: int = 0
    """Programs that the leases are held by. 0: each lease by its own."""

    def __post_init__(self) -> None:
        figures = (self.size, self.renewals_per_s, self.cost, self.ttl_s, self.renew_every_s, self.timeout_s)
        if not all(0 < figure < math.inf for figure in figures):
            raise ValueError("fleet size, rate, cost and all times are finite numbers above 0")
        if self.renew_every_s >= self.ttl_s:
            raise ValueError(
                f"a lease of {self.ttl_s:g} s that is renewed every {self.renew_every_s:g} s runs out between"
                " renewals: renew at most every half TTL, better every third"
            )

        if not 0 <= self.clients <= self.size:
            raise ValueError(f"{self.size} leases are held by 1 to {self.size} clients, not by {self.clients}")

    @property
    def load(self) -> float:
        """rho: the share of the service that renewing the whole fleet takes."""
        return self.size / (self.renew_every_s * self.renewals_per_s)


class Outlook(enum.Enum):
    """What a naive design would do after an outage that lost all leases."""

    RECOVERS = "recovers"
    NEAR = "near the edge"
    """Within the margin of the law: small changes decide."""
    COLLAPSES = "collapses"
    OVERLOADED = "can't even renew"


class Envelope(msgspec.Struct, frozen=True):
    """All that the law says about a fleet. None: never."""

    load: float
    naive: Outlook
    pressure: float
    """k rho / (1 + W / tau): above 1 a naive design collapses."""
    collapse_load: float
    """The load above which it does, for this k, W and tau."""
    free_outage_s: float
    """The longest outage that costs nothing: no lease can run out in it."""
    unnoticed_outage_s: float | None
    """The longest in which no holder counts its own lease as lost until it is renewed."""
    trigger_share: float | None
    """A naive design survives the loss of any smaller share at once (a safe bound); None: of any share."""
    ideal_s: float | None
    """Time to 99 % held, the best that any server can do."""
    expected_s: tuple[float, float] | None
    """Between these with all protections on."""
    restart: HeldAgain | None
    """Without loss: until every lease was renewed again after a restart at once."""
    longest: HeldAgain | None
    """The same after the free outage."""


def collapse_load(fleet: Fleet) -> float:
    """Steady load above which a naive design that lost all leases collapses: (1 + W / tau) / k, at most 1."""
    return min(1.0, (1 + fleet.timeout_s / fleet.renew_every_s) / fleet.cost)


def pressure(fleet: Fleet) -> float:
    """k rho / (1 + W / tau)."""
    return fleet.cost * fleet.load / (1 + fleet.timeout_s / fleet.renew_every_s)


def outlook(fleet: Fleet) -> Outlook:
    """What a naive design would do."""
    if fleet.load >= 1:
        return Outlook.OVERLOADED
    over = pressure(fleet)
    if over > 1 + LAW_MARGIN:
        return Outlook.COLLAPSES
    return Outlook.RECOVERS if over < 1 - LAW_MARGIN else Outlook.NEAR


def free_outage_s(fleet: Fleet) -> float:
    """TTL - tau: the unluckiest lease was about to be renewed when the outage began."""
    return fleet.ttl_s - fleet.renew_every_s


def held_again_after(fleet: Fleet, *, outage_s: float) -> HeldAgain | None:
    """From the service's return until every lease was renewed, after an outage that lost none; None: never."""
    if fleet.load >= 1:
        return None
    return held_again(
        size=fleet.size,
        clients=fleet.clients or fleet.size,
        ttl_s=fleet.ttl_s,
        renew_every_s=fleet.renew_every_s,
        renewals_per_s=fleet.renewals_per_s,
        outage_s=outage_s,
    )


def unnoticed_outage_s(fleet: Fleet) -> float | None:
    """TTL - 1 % - 1.1 tau - the time until all are held again: then also the lease whose turn came just when the
    outage began, and whose client tries last, is valid without a gap. None: it can't even be renewed.

    In longer ones the service gives no lease away, but holders stop acting on theirs for a while.
    """
    longest = held_again_after(fleet, outage_s=free_outage_s(fleet))
    if longest is None:
        return None
    return max(0.0, fleet.ttl_s * (1 - DRIFT_SHARE) - turn(fleet.renew_every_s).most_s - longest.most_s)


def trigger_share(fleet: Fleet, *, load: float | None = None) -> float | None:
    """The share of leases up to which a sudden loss can't collapse a naive design at this load; None: any share.

    The steady state decides, so it is a bound on the safe side: without a stale queue a larger loss may pass too.
    """
    rho = fleet.load if load is None else load
    if rho >= 1:
        return 0.0
    each = fleet.cost / (1 + fleet.timeout_s / fleet.renew_every_s) - 1
    if each <= 0 or each * rho + rho <= 1:
        return None
    return (1 - rho) / (each * rho)


def ideal_recovery_s(fleet: Fleet, *, load: float | None = None) -> float | None:
    """-tau k ln(1 - 0.99 rho); None if the service can't even renew what it should hold."""
    rho = fleet.load if load is None else load
    if rho * HELD_SHARE >= 1:
        return None
    return -fleet.renew_every_s * fleet.cost * math.log(1 - HELD_SHARE * rho)


def goodput(fleet: Fleet, *, load: float, collapsed: bool) -> float:
    """Useful work of a naive design as a share of its capacity, on the way up or (once collapsed) down.

    The two differ between `collapse_load` and 1: that is the hysteresis. Nothing is lost while the load rises, and
    lowering it a little does not bring back what fell. Collapsed, what it does is stale: the model says 0.
    """
    if load >= 1 or (collapsed and load > collapse_load(fleet)):
        return 0.0
    return load


def envelope(fleet: Fleet) -> Envelope:
    """Everything at once."""
    ideal_s = None if fleet.load >= 1 else ideal_recovery_s(fleet)
    return Envelope(
        load=fleet.load,
        naive=outlook(fleet),
        pressure=pressure(fleet),
        collapse_load=collapse_load(fleet),
        free_outage_s=free_outage_s(fleet),
        unnoticed_outage_s=unnoticed_outage_s(fleet),
        trigger_share=trigger_share(fleet),
        ideal_s=ideal_s,
        expected_s=None if ideal_s is None else (FASTER_SHARE * ideal_s, SLOWER_SHARE * ideal_s),
        restart=held_again_after(fleet, outage_s=0.0),
        longest=held_again_after(fleet, outage_s=free_outage_s(fleet)),
    )
