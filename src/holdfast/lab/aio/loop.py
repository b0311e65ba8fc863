"""A deterministic event loop: virtual time, no I/O, and every turn is a choice that somebody outside makes.

asyncio runs what is ready first-in-first-out. On a real machine the order in which tasks *become* ready is up to
networks and disks, so here each ready task may be the next; option 0 is always asyncio's own order, and a run
differs from what asyncio alone would do exactly where another option was taken.

- Tasks and timers due together are free; callbacks given to `call_soon` keep their order, which asyncio documents.
- Time passes only when nothing is ready: a sleep lasts as long as it says. A *pause* (from a budget) holds one
  task back while time and all others go on: a slow reply, a collection, a machine that was suspended.
- Hashes of tasks and futures are numbers, so that sets of them are walked in the same order in every run.
"""

from __future__ import annotations

import asyncio
import contextvars
import heapq
import threading
from collections.abc import Callable, Coroutine, Generator
from typing import Any, NamedTuple, NoReturn, TypeVar

from holdfast.lab.aio.places import place_of
from holdfast.lab.aio.refused import RealIoRefusedError
from holdfast.virtual.timed import RESOLUTION_S, TimedLoop

T = TypeVar("T")

PAUSE_TICKS_MAX = 32
"""How often time may pass to the next timer while a task is paused."""

_WAKES_A_SLEEPER = getattr(asyncio.futures, "_set_result_unless_cancelled", None)

_STEPS = frozenset(("step", "wakeup", "task_wakeup"))
"""How a task's own callbacks are called, in C (the first has no name) and in Python."""

_CALLBACK, _TIME, _TIMER = -1, -2, -3

RUN, PAUSE, RESUME, TIME = "", "is paused", "goes on after its pause", "time passes"


class SimTask(asyncio.Task[T]):
    """A task with a number, set before asyncio puts it into a set, which hashes it."""

    def __init__(self, coro: Any, *, number: int, **rest: Any) -> None:
        self.number = number
        super().__init__(coro, **rest)

    def __hash__(self) -> int:
        return self.number

    __eq__ = object.__eq__


class SimFuture(asyncio.Future[T]):
    """A future with a number."""

    def __init__(self, *, number: int, loop: asyncio.AbstractEventLoop) -> None:
        self.number = number
        super().__init__(loop=loop)

    def __hash__(self) -> int:
        return self.number

    __eq__ = object.__eq__


class Entry:
    """Something ready to run. `task` is whose step it is, None for a callback; `ordered` ones keep their order."""

    __slots__ = ("handle", "name", "ordered", "task", "ticks", "who")

    def __init__(
        self,
        handle: asyncio.Handle,
        name: str,
        who: int,
        task: SimTask[Any] | None = None,
        *,
        ordered: bool = False,
    ) -> None:
        self.handle, self.task, self.name, self.who, self.ordered = handle, task, name, who, ordered
        self.ticks = 0


class Option(NamedTuple):
    """One way to go on. `what` is RUN, PAUSE, RESUME or TIME."""

    what: str
    entry: Entry | None

    @property
    def who(self) -> int:
        """Number of the task; below 0: a callback (-1), time (-2), a timer."""
        return _TIME if self.entry is None else self.entry.who

    @property
    def name(self) -> str:
        """For people. A task's own, of now: `asyncio.create_task` names it after its first step is ready."""
        if self.entry is None:
            return ""
        return self.entry.name if self.entry.task is None else self.entry.task.get_name()


