"""The ground of the walk: reading, writing and giving way, with the rules listening."""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

from holdfast.audit.flow.events import Called, Scope, Stored, View, Write
from holdfast.audit.flow.paths import Path, key_text
from holdfast.audit.flow.state import NOTHING, Gap, Reading, State, Value

SHARED = frozenset({"self", "class", "global", "closure", "param", "store"})


@dataclass(frozen=True, slots=True)
class Listeners:
    """Who hears of what."""

    written: tuple[Callable[[View, Write], None], ...] = ()
    stored: tuple[Callable[[View, Stored], None], ...] = ()
    called: tuple[Callable[[View, Called], None], ...] = ()
    left: tuple[Callable[[View, Value, ast.AST], None], ...] = ()
    """The function returns a value."""


class Base(ABC):
    """State and events; expressions and statements build on it."""

    def __init__(self, view: View, listeners: Listeners) -> None:
        self.view = view
        self.scope: Scope = view.scope
        self.listeners = listeners
        self._readings: dict[tuple[int, Path], Reading] = {}

    @property
    def state(self) -> State:
        """The state at this point."""
        return self.view.state

    @abstractmethod
    def eval(self, node: ast.expr | None) -> Value:
        """The value of an expression; its events have been told when this returns."""

    def read(self, path: Path, node: ast.AST, base: Value = NOTHING, op: object | None = None) -> Value:
        """`path` is read here."""
        if path.root not in SHARED or base.fresh:
            return Value(base.readings, base.through, path, base.fresh, node=node)
        reading = self._readings.setdefault((id(node), path), Reading(path, node, op))
        self.state.read(reading)
        return Value(base.readings | {reading}, base.through, path, node=node)

    def gap(self, node: ast.AST, how: str) -> None:
        """Others run here."""
        self.state.gap(Gap(node, how))

    def write(self, write: Write) -> None:
        """Tell the rules, then forget what was checked of this path; a check without a gap becomes a claim."""
        for listener in self.listeners.written:
            listener(self.view, write)
        claim = ("claim", write.path)
        mine = [c for c in self.state.checks if c.reading.path == write.path]
        claims = any(c.kind in ("none", "truth", "member") and self.state.stale(c.reading) is None for c in mine)
        self.state.held -= {claim}
        if claims and write.how != "delete":
            self.state.claim(claim)
        self.state.drop(write.path)
        self.state.supersede(write.path)

    def assign(self, target: ast.expr, value: Value, node: ast.AST, how: str = "assign") -> None:
        """`target = value`."""
        if isinstance(target, ast.Name):
            self._assign_name(target, value, node, how)
        elif isinstance(target, ast.Attribute | ast.Subscript):
            self._assign_part(target, value, node, how)
        elif isinstance(target, ast.Tuple | ast.List):
            self._assign_each(target, value, node, how)
        elif isinstance(target, ast.Starred):
            self.assign(target.value, value, node, how)

    def _assign_name(self, target: ast.Name, value: Value, node: ast.AST, how: str) -> None:
        root = self.scope.declared.get(target.id)
        if root:
            self.write(Write(Path(root, (target.id,)), value, node, how))
        else:
            self.state.bind(target.id, value)

    def _assign_part(self, target: ast.Attribute | ast.Subscript, value: Value, node: ast.AST, how: str) -> None:
        base = self.eval(target.value)
        key = self.eval(target.slice) if isinstance(target, ast.Subscript) else NOTHING
        if base.path is None or base.fresh or base.path.root not in SHARED:
            return
        if isinstance(target, ast.Attribute):
            path = base.path.attribute(target.attr)
        else:
            path = base.path.item(key_text(target.slice))
        whole = Value(
            value.readings, value.through | key.all, None, value.fresh, value.kind, value.constant, value.node
        )
        self.write(Write(path, whole, node, how))

    def _assign_each(self, target: ast.Tuple | ast.List, value: Value, node: ast.AST, how: str) -> None:
        parts = value.node.elts if isinstance(value.node, ast.Tuple | ast.List) else []
        for number, element in enumerate(target.elts):
            part = parts[number] if len(parts) == len(target.elts) else None
            inner = element.value if isinstance(element, ast.Starred) else element
            self.assign(inner, Value(value.readings, value.through, node=part), node, how)
