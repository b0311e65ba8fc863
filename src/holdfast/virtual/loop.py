"""An event loop in virtual time and in asyncio's own order, for whole fleets: hours cost what their turns cost.

Equal programs have equal runs: it has no chance of its own, and timers due together go in the order in which they
were set.
"""

from __future__ import annotations

import asyncio
import contextvars
import heapq
from asyncio import events
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, TypeVar

from holdfast.virtual.timed import RESOLUTION_S, TimedLoop

T = TypeVar("T")


class RefusedError(RuntimeError):
    """The code asked a loop in virtual time for something real: sockets, threads, processes, signals."""


class VirtualLoop(TimedLoop):
    """See the module. `run` lets time pass; between runs nothing happens."""

    def __init__(self) -> None:
        super().__init__()
        self._ready: deque[asyncio.Handle] = deque()
        self.turns = 0
        """Callbacks and steps of tasks so far."""

    def run(self, until_s: float, *, enough: Callable[[], bool] = lambda: False) -> None:
        """Let everything happen up to a time, or until it is enough (asked whenever time is about to pass).

        Raises:
            RuntimeError: from within a running event loop.
        """
        ready, timers = self._ready, self._timers
        with self._running():
            while True:
                while ready:
                    handle = ready.popleft()
                    if not handle.cancelled():
                        self.turns += 1
                        handle._run()
                self._drop_cancelled()
                if not timers or timers[0][0] > until_s or enough():
                    break
                self._now = max(self._now, timers[0][0])
                while timers and timers[0][0] <= self._now + RESOLUTION_S:
                    ready.append(heapq.heappop(timers)[2])
            if not enough():
                self._now = max(self._now, until_s)

    @contextmanager
    def _running(self) -> Iterator[None]:
        if events._get_running_loop() is not None:
            raise RuntimeError("virtual time can't pass within a running event loop: call it from ordinary code")
        events._set_running_loop(self)
        try:
            yield
        finally:
            events._set_running_loop(None)

    def end(self) -> None:
        """Cancel what is left and close. Exceptions that nobody looked at are in `troubles`."""
        for task in asyncio.all_tasks(self):
            task.cancel()
        self.run(self._now)
        self.close()

    # -- what asyncio asks of a loop ---------------------------------------------------------------------------

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        """In its turn, before time passes."""
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def create_future(self) -> asyncio.Future[Any]:
        """A future of this loop."""
        return asyncio.Future(loop=self)

    def create_task(
        self,
        coro: Generator[Any, None, T] | Coroutine[Any, Any, T],
        *,
        name: str | None = None,
        context: contextvars.Context | None = None,
        **_: Any,
    ) -> asyncio.Task[T]:
        """A task."""
        return asyncio.Task(coro, loop=self, name=name, context=context)

    def refuse(self, used: str, kind: str) -> NoReturn:
        """Refuse something."""
        error = RefusedError(f"{used} was used: virtual time has no {kind}")
        self.troubles.append(error)
        raise error
