"""How often the API may be asked: a share of what the account has, and less after `Throttling`.

Route 53 takes five requests per second and account. Requests wait here for their turn, first come, first served;
one that was throttled halves the rate and stops all of us for a while, longer each time in a row; each answer that
was not gives a twentieth of the share back. So a short burst of somebody else's does not stop us for long, and a
steady one is not fought.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Final

LEAST_PER_S: Final = 0.5
BACK_SHARE: Final = 0.05
PAUSE_LEAST_S: Final = 0.2
PAUSE_CAP_S: Final = 30.0
DOUBLINGS_MAX: Final = 8


class Pacer:
    """The turns of one account in this process."""

    def __init__(
        self,
        per_s: float,
        *,
        now_s: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._chance = chance
        self._in_a_row = 0
        self._share_per_s = per_s
        self._per_s = per_s
        self._now_s = now_s
        self._sleep = sleep
        self._next_s = now_s()
        self._order = asyncio.Lock()

    @property
    def per_s(self) -> float:
        """The rate now."""
        return self._per_s

    async def turn(self) -> None:
        """Wait until it is our turn."""
        async with self._order:
            wait_s = self._next_s - self._now_s()
            if wait_s > 0:
                await self._sleep(wait_s)
            self._next_s = max(self._next_s, self._now_s() - 1.0) + 1.0 / self._per_s

    def throttled(self, retry_after_s: float | None) -> float:
        """Asked too often: how long nobody asks, in seconds; at least the answer's hint, if it gave one."""
        self._per_s = max(self._per_s / 2, min(LEAST_PER_S, self._share_per_s))
        least_s = PAUSE_LEAST_S if retry_after_s is None else retry_after_s
        grown_s = least_s * 2.0 ** min(self._in_a_row, DOUBLINGS_MAX)
        self._in_a_row += 1
        # Spread, or processes that were throttled together come back together.
        pause_s = min(grown_s * (1.0 + self._chance()), PAUSE_CAP_S)
        self._next_s = max(self._next_s, self._now_s() + pause_s)
        return pause_s

    def answered(self) -> None:
        """Answered, whatever the answer."""
        self._in_a_row = 0
        self._per_s = min(self._share_per_s, self._per_s + BACK_SHARE * self._share_per_s)
