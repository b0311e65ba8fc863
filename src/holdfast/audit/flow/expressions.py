"""Expressions in the order Python evaluates them: readings, gaps, calls; each yields a value."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable

from holdfast.audit.flow.events import Scope, View, Write
from holdfast.audit.flow.locks import is_lock
from holdfast.audit.flow.paths import LONGEST, Path, key_text
from holdfast.audit.flow.state import NOTHING, Check, Gap, Reading, State, Value, join
from holdfast.audit.tables import containers
from holdfast.audit.tables.contracts import NO_GAP

Listener = Callable[[View, Write], None]
SHARED = frozenset({"self", "class", "global", "closure", "param", "store"})


class Expressions:
    """Evaluates expressions against `self.state`, telling listeners of writes."""

    def __init__(self, view: View, listeners: Iterable[Listener]) -> None:
        self.view = view
        self.scope: Scope = view.scope
        self.listeners = tuple(listeners)
        self._readings: dict[tuple[int, Path], Reading] = {}

    @property
    def state(self) -> State:
        """The state at this point."""
        return self.view.state

    # -- values ---------------------------------------------------------------------------------------------------

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
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                readings |= self.eval(child).readings
        return Value(readings, node=node)

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
            return Value(base.readings, fresh=base.fresh, node=node)
        return self.read(base.path.attribute(node.attr), node, base)

    def _subscript(self, node: ast.Subscript) -> Value:
        base = self.eval(node.value)
        key = self.eval(node.slice)
        if base.path is None or len(base.path.parts) >= LONGEST:
            return Value(base.readings | key.readings, fresh=base.fresh, node=node)
        return self.read(base.path.item(key_text(node.slice)), node, base)

    def read(self, path: Path, node: ast.AST, base: Value = NOTHING) -> Value:
        """`path` is read here."""
        if path.root not in SHARED or base.fresh:
            return Value(base.readings, path, base.fresh, node=node)
        reading = self._readings.setdefault((id(node), path), Reading(path, node))
        self.state.read(reading)
        return Value(base.readings | {reading}, path, node=node)

    def _namedexpr(self, node: ast.NamedExpr) -> Value:
        value = self.eval(node.value)
        self.state.bind(node.target.id, value)
        return value

    def _lambda(self, node: ast.Lambda) -> Value:
        return Value(node=node)

    def _ifexp(self, node: ast.IfExp) -> Value:
        yes, no = self.branch(node.test)
        self.view.state = yes
        first = self.eval(node.body)
        yes, self.view.state = self.view.state, no
        second = self.eval(node.orelse)
        self.view.state = join([yes, self.view.state])
        return Value(first.readings | second.readings, node=node)

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> Value:
        readings: frozenset[Reading] = frozenset()
        for generator in node.generators:
            source = self.eval(generator.iter)
            readings |= source.readings
            if generator.is_async:
                self.gap(node, "async for")
            self.assign(generator.target, Value(source.readings), node)
            for condition in generator.ifs:
                readings |= self.eval(condition).readings
        if isinstance(node, ast.DictComp):
            readings |= self.eval(node.key).readings | self.eval(node.value).readings
        else:
            readings |= self.eval(node.elt).readings
        return Value(readings, fresh=True, node=node)

    _listcomp = _setcomp = _dictcomp = _generatorexp = _comprehension

    def _container(self, node: ast.expr) -> Value:
        mixed = self._mixed(node)
        return Value(mixed.readings, fresh=True, node=node)

    _list = _set = _tuple = _container

    def _dict(self, node: ast.Dict) -> Value:
        readings: frozenset[Reading] = frozenset()
        for key, value in zip(node.keys, node.values, strict=True):
            readings |= self.eval(key).readings | self.eval(value).readings
        return Value(readings, fresh=True, node=node)

    # -- giving way -----------------------------------------------------------------------------------------------

    def gap(self, node: ast.AST, how: str) -> None:
        """Others run here."""
        self.state.gap(Gap(node, how))

    def _await(self, node: ast.Await) -> Value:
        if isinstance(node.value, ast.Call):
            return self.call(node.value, awaited=node)
        value = self.eval(node.value)
        self.gap(node, "await")
        return Value(value.readings, node=node)

    def _yield(self, node: ast.Yield | ast.YieldFrom) -> Value:
        value = self.eval(node.value)
        if self.scope.generators_suspend:
            waits = isinstance(self.scope.node, ast.FunctionDef)  # Twisted, Tornado
            self.gap(node, "await" if waits else "yield")
        return Value(value.readings, node=node)

    _yieldfrom = _yield

    # -- calls ----------------------------------------------------------------------------------------------------

    def _call(self, node: ast.Call) -> Value:
        return self.call(node, awaited=None)

    def call(self, node: ast.Call, awaited: ast.Await | None) -> Value:
        """A call, and the suspension if it is awaited."""
        receiver, name = NOTHING, ""
        if isinstance(node.func, ast.Attribute):
            receiver, name = self.eval(node.func.value), node.func.attr
        elif isinstance(node.func, ast.Name):
            name = node.func.id
            receiver = NOTHING
        else:
            receiver = self.eval(node.func)
        arguments = [self.eval(a.value if isinstance(a, ast.Starred) else a) for a in node.args]
        arguments += [self.eval(k.value) for k in node.keywords]
        return self._effect(node, receiver, name, arguments, awaited)

    def _effect(
        self, node: ast.Call, receiver: Value, name: str, arguments: list[Value], awaited: ast.Await | None
    ) -> Value:
        readings = receiver.readings.union(*(a.readings for a in arguments))
        if awaited is not None:
            self._suspend(node, receiver, name, awaited)
        elif receiver.path is not None and is_lock(node.func, self.scope) and name == "release":
            self._release(receiver.path)
        if receiver.path is not None and not receiver.fresh:
            if name in containers.LOOKS and node.args and awaited is None:
                found = self.read(receiver.path.item(key_text(node.args[0])), node, receiver)
                return Value(found.readings | readings, found.path, node=node)
            if name in containers.MUTATORS and awaited is None:
                self._mutate(node, receiver.path, name, Value(readings, node=node))
        fresh = name[:1].isupper() and awaited is None
        return Value(readings, fresh=fresh, kind=name if fresh else "", node=node)

    def _suspend(self, node: ast.Call, receiver: Value, name: str, awaited: ast.Await) -> None:
        if name in NO_GAP:
            return
        self.gap(awaited, "await")
        if receiver.path is None or not isinstance(node.func, ast.Attribute):
            return
        if name == "acquire" and is_lock(node.func.value, self.scope):
            self.state.held |= {("lock", receiver.path)}
        elif name in ("wait", "wait_for") and any(
            isinstance(h, tuple) and h[1] == receiver.path for h in self.state.held
        ):
            # A condition's `wait` lets go of its lock: what was read before is not protected any more.
            self._release(receiver.path)
            self.state.held |= {("lock", receiver.path, id(node))}

    def _release(self, path: Path) -> None:
        self.state.held = frozenset(h for h in self.state.held if not (isinstance(h, tuple) and h[1] == path))

    def _mutate(self, node: ast.Call, path: Path, name: str, value: Value) -> None:
        if path.root not in SHARED:
            return
        tolerant = name in containers.TOLERANT or (name == "pop" and len(node.args) + len(node.keywords) > 1)
        if name in containers.KEYED and node.args and name != "setdefault":
            target = path.item(key_text(node.args[0]))
        else:
            target = path
        self.write(Write(target, value, node, name, tolerant))

    # -- writes ---------------------------------------------------------------------------------------------------

    def assign(self, target: ast.expr, value: Value, node: ast.AST, how: str = "assign") -> None:
        """`target = value`."""
        if isinstance(target, ast.Name):
            self._assign_name(target, value, node, how)
        elif isinstance(target, ast.Attribute | ast.Subscript):
            base = self.eval(target.value)
            key = self.eval(target.slice) if isinstance(target, ast.Subscript) else NOTHING
            if base.path is None or base.fresh or base.path.root not in SHARED:
                return
            path = (
                base.path.attribute(target.attr)
                if isinstance(target, ast.Attribute)
                else base.path.item(key_text(target.slice))
            )
            self.write(
                Write(
                    path,
                    Value(
                        value.readings | key.readings, node=value.node, constant=value.constant, fresh=value.fresh
                    ),
                    node,
                    how,
                )
            )
        elif isinstance(target, ast.Tuple | ast.List):
            parts = value.node.elts if isinstance(value.node, ast.Tuple | ast.List) else []
            for number, element in enumerate(target.elts):
                part = parts[number] if len(parts) == len(target.elts) else None
                inner = element.value if isinstance(element, ast.Starred) else element
                self.assign(inner, Value(value.readings, node=part), node, how)
        elif isinstance(target, ast.Starred):
            self.assign(target.value, value, node, how)

    def _assign_name(self, target: ast.Name, value: Value, node: ast.AST, how: str) -> None:
        root = self.scope.declared.get(target.id)
        if root:
            self.write(Write(Path(root, (target.id,)), value, node, how))
        else:
            self.state.bind(target.id, value)

    def write(self, write: Write) -> None:
        """Tell the rules, then forget what was checked of this path; a check without a gap becomes a claim."""
        for listener in self.listeners:
            listener(self.view, write)
        claim = ("claim", write.path)
        mine = [c for c in self.state.checks if c.reading.path == write.path]
        claims = any(c.kind in ("none", "truth", "member") and self.state.stale(c.reading) is None for c in mine)
        self.state.held -= {claim}
        if claims and write.how != "delete":
            self.state.claim(claim)
        self.state.drop(write.path)
        self.state.supersede(write.path)

    # -- tests ----------------------------------------------------------------------------------------------------

    def branch(self, test: ast.expr, loop: bool = False) -> tuple[State, State]:
        """Evaluate a test; the states in which it held and did not."""
        yes, no = self.condition(test)
        held, failed = self.state, self.state.copy()
        for state, checks in ((held, yes), (failed, no)):
            for check in checks:
                if state.stale(check.reading) is None:
                    state.drop(check.reading.path)
            state.decisions += (test,)
            state.checks += tuple(Check(c.reading, c.present, c.kind, test, loop) for c in checks)
        if isinstance(test, ast.Constant):
            (failed if test.value else held).live = False
        return held, failed

    def condition(self, node: ast.expr) -> tuple[list[Check], list[Check]]:
        """Checks that hold if `node` is true, and if it is false."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            yes, no = self.condition(node.operand)
            return no, yes
        if isinstance(node, ast.BoolOp):
            return self._bool_condition(node)
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            return self._compare_condition(node, node.ops[0])
        value = self.eval(node)
        kind = (
            "truth"
            if isinstance(node, ast.Name | ast.Attribute | ast.Subscript | ast.NamedExpr | ast.Await)
            else "call"
        )
        return self._both(value, True, kind, node)

    def _both(
        self, value: Value, present: bool | None, kind: str, node: ast.AST
    ) -> tuple[list[Check], list[Check]]:
        yes = [Check(r, present, kind, node) for r in value.readings]
        no = [Check(r, None if present is None else not present, kind, node) for r in value.readings]
        return yes, no

    def _bool_condition(self, node: ast.BoolOp) -> tuple[list[Check], list[Check]]:
        yes: list[Check] = []
        no: list[Check] = []
        for operand in node.values:
            one_yes, one_no = self.condition(operand)
            yes += one_yes
            no += one_no
        weak = [Check(c.reading, None, c.kind, c.node) for c in (no if isinstance(node.op, ast.And) else yes)]
        return (yes, weak) if isinstance(node.op, ast.And) else (weak, no)

    def _compare_condition(self, node: ast.Compare, op: ast.cmpop) -> tuple[list[Check], list[Check]]:
        left = self.eval(node.left)
        right = self.eval(node.comparators[0])
        if isinstance(op, ast.In | ast.NotIn):
            present = isinstance(op, ast.In)
            if right.path is not None and not right.fresh and right.path.root in SHARED:
                item = self.read(right.path.item(key_text(node.left)), node)
                return self._both(item, present, "member", node)
            return self._both(Value(left.readings | right.readings), None, "compare", node)
        for one, other in ((left, node.comparators[0]), (right, node.left)):
            if (
                isinstance(other, ast.Constant)
                and other.value is None
                and isinstance(op, ast.Is | ast.IsNot | ast.Eq | ast.NotEq)
            ):
                return self._both(one, isinstance(op, ast.IsNot | ast.NotEq), "none", node)
        return self._both(Value(left.readings | right.readings), None, "compare", node)
