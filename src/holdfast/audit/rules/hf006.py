"""HF006, delete by age or generation: what is old is deleted, and nothing asks whether it is the one in use. In
October 2025 the clean-up of old plans deleted the plan that was live.

Silent when any test on the way asks for that (`not in active`, `!= current`, `not pinned`), and for what ends by
itself (time to live, heartbeats).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from holdfast.audit.flow.events import Draft, View
from holdfast.audit.rules.comparing import of_age, of_versions, text
from holdfast.audit.tables.versions import DELETES, PROTECTS, SUBJECT
from holdfast.audit.values import Dependence

_SQL = re.compile(r"\bdelete\s+from\s+(\S+)\s+where\s+(.*)", re.I | re.S)
_SQL_ORDER = re.compile(r"\b(\w*(?:version|generation|revision|epoch|plan|serial|rev))\s*<=?", re.I)


def function(view: View) -> None:
    """All deletions of a function against the comparisons that lead to them."""
    body = view.scope.node
    tests = list(_tests(body))
    protected = any(_protects(test) for test in tests)
    if protected:
        return
    for call in _calls(body):
        found = _statement(call) or _compared(call, tests, body)
        if found is not None:
            _draft(view, call, *found)


def _calls(body: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(body):
        if isinstance(node, ast.Call):
            yield node


def _tests(body: ast.AST) -> Iterator[ast.expr]:
    for node in ast.walk(body):
        if isinstance(node, ast.If | ast.While | ast.IfExp | ast.Assert):
            yield node.test
        elif isinstance(node, ast.comprehension):
            yield from node.ifs


def _protects(test: ast.expr) -> bool:
    """A test for use that is no comparison of ages by itself: `name not in active`, `plan.pinned`."""
    equal = (ast.In, ast.NotIn, ast.Eq, ast.NotEq, ast.Is, ast.IsNot)
    for node in ast.walk(test):
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], equal) and PROTECTS.search(text(node)):
            return True
    bare = test.operand if isinstance(test, ast.UnaryOp) else test
    return isinstance(bare, ast.Name | ast.Attribute | ast.Call) and bool(PROTECTS.search(text(bare)))


def _compared(call: ast.Call, tests: list[ast.expr], body: ast.AST) -> tuple[ast.AST, str, bool] | None:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if not DELETES.match(name):
        return None
    for test in tests:
        by_version = of_versions(test)
        compared = by_version or of_age(test)
        if compared is not None and _leads_to(test, call, body):
            return compared, text(compared), by_version is not None
    return None


def _leads_to(test: ast.expr, call: ast.Call, body: ast.AST) -> bool:
    """Whether the call stands under the test, or is given (at most two names away) what it selected."""
    for node in ast.walk(body):
        if isinstance(node, ast.If) and node.test is test:
            return any(part is call for statement in node.body for part in ast.walk(statement))
    names = _given(call, body)
    for node in ast.walk(body):
        if isinstance(node, ast.Assign) and test in ast.walk(node.value):
            return any(isinstance(t, ast.Name) and t.id in names for t in node.targets)
        if isinstance(node, ast.For | ast.AsyncFor) and test in ast.walk(node.iter):
            return any(part is call for statement in node.body for part in ast.walk(statement))
    return test in ast.walk(call)


def _given(call: ast.Call, body: ast.AST) -> set[str]:
    """Names that the call is given, and those of what they iterate over."""
    names = _names(call)
    for node in ast.walk(body):
        if isinstance(node, ast.For | ast.AsyncFor | ast.comprehension) and names & _names(node.target):
            names |= _names(node.iter)
    return names


def _names(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def _statement(call: ast.Call) -> tuple[ast.AST, str, bool] | None:
    for argument in call.args[:2]:
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            found = _SQL.search(argument.value)
            if found and (order := _SQL_ORDER.search(found[2])) and not _sql_protects(found[2], order):
                return argument, f"{found[1]} {order[0]}", True
    return None


def _sql_protects(where: str, order: re.Match[str]) -> bool:
    rest = where[: order.start()] + where[order.end() :]
    return bool(PROTECTS.search(rest) or re.search(r"not\s+(in|exists)|\bselect\b", rest, re.I))


def _draft(view: View, call: ast.Call, compared: ast.AST, path: str, by_version: bool) -> None:
    subject = bool(SUBJECT.search(text(call)) or SUBJECT.search(path) or SUBJECT.search(view.scope.name))
    view.draft(
        Draft(
            rule="HF006",
            path=path,
            check=compared,
            gap=None,
            act=call,
            dependence=Dependence.CONTROL,
            why=(
                "Old is not unused: a slow or rolled-back writer may have made this one live again, and nothing"
                " here asks."
            ),
            fix=(
                "Delete only what nothing refers to, asked in the same conditional step as the delete (a fence"
                " that every applier moves, a reference count, NOT EXISTS in the statement), and keep what could"
                " still be applied."
            ),
            for_=("it selects by generation only",) if by_version and subject else (),
            against=() if subject else ("nothing says that one of them is in use",),
            doubtful=not subject,
        )
    )
