"""When the refused should come back: spread over the time in which the spare capacity can serve them all.

    retry_after = uniform(0, min(backlog / spare_rate, cap))

For leases the spare rate is (mu - held / tau) / k establishments a second: capacity without the renewals of what
is held, by the cost of an establishment. Cap 120 s: a cap of 600 s made recovery three times as long (facts on
leases and overload). Capacity is used in full while the mean of the hints is half of what serving all takes:
somebody is always back early.

Where each that is served takes a share b of the spare rate from then on (a lease is renewed), the spare rate falls
as s e^(-b s t), and the n-th of the backlog is served after -ln(1 - b n) / (b s). Hints that are spread evenly
bring too few back at first and too many later, who are read and refused again, which takes capacity as well.

A renewal that is refused has a lease to lose: spread it over its own lane's line alone (that line's length, that
lane's rate), never over the establishments' backlog.
"""

from __future__ import annotations

import math
from typing import Final

CAP_S: Final = 120.0


def retry_after_s(
    *,
    backlog: float,
    spare_per_s: float,
    chance: float,
    cap_s: float = CAP_S,
    least_s: float = 0.0,
    takes_share: float = 0.0,
) -> float:
    """Seconds after which one refused client should try again.

    `backlog` counts clients that still want to be served, this one included; `spare_per_s` is how many of them the
    server can serve in a second beside its other duties (0 or less: none now, so the cap). `chance` is uniform in
    [0, 1). `least_s` is added as a floor, so that a refused client is never back at once. `takes_share`: of the
    spare rate, that each served client takes from then on.
    """
    if spare_per_s <= 0:
        return least_s + chance * max(cap_s - least_s, 0.0)
    # By the cap at most so many are served: the others must not all come back at that moment.
    backlog = min(max(backlog, 1.0), _served(cap_s, spare_per_s, takes_share))
    span_s = min(_served_after_s(backlog, spare_per_s, takes_share), cap_s)
    if span_s <= least_s:
        return least_s
    at_s = min(_served_after_s(chance * backlog, spare_per_s, takes_share), span_s)
    return least_s + at_s * (span_s - least_s) / span_s


def _served(within_s: float, spare_per_s: float, takes_share: float) -> float:
    """How many are served within this time."""
    if takes_share <= 0:
        return spare_per_s * within_s
    return -math.expm1(-takes_share * spare_per_s * within_s) / takes_share


def _served_after_s(count: float, spare_per_s: float, takes_share: float) -> float:
    """When this many have been served; infinite if they never are."""
    falls_per_s = takes_share * spare_per_s
    if falls_per_s <= 0:
        return count / spare_per_s
    left = 1 - takes_share * count
    return -math.log(left) / falls_per_s if left > 0 else math.inf


class Outstanding:
    """How many of the refused have not come back yet, by the hints that they were given.

    That is the backlog as far as the server can know it without keeping a list of its clients. Clients that do
    not obey count several times, at most as long as `horizon_s`.
    """

    __slots__ = ("_counts", "_slot", "_slot_s", "count")

    def __init__(self, *, horizon_s: float = CAP_S, slot_s: float = 1.0) -> None:
        if not 0 < slot_s <= horizon_s:
            raise ValueError(f"a slot of {slot_s:g} s does not fit a horizon of {horizon_s:g} s")
        self._slot_s = slot_s
        self._counts = [0] * (math.ceil(horizon_s / slot_s) + 2)
        self._slot = 0
        self.count = 0
        """Hints that are still running, as of the last call."""

    def add(self, after_s: float, *, now_s: float) -> None:
        """A client was told to come back after this long."""
        self.advance(now_s)
        ahead = min(int(after_s / self._slot_s) + 1, len(self._counts) - 1)
        self._counts[(self._slot + ahead) % len(self._counts)] += 1
        self.count += 1

    def advance(self, now_s: float) -> int:
        """Let hints run out up to `now_s`; how many still run. A clock that steps back changes nothing."""
        slot = int(now_s / self._slot_s)
        counts = self._counts
        if slot - self._slot >= len(counts):
            counts[:] = [0] * len(counts)
            self.count = 0
            self._slot = slot
        while self._slot < slot:
            self._slot += 1
            place = self._slot % len(counts)
            self.count -= counts[place]
            counts[place] = 0
        return self.count
