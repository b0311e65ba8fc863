"""Answers `ports.delivery` for one process: calls in from any task, replies out."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable

from holdfast.model.delivery import Ask, Result, TryLater
from holdfast.ports.delivery import Answer, Call, Inbound, NextCalls
from holdfast.runtime.driver import Answers

GONE = TryLater(1.0, "the service has ended")


class DeliveryInbox:
    """Between what takes calls (HTTP, tests) and the loop. Belongs to one event loop."""

    def __init__(self, *, now_s: Callable[[], float] = time.monotonic, rng: random.Random | None = None) -> None:
        self._now_s = now_s
        self._rng = random.Random() if rng is None else rng  # noqa: S311 - spreading of hints, not secrets
        self._calls: list[Call] = []
        self._news = asyncio.Event()
        self._waiting: dict[int, asyncio.Future[Result]] = {}
        self._last_id = 0
        self._closed = False

    def register(self, answers: Answers) -> None:
        """Answer the operations of an actor."""
        answers.register(NextCalls, self.next_calls)
        answers.register(Answer, self.answer)
        answers.on_restart(self.forget)

    async def call(self, ask: Ask, *, timeout_s: float) -> Result:
        """Hand a call to the loop and wait for the answer, at most as long as its caller does."""
        if self._closed:
            return GONE
        self._last_id += 1
        id_ = self._last_id
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting[id_] = future
        self._calls.append(Call(id_, ask, timeout_s))
        self._news.set()
        try:
            async with asyncio.timeout(timeout_s):
                return await future
        except TimeoutError:
            return TryLater(1.0, f"no answer within {timeout_s:g} s")
        finally:
            self._waiting.pop(id_, None)

    def wake(self) -> None:
        """Let the loop look at its clock: for tests that move it."""
        self._news.set()

    async def next_calls(self, op: NextCalls) -> Inbound:
        """What came in."""
        await asyncio.sleep(0)
        if not self._news.is_set() and op.within_s > 0:
            try:
                async with asyncio.timeout(op.within_s):
                    await self._news.wait()
            except TimeoutError:
                pass
        self._news.clear()
        calls, self._calls = tuple(self._calls), []
        return Inbound(self._now_s(), self._rng.random(), calls)

    async def answer(self, op: Answer) -> None:
        """Answer calls; who has gone is gone."""
        for id_, result in op.results:
            future = self._waiting.pop(id_, None)
            if future is not None and not future.done():
                future.set_result(result)

    def forget(self) -> None:
        """The loop starts again: what it had taken in is nobody's, and is answered."""
        for future in self._waiting.values():
            if not future.done():
                future.set_result(GONE)
        self._waiting.clear()
        self._calls.clear()

    def close(self) -> None:
        """The loop has ended: everybody is answered."""
        self._closed = True
        self.forget()
