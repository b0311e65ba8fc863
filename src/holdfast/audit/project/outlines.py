"""What one file says of its functions, before anything is linked."""

from __future__ import annotations

import msgspec

from holdfast.audit.project.facts import CallFacts, Parts, WriteFact


class CallOutline(msgspec.Struct, frozen=True):
    """A call by its text; `held`: under a lock."""

    reference: str
    held: bool


class FunctionOutline(msgspec.Struct):
    """One function. `own`: it gives way by itself, whatever its callees do; `awaited`: callees it waits for."""

    name: str
    coroutine: bool
    trivial: bool = False
    own: bool = False
    awaited: tuple[str, ...] = ()
    early: tuple[tuple[Parts, WriteFact], ...] = ()
    late: tuple[tuple[Parts, WriteFact], ...] = ()
    tested: tuple[Parts, ...] = ()
    calls: tuple[CallOutline, ...] = ()
    unfenced: str = ""


class ClassOutline(msgspec.Struct):
    """Bases, and classes of attributes, by the names the file uses."""

    name: str
    bases: tuple[str, ...] = ()
    attributes: dict[str, str] = {}


class Outline(msgspec.Struct):
    """One file. `imports`: what local names stand for, dotted."""

    file: str
    module: str
    imports: dict[str, str] = {}
    classes: dict[str, ClassOutline] = {}
    functions: dict[str, FunctionOutline] = {}


class FileFacts(msgspec.Struct):
    """What linking knows for one file: per function the facts of its calls, whether callers hold a lock, how many
    places call it."""

    known: dict[str, dict[str, CallFacts]] = {}
    held: frozenset[str] = frozenset()
    callers: dict[str, int] = {}
