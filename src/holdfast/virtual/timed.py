"""What simulated event loops share: time, timers, futures, and the refusal of everything that would do real I/O.

A loop on top of it says what is ready (`call_soon`), how tasks are made, and who goes on.
"""

from __future__ import annotations

import asyncio
import contextvars
import heapq
import itertools
from collections.abc import Callable
from typing import Any, NoReturn

from holdfast.virtual.refused import Refusing

RESOLUTION_S = 1e-9
"""Timers closer together than this are due together, as on asyncio's own clock."""


class TimedLoop(Refusing, asyncio.AbstractEventLoop):
    """See the module."""

    def __init__(self) -> None:
        self.troubles: list[BaseException] = []
        """Exceptions of callbacks, and refusals, in order."""
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._numbers = itertools.count()
        self._now = 0.0
        self._closed = False
        self._handler: Callable[[asyncio.AbstractEventLoop, dict[str, Any]], object] | None = None

    # -- time ------------------------------------------------------------------------------------------------

    def time(self) -> float:
        """Virtual seconds since the start."""
        return self._now

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        """After some virtual seconds."""
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        """At a virtual time."""
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._timers, (when, next(self._numbers), handle))
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Of no interest: cancelled timers are left out when they come up."""

    def _drop_cancelled(self) -> None:
        while self._timers and self._timers[0][2].cancelled():
            heapq.heappop(self._timers)

    # -- what asyncio asks of a loop ---------------------------------------------------------------------------

    def set_task_factory(self, factory: Any) -> None:
        """Tasks of another making can't be repeated."""
        if factory is not None:
            self.refuse("loop.set_task_factory", "tasks of another making")

    def get_task_factory(self) -> None:
        """None."""

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """What nobody caught is kept, unless the code set a handler."""
        if self._handler is not None:
            self._handler(self, context)
        elif (error := context.get("exception")) is not None:
            self.troubles.append(error)

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        """As without a handler."""
        if (error := context.get("exception")) is not None:
            self.troubles.append(error)

    def set_exception_handler(
        self, handler: Callable[[asyncio.AbstractEventLoop, dict[str, Any]], object] | None
    ) -> None:
        """As asyncio's."""
        self._handler = handler

    def get_exception_handler(self) -> Callable[[asyncio.AbstractEventLoop, dict[str, Any]], object] | None:
        """As asyncio's."""
        return self._handler

    def get_debug(self) -> bool:
        """False: debug mode measures real time."""
        return False

    def set_debug(self, enabled: bool) -> None:
        """Not heeded."""

    def is_running(self) -> bool:
        """Whether it has not been closed."""
        return not self._closed

    def is_closed(self) -> bool:
        """Whether the run is over."""
        return self._closed

    def close(self) -> None:
        """End of the run."""
        self._closed = True

    def stop(self) -> None:
        """A run ends by what drives it."""
        self.refuse("loop.stop", "a loop that is driven from within")

    def run_forever(self) -> NoReturn:
        """It is driven from outside."""
        self.refuse("loop.run_forever", "a loop that is driven from within")

    def run_until_complete(self, future: object) -> NoReturn:
        """It is driven from outside."""
        self.refuse("loop.run_until_complete", "a loop that is driven from within")

    async def shutdown_asyncgens(self) -> None:
        """Done at the end of each run."""

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ASYNC109  # asyncio's
        """There is none."""
