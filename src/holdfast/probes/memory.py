"""Scripted probes: what the engine is to sockets, this is to a list. For tests and demonstrations."""

from __future__ import annotations

import asyncio
from collections import deque

from holdfast.ports.probe import NextResults, ProbeResult, ProbeTarget, Watch


class MemoryProbes:
    """Answers `ports.probe` from results that a test hands in, one batch a call; else an empty heartbeat."""

    def __init__(self, *, heartbeat_s: float = 0.005) -> None:
        self.watched: tuple[ProbeTarget, ...] = ()
        self._batches: deque[tuple[ProbeResult, ...]] = deque()
        self._heartbeat_s = heartbeat_s

    def give(self, *results: ProbeResult) -> None:
        """The next batch."""
        self._batches.append(results)

    async def watch(self, op: Watch) -> None:
        """Remember what would be probed."""
        self.watched = op.targets

    async def next_results(self, op: NextResults) -> tuple[ProbeResult, ...]:
        """The next batch; results on targets that are not watched are dropped."""
        if not self._batches:
            await asyncio.sleep(self._heartbeat_s)
            return ()
        watched = {target.target for target in self.watched}
        return tuple(result for result in self._batches.popleft() if result.target in watched)
