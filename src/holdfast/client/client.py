"""The lease client: holds any number of leases over one connection, and knows for itself which are good.

    async with LeaseClient("http://127.0.0.1:9640", key) as client:
        lease = client.hold("jobs", "nightly")
        token = await lease.held()
        ...
        if lease.valid:                     # right before the act
            write(..., token, lease.holder)  # and the resource's guard looks at the token

It batches calls, obeys the service's hints, tries again within a budget, and stops trying so often when nothing
gets through (a breaker that lets probes pass). Leaving the context gives all leases back.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import socket
import time
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Final, Protocol, Self

from holdfast.client.batching import Agenda, Throttle
from holdfast.client.http import LeaseHttp, NotServed, Rejected
from holdfast.client.lease import Lease, LeaseEvent
from holdfast.leases.holding import Change, Holding
from holdfast.leases.law import BACK_S, CALL_TIMEOUT_S, RETRIES_PER_TTL, patience_s
from holdfast.model.lease import Ask, Listing, Members, Place, Result

TICK_S: Final = 0.05
WATCH_S: Final = 60.0
LAPSE_EACH_S: Final = 1e-5
"""Looking at all leases is spread out as they become many; `valid` looks at the clock itself and is exact."""
IDLE_MOST_S: Final = 30.0
"""A client that has nothing to do looks at its clock as seldom as this."""
log = logging.getLogger("holdfast.client")


class Transport(Protocol):
    """The way to a lease service (`client.http`)."""

    async def calls(self, asks: Sequence[Ask], *, timeout_s: float) -> Sequence[Result]:
        """Results in order; raises `NotServed`."""
        ...

    async def close(self) -> None:
        """Let go."""
        ...


def new_holder() -> str:
    """An id for this run of this program: host, process, and 64 bits that nobody else has."""
    host = "".join(c if c.isascii() and (c.isalnum() or c in ".-_") else "-" for c in socket.gethostname())
    return f"{host[:32]}:{os.getpid()}:{uuid.uuid4().hex[:16]}"


class LeaseClient:
    """See the module."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        ca_file: str = "",
        holder: str = "",
        ttl_s: float = 180.0,
        timeout_s: float = CALL_TIMEOUT_S,
        transport: Transport | None = None,
        now_s: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
        told: Callable[[Lease, LeaseEvent], None] | None = None,
    ) -> None:
        """`key`: the text of the service's key file. `ttl_s`: about how long its leases last. `told` hears of
        everything that becomes of any lease, at once; it must not block.

        Raises:
            Rejected: the address is none, or the CA file holds no certificates.
        """
        self.holder = holder or new_holder()
        self._transport = LeaseHttp(url, key, ca_file=ca_file) if transport is None else transport
        self._timeout_s = timeout_s
        self._now_s = now_s
        self._rng = random.Random() if rng is None else rng  # noqa: S311 - spreading, not secrets
        self._agenda = Agenda()
        self._throttle = Throttle(ttl_s=ttl_s, timeout_s=timeout_s, now_s=now_s())
        self._leases: dict[int, tuple[Holding, Lease]] = {}
        self._work = asyncio.Event()
        self._ended = asyncio.Event()
        self._lapse_s = float("inf")
        """When the first of its leases may be over: no look at all of them before that."""
        self._busy: dict[bool, asyncio.Task[None] | None] = {True: None, False: None}
        self._loop: asyncio.Task[None] | None = None
        self._trouble = ""
        self._told = told

    @property
    def _many(self) -> bool:
        return len(self._leases) > 1

    @property
    def trouble(self) -> str:
        """Why nothing got through the last time; empty if it did."""
        return self._trouble

    async def __aenter__(self) -> Self:
        self._loop = asyncio.create_task(self._run(), name="lease-client")
        self._loop.add_done_callback(_report)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def hold(self, role: str, name: str, *, place: Place | None = None, above: int = 0) -> Lease:
        """Begin to hold a lease, and go on until it is released."""
        holding = Holding(role, name, self.holder, place=place, above=above, now_s=self._now_s())
        lease = Lease(holding, self._now_s, self._look)
        self._leases[id(holding)] = (holding, lease)
        self._look(holding)
        return lease

    async def watch(self, role: str) -> AsyncIterator[Members]:
        """The leases of a role: now, and again whenever they change."""
        after = 0
        attempt = 0
        while True:
            try:
                (result,) = await self._transport.calls((Listing(role, after),), timeout_s=WATCH_S)
            except NotServed as error:
                self._note(error)
                attempt = min(attempt + 1, 8)
                await asyncio.sleep(self._rng.uniform(0.1, 0.2 * 2.0**attempt))
                continue
            attempt = 0
            if not isinstance(result, Members):
                await asyncio.sleep(getattr(result, "after_s", 1.0))
            elif result.revision != after:
                after = result.revision
                yield result

    async def close(self, *, release_within_s: float = 2.0) -> None:
        """Give all leases back, as far as that goes within the time, and end."""
        for holding, _ in self._leases.values():
            holding.leave(now_s=self._now_s())
            self._agenda.add(holding)
        self._work.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(release_within_s):
                while any(holding.next_s is not None for holding, _ in self._leases.values()):
                    self._ended.clear()
                    await self._ended.wait()
        tasks = [task for task in (self._loop, *self._busy.values()) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._transport.close()

    # -- the loop ------------------------------------------------------------------------------------------

    def _look(self, holding: Holding) -> None:
        self._agenda.add(holding)
        self._work.set()

    async def _run(self) -> None:
        while True:
            self._work.clear()
            now_s = self._now_s()
            for renewals in (True, False):
                self._send_due(renewals, now_s)
            self._lapse(now_s)
            await self._wait(now_s)

    def _send_due(self, renewals: bool, now_s: float) -> None:
        if self._busy[renewals] is not None:
            return
        holdings = self._agenda.due(renewals=renewals, now_s=now_s)
        if not holdings:
            return
        if not self._throttle.may_send(renewals=renewals, now_s=now_s, chance=self._rng.random()):
            self._hold_back(renewals, holdings, now_s)
            return
        task = asyncio.create_task(self._message(renewals, holdings), name="lease-client-message")
        self._busy[renewals] = task

    async def _wait(self, now_s: float) -> None:
        # What a message in flight keeps waiting is looked at when that ends.
        free = [renewals for renewals, task in self._busy.items() if task is None]
        next_s = min([self._lapse_s, *(self._agenda.next_s(renewals=renewals) for renewals in free)])
        wait_s = min(IDLE_MOST_S, max(TICK_S, next_s - now_s))
        # Not at once, even if woken: what is asked for together goes in one message.
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._work.wait()

    async def _message(self, renewals: bool, holdings: list[Holding]) -> None:
        asked_s = self._now_s()
        asks = [holding.ask() for holding in holdings]
        ok = False
        try:
            results = await self._transport.calls(asks, timeout_s=self._timeout_s)
            ok = True
            if self._throttle.failing(renewals=True):
                self._call_all_back()
            self._trouble = ""
            for holding, ask, result in zip(holdings, asks, results, strict=True):
                self._heard(holding, ask, result, asked_s)
        except NotServed as error:
            self._note(error)
            self._put_off(renewals, holdings, self._now_s())
        finally:
            self._throttle.ended(renewals=renewals, ok=ok, now_s=self._now_s())
            self._busy[renewals] = None
            self._agenda.back(holdings)
            self._work.set()
            self._ended.set()

    def _heard(self, holding: Holding, ask: Ask, result: Result, asked_s: float) -> None:
        now_s, chance = self._now_s(), self._rng.random()
        change = holding.answered(ask, result, asked_s=asked_s, now_s=now_s, chance=chance)
        if holding.valid(now_s=now_s):
            self._lapse_s = min(self._lapse_s, holding.until_s)
        if change is not None:
            self._tell(holding, change, getattr(result, "why", ""))

    def _hold_back(self, renewals: bool, holdings: list[Holding], now_s: float) -> None:
        """Not to be sent now, by our own rules."""
        ttl_s = holdings[0].ttl_s
        rules_s = self._throttle.wait_s(renewals=renewals, now_s=now_s)
        most_s = patience_s(ttl_s, many=self._many)[1] if renewals else ttl_s / RETRIES_PER_TTL
        wait_s = min(max(rules_s, TICK_S), most_s)
        for holding in holdings:
            holding.put_off(now_s + wait_s)
        self._agenda.back(holdings)

    def _call_all_back(self) -> None:
        """The service is back: who waits out a backoff renews now, spread over a second."""
        now_s = self._now_s()
        for holding, _ in self._leases.values():
            if holding.sooner(now_s + self._rng.random() * BACK_S):
                self._agenda.add(holding)

    def _put_off(self, renewals: bool, holdings: list[Holding], now_s: float) -> None:
        """No answer: all of a message come back together, so that they stay one."""
        chance = self._rng.random()
        if renewals:
            ttl_s = holdings[0].ttl_s
            self._throttle.silent(now_s=now_s, ttl_s=ttl_s, many=self._many, chance=chance)
            self._hold_back(renewals, holdings, now_s)
            return
        for holding in holdings:
            holding.unanswered(now_s=now_s, chance=chance)
        self._agenda.back(holdings)

    def _lapse(self, now_s: float) -> None:
        if now_s < self._lapse_s:
            return
        first_s = float("inf")
        for holding, _ in tuple(self._leases.values()):
            if holding.lapsed(now_s=now_s):
                self._tell(holding, Change.LOST, "no answer to its renewals in time")
            elif holding.valid(now_s=now_s):
                first_s = min(first_s, holding.until_s)
        self._lapse_s = max(first_s, now_s + TICK_S + len(self._leases) * LAPSE_EACH_S)

    def _tell(self, holding: Holding, change: Change, why: str) -> None:
        lease = self._leases[id(holding)][1]
        event = LeaseEvent(change, holding.token, why)
        lease.tell(event)
        if self._told is not None:
            self._told(lease, event)
        if change in (Change.RELEASED, Change.REFUSED):
            self._agenda.forget(holding)
            del self._leases[id(holding)]

    def _note(self, error: NotServed) -> None:
        text = str(error)
        if text != self._trouble:
            self._trouble = text
            level = logging.ERROR if isinstance(error, Rejected) else logging.WARNING
            log.log(level, "the lease service does not answer: %s", text)


def _report(task: asyncio.Task[None]) -> None:
    """A fault of ours in the client's own loop: its leases end by themselves, but nobody should wonder why."""
    if not task.cancelled() and task.exception() is not None:
        log.error("the lease client has stopped", exc_info=task.exception())
