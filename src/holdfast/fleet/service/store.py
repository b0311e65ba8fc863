"""The service's store in memory, with the time that writing takes, and the ways in which it fails.

Writing a lease takes the processor that serves the calls: an establishment costs as much more than a renewal as
the closed forms say, and what calls take is missing for it.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from holdfast.fleet.service.core import Core
from holdfast.fleet.service.truth import Truth
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.store import Commit, Committed, Entry, Get, GetMany, Lost, Range
from holdfast.stores.memory import MemoryState
from holdfast.stores.port import Subscription
from holdfast.virtual.loop import VirtualLoop

AWAY: CouldNotAsk = CouldNotAsk("the store does not answer")
AWAY_S = 1.0
"""A question to a store that is away is given up after this long."""
LATE_S = 2.0
"""A commit of a process that was killed lands within this, or never."""


class Disk:
    """What is durable, for all processes: the store, and a file beside it."""

    def __init__(self) -> None:
        self.state = MemoryState(revision=1)
        self.files: dict[str, bytes] = {}
        self.away = False

    def restore(self, copy: MemoryState | None, *, files: bool) -> None:
        """Back to a copy (None: to nothing), perhaps with the disk beside it; revisions never come again."""
        revision = self.state.revision + 1
        self.state = MemoryState(() if copy is None else copy.entries(), revision=revision)
        if not files:
            self.files = {}


class ProcessStore:
    """The store as one process sees it: `stores.port.Store`."""

    def __init__(
        self,
        loop: VirtualLoop,
        disk: Disk,
        core: Core,
        truth: Truth,
        *,
        put_s: Callable[[], float],
        rng: random.Random,
    ) -> None:
        """`put_s`: what writing one lease takes now."""
        self._loop, self._disk, self._core, self._truth = loop, disk, core, truth
        self._put_s, self._rng = put_s, rng
        self._in_flight: dict[int, Commit] = {}
        self._number = 0

    async def get(self, op: Get) -> Entry | CouldNotAsk | None:
        """One key."""
        return await self._given_up() if self._disk.away else self._disk.state.apply(op)

    async def get_many(self, op: GetMany) -> tuple[Entry | None, ...] | CouldNotAsk:
        """Several keys."""
        return await self._given_up() if self._disk.away else self._disk.state.apply(op)

    async def range(self, op: Range) -> tuple[Entry, ...] | CouldNotAsk:
        """Keys under a prefix."""
        return await self._given_up() if self._disk.away else self._disk.state.apply(op)

    async def commit(self, op: Commit) -> Committed | Lost | CouldNotAsk:
        """One transaction, write by write; others come between. If the store goes away in it, who knows."""
        if self._disk.away:
            return await self._given_up()
        self._number += 1
        number = self._number
        self._in_flight[number] = op
        for _ in range(len(op.puts) + len(op.deletes)):
            await self._core.work(self._put_s())
        del self._in_flight[number]
        if self._away():
            if self._rng.random() < 0.5:
                self._apply(op)
            return CouldNotAsk(AWAY.reason, maybe_applied=True)
        return self._apply(op)

    def _away(self) -> bool:
        return self._disk.away

    def _apply(self, op: Commit) -> Committed | Lost:
        return self._disk.state.apply(op)

    async def _given_up(self) -> CouldNotAsk:
        done = self._loop.create_future()
        self._loop.call_later(AWAY_S, lambda: None if done.done() else done.set_result(None))
        await done
        return AWAY

    def killed(self) -> None:
        """What was on its way may land all the same, a little later."""
        for op in self._in_flight.values():
            if self._rng.random() < 0.5:
                self._loop.call_later(self._rng.random() * LATE_S, self._apply, op)
        self._in_flight.clear()

    def subscribe(self, prefixes: tuple[str, ...]) -> Subscription:
        """Nobody here waits for hints."""
        raise AssertionError("the lease service does not subscribe")

    async def close(self) -> None:
        """Nothing is open."""
