"""A naive HTTP job service, the same one mended with `holdfast.overload`, and a load that shows the difference.

    python examples/overload/job_service.py

The service does one job at a time, 40 ms each: 25 a second. Eighteen clients want one job a second each, which is
72 % of that. They give up after half a second, and the naive ones ask again at once. Then the service stalls for
two seconds: a pause of its database, a long collection. The naive service never comes back from that: by then all
its clients ask twice a second, and every job in its line is for somebody who has given up. The mended one is back
as soon as the stall is over.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NamedTuple

from holdfast.overload import Admission, Job, Lane, LimiterSettings, Outstanding, retry_after_s

WORK_S = 0.04
TIMEOUT_S = 0.5
EVERY_S = 1.0
CLIENTS = 18


class Naive:
    """Everybody waits in line, for as long as it takes; every job is done, whoever still wants it."""

    def __init__(self) -> None:
        self.stalled_until_s = 0.0
        self._worker = asyncio.Lock()  # one job at a time, first come, first served

    async def answer(self) -> tuple[int, str]:
        """Status and body of one request."""
        async with self._worker:
            await work(self.stalled_until_s)
        return 200, "done"


class Mended:
    """A bounded line; no job is begun that can't be finished in time; the refused are told when to come back."""

    def __init__(self) -> None:
        self.stalled_until_s = 0.0
        self._queue: Admission[asyncio.Future[tuple[int, str]]] = Admission(
            [Lane("job", guess_s=WORK_S, queue_budget_s=TIMEOUT_S / 2, newest_first=True)],
            limiters={"": LimiterSettings.fixed(1)},
        )
        self._outstanding = Outstanding(horizon_s=10.0)
        self._jobs: set[asyncio.Task[None]] = set()

    async def answer(self) -> tuple[int, str]:
        """Status and body of one request."""
        now_s = time.monotonic()
        done: asyncio.Future[tuple[int, str]] = asyncio.get_running_loop().create_future()
        offered = self._queue.offer(done, lane=0, deadline_s=now_s + TIMEOUT_S, now_s=now_s)
        if offered.evicted is not None:
            self._refuse(offered.evicted)
        if offered.why is not None:
            return self._refusal()
        self._begin()
        return await done

    def _begin(self) -> None:
        while True:
            job, stale = self._queue.take(now_s=time.monotonic())
            for late in stale:
                self._refuse(late)
            if job is None:
                return
            task = asyncio.create_task(self._do(job))
            self._jobs.add(task)
            task.add_done_callback(self._jobs.discard)

    async def _do(self, job: Job[asyncio.Future[tuple[int, str]]]) -> None:
        await work(self.stalled_until_s)
        self._queue.finish(job, now_s=time.monotonic())
        if not job.payload.done():
            job.payload.set_result((200, "done"))
        self._begin()

    def _refuse(self, job: Job[asyncio.Future[tuple[int, str]]]) -> None:
        if not job.payload.done():
            job.payload.set_result(self._refusal())

    def _refusal(self) -> tuple[int, str]:
        now_s = time.monotonic()
        after_s = retry_after_s(
            backlog=self._outstanding.advance(now_s) + self._queue.waiting(0) + 1,
            spare_per_s=self._queue.rate_per_s(0),
            chance=random.random(),  # noqa: S311 - spreading, not secrets
            cap_s=5.0,
            least_s=0.1,
        )
        self._outstanding.add(after_s, now_s=now_s)
        return 503, f"{after_s:.3f}"


async def work(stalled_until_s: float) -> None:
    """One job."""
    await asyncio.sleep(max(WORK_S, stalled_until_s + WORK_S - time.monotonic()))


@contextlib.asynccontextmanager
async def serving(answer: Callable[[], Awaitable[tuple[int, str]]]) -> AsyncIterator[int]:
    """An HTTP server on loopback that answers every request so; its port."""

    handlers: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        handlers.add(task)
        task.add_done_callback(handlers.discard)
        try:
            # Cancelled at the end, below: Python 3.11 would print that as a fault.
            with contextlib.suppress(asyncio.CancelledError):
                await converse(reader, writer)
        finally:
            writer.transport.abort()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            status, body = await answer()
            head = f"HTTP/1.1 {status} x\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
            # For programs the exact time stands in the body; Retry-After knows whole seconds only.
            retry = f"Retry-After: {max(1, round(float(body)))}\r\n" if status == 503 else ""
            writer.write(f"{head}{retry}\r\n{body}".encode())
            await writer.drain()
            writer.close()
            await writer.wait_closed()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in handlers:
            task.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)
        await asyncio.sleep(0)  # aborted transports close their sockets in the loop's next turn


async def ask(port: int) -> tuple[int, str]:
    """One request, over a connection of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(b"GET / HTTP/1.1\r\nHost: job\r\n\r\n")
        reply = (await reader.read()).decode()
    finally:
        writer.transport.abort()
    return int(reply.split()[1]), reply.rpartition("\r\n")[2]


async def client(port: int, done: list[float], sent: list[float], end_s: float) -> None:
    """Wants a job a second; gives up after half a second, and asks again: at once, or when it was told to."""
    await asyncio.sleep(random.uniform(0, EVERY_S))  # noqa: S311
    while time.monotonic() < end_s:
        began_s, wait_s = time.monotonic(), 0.0
        sent.append(began_s)
        try:
            async with asyncio.timeout(TIMEOUT_S):
                status, body = await ask(port)
            if status == 200:
                done.append(time.monotonic())
                wait_s = EVERY_S - (time.monotonic() - began_s)
            else:
                wait_s = float(body)
        except TimeoutError:
            pass
        await asyncio.sleep(max(0.0, wait_s))


class Shown(NamedTuple):
    """Jobs done and requests sent a second: before the stall, and in the last two seconds."""

    before: float
    after: float
    requests: float


async def run(
    service: Naive | Mended, *, calm_s: float = 2.0, stall_s: float = 2.0, after_s: float = 4.0
) -> Shown:
    """The load on one service."""
    done: list[float] = []
    sent: list[float] = []
    async with serving(service.answer) as port:
        began_s = time.monotonic()
        end_s = began_s + calm_s + stall_s + after_s
        async with asyncio.TaskGroup() as group:
            for _ in range(CLIENTS):
                group.create_task(client(port, done, sent, end_s))
            await asyncio.sleep(calm_s)
            service.stalled_until_s = time.monotonic() + stall_s
    return Shown(
        sum(began_s + 1 < at < began_s + calm_s for at in done) / (calm_s - 1),
        sum(end_s - 2 < at < end_s for at in done) / 2,
        sum(end_s - 2 < at < end_s for at in sent) / 2,
    )


async def main() -> None:
    """Both, one after the other."""
    print(f"{'':<8} {'before':>8} {'after the stall':>16} {'requests a second':>18}")
    for service in (Naive(), Mended()):
        shown = await run(service)
        name = type(service).__name__.lower()
        print(f"{name:<8} {shown.before:>8.1f} {shown.after:>16.1f} {shown.requests:>18.1f}")


if __name__ == "__main__":
    asyncio.run(main())
