"""One run of a scenario on the simulated loop: from its start to its end, or to what it broke."""

from __future__ import annotations

import asyncio
import logging
import sys
from asyncio import events
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol, TypeAlias

import msgspec

from holdfast.lab.aio.loop import PAUSE, Option, SimLoop, SimTask
from holdfast.lab.aio.places import Place, is_users, place_of
from holdfast.lab.aio.refused import RealIoRefusedError

Body: TypeAlias = Callable[[], Coroutine[Any, Any, object]]
"""The scenario: an `async def` without arguments, called afresh for each run."""

STEPS_MAX = 10_000
CLEAN_UP_STEPS_MAX = 10_000


class Chooser(Protocol):
    """Decides at each place where there are two options or more."""

    def choose(self, options: Sequence[Option]) -> int:
        """Index of an option; 0 is what asyncio alone would do."""
        ...


class Terms(msgspec.Struct, frozen=True):
    """How a scenario is run. Exceptions in `passes` are no findings: they end the search (a test that skips)."""

    pauses: int = 0
    steps_max: int = STEPS_MAX
    passes: tuple[type[BaseException], ...] = ()


class Broken(NamedTuple):
    """What broke, in one line; `rest` are further lines of it. Two runs break the same if their keys are equal."""

    key: tuple[str, str]
    text: str
    rest: tuple[str, ...] = ()


class Told(NamedTuple):
    """One step in detail. `instead_of` is who would have run next with asyncio alone, if another did."""

    time_s: float
    who: str
    what: str
    place: Place | None
    end: str
    logs: tuple[str, ...]
    instead_of: str

    @property
    def trace(self) -> str:
        """What a trace hashes of it: nothing that moves when a line is added above."""
        stable = "" if self.place is None else self.place.stable
        return f"{self.time_s:.9f}|{self.who}|{self.what}|{stable}|{self.end}"


class Ended(NamedTuple):
    """The end of a run. `widths` are the numbers of options where there was a choice, `choices` those taken.

    `signature` has an entry for each choice: two runs with equal choices must have equal signatures.
    """

    broken: Broken | None
    choices: tuple[int, ...]
    widths: tuple[int, ...]
    signature: tuple[int, ...]
    steps: int
    tasks: int
    cut: bool
    told: tuple[Told, ...]


class _Log(logging.Handler):
    """Collects what the code logs, for the story."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.name}: {record.getMessage()}")

    def take(self) -> tuple[str, ...]:
        found, self.lines = tuple(self.lines), []
        return found


def run(body: Body, chooser: Chooser, terms: Terms, *, detail: bool = False) -> Ended:
    """Run a scenario once. With `detail` each step is told.

    Raises:
        RealIoRefusedError: the code asked for sockets, threads, processes or signals.
    """
    loop = SimLoop(pauses=terms.pauses)  # type: ignore[abstract]  # what it hasn't, `Refusing` refuses
    with _running(loop), _listening(detail) as log:
        return _Run(loop, chooser, terms, log).go(body)


class _Run:
    def __init__(self, loop: SimLoop, chooser: Chooser, terms: Terms, log: _Log | None) -> None:
        self._loop, self._chooser, self._terms, self._log = loop, chooser, terms, log
        self._choices: list[int] = []
        self._widths: list[int] = []
        self._signature: list[int] = []
        self._told: list[Told] = []
        self._steps = 0

    def go(self, body: Body) -> Ended:
        loop = self._loop
        loop.main = main = loop.create_task(body(), name="main")
        broken: Broken | None = None
        cut = False
        try:
            while not main.done() and broken is None and not cut:
                options = loop.options()
                if not options:
                    broken = _deadlock(loop)
                else:
                    self._step(options)
                    broken = self._judge()
                cut = self._steps >= self._terms.steps_max
        finally:
            tasks = len(loop.tasks)
            ended = main.done()
            _clean_up(loop)
        self._let_pass(main)
        broken = broken or _raised(loop, ended=ended)
        return Ended(
            broken=broken,
            choices=tuple(self._choices),
            widths=tuple(self._widths),
            signature=tuple(self._signature),
            steps=self._steps,
            tasks=tasks,
            cut=cut and broken is None,
            told=tuple(self._told),
        )

    def _step(self, options: list[Option]) -> None:
        at = 0
        if len(options) > 1:
            at = self._chooser.choose(options)
            self._choices.append(at)
            self._widths.append(len(options))
            self._signature.append(hash((len(options), options[at].who, options[at].what, options[0].who)))
        self._steps += 1
        option = options[at]
        self._loop.take(option)
        if self._log is not None:
            self._tell(option, options[0].name if at and option.what != PAUSE else "", self._log)

    def _tell(self, option: Option, instead_of: str, log: _Log) -> None:
        task = None if option.entry is None else option.entry.task
        place = None if task is None or task.done() or option.what == PAUSE else place_of(task)
        told = Told(
            time_s=self._loop.time(),
            who=option.name or "the clock",
            what=option.what,
            place=place,
            end=_end(task) if task is not None and task.done() else "",
            logs=log.take(),
            instead_of=instead_of,
        )
        self._told.append(told)

    def _judge(self) -> Broken | None:
        loop = self._loop
        for error in loop.troubles:
            if isinstance(error, RealIoRefusedError):
                raise error
        for name, check in loop.watches:
            broken = _watched(name, check)
            if broken is not None:
                return broken
        return None

    def _let_pass(self, main: SimTask[Any]) -> None:
        error = None if main.cancelled() or not main.done() else main.exception()
        if isinstance(error, self._terms.passes):
            raise error


def _watched(name: str, check: Callable[[], object]) -> Broken | None:
    """An invariant that does not hold; one that raises does not hold either, which lets it assert."""
    try:
        said = check()
    except Exception as error:
        how = _as_broken(name, error)
        return Broken(("invariant", name), how.text.removeprefix("raised: "), how.rest)
    if said is True or (not said and said is not False):
        return None
    return Broken(("invariant", name), f"{name}: {said if isinstance(said, str) else 'it does not hold'}")


@contextmanager
def _running(loop: SimLoop) -> Iterator[None]:
    """Within this the loop is the running one, and async generators are known to it."""
    before = events._get_running_loop()
    if before is not None:
        raise RuntimeError(
            "a search can't be started from within a running event loop: call it from ordinary code"
        )
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(firstiter=loop.generators.append, finalizer=_finalized(loop))
    events._set_running_loop(loop)
    try:
        yield
    finally:
        events._set_running_loop(None)
        sys.set_asyncgen_hooks(*hooks)
        loop.close()


def _finalized(loop: SimLoop) -> Callable[[Any], None]:
    def close(generator: Any) -> None:
        if not loop.is_closed():
            loop.create_task(generator.aclose(), name="aclose")

    return close


@contextmanager
def _listening(detail: bool) -> Iterator[_Log | None]:
    """Within this, logs are collected if asked for."""
    if not detail:
        yield None
        return
    log = _Log()
    logging.getLogger().addHandler(log)
    try:
        yield log
    finally:
        logging.getLogger().removeHandler(log)


class _AsAsyncio:
    """Always asyncio's own order."""

    def choose(self, options: Sequence[Option]) -> int:
        return 0


