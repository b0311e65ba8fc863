"""What the suite for lease services runs against: a service on a store that can go out, on a clock that jumps."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

from holdfast.leases.law import LeaseSettings
from holdfast.leases.loop import lease_loop
from holdfast.model.lease import Ask, Result
from holdfast.ports.disk import DiskFailed, Load, Promote, Stage
from holdfast.ports.events import Emit, Event
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.random import NewId
from holdfast.ports.store import Commit, Committed, Get, Lost, Range
from holdfast.runtime.driver import Answers, drive
from holdfast.runtime.ids import Ids
from holdfast.runtime.leases import LeaseInbox
from holdfast.stores.memory import MemoryStore

SCOPE = "suite"
TTL_S = 60.0


class Caller(Protocol):
    """The lease port, as callers have it: calls in, results out, in order."""

    async def calls(self, asks: Sequence[Ask], *, timeout_s: float) -> Sequence[Result]:
        """Many at once."""
        ...


class FaultyStore(MemoryStore):
    """A store in memory that can be out, and that can take a write and lose the answer."""

    def __init__(self, *, beside: MemoryStore | None = None) -> None:
        super().__init__(beside=beside)
        self.out = False
        self.lose_answers = 0

    async def commit(self, op: Commit) -> Committed | Lost | CouldNotAsk:
        """As the store is now."""
        if self.out:
            return CouldNotAsk("the store is out")
        result = await super().commit(op)
        if self.lose_answers:
            self.lose_answers -= 1
            return CouldNotAsk("the answer was lost", maybe_applied=True)
        return result


class MemoryDisk:
    """One actor's disk."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    async def load(self, op: Load) -> bytes | DiskFailed | None:
        """A document."""
        return self.files.get(op.name)

    async def stage(self, op: Stage) -> DiskFailed | None:
        """Beside it."""
        self.files[op.name + ".tmp"] = op.data
        return None

    async def promote(self, op: Promote) -> DiskFailed | None:
        """In its place."""
        self.files[op.name] = self.files.pop(op.name + ".tmp")
        return None


class LeaseWorld:
    """A running service; `caller` is how it is reached."""

    def __init__(self, store: FaultyStore, settings: LeaseSettings) -> None:
        self.store = store
        self.settings = settings
        self.disk = MemoryDisk()
        self.now_s = 1000.0
        self.events: list[Event] = []
        self.inbox = self._inbox()
        self.caller: Caller = self.inbox
        self._task: asyncio.Task[bool] | None = None

    def _inbox(self) -> LeaseInbox:
        return LeaseInbox(self.store, now_s=lambda: self.now_s)

    async def call(self, ask: Ask, *, timeout_s: float = 5.0) -> Result:
        """One call."""
        return (await self.caller.calls((ask,), timeout_s=timeout_s))[0]

    async def advance(self, by_s: float, *, steps: int = 1) -> None:
        """Let time pass in equal steps, and the service look at each."""
        await _settled()  # what is in work now takes no time
        for _ in range(steps):
            self.now_s += by_s / steps
            self.inbox.wake()
            await _settled()

    def start(self) -> None:
        """Begin to serve."""
        answers = Answers()
        answers.register(Get, self.store.get)
        answers.register(Range, self.store.range)
        answers.register(Commit, self.store.commit)
        answers.register(NewId, Ids().new_id)
        answers.register(Load, self.disk.load)
        answers.register(Stage, self.disk.stage)
        answers.register(Promote, self.disk.promote)
        answers.register(Emit, self._emit)
        self.inbox.register(answers)
        self._task = asyncio.create_task(drive(lease_loop(SCOPE, self.settings), answers))

    async def _emit(self, op: Emit) -> None:
        self.events.append(op.event)

    async def kill(self) -> None:
        """The service dies where it stands; what it had in memory is gone."""
        assert self._task is not None
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self.inbox.forget()

    async def restart(self) -> None:
        """Die, and begin again on the same store and disk. Callers find the new run where the old one was."""
        await self.kill()
        self.start()

    def said(self, kind: str) -> list[str]:
        """The texts of events of a kind."""
        return [event.text for event in self.events if event.kind == kind]


async def _settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


@asynccontextmanager
async def memory_world(settings: LeaseSettings | None = None) -> AsyncIterator[LeaseWorld]:
    """A service that is called in its own process."""
    world = LeaseWorld(FaultyStore(), LeaseSettings(ttl_least_s=TTL_S) if settings is None else settings)
    world.start()
    try:
        yield world
    finally:
        await world.kill()
