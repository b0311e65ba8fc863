"""One waiting line: oldest first while it is short, newest first above half of its depth, never deeper than that.

A line that is longer than half its depth holds more than can be served in time; then the newest has the best
chance to be finished before its client gives up, and the oldest the worst. So the newest goes first, and where a
newcomer finds the line full, the oldest leaves. Earliest-deadline-first is no help: with equal time-outs it *is*
oldest first, and collapses the same way (facts on leases and overload).
"""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

J = TypeVar("J")


class LaneQueue(Generic[J]):
    """The line. `depth` is handed in each time, since it follows from a rate that is learnt."""

    __slots__ = ("_line", "newest_first")

    def __init__(self, *, newest_first: bool) -> None:
        self._line: deque[J] = deque()
        self.newest_first = newest_first

    def __len__(self) -> int:
        return len(self._line)

    def turned(self, depth: int) -> bool:
        """Whether the newest goes first now."""
        return self.newest_first and 2 * len(self._line) > depth

    def put(self, job: J) -> None:
        """Join the line."""
        self._line.append(job)

    def evict(self) -> J:
        """The oldest leaves unserved."""
        return self._line.popleft()

    def pop(self, depth: int) -> J:
        """Whose turn it is."""
        return self._line.pop() if self.turned(depth) else self._line.popleft()