AS_ASYNCIO: Chooser = _AsAsyncio()


def _clean_up(loop: SimLoop) -> None:
    """As `asyncio.run` ends: cancel what is left and let it finish, without choices; no part of the search."""
    loop.pauses_left = 0
    left = [t for t in loop.tasks if not t.done()]
    for task in left:
        task.cancel()
    _drain(loop, CLEAN_UP_STEPS_MAX)
    for generator in loop.generators:
        if generator.ag_frame is not None and not generator.ag_running:
            loop.create_task(generator.aclose(), name="aclose")
    loop.generators.clear()
    _drain(loop, CLEAN_UP_STEPS_MAX)
    for task in loop.tasks:
        if not task.done():
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # it resisted: its own matter


def _drain(loop: SimLoop, steps: int) -> None:
    for _ in range(steps):
        if all(t.done() for t in loop.tasks):
            return
        options = loop.options()
        if not options:
            return
        loop.take(options[0])


def _deadlock(loop: SimLoop) -> Broken:
    waiting = []
    for task in loop.tasks:
        if not task.done():
            place = place_of(task)
            waiting.append(f"{task.get_name()} {_waits(place)}")
    return Broken(("deadlock", ""), f"deadlock: all tasks wait for ever: {'; '.join(waiting)}")


def _waits(place: Place | None) -> str:
    if place is None:
        return "waits"
    awaits = f" for {place.awaits}" if place.awaits else ""
    return f"waits{awaits} at {place.short} ({place.source})"


def _raised(loop: SimLoop, *, ended: bool) -> Broken | None:
    """The exception of the scenario, if it came to its end, or one that nobody has looked at."""
    for trouble in loop.troubles:
        if isinstance(trouble, RealIoRefusedError):
            raise trouble
    found: Broken | None = None
    for task in loop.tasks:
        if not task.done() or task.cancelled():
            continue
        unseen = task is loop.main or getattr(task, "_log_traceback", False)
        error = task.exception()  # looking at it also keeps asyncio from logging it
        if error is not None and unseen and found is None:
            found = _as_broken(task.get_name(), error)
    if found is None and ended and loop.main is not None and loop.main.cancelled():
        found = Broken(("raised", "CancelledError"), "raised: main: it was cancelled")
    if found is None and loop.troubles:
        found = _as_broken("a callback", loop.troubles[0])
    return found


def _as_broken(who: str, error: BaseException) -> Broken:
    text, *rest = str(error).splitlines() or [""]
    at = _raised_at(error)
    said = f"{type(error).__name__}{': ' if text else ''}{text}{f' (at {at})' if at else ''}"
    return Broken(("raised", type(error).__name__), f"raised: {who}: {said}", tuple(rest))


def _raised_at(error: BaseException) -> str:
    """The last line of the user's code on the way."""
    found = ""
    traceback = error.__traceback__
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if is_users(code.co_filename):
            found = Place(code.co_filename, traceback.tb_lineno, code.co_qualname, "").short
        traceback = traceback.tb_next
    return found


def _end(task: asyncio.Task[Any]) -> str:
    if task.cancelled():
        return "is cancelled"
    error = task.exception() if not getattr(task, "_log_traceback", False) else _peek(task)
    return "ends" if error is None else f"raises {type(error).__name__}"


def _peek(task: asyncio.Task[Any]) -> BaseException | None:
    """The exception without marking it as seen."""
    return getattr(task, "_exception", None)
