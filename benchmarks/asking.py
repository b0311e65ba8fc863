"""A connection of a benchmark: asks, waits for the whole answer, asks again, until its time is over."""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod


class Asking(asyncio.Protocol):
    """Counts messages and what each took; `done` when the last answer after `until_s` is there."""

    server = "the server"

    def __init__(self, until_s: float) -> None:
        self.until_s = until_s
        self.renewed = self.messages = 0
        self.took_s: list[float] = []
        self.began_s = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @abstractmethod
    def ask(self) -> None:
        """Send the next message, and note when."""

    def answered(self) -> None:
        """The message has its whole answer."""
        now_s = time.perf_counter()
        self.took_s.append(now_s - self.began_s)
        self.messages += 1
        if now_s < self.until_s:
            self.ask()
        elif not self.done.done():
            self.done.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over, or the server does not stand it."""
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError(f"{self.server} closed the connection"))
