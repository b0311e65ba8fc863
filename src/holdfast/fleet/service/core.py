"""One processor: pieces of work one after another, each as long as it takes. It can stand still, and die."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from holdfast.virtual.loop import VirtualLoop


class Core:
    """Work in the order in which it came."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self._line: deque[tuple[float, Callable[[], None]]] = deque()
        self._works = False
        self._until_s = 0.0
        self.speed = 1.0
        """0.5: everything takes twice as long."""
        self.busy_s = 0.0
        """Work done, at speed 1."""

    def do(self, cost_s: float, then: Callable[[], None]) -> None:
        """Do it when its turn has come, then say so."""
        self._line.append((cost_s, then))
        if not self._works:
            self._begin()

    async def work(self, cost_s: float) -> None:
        """As `do`, and wait for it. 0: until all is done that had come before."""
        done = self._loop.create_future()
        self.do(cost_s, lambda: None if done.done() else done.set_result(None))
        await done

    def stand_still(self, for_s: float) -> None:
        """Nothing is done for so long; what was being done goes on after it."""
        self._until_s = max(self._until_s, self._loop.time() + for_s)

    @property
    def still(self) -> bool:
        """Whether it stands still now."""
        return self._loop.time() < self._until_s

    def clear(self) -> None:
        """What waits is never done."""
        self._line.clear()

    def _begin(self) -> None:
        self._works = True
        cost_s, then = self._line.popleft()
        self.busy_s += cost_s
        self._loop.call_later(cost_s / self.speed, self._ends, then)

    def _ends(self, then: Callable[[], None]) -> None:
        if self._loop.time() < self._until_s:
            self._loop.call_at(self._until_s, self._ends, then)
            return
        then()
        if self._line:
            self._begin()
        else:
            self._works = False
