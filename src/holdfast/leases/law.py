"""How long leases last and how often they are renewed (facts on leases and overload, "Leases")."""

from __future__ import annotations

from typing import Final

import msgspec

RENEWALS_PER_TTL: Final = 3
JITTER_SHARE: Final = 0.1
CALL_TIMEOUT_S: Final = 10.0
"""Of a client: it gives a call up after this."""
RETRY_BASE_S: Final = 0.2
RETRY_LEAST_SHARE: Final = 0.1
"""Of a backoff's ceiling: the shortest wait below it."""
RETRY_CAP_SHARE: Final = 1 / 6
"""Of the TTL: the longest a holder that got no answer waits; a third of the TTL leaves room for several tries."""
RETRIES_PER_TTL: Final = 12.0
"""Of a client that gets no answer, at most, once its savings are spent."""
BACK_S: Final = 1.0
"""The first answer after a silence calls back all of its leases that wait, spread over this."""
EARLY_SHARE: Final = 0.02
EARLY_MAX_S: Final = 4.0
"""A client's message takes along renewals that are due within this share of the TTL, at most so many seconds."""
SIGN_SHARE: Final = 1 / 6
"""Of the TTL: a service that writes nothing compares its owner's document this often, and sees a take-over."""


class LeaseSettings(msgspec.Struct, frozen=True):
    """The law of one lease service. Defaults are those that the evidence supports."""

    ttl_least_s: float = 180.0
    renewals_most_per_s: float = 1000.0
    """What the service should have to renew in a second; above it the TTL grows with the fleet."""
    expire_share_per_s: float = 0.01
    """At most this share of the held leases runs out in a second (always at least one)."""
    suspend_expiry_while_store_out: bool = False
    """Let nothing run out while the store can't be written. Safe only where resources check tokens."""
    hint_cap_s: float = 120.0
    hints: bool = True
    """Tell the refused when to come back; without, all come back after one second. For measuring only."""
    grace: bool = True
    """After a pause of the service all leases get a whole TTL; without, they run out as they stand."""

    def __post_init__(self) -> None:
        if self.ttl_least_s <= 0 or self.renewals_most_per_s <= 0 or self.hint_cap_s <= 0:
            raise ValueError("a TTL, a rate of renewals and a cap of hints are above 0")
        if not 0 < self.expire_share_per_s <= 1:
            raise ValueError(f"expire_share_per_s is a share above 0 and up to 1, not {self.expire_share_per_s:g}")


def ttl_s(settings: LeaseSettings, *, fleet: int) -> float:
    """TTL for a fleet of this size: max(ttl_least, 3 N / renewals_most), so that renewing never takes it all."""
    return max(settings.ttl_least_s, RENEWALS_PER_TTL * fleet / settings.renewals_most_per_s)


def renew_after_s(ttl_s: float, *, chance: float) -> float:
    """When a holder renews next: a third of the TTL, 10 % about it, so that a fleet does not renew in step."""
    return ttl_s / RENEWALS_PER_TTL * (1 + JITTER_SHARE * (2 * chance - 1))


def renew_apart_after_s(ttl_s: float, *, chance: float) -> float:
    """When a holder renews next that was one of a crowd: anywhere in the second half of the usual third of the
    TTL.

    All that came due while nobody answered are renewed in one wave. With 10 % jitter alone it comes again each
    third of the TTL, five times as dense as the steady load, and flattens over twenty turns. In the second half it
    is twice as dense at most.
    """
    return ttl_s / RENEWALS_PER_TTL * (1 + chance) / 2


def early_most_s(ttl_s: float) -> float:
    """How long before its time a lease may be renewed, in a message that another one began."""
    return min(EARLY_MAX_S, ttl_s * EARLY_SHARE)


def patience_s(ttl_s: float, *, many: bool) -> tuple[float, float]:
    """The least and the most that a client waits between two tries for renewals, once its backoff has grown.

    One lease: anything up to a sixth of the TTL, since 10^5 such clients come back on their own, and should come
    spread out. Many: a twelfth, 10 % about it. As many tries, half the longest wait, and more hangs on it.
    """
    if many:
        every_s = ttl_s / RETRIES_PER_TTL
        return every_s * (1 - JITTER_SHARE), every_s * (1 + JITTER_SHARE)
    return ttl_s * RETRY_CAP_SHARE * RETRY_LEAST_SHARE, ttl_s * RETRY_CAP_SHARE


def retry_after_s(ttl_s: float, *, attempt: int, many: bool, chance: float) -> float:
    """How long to wait after the `attempt`-th try in a row that had no answer, counted from 0: full jitter below a
    ceiling that doubles, until that has grown to the client's patience.
    """
    least_s, most_s = patience_s(ttl_s, many=many)
    ceiling_s = RETRY_BASE_S * 2.0 ** min(attempt, 12)
    if ceiling_s < most_s:
        least_s, most_s = ceiling_s * RETRY_LEAST_SHARE, ceiling_s
    return least_s + (most_s - least_s) * chance


def renewals_per_s(*, held: int, ttl_s: float) -> float:
    """The steady load that this many held leases make."""
    return held * RENEWALS_PER_TTL / ttl_s


class Velocity:
    """At most so much runs out in a second: the allowance as a running value. Saves up one second's worth at most.

    A fault that takes many leases at once is likelier ours than the holders' (a pause of the service, a network
    between): then most of them are back before their turn comes.
    """

    __slots__ = ("_allowance", "_at_s", "_share_per_s")

    def __init__(self, share_per_s: float, *, now_s: float) -> None:
        self._share_per_s = share_per_s
        self._allowance = 0.0
        self._at_s = now_s

    def allow(self, *, held: int, now_s: float) -> int:
        """How many may run out now, of `held`."""
        per_s = max(1.0, self._share_per_s * held)
        waited_s = max(0.0, now_s - self._at_s)
        self._at_s = max(now_s, self._at_s)
        self._allowance = min(per_s, self._allowance + per_s * waited_s)
        return int(self._allowance)

    def spend(self, count: int) -> None:
        """This many did."""
        assert count <= self._allowance, "nothing runs out beyond the allowance"
        self._allowance -= count
