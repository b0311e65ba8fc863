"""How many a service serves in a second while it refuses others: what it can do beside its other duties.

Little's law (what is in work, by how long it takes) says what a pool can do if it were full, and at the times of
when it is not. Where the pool's work and other work share a processor that is several times too much, and whoever
is told to come back by it is refused again. While some are refused nothing is left over, so what is served then is
what can be served.
"""

from __future__ import annotations

import math
from typing import Final

MEMORY_S: Final = 20.0
"""What was served longer ago counts less and less."""
LEAST_S: Final = 10.0
"""A crowd shorter than this has said nothing yet: work comes back in lumps."""
CROWDED_S: Final = 5.0
"""After a refusal: later there may be capacity that nobody asks for, and what is served says nothing."""
HANGS_S: Final = 30.0
"""Whoever served nothing for so long is not slow, it hangs: when it goes on, it is as fast as before."""
KEPT_S: Final = 120.0
"""Without a crowd for so long what was learnt in it is forgotten."""


class CrowdPace:
    """A running value. `now_s` is any monotonic clock.

    Work comes back in lumps, so time counts from lump to lump: else the pace would fall before each of them.
    """

    __slots__ = ("_lump_s", "_refused_s", "_served", "_took_s")

    def __init__(self) -> None:
        self._refused_s = self._lump_s = -math.inf
        """The last refusal, and the last lump in a crowd."""
        self._took_s = self._served = 0.0

    def refused(self, *, now_s: float) -> None:
        """Somebody was refused for want of capacity."""
        self._refused_s = now_s

    def served(self, count: int, *, now_s: float) -> None:
        """So many were served."""
        if now_s - self._refused_s > CROWDED_S:
            return
        took_s = now_s - self._lump_s
        self._lump_s = now_s
        if took_s > KEPT_S:
            self._took_s = self._served = 0.0
        elif took_s <= HANGS_S:
            left = math.exp(-took_s / MEMORY_S)
            self._took_s = self._took_s * left + took_s
            self._served = self._served * left + count

    def per_s(self, *, now_s: float) -> float | None:
        """Served in a second; None: nothing is known, since there is no crowd, or not for long."""
        if self._took_s < LEAST_S or now_s - self._lump_s > KEPT_S:
            return None
        return self._served / self._took_s
