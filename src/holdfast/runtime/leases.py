"""Answers `ports.leases` for one process: calls in from any task, commits as tasks of their own, replies out."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence

from holdfast.model.lease import Ask, Result, TryLater
from holdfast.ports.leases import Call, Inbound, NextInbound, Reply, Submit, Written
from holdfast.ports.operation import CouldNotAsk
from holdfast.runtime.driver import Answers
from holdfast.stores.port import Store

GONE = TryLater(1.0, "the lease service has ended")


class _Batch:
    """Calls that came in together, and go out together."""

    __slots__ = ("done", "first", "missing", "results")

    def __init__(self, first: int, size: int) -> None:
        self.first = first
        self.results: list[Result | None] = [None] * size
        self.missing = size
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def answer(self, id_: int, result: Result) -> None:
        place = id_ - self.first
        if self.results[place] is None:
            self.results[place] = result
            self.missing -= 1
        if not self.missing:
            self.give_up()

    def give_up(self) -> None:
        if not self.done.done():
            self.done.set_result(None)

    def close(self, result: Result) -> list[Result]:
        return [result if found is None else found for found in self.results]


class LeaseInbox:
    """Between the adapters that take calls (HTTP, tests) and the loop. Belongs to one event loop."""

    def __init__(
        self, store: Store, *, now_s: Callable[[], float] = time.monotonic, rng: random.Random | None = None
    ) -> None:
        self._store = store
        self._now_s = now_s
        self._rng = random.Random() if rng is None else rng  # noqa: S311 - spreading of hints, not secrets
        self._calls: list[Call] = []
        self._written: list[Written] = []
        self._news = asyncio.Event()
        self._waiting: dict[int, _Batch] = {}
        self._commits: set[asyncio.Task[None]] = set()
        self._last_id = 0
        self._closed = False

    def register(self, answers: Answers) -> None:
        """Answer the lease operations of an actor."""
        answers.register(NextInbound, self.next_inbound)
        answers.register(Submit, self.submit)
        answers.register(Reply, self.reply)
        answers.on_restart(self.forget)

    async def call(self, ask: Ask, *, timeout_s: float) -> Result:
        """One call."""
        return (await self.calls((ask,), timeout_s=timeout_s))[0]

    async def calls(self, asks: Sequence[Ask], *, timeout_s: float) -> list[Result]:
        """Hand calls to the loop and wait for all answers, at most as long as their caller does; in order."""
        if self._closed:
            return [GONE] * len(asks)
        if not asks:
            return []
        batch = _Batch(self._last_id + 1, len(asks))
        self._last_id += len(asks)
        ids = range(batch.first, self._last_id + 1)
        self._calls += [Call(id_, ask, timeout_s) for id_, ask in zip(ids, asks, strict=True)]
        self._waiting.update(dict.fromkeys(ids, batch))
        self._news.set()
        timer = asyncio.get_running_loop().call_later(timeout_s, batch.give_up)
        try:
            await batch.done
        finally:
            timer.cancel()
            for id_ in ids:
                self._waiting.pop(id_, None)
        return batch.close(TryLater(1.0, f"no answer within {timeout_s:g} s"))

    def wake(self) -> None:
        """Let the loop look at its clock: for tests that move it."""
        self._news.set()

    async def next_inbound(self, op: NextInbound) -> Inbound:
        """What came in. Takers of calls run first, so that a busy loop sees crowds and not single calls."""
        asked_s = self._now_s()
        await asyncio.sleep(0)
        began_s = self._now_s()
        if not self._news.is_set() and op.within_s > 0:
            try:
                async with asyncio.timeout(op.within_s):
                    await self._news.wait()
            except TimeoutError:
                pass
        now_s = self._now_s()
        self._news.clear()
        calls, self._calls = tuple(self._calls), []
        written, self._written = tuple(self._written), []
        return Inbound(now_s, now_s - began_s, self._rng.random(), calls, written, began_s - asked_s)

    async def submit(self, op: Submit) -> None:
        """Begin a commit."""
        task = asyncio.get_running_loop().create_task(self._commit(op))
        self._commits.add(task)
        task.add_done_callback(self._commits.discard)

    async def _commit(self, op: Submit) -> None:
        try:
            result = await self._store.commit(op.commit)
        except Exception as error:
            # A fault of ours; unanswered, its callers and the keys that it holds would wait for ever.
            result = CouldNotAsk(f"{type(error).__name__}: {error}", maybe_applied=True)
        self._written.append(Written(op.ticket, result))
        self._news.set()

    async def reply(self, op: Reply) -> None:
        """Answer calls; who has gone is gone."""
        for id_, result in op.results:
            batch = self._waiting.get(id_)
            if batch is not None:
                batch.answer(id_, result)

    def forget(self) -> None:
        """The loop starts again: what it had taken in is nobody's, and is answered."""
        for id_, batch in tuple(self._waiting.items()):
            batch.answer(id_, GONE)
        self._calls.clear()
        self._written.clear()
        for task in self._commits:
            task.cancel()
        self._commits.clear()

    async def close(self) -> None:
        """The loop has ended: everybody is answered, running commits are waited for."""
        self._closed = True
        pending = tuple(self._commits)
        if pending:
            await asyncio.wait(pending)
        self.forget()
