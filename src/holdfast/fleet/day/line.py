"""The network manager of 2025: one line, first in first out, every change by itself, whoever waits for it.

Reported is that launches worked again, throttled, and the backlog began to drain, when all leases were held (05:28
[S]): not host by host as each got its lease. So it is here: changes of hosts without a lease pile up and join the
line then, and launches fail until then. What stands in the line is worked through, also if its host loses its
lease again; a new instance waits for all that is before it.
"""

from __future__ import annotations

from typing import Final

from holdfast.fleet.day.asked import LISTED, rate_per_s
from holdfast.fleet.day.assumed import Assumed

THROTTLED_FROM_S: Final = 90.0
"""Launches stay limited while the line is longer than this, once the leases are back."""


class OneLine:
    """See `network.Manager`."""

    def __init__(self, assumed: Assumed, *, leases_back_s: float | None) -> None:
        self.ready: list[tuple[float, int, bool]] = []
        self.put_off = 0
        self._piles = [0] * LISTED
        self._piled = 0
        self._held = [True] * LISTED
        self._each_s = 1 / rate_per_s(assumed)
        self._free_s = 0.0
        """When all that stands in the line will be done."""
        self._leases_back_s = self.next_s = float("inf") if leases_back_s is None else leases_back_s
        self._launches_per_s = assumed.launch_limit * assumed.launches_per_h * LISTED / 3600
        self._tokens, self._at_s = 1.0, 0.0

    def turn(self, now_s: float) -> None:
        """All leases are back, but for the last few. (When a change will be done is known when it joins.)"""
        self.next_s = float("inf")
        for host, held in enumerate(self._held):
            if held:
                self._join_pile(host, now_s)

    def change(self, host: int, document: int, now_s: float) -> float:
        """A change of a host's documents. 0: it is in."""
        if self._held[host]:
            self._join(1, now_s)
        else:
            self._piles[host] += 1
            self._piled += 1
        return 0.0

    def launch(self, number: int, now_s: float) -> None:
        """A new instance."""
        self._join(1, now_s)
        self.ready.append((self._free_s, number, True))

    def lease(self, host: int, held: bool, now_s: float) -> None:
        """It lost its lease, or has it again."""
        self._held[host] = held
        if held and now_s >= self._leases_back_s:
            self._join_pile(host, now_s)

    def _join_pile(self, host: int, now_s: float) -> None:
        self._join(self._piles[host], now_s)
        self._piled -= self._piles[host]
        self._piles[host] = 0

    def lets_in(self, now_s: float) -> bool:
        """Whether a launch is let in: none before the leases are back, then few until the line is short again."""
        if now_s < self._leases_back_s:
            return False
        self._tokens = min(1.0, self._tokens + (now_s - self._at_s) * self._launches_per_s)
        self._at_s = now_s
        if self.create_wait_s(now_s) <= THROTTLED_FROM_S:
            return True
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def create_wait_s(self, now_s: float) -> float:
        """How long an instance that is launched now will wait."""
        return max(0.0, self._free_s - now_s)

    def lag_s(self, now_s: float) -> float:
        """How long a host that serves waits for a change of now: as long."""
        return self.create_wait_s(now_s)

    def backlog(self, now_s: float) -> float:
        """Changes that wait, those of hosts without a lease included."""
        return self._piled + self.create_wait_s(now_s) / self._each_s

    def _join(self, many: int, now_s: float) -> None:
        self._free_s = max(self._free_s, now_s) + many * self._each_s
