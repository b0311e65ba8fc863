"""Expressions in the order Python evaluates them: readings, gaps, calls; each yields a value."""

from __future__ import annotations

import ast

from holdfast.audit.flow.calls import Calls
from holdfast.audit.flow.paths import LONGEST, Path, key_text
from holdfast.audit.flow.state import NOTHING, Reading, Value


class Expressions(Calls):
    """Evaluates expressions against `self.state`, telling listeners of writes."""

    def eval(self, node: ast.expr | None) -> Value:
        """The value of an expression; its events have been told when this returns."""
        if node is None:
            return NOTHING
        method = getattr(self, f"_{type(node).__name__.lower()}", None)
        if method is None:
            return self._mixed(node)
        found: Value = method(node)
        return found

    def _mixed(self, node: ast.AST) -> Value:
        readings: frozenset[Reading] = frozenset()
        through: frozenset[Reading] = frozenset()
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                value = self.eval(child)
                readings |= value.readings
                through |= value.through
        return Value(readings, through, node=node)

    def _constant(self, node: ast.Constant) -> Value:
        return Value(constant=node.value, node=node)

    def _name(self, node: ast.Name) -> Value:
        name = node.id
        root = self._root(name)
        if root == "local":
            return self.state.values.get(name, NOTHING)
        if root == "self":
            return Value(path=Path("self", (name,)), node=node)
        if root == "param":
            return self.state.values.get(name) or Value(path=Path("param", (name,)), node=node)
        if not root:
            return Value(kind=name, node=node)
        return self.read(Path(root, (name,)), node)

    def _root(self, name: str) -> str:
        scope = self.scope
        if name in scope.declared:
            return scope.declared[name]
        if name == scope.self_name:
            return "self"
        if name in self.state.values or name in scope.locals:
            return "local"
        if name in scope.params:
            return "param"
        if name in scope.closure:
            return "closure"
        return "global" if name in scope.globals else ""

    def _attribute(self, node: ast.Attribute) -> Value:
        base = self.eval(node.value)
        if base.path is None or len(base.path.parts) >= LONGEST:
            return Value(base.readings, base.through, fresh=base.fresh, node=node)
        return self.read(base.path.attribute(node.attr), node, base)

    def _subscript(self, node: ast.Subscript) -> Value:
        base = self.eval(node.value)
        key = self.eval(node.slice)
        if base.path is None or len(base.path.parts) >= LONGEST:
            return Value(base.readings, base.through | key.all, fresh=base.fresh, node=node)
        return self.read(base.path.item(key_text(node.slice)), node, base)

    def _namedexpr(self, node: ast.NamedExpr) -> Value:
        value = self.eval(node.value)
        self.state.bind(node.target.id, value)
        return value

    def _lambda(self, node: ast.Lambda) -> Value:
        return Value(node=node)

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> Value:
        parts: list[Value] = []
        for generator in node.generators:
            source = self.eval(generator.iter)
            if generator.is_async:
                self.gap(node, "async for")
            self.assign(generator.target, Value(source.readings, source.through), node)
            parts += [source, *(self.eval(condition) for condition in generator.ifs)]
        if isinstance(node, ast.DictComp):
            parts += [self.eval(node.key), self.eval(node.value)]
        else:
            parts.append(self.eval(node.elt))
        return _of(parts, node)

    _listcomp = _setcomp = _dictcomp = _generatorexp = _comprehension

    def _container(self, node: ast.expr) -> Value:
        mixed = self._mixed(node)
        return Value(mixed.readings, mixed.through, fresh=True, node=node)

    _list = _set = _tuple = _container

    def _dict(self, node: ast.Dict) -> Value:
        return _of([self.eval(part) for part in (*node.keys, *node.values)], node)

    # -- giving way

    def _await(self, node: ast.Await) -> Value:
        if isinstance(node.value, ast.Call):
            return self.call(node.value, awaited=node)
        value = self.eval(node.value)
        self.gap(node, "await")
        return Value(value.readings, value.through, node=node)

    def _yield(self, node: ast.Yield | ast.YieldFrom) -> Value:
        value = self.eval(node.value)
        if self.scope.generators_suspend:
            waits = isinstance(self.scope.node, ast.FunctionDef)  # Twisted, Tornado
            self.gap(node, "await" if waits else "yield")
        return Value(value.readings, value.through, node=node)

    _yieldfrom = _yield

    def _call(self, node: ast.Call) -> Value:
        return self.call(node, awaited=None)


def _of(parts: list[Value], node: ast.AST) -> Value:
    readings = frozenset[Reading]().union(*(p.readings for p in parts))
    through = frozenset[Reading]().union(*(p.through for p in parts))
    return Value(readings, through, fresh=True, node=node)
