"""Calls: what they do to containers, locks, stores; what is known of the project's own functions."""

from __future__ import annotations

import ast

from holdfast.audit.flow.base import SHARED, Base
from holdfast.audit.flow.events import Called, Stored, Write
from holdfast.audit.flow.locks import dotted, is_lock
from holdfast.audit.flow.paths import Path, key_text
from holdfast.audit.flow.state import NOTHING, Reading, Value
from holdfast.audit.tables import containers, stores
from holdfast.audit.tables.contracts import NO_GAP
from holdfast.audit.tables.stores.values import text

PLAIN = frozenset(
    {
        "len", "int", "float", "str", "bool", "max", "min", "sum", "abs", "round", "sorted", "list", "set", "dict",
        "tuple", "frozenset", "any", "all", "next", "iter", "copy", "deepcopy", "items", "keys", "values",
        "is_set", "Decimal", "Counter", "strip", "lower", "upper", "decode", "encode",
    }
)  # fmt: skip
"""Calls that look at what they are given: a test of their result is a test of it."""


ROWS = frozenset(
    {"fetchone", "fetchall", "fetchmany", "fetchval", "first", "all", "scalar", "scalars", "one_or_none"}
)


class Calls(Base):
    """Evaluates calls."""

    def call(self, node: ast.Call, awaited: ast.Await | None) -> Value:
        """A call, and the suspension if it is awaited."""
        receiver, name = NOTHING, ""
        if isinstance(node.func, ast.Attribute):
            receiver, name = self.eval(node.func.value), node.func.attr
        elif isinstance(node.func, ast.Name):
            name = node.func.id
        else:
            receiver = self.eval(node.func)
        arguments = [self.eval(a.value if isinstance(a, ast.Starred) else a) for a in node.args]
        named = {k.arg or "**": self.eval(k.value) for k in node.keywords}
        return self._effect(node, receiver, name, arguments, named, awaited)

    def _effect(
        self,
        node: ast.Call,
        receiver: Value,
        name: str,
        arguments: list[Value],
        named: dict[str, Value],
        awaited: ast.Await | None,
    ) -> Value:
        given = frozenset[Reading]().union(*(a.all for a in arguments), *(a.all for a in named.values()))
        plain = name in PLAIN and awaited is None
        direct = receiver.readings.union(*(a.readings for a in arguments)) if plain else frozenset()
        through = (receiver.all | given) - direct
        value = Value(direct, through, node=node)
        found = self._store(node, name, arguments, named, value, awaited)
        if found is not None:
            return found
        self._tell(node, receiver, value, awaited)
        if awaited is not None:
            self._suspend(node, receiver, name, awaited)
        elif receiver.path is not None and name == "release" and is_lock(node.func, self.scope):
            self._release(receiver.path)
        if receiver.path is not None and not receiver.fresh and awaited is None:
            if name in containers.LOOKS and node.args:
                item = self.read(receiver.path.item(key_text(node.args[0])), node, receiver)
                return Value(item.readings, through, item.path, node=node)
            if name in containers.MUTATORS:
                self._mutate(node, receiver.path, name, value)
        fresh = name[:1].isupper() and awaited is None
        return Value(direct, through, fresh=fresh, kind=name if fresh else "", node=node)

    # -- the project's own functions

    def _tell(self, node: ast.Call, receiver: Value, value: Value, awaited: ast.Await | None) -> None:
        reference = dotted(node.func)
        if not reference:
            return
        for listener in self.listeners.called:
            listener(self.view, Called(node, reference, value, awaited))
        facts = self.view.known.get(reference)
        if facts is None or (awaited is None and facts.coroutine):
            return
        whose = receiver.path
        for path, write in facts.early:
            if (target := _placed(path, whose)) is not None:
                self.write(Write(target, value.with_node(None), awaited or node, write.how, place=write.place))

    # -- giving way

    def _suspend(self, node: ast.Call, receiver: Value, name: str, awaited: ast.Await) -> None:
        facts = self.view.known.get(dotted(node.func))
        if name in NO_GAP or (facts is not None and not facts.suspends):
            return
        self.gap(awaited, "await")
        if facts is not None:
            for path in facts.looks:
                if (target := _placed(path, receiver.path)) is not None:
                    self.state.drop(target)
            for path, write in facts.late:
                if (target := _placed(path, receiver.path)) is not None:
                    self.write(Write(target, Value(node=awaited), awaited, write.how, place=write.place))
        if receiver.path is None or not isinstance(node.func, ast.Attribute):
            return
        if name == "acquire" and is_lock(node.func.value, self.scope):
            self.state.held |= {("lock", receiver.path)}
        elif name in ("wait", "wait_for") and self._holds(receiver.path):
            # A condition's `wait` lets go of its lock: what was read before is not protected any more.
            self._release(receiver.path)
            self.state.held |= {("lock", receiver.path, id(node))}

    def _holds(self, path: Path) -> bool:
        return any(isinstance(h, tuple) and h[1] == path for h in self.state.held)

    def _release(self, path: Path) -> None:
        self.state.held = frozenset(h for h in self.state.held if not (isinstance(h, tuple) and h[1] == path))

    # -- containers

    def _mutate(self, node: ast.Call, path: Path, name: str, value: Value) -> None:
        if path.root not in SHARED:
            return
        tolerant = name in containers.TOLERANT or (name == "pop" and len(node.args) + len(node.keywords) > 1)
        keyed = name in containers.KEYED and bool(node.args) and name != "setdefault"
        target = path.item(key_text(node.args[0])) if keyed else path
        self.write(Write(target, value, node, name, tolerant))

    # -- external stores

    def _store(
        self,
        node: ast.Call,
        name: str,
        arguments: list[Value],
        named: dict[str, Value],
        value: Value,
        awaited: ast.Await | None,
    ) -> Value | None:
        op = stores.recognise(node, name, arguments, self.view.stores, awaited is not None)
        cursor = f"<rows of {text(node.func.value)}>" if isinstance(node.func, ast.Attribute) else ""
        if op is None:
            # `cursor.execute(...)`, then `cursor.fetchone()`: the rows are those of the statement.
            rows = self.state.values.get(cursor) if name in ROWS else None
            if rows is not None and awaited is not None:
                self.gap(awaited, "await")
            return rows
        event = Stored(op, value, awaited or node, self.view.handled)
        for listener in self.listeners.stored:
            listener(self.view, event)
        if awaited is not None:
            self.gap(awaited, "await")
        elif not isinstance(self.scope.node, ast.AsyncFunctionDef):
            self.gap(node, "io")  # other processes run; in a coroutine nobody of this one does
        if op.verb == "lock":
            self.state.held |= {("lock", Path("store", (op.store, op.resource)))}
        if op.verb != "read":
            self.state.drop(op.path)
            self.state.supersede(op.path)
            return Value(value.readings, value.through, node=node)
        found = Value(self.read(op.path, node, NOTHING, op).readings, value.all, node=node)
        if name == "execute":
            self.state.values[cursor] = found
        return found


def _placed(path: tuple[str, ...], whose: Path | None) -> Path | None:
    """A callee's `self.x` in the caller: `self.pool.x`. Its globals are the same everywhere."""
    if path[0] != "self":
        return Path("global", path) if whose is None else None
    return Path(whose.root, (*whose.parts, *path[1:])) if whose is not None else None
