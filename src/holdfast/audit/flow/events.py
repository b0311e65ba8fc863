"""What the walk tells the rules."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from holdfast.audit.flow.paths import Path
from holdfast.audit.flow.state import Check, Gap, Reading, State, Value
from holdfast.audit.project.facts import CallFacts
from holdfast.audit.tables.stores import StoreOp
from holdfast.audit.values import Dependence, Place


@dataclass(frozen=True, slots=True)
class Write:
    """`path` is changed. `how`: assign, augment, delete, or the mutating method's name."""

    path: Path
    value: Value
    node: ast.AST
    how: str
    tolerant: bool = False
    """The act looks by itself, in the same step (`discard`, `pop(k, None)`)."""
    place: Place | None = None
    """Where it stands, if in a function that is called here."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An operation on an external store. `value` is what it was given; `handled`: exceptions caught around it."""

    op: StoreOp
    value: Value
    node: ast.AST
    handled: frozenset[str]


@dataclass(frozen=True, slots=True)
class Called:
    """A call of something with a name. `value` is what it was given."""

    node: ast.Call
    reference: str
    value: Value
    awaited: ast.Await | None


@dataclass(frozen=True, slots=True)
class Draft:
    """A finding before its places and its tier are worked out."""

    rule: str
    path: str
    check: ast.AST
    gap: ast.AST | None
    act: ast.AST | Place
    dependence: Dependence
    why: str
    fix: str
    for_: tuple[str, ...] = ()
    """What makes it strong, in words."""
    against: tuple[str, ...] = ()
    """What makes it weak, in words."""
    notes: tuple[str, ...] = ()
    doubtful: bool = False
    """Never above the lowest tier."""


@dataclass(slots=True)
class Scope:
    """The function that is walked, and the names around it."""

    name: str
    """Qualified: `Pool.acquire`, `outer.<locals>.inner`."""
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.Module
    self_name: str = ""
    owner: ast.ClassDef | None = None
    params: frozenset[str] = frozenset()
    locals: frozenset[str] = frozenset()
    globals: frozenset[str] = frozenset()
    """Names assigned at module level that are no imports, functions or classes."""
    declared: dict[str, str] = field(default_factory=dict)
    """Names under `global` and `nonlocal`."""
    closure: frozenset[str] = frozenset()
    lock_paths: frozenset[str] = frozenset()
    """Attributes and names that hold a lock, as their assignment shows: `self._gate`."""
    kinds: dict[str, str] = field(default_factory=dict)
    """Attributes that first hold a container, or a plain value."""
    generators_suspend: bool = False
    """Its `yield` gives way to others: an asynchronous generator, or a decorator that makes coroutines of it."""


@dataclass(slots=True)
class View:
    """What a rule may look at when it hears of an event."""

    scope: Scope
    state: State
    file: str
    """Within its package."""
    draft: Callable[[Draft], None]
    known: Mapping[str, CallFacts] = field(default_factory=dict)
    """What is known of the functions called here, by the text of the call."""
    stores: frozenset[str] = frozenset()
    """Top-level modules that the file imports: they tell stores apart."""
    handled: frozenset[str] = frozenset()
    """Exceptions that are caught around this point."""
    lines: tuple[str, ...] = ()
    """Source of the file."""
    callers: int = -1
    """How many places of the project call this function, other than start and end of its object; -1: not known."""

    def stale_checks(self) -> list[tuple[Check, Gap]]:
        """Checks that the code depends on and that others may have outdated."""
        found = ((c, self.state.stale(c.reading)) for c in self.state.checks)
        return [(c, gap) for c, gap in found if gap is not None]

    def stale_readings(self, value: Value) -> list[tuple[Reading, Gap]]:
        """Readings that `value` derives from and that others may have outdated."""
        found = ((r, self.state.stale(r)) for r in value.all)
        return [(r, gap) for r, gap in found if gap is not None]
