"""The October race as one program for every peer: holdfast.lab.specimens.october with a `hop` before each message.

What a message does, it does at once, after its hop; between two hops nobody else acts. Whoever searches decides
who hops next. So the steps, and what may come between them, are those of the specimen.

`mended` takes the two steps that the design of 2025 lacked: nobody points an endpoint back at an older plan, and
the clean-up deletes only if the aliases are still as it read them, and none of them leads to what it deletes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, NamedTuple, TypeAlias


class Size(NamedTuple):
    """Plan 1 is live at the start; an enactor ends after so many rests."""

    plans: int
    enactors: int
    endpoints: int
    rounds: int


FULL = Size(plans=3, enactors=3, endpoints=3, rounds=3)
"""Where the race is to be found."""
SMALL = Size(plans=3, enactors=2, endpoints=2, rounds=2)
"""Where the mended race is to be proved."""
KEEP = 1
"""Plans this much older than the one just applied are cleaned up."""
Hop: TypeAlias = Callable[[], Awaitable[None]]


class EmptiedError(AssertionError):
    """An endpoint leads to nothing."""


class Region:
    """The zone and the store."""

    def __init__(self, hop: Hop, size: Size = FULL, *, mended: bool = False, raises: bool = True) -> None:
        self.hop, self.size, self.mended, self.raises = hop, size, mended, raises
        self.newest = 1
        self.sets = {(1, e) for e in range(self.size.endpoints)}
        self.alias = [1] * self.size.endpoints
        self.lock = [1] * self.size.endpoints
        self.broken = ""

    def check(self) -> None:
        """Each endpoint leads to addresses: after every message that may have changed that."""
        for endpoint, plan in enumerate(self.alias):
            if (plan, endpoint) not in self.sets and not self.broken:
                self.broken = f"ep{endpoint + 1} points at plan {plan}, which has no addresses"
                if self.raises:
                    raise EmptiedError(self.broken)

    async def planner(self) -> None:
        """Writes each plan's record sets, then announces it."""
        for plan in range(2, self.size.plans + 1):
            await self.hop()
            self.sets = self.sets | {(plan, e) for e in range(self.size.endpoints)}
            await self.hop()
            self.newest = plan
            await self.hop()

    async def enactor(self) -> None:
        """Applies the newest plan to each endpoint, then cleans up."""
        applied, rested = 1, 0
        while True:
            await self.hop()
            plan = self.newest  # checked here, once: by the time it is written it may be old
            if plan <= applied:
                rested += 1
                if rested == self.size.rounds:
                    return
                await self.hop()
                continue
            for endpoint in range(self.size.endpoints):
                while not await self.point(endpoint, plan):
                    rested += 1
                    if rested == self.size.rounds:
                        return
                    await self.hop()
            await self.clean_up(plan)
            applied = plan
            await self.hop()

    async def point(self, endpoint: int, plan: int) -> bool:
        """One transactional batch; False if the lock was lost, or the batch was refused."""
        await self.hop()
        lock = self.lock[endpoint]
        await self.hop()
        before = self.alias[endpoint]
        if self.mended and plan < before:
            return True
        await self.hop()
        there = (before, endpoint) in self.sets and (plan, endpoint) in self.sets
        if self.lock[endpoint] != lock or not there or (self.mended and self.alias[endpoint] != before):
            return False
        self.lock = [plan if e == endpoint else was for e, was in enumerate(self.lock)]
        self.alias = [plan if e == endpoint else was for e, was in enumerate(self.alias)]
        self.check()
        return True

    async def clean_up(self, plan: int) -> None:
        """Deletes the record sets of much older plans."""
        await self.hop()
        seen = self.alias
        old = {s for s in self.sets if s[0] <= plan - KEEP and not (self.mended and seen[s[1]] == s[0])}
        if not old:
            return
        await self.hop()
        if self.mended and self.alias != seen:
            return
        self.sets = self.sets - old
        self.check()

    def everybody(self) -> list[Callable[[], Coroutine[Any, Any, None]]]:
        """The planner, and the enactors."""
        return [self.planner, *([self.enactor] * self.size.enactors)]


async def asyncio_hop() -> None:
    """Lets any other ready task go first."""
    await asyncio.sleep(0)


async def race(size: Size = FULL, *, mended: bool = False) -> None:
    """The race as an asyncio program: raises `EmptiedError` if it comes to that."""
    region = Region(asyncio_hop, size, mended=mended)
    await asyncio.gather(*(one() for one in region.everybody()))


async def mended_race() -> None:
    """The mended one."""
    await race(mended=True)


async def small_mended_race() -> None:
    """The one that is to be proved."""
    await race(SMALL, mended=True)
