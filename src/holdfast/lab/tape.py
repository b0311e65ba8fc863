"""Tapes: a run as its list of choices, with the hash of what it did; kept as JSON, replayed bit for bit.

Replaying drives *fresh real coroutines* beside the tables: each operation that the code yields is compared with
the one that the tape's step performs. So a tape that replays is a fact about the code, not about the tables.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec

from holdfast.lab.actor import Done, NonDeterminismError
from holdfast.lab.agents import with_answer
from holdfast.lab.automaton import Pending, Running, describe, send
from holdfast.lab.canonical import text
from holdfast.lab.outside import HAS_ROOM, IS_FULL, LOSES_DISK
from holdfast.lab.steps import State, Step
from holdfast.lab.system import System
from holdfast.lab.world.own import Own, chosen, private, restarted
from holdfast.ports.dns import AskMany
from holdfast.ports.events import Emit, Event
from holdfast.ports.operation import Operation

TAPE_FORMAT = 1


class Tape(msgspec.Struct, frozen=True):
    """Choices of one run: at each state, the number of the step taken. `scenario` says how to build the system."""

    scenario: str
    options: dict[str, int | str]
    choices: tuple[int, ...]
    broken: str = ""
    trace: str = ""
    """SHA-256 of the trace."""
    seed: int | None = None
    format: int = TAPE_FORMAT


class TapeMismatchError(ValueError):
    """The tape does not fit the code any more: a choice that is no step, or another trace."""


class NotATapeError(TapeMismatchError):
    """The file is no tape, or one of another format."""


class Line(msgspec.Struct, frozen=True):
    """One step of a run, for stories: who did what, how it went, and the events that the code emitted on it."""

    number: int
    who: str
    what: str
    label: str
    result: str
    events: tuple[Event, ...]
    state: State
    step: Step


class Run(msgspec.Struct, frozen=True):
    """A replayed run. `broken_at` is the number of the step that broke `broken`, 0 if none did."""

    lines: tuple[Line, ...]
    trace: str
    broken: str
    broken_at: int
    last: State
    system: System


def encode_tape(tape: Tape) -> bytes:
    """The tape as JSON, indented."""
    return msgspec.json.format(msgspec.json.encode(tape), indent=1) + b"\n"


def decode_tape(data: bytes) -> Tape:
    """Read a tape.

    Raises:
        NotATapeError: the bytes are no tape of this format.
    """
    try:
        tape = msgspec.json.decode(data, type=Tape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotATapeError(f"not a tape: {error}") from error
    if tape.format != TAPE_FORMAT:
        raise NotATapeError(f"tape format {tape.format}; this version reads {TAPE_FORMAT}")
    return tape


def follow(system: System, choices: tuple[int, ...]) -> Iterator[tuple[State, Step]]:
    """The steps that a tape takes.

    Raises:
        TapeMismatchError: at a choice that is no step there.
    """
    state = system.start
    for number, choice in enumerate(choices):
        step = system.step_at(state, choice)
        if step is None:
            count = len(system.steps(state))
            raise TapeMismatchError(f"step {number + 1} asks for choice {choice}, of {count} there")
        yield state, step
        state = step.after


class _Shadow:
    """A real coroutine that repeats what the tables say, and is compared with them."""

    def __init__(self, system: System, index: int) -> None:
        self._actor = system.actors[index]
        self._seat = system.agents.program_of[index]
        self._stops = system.agents.stops
        self._sinks = system.scenario.sinks
        self.own = Own(disk=tuple(sorted(self._actor.disk)))
        self.events: list[Event] = []
        self._begin()

    def _begin(self) -> None:
        self._running: Running = self._actor.start()
        self._settle(send(self._actor.name, self._running, None))

    def _settle(self, pending: Pending) -> None:
        while isinstance(pending, Operation):
            if isinstance(pending, Emit):
                self.events.append(pending.event)
            done = None if self._stops(pending) else private(self.own, pending, self._seat, self._sinks)
            if done is None:
                break
            result, self.own = done
            pending = send(self._actor.name, self._running, result)
        self.pending = pending

    def step(self, step: Step, expected: Pending) -> None:
        """Take the step; `expected` is the operation that the tables performed."""
        if step.operation is None:
            self._befalls(step.label)
            return
        self._compare(expected)
        assert isinstance(self.pending, Operation)
        result = step.result
        if isinstance(self.pending, AskMany):
            answers = with_answer(self.pending, self.own.answers, result)
            self.own = msgspec.structs.replace(self.own, answers=answers)
            if len(self.own.answers) < len(self.pending.questions):
                return
            result = self.own.answers
            self.own = msgspec.structs.replace(self.own, answers=())
        else:
            self._privately(step)
        self._settle(send(self._actor.name, self._running, result))

    def _befalls(self, label: str) -> None:
        """A fault upon the actor. What is cut off shows in the answers alone."""
        if label in (IS_FULL, HAS_ROOM):
            self.own = msgspec.structs.replace(self.own, full=label == IS_FULL)
        elif label == LOSES_DISK or "crashes" in label:
            self._running.close()
            self.own = restarted(self.own)
            if label == LOSES_DISK:
                self.own = msgspec.structs.replace(self.own, disk=(), full=False)
            self._begin()

    def _privately(self, step: Step) -> None:
        assert isinstance(self.pending, Operation)
        done = private(self.own, self.pending, self._seat, self._sinks)
        if done is not None:
            self.own = done[1]
            return
        for label, _, own in chosen(self.own, self.pending) or ():
            if label == step.label:
                self.own = own

    def _compare(self, expected: Pending) -> None:
        mine = self.pending
        if isinstance(mine, AskMany):
            return
        if mine != expected:
            raise NonDeterminismError(
                f"{self._actor.name}: the same results led to {describe(mine)} where {describe(expected)} came"
                " before: it reads a clock, chance or shared state that is no port"
            )

    def close(self) -> None:
        self._running.close()


def replay(system: System, choices: tuple[int, ...]) -> Run:
    """Run a tape on the real code.

    Raises:
        TapeMismatchError: the tape does not fit.
        NonDeterminismError: the code did something else than before; names actor and port.
    """
    shadows = [_Shadow(system, i) for i in range(len(system.actors))]
    lines: list[Line] = []
    digest = hashlib.sha256()
    broken, broken_at = "", 0
    state = system.start
    try:
        for state, step in follow(system, choices):
            shadow = shadows[step.actor] if step.actor >= 0 else None
            if shadow is not None:
                shadow.events.clear()
                shadow.step(step, system.pending(state, step.actor))
            who = system.actors[step.actor].name if step.actor >= 0 else "the world"
            what = "" if step.operation is None else describe(step.operation)
            line = Line(
                number=len(lines) + 1,
                who=who,
                what=what,
                label=step.label,
                result=text(step.result),
                events=tuple(shadow.events) if shadow is not None else (),
                state=state,
                step=step,
            )
            lines.append(line)
            digest.update(f"{who}|{what}|{step.label}|{line.result}|{text(line.events)}\n".encode())
            if not broken:
                broken = system.verdict(state, step) or ""
                broken_at = line.number if broken else 0
            state = step.after
        _check_ends(system, state, shadows)
    finally:
        for shadow in shadows:
            shadow.close()
    return Run(
        lines=tuple(lines),
        trace=digest.hexdigest(),
        broken=broken,
        broken_at=broken_at,
        last=state,
        system=system,
    )


def _check_ends(system: System, state: State, shadows: list[_Shadow]) -> None:
    for i, shadow in enumerate(shadows):
        ended: Any = system.agents.ended(state[i])
        if isinstance(ended, Done) and shadow.pending != ended:
            raise NonDeterminismError(
                f"{system.actors[i].name}: ended with {shadow.pending} where {ended} came before"
            )
