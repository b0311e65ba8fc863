"""Runs a loop: takes each operation that it yields, awaits the answer, sends it back.

No task, queue or timer per operation: an operation costs one look-up and one await. Cancelling the driver
closes the loop where it stands (messages already on their way stay on their way, as everywhere).

What a handler returns is a value, also for failure. A handler that *raises* is a fault of ours: the actor
crashes visibly (`supervise` logs actor and operation, emits `actor.crashed` and starts it again).
Rejected: answering `CouldNotAsk` for an unexpected exception. It would turn a bug into endless silent retries.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias, TypeVar

from holdfast.ports.events import Event
from holdfast.ports.operation import Loop, Operation
from holdfast.runtime.clock import Pacing, backoff_s

T = TypeVar("T")
O = TypeVar("O", bound=Operation[Any])  # noqa: E741 - O for operation, beside T
Handler: TypeAlias = Callable[[Any], Awaitable[Any]]

TURNS_BEFORE_YIELD = 64
"""Operations answered without suspension after which other tasks get the event loop."""

CALM_S = 60.0
"""An actor that ran this long without a crash has recovered: its backoff starts anew."""

log = logging.getLogger("holdfast.runtime")


class NoAnswer(LookupError):
    """The loop asked something for which this actor has no handler: it was put together wrongly."""


class ActorCrashed(Exception):
    """A handler raised. `operation` is the name of the operation's type; the cause is chained."""

    def __init__(self, operation: str, error: BaseException) -> None:
        super().__init__(f"{operation}: {type(error).__name__}: {error}")
        self.operation = operation


class Answers:
    """One actor's handlers by operation type, and what must be forgotten when the actor starts again."""

    def __init__(self) -> None:
        self._handlers: dict[type[Operation[Any]], Handler] = {}
        self._forget: list[Callable[[], None]] = []

    def register(self, kind: type[O], handler: Callable[[O], Awaitable[Any]]) -> None:
        """Answer operations of exactly this type with `handler`; the last registration counts."""
        self._handlers[kind] = handler

    def on_restart(self, forget: Callable[[], None]) -> None:
        """Call this before the actor starts again: what lived in its memory is gone after a crash (R11)."""
        self._forget.append(forget)

    def restart(self) -> None:
        """Forget what a crash forgets."""
        for forget in self._forget:
            forget()

    def handler(self, kind: type[Operation[Any]]) -> Handler:
        """The handler for a type.

        Raises:
            NoAnswer: naming the operation and what this actor can be asked.
        """
        try:
            return self._handlers[kind]
        except KeyError:
            known = ", ".join(sorted(k.__name__ for k in self._handlers)) or "nothing"
            raise NoAnswer(f"no answer is registered for {kind.__name__}; this actor answers {known}") from None


async def drive(loop: Loop[T], answers: Answers) -> T:
    """Run a loop to its end; its return value.

    Raises:
        ActorCrashed: when a handler raised.
        NoAnswer: when an operation has no handler.
    """
    result: Any = None
    turns = 0
    try:
        while True:
            try:
                operation = loop.send(result)
            except StopIteration as stop:
                value: T = stop.value
                return value
            handler = answers.handler(type(operation))
            try:
                result = await handler(operation)
            except Exception as error:
                raise ActorCrashed(type(operation).__name__, error) from error
            turns += 1
            if turns == TURNS_BEFORE_YIELD:
                # Handlers that never suspend (memory store) would starve every other actor of the process.
                turns = 0
                await asyncio.sleep(0)
    finally:
        loop.close()


async def supervise(
    name: str,
    make_loop: Callable[[], Loop[T]],
    answers: Answers,
    *,
    emit: Callable[[Event], None],
    pacing: Pacing | None = None,
    rng: random.Random | None = None,
) -> T:
    """Run an actor, and start it again with jittered backoff whenever it crashes; its value when it ends.

    Each crash is logged with its traceback and emitted as `actor.crashed`. Cancellation ends it.
    """
    pacing = Pacing() if pacing is None else pacing
    rng = random.Random() if rng is None else rng  # noqa: S311 - jitter, not secrets
    clock = asyncio.get_running_loop()
    attempt = 0
    while True:
        started_s = clock.time()
        try:
            return await drive(make_loop(), answers)
        except Exception as error:
            attempt = 0 if clock.time() - started_s > CALM_S else attempt
            wait_s = backoff_s(pacing, attempt=attempt, rng=rng)
            attempt += 1
            _report_crash(name, error, wait_s=wait_s, crashes=attempt, emit=emit)
        answers.restart()
        await asyncio.sleep(wait_s)


def _report_crash(
    name: str, error: Exception, *, wait_s: float, crashes: int, emit: Callable[[Event], None]
) -> None:
    operation = error.operation if isinstance(error, ActorCrashed) else ""
    where = f" in {operation}" if operation else ""
    log.error("%s crashed%s; starting again in %.1f s", name, where, wait_s, exc_info=error)
    text = f"{name} crashed{where}: {error}; starting again in {wait_s:.1f} s (crash {crashes} in a row)"
    data = (("operation", operation), ("error", type(error).__name__), ("crashes", crashes), ("wait_s", wait_s))
    emit(Event(kind="actor.crashed", actor=name, text=text, data=data))
