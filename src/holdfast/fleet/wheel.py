"""Who acts in which second: a ring of lists of hosts. Delays are dealt to whole groups, not host by host.

Hosts that were served (or refused) in the same second are alike, so how many of them come back in which second is
multinomial, and who does is arbitrary: dealing a group out in pieces of multinomial size has the same law as a
delay drawn for each host, and costs a few numbers instead of one for each of them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Hosts: TypeAlias = NDArray[np.intp]
"""Numbers of hosts, in the type that numpy takes as indices without making a copy."""
Shares: TypeAlias = NDArray[np.float64]
Counts: TypeAlias = NDArray[np.int64]

NOBODY: Hosts = np.empty(0, dtype=np.intp)
NO_COUNTS: Counts = np.empty(0, dtype=np.int64)


@lru_cache(maxsize=4096)
def delay_shares(from_s: float, to_s: float, step_s: float) -> tuple[int, Shares]:
    """First step, and the share of each step from it, in which a delay uniform in [from, to] ends.

    The delay begins anywhere in its own step; it ends in a later one, the next at the earliest.
    """
    low, high = from_s / step_s, max(to_s / step_s, from_s / step_s + 1e-9)
    edges = np.arange(int(low), int(high) + 3, dtype=np.float64)

    def mass(x: Shares) -> Shares:
        """Integral of the distribution of the delay, up to x."""
        inside = np.clip(x, low, high)
        return np.asarray((inside - low) ** 2 / (2 * (high - low)) + np.maximum(x - high, 0.0))

    # The sum of the delay and a place in its step: its distribution is the mean of the delay's over one step.
    cumulative = mass(edges) - mass(edges - 1.0)
    shares = np.diff(cumulative, prepend=0.0)
    first = int(edges[0]) - 1
    return _not_before_next(first, shares)


def _not_before_next(first: int, shares: Shares) -> tuple[int, Shares]:
    late = max(0, 1 - first)
    if late:
        shares[late] += shares[:late].sum()
    kept = np.maximum(shares[late:], 0.0)
    return first + late, kept / kept.sum()


class Wheel:
    """The ring."""

    __slots__ = ("_rng", "_size", "_slots", "_step_s", "now")

    def __init__(self, rng: np.random.Generator, *, horizon_s: float, step_s: float) -> None:
        self._rng = rng
        self._step_s = step_s
        self._size = int(horizon_s / step_s) + 4
        ring: list[list[Hosts]] = [[] for _ in range(self._size)]
        self._slots = ring * 2
        """The ring twice over, so that a stretch of it is a slice wherever it begins."""
        self.now = 0
        """The present step."""

    def take(self) -> Hosts:
        """Who acts in the present step."""
        slot = self._slots[self.now % self._size]
        if not slot:
            return NOBODY
        hosts = slot[0] if len(slot) == 1 else np.concatenate(slot)
        slot.clear()
        return hosts

    def put(self, hosts: Hosts, steps: int) -> None:
        """All act after so many steps."""
        assert 0 < steps < self._size, "a delay is within the horizon"
        if len(hosts):
            self._slots[(self.now + steps) % self._size].append(hosts)

    def deal(self, hosts: Hosts, *, from_s: float, to_s: float) -> tuple[int, Counts]:
        """Each acts after a delay that is uniform between these. The first step, and how many in each from it."""
        if not len(hosts):
            return self.now, NO_COUNTS
        first, shares = delay_shares(from_s, to_s, self._step_s)
        counts: Counts = self._rng.multinomial(len(hosts), shares)
        at = self.now + first
        place, begin = at % self._size, 0
        for slot, count in zip(self._slots[place : place + len(shares)], counts.tolist(), strict=True):
            if count:
                end = begin + count
                slot.append(hosts[begin:end])
                begin = end
        return at, counts
