"""Actors: coroutine factories by name, and what may happen to them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

import msgspec

from holdfast.ports.operation import Operation

Start: TypeAlias = Callable[[], Coroutine[Operation[Any], Any, Any]]


class Actor(msgspec.Struct, frozen=True):
    """One process of the system: `start()` gives a fresh coroutine, as after a restart of the process.

    Actors with the same `kind` run the same code with equal arguments: they are interchangeable, their learned
    automaton is shared, and a search may treat states that differ only by swapping them as one.
    """

    name: str
    kind: str
    start: Start
    crashes: bool = True
    """Whether the fault `crash` may strike it: it starts again with only what its disk holds."""
    environment: bool = False
    """Not under test: no fault strikes it, it does not crash."""
    waits_for: tuple[str, ...] = ()
    """Its first step comes only after these actors have finished (a person who freezes, then thaws)."""
    disk: tuple[tuple[str, bytes], ...] = ()
    """What its disk holds at the beginning."""


class Done(msgspec.Struct, frozen=True):
    """The coroutine returned."""

    result: Any


class Failed(msgspec.Struct, frozen=True):
    """The coroutine raised: loops of the chain never may."""

    error: str


class LabError(Exception):
    """Something about the code under test that makes searching it meaningless; says which actor, and what."""


class PortBypassedError(LabError):
    """An actor awaited something that is no operation of `holdfast.ports`."""


class NonDeterminismError(LabError):
    """The same results gave another operation: the actor has a source of its own (clock, chance, shared state)."""


class UnansweredError(LabError):
    """An actor asked for an operation that this world has no answer for; says which actor, and which operation."""
