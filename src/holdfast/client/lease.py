"""A lease in the hands of a program: whether it is good now, its token, and what becomes of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import msgspec

from holdfast.leases.holding import Change, Holding
from holdfast.model.lease import Place


class LeaseEvent(msgspec.Struct, frozen=True):
    """Something became of a lease; `token` is that of now, 0 if it has none."""

    change: Change
    token: int
    why: str = ""


class Lease:
    """One lease. Ask `valid` right before each act, and show `token` to the resource's guard with it."""

    def __init__(self, holding: Holding, now_s: Callable[[], float], wake: Callable[[Holding], None]) -> None:
        self._holding = holding
        self._now_s = now_s
        self._wake = wake
        self._news = asyncio.Event()
        self._listeners: list[asyncio.Queue[LeaseEvent]] = []

    @property
    def role(self) -> str:
        """Its role."""
        return self._holding.role

    @property
    def name(self) -> str:
        """Its name in the role."""
        return self._holding.name

    @property
    def holder(self) -> str:
        """Our id: new with each start of a program."""
        return self._holding.holder

    @property
    def valid(self) -> bool:
        """Whether it is ours now, by this machine's monotonic clock."""
        return self._holding.valid(now_s=self._now_s())

    @property
    def left_s(self) -> float:
        """Seconds for which it is still ours if nothing more is heard; 0 if it is not."""
        return max(0.0, self._holding.until_s - self._now_s()) if self.valid else 0.0

    @property
    def token(self) -> int:
        """The fencing token; 0 before the first grant."""
        return self._holding.token

    @property
    def taken_by(self) -> str:
        """The holder that has it instead, as the service said last; empty if none has."""
        return self._holding.taken_by

    @property
    def refused(self) -> str:
        """Why the service will never grant it (a bad name); empty otherwise."""
        return self._holding.refused

    def move(self, place: Place | None) -> None:
        """It serves elsewhere, or otherwise (ready, leaving): told to the service at once."""
        self._holding.move(place, now_s=self._now_s())
        self._wake(self._holding)

    def refused_by_guard(self, highest: int) -> None:
        """A guard refused our token and named the highest that it knows: have the lease granted above it."""
        self._holding.know(highest, now_s=self._now_s())
        self._wake(self._holding)

    async def held(self) -> int:
        """Wait until it is ours; the token.

        Raises:
            ValueError: the service says that the call itself is wrong, and why.
        """
        await self._until(lambda: self.valid or bool(self.refused))
        if self.refused:
            raise ValueError(self.refused)
        return self.token

    async def events(self) -> AsyncIterator[LeaseEvent]:
        """What becomes of it from now on; ends when it was released or refused."""
        queue: asyncio.Queue[LeaseEvent] = asyncio.Queue()
        self._listeners.append(queue)
        try:
            while True:
                event = await queue.get()
                yield event
                if event.change in (Change.RELEASED, Change.REFUSED):
                    return
        finally:
            self._listeners.remove(queue)

    async def release(self) -> None:
        """Give it back, and wait until that was heard or it has run out."""
        self._holding.leave(now_s=self._now_s())
        self._wake(self._holding)
        try:
            async with asyncio.timeout(self._holding.ttl_s):
                await self._until(lambda: self._holding.next_s is None)
        except TimeoutError:
            return

    def tell(self, event: LeaseEvent) -> None:
        """For the client: something became of it."""
        for queue in self._listeners:
            queue.put_nowait(event)
        self.stir()

    def stir(self) -> None:
        """For the client: whoever waits looks again."""
        self._news.set()
        self._news = asyncio.Event()

    async def _until(self, true: Callable[[], bool]) -> None:
        while not true():
            await self._news.wait()
