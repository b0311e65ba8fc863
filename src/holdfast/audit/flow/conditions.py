"""Tests: which readings they are about, and what they found."""

from __future__ import annotations

import ast
from dataclasses import replace

from holdfast.audit.flow.base import SHARED
from holdfast.audit.flow.expressions import Expressions
from holdfast.audit.flow.paths import key_text
from holdfast.audit.flow.state import Check, State, Value, join

Checks = list[Check]
_TRUTHS = (ast.Name, ast.Attribute, ast.Subscript, ast.NamedExpr, ast.Await)


class Conditions(Expressions):
    """Splits the state at a test."""

    def branch(self, test: ast.expr, loop: bool = False) -> tuple[State, State]:
        """Evaluate a test; the states in which it held and did not."""
        yes, no = self.condition(test)
        held, failed = self.state, self.state.copy()
        for state, checks in ((held, yes), (failed, no)):
            for check in checks:
                if check.direct and state.stale(check.reading) is None:
                    state.drop(check.reading.path)
            state.decisions += (test,)
            state.checks += tuple(replace(c, node=test, loop=loop) for c in checks)
        if isinstance(test, ast.Constant):
            (failed if test.value else held).live = False
        return held, failed

    def condition(self, node: ast.expr) -> tuple[Checks, Checks]:
        """Checks that hold if `node` is true, and if it is false."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            yes, no = self.condition(node.operand)
            return no, yes
        if isinstance(node, ast.BoolOp):
            return self._bool_condition(node)
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            return self._compare_condition(node, node.ops[0])
        value = self.eval(node)
        return _both(value, True, "truth" if isinstance(node, _TRUTHS) else "call", node)

    def _bool_condition(self, node: ast.BoolOp) -> tuple[Checks, Checks]:
        yes: Checks = []
        no: Checks = []
        for operand in node.values:
            one_yes, one_no = self.condition(operand)
            yes += one_yes
            no += one_no
        if isinstance(node.op, ast.And):
            return yes, [replace(c, present=None) for c in no]
        return [replace(c, present=None) for c in yes], no

    def _compare_condition(self, node: ast.Compare, op: ast.cmpop) -> tuple[Checks, Checks]:
        left = self.eval(node.left)
        right = self.eval(node.comparators[0])
        if isinstance(op, ast.In | ast.NotIn):
            if right.path is not None and not right.fresh and right.path.root in SHARED:
                item = self.read(right.path.item(key_text(node.left)), node)
                return _both(item, isinstance(op, ast.In), "member", node)
            return _both(_mixed(left, right), None, "compare", node)
        for one, other in ((left, node.comparators[0]), (right, node.left)):
            if _is_none(other) and isinstance(op, ast.Is | ast.IsNot | ast.Eq | ast.NotEq):
                return _both(one, isinstance(op, ast.IsNot | ast.NotEq), "none", node)
        return _both(_mixed(left, right), None, "compare", node)

    def _ifexp(self, node: ast.IfExp) -> Value:
        yes, no = self.branch(node.test)
        self.view.state = yes
        first = self.eval(node.body)
        yes, self.view.state = self.state, no
        second = self.eval(node.orelse)
        self.view.state = join([yes, self.state])
        return _mixed(first, second).with_node(node)


def _both(value: Value, present: bool | None, kind: str, node: ast.AST) -> tuple[Checks, Checks]:
    absent = None if present is None else not present
    found = [(r, True) for r in value.readings] + [(r, False) for r in value.through - value.readings]
    yes = [Check(r, present, kind, node, direct=direct) for r, direct in found]
    no = [Check(r, absent, kind, node, direct=direct) for r, direct in found]
    return yes, no


def _mixed(one: Value, other: Value) -> Value:
    return Value(one.readings | other.readings, one.through | other.through)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