class SimLoop(TimedLoop):
    """The loop. Whoever drives it calls `options()` and `take()` until the scenario has ended."""

    def __init__(self, *, pauses: int = 0) -> None:
        super().__init__()
        self.pauses_left = pauses
        self.tasks: list[SimTask[Any]] = []
        self.watches: list[tuple[str, Callable[[], object]]] = []
        """Invariants that the scenario registered, checked after each step."""
        self.generators: list[Any] = []
        self.main: SimTask[Any] | None = None
        self._ready: list[Entry] = []
        self._paused: list[Entry] = []
        self._names: dict[str, int] = {}
        self._thread = threading.get_ident()

    # -- choices --------------------------------------------------------------------------------------------

    def options(self) -> list[Option]:
        """What may happen next, asyncio's own choice first; none when everybody waits for ever."""
        while True:
            self._due()
            found, pausable = self._runnable()
            paused = self._paused
            if found:
                if self.pauses_left:
                    found += [Option(PAUSE, e) for e in pausable]
                return found + [Option(RESUME, e) for e in paused] if paused else found
            self._drop_cancelled()
            if not self._timers:
                return [Option(RESUME, e) for e in paused]
            if not paused:
                self._pass_time()
                continue
            late = [Option(RESUME, e) for e in paused if e.ticks >= PAUSE_TICKS_MAX]
            return late or [Option(TIME, None), *(Option(RESUME, e) for e in paused)]

    def take(self, option: Option) -> None:
        """Let it happen."""
        entry = option.entry
        if entry is None:
            self._pass_time()
        elif option.what == PAUSE:
            self.pauses_left -= 1
            self._ready.remove(entry)
            self._paused.append(entry)
        else:
            (self._paused if option.what == RESUME else self._ready).remove(entry)
            entry.handle._run()

    def _runnable(self) -> tuple[list[Option], list[Entry]]:
        found: list[Option] = []
        pausable: list[Entry] = []
        ordered = False
        live: list[Entry] = []
        for entry in self._ready:
            if entry.handle.cancelled():
                continue
            live.append(entry)
            if entry.ordered:
                if ordered:
                    continue
                ordered = True
            found.append(Option(RUN, entry))
            if entry.task is not None and entry.task is not self.main:
                pausable.append(entry)
        self._ready = live
        return found, pausable

    def _due(self) -> None:
        """Timers that are due become ready."""
        timers = self._timers
        while timers and timers[0][0] <= self._now + RESOLUTION_S:
            _, number, handle = heapq.heappop(timers)
            if handle.cancelled():
                continue
            if handle._callback is _WAKES_A_SLEEPER:  # type: ignore[attr-defined]
                # No choice: it only makes the sleeper ready, which may then wait as long as it likes.
                handle._run()
            else:
                self._ready.append(Entry(handle, f"timer {_name(handle)}", _TIMER - number))

    def _pass_time(self) -> None:
        self._drop_cancelled()
        if self._timers:
            self._now = max(self._now, self._timers[0][0])
            for entry in self._paused:
                entry.ticks += 1

    # -- what asyncio asks of a loop ------------------------------------------------------------------------

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        """Make it ready."""
        handle = asyncio.Handle(callback, args, self, context)
        owner = getattr(callback, "__self__", None)
        if isinstance(owner, SimTask) and getattr(callback, "__name__", "step").strip("_") in _STEPS:
            self._ready.append(Entry(handle, owner.get_name(), owner.number, owner))
        else:
            self._ready.append(Entry(handle, f"callback {_name(handle)}", _CALLBACK, ordered=True))
        return handle

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        """As `call_soon`, from this thread only."""
        if threading.get_ident() != self._thread:
            self.refuse("loop.call_soon_threadsafe from another thread", "threads")
        return self.call_soon(callback, *args, context=context)

    def create_future(self) -> SimFuture[Any]:
        """A future of this loop."""
        return SimFuture(number=next(self._numbers), loop=self)

    def create_task(
        self,
        coro: Generator[Any, None, T] | Coroutine[Any, Any, T],
        *,
        name: str | None = None,
        context: contextvars.Context | None = None,
        **_: Any,
    ) -> SimTask[T]:
        """A task, named for its coroutine unless it has a name, the same in every run."""
        if name is None:
            called = getattr(coro, "__qualname__", type(coro).__name__).split("<locals>.")[-1]
            seen = self._names[called] = self._names.get(called, 0) + 1
            name = called if seen == 1 else f"{called}-{seen}"
        task: SimTask[T] = SimTask(coro, loop=self, name=name, context=context, number=next(self._numbers))
        self.tasks.append(task)
        return task

    def refuse(self, used: str, kind: str) -> NoReturn:
        """Refuse something, naming the task and the line that asked for it."""
        task = asyncio.current_task(self)
        place = None if task is None else place_of(task)
        where = "" if task is None else f"task {task.get_name()}"
        where += "" if place is None else f" at {place.short} ({place.source})"
        error = RealIoRefusedError(
            f"{where or 'a callback'} used {used}: the simulated loop has no {kind}. Put it behind an object that"
            " you pass in, and give the search a fake of it that awaits asyncio.sleep for its latency"
        )
        self.troubles.append(error)
        raise error


def _name(handle: asyncio.Handle) -> str:
    callback = handle._callback  # type: ignore[attr-defined]
    called = getattr(callback, "func", callback)
    return str(getattr(called, "__qualname__", type(called).__name__)).split("<locals>.")[-1]
