"""HF008, "this should never happen", with nothing that watches: the assumption is written down where it breaks,
and whoever runs the program will not hear of it.

Silent where the branch raises, or tells a watch (`holdfast.never`, `assert_never`, a metric).
"""

from __future__ import annotations

import ast
import re

from holdfast.audit.flow.events import Draft, View
from holdfast.audit.rules.comparing import text
from holdfast.audit.values import Dependence

_NOT = r"(should|must|could|would|will)\s*(not|n['’]?t|never)|can\s*(not|['’]?t|never)|won['’]?t"
_HAPPEN = r"(happen|occur|be\s+reached|get\s+here|be\s+possible)"
NEVER = re.compile(
    rf"\b({_NOT})\s+(ever\s+|actually\s+|really\s+)*{_HAPPEN}"
    r"|never\s+(happens?|reached|gets?\s+here|should\s+happen)"
    r"|\bimpossible\s*(case|state|branch|!|$)|\bunreachable\s+(code|branch|state|case)\b",
    re.IGNORECASE,
)
_COMMENT = re.compile(rf"{NEVER.pattern}|\bunreachable\b|\bnot\s+reachable\b", re.IGNORECASE)
"""In a message, what is unreachable is mostly a host."""
_LOG = re.compile(
    r"\b(log|logger|logging|_logger|LOG|LOGGER|_LOGGER|warnings|print)\b|\.(debug|info|warning|warn|error|exception|critical|log|msg)$"
)
_WATCH = re.compile(
    r"never|assert_never|unreachable|\.inc$|\.observe$|capture_(message|exception)|alert|abort|exit|fail|incr|counter",
    re.I,
)


def function(view: View) -> None:
    """All branches of a function whose comment or message says so."""
    for block, owner in _blocks(view.scope.node):
        said = _said(view, block, owner)
        if said is None or _watched(block):
            continue
        quiet = all(_quiet(s) for s in block)
        _draft(view, block[0], owner, said, quiet)


def _blocks(body: ast.AST) -> list[tuple[list[ast.stmt], ast.AST]]:
    found: list[tuple[list[ast.stmt], ast.AST]] = []
    stack = list(ast.iter_child_nodes(body))
    while stack:
        node = stack.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            continue
        if isinstance(node, ast.If):
            found.append((node.body, node))
            if node.orelse and not (len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If)):
                found.append((node.orelse, node))
        elif isinstance(node, ast.ExceptHandler):
            found.append((node.body, node))
        elif isinstance(node, ast.match_case):
            found.append((node.body, node.pattern))
        stack.extend(ast.iter_child_nodes(node))
    return found


def _said(view: View, block: list[ast.stmt], owner: ast.AST) -> str | None:
    """The words: in a comment on the branch's own line or above its first statements, or in a message."""
    if len(block) > 4:
        return None
    start = block[0].lineno
    head = getattr(owner, "lineno", start)
    first = head if 0 <= start - head <= 6 and block is getattr(owner, "body", None) else start - 1
    for line in range(first, (block[-1].end_lineno or start) + 1):
        source = view.lines[line - 1] if 0 < line <= len(view.lines) else ""
        hash_at = source.find("#")
        if hash_at >= 0 and _COMMENT.search(source[hash_at:]):
            return source[hash_at:].strip()
    for statement in block:
        for node in ast.walk(statement):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and NEVER.search(node.value):
                return node.value.strip()
    return None


def _watched(block: list[ast.stmt]) -> bool:
    for statement in block:
        for node in ast.walk(statement):
            if isinstance(node, ast.Raise | ast.Assert):
                return not (isinstance(node, ast.Assert) and isinstance(node.test, ast.Constant))
            if isinstance(node, ast.Call) and _WATCH.search(text(node.func)):
                return True
    return False


def _quiet(statement: ast.stmt) -> bool:
    """Leaves, passes, or only logs."""
    if isinstance(statement, ast.Pass | ast.Continue | ast.Break | ast.Return):
        return not isinstance(statement, ast.Return) or not isinstance(statement.value, ast.Call)
    if isinstance(statement, ast.Expr):
        value = statement.value.value if isinstance(statement.value, ast.Await) else statement.value
        return isinstance(value, ast.Constant) or (
            isinstance(value, ast.Call) and bool(_LOG.search(text(value.func)))
        )
    return False


def _draft(view: View, first: ast.stmt, owner: ast.AST, said: str, quiet: bool) -> None:
    test = getattr(owner, "test", None) or getattr(owner, "type", None)
    removed = ", and -O removes the assertion" if isinstance(first, ast.Assert) else ""
    condition = text(test)[:80] if isinstance(test, ast.AST) else "the other cases"
    view.draft(
        Draft(
            rule="HF008",
            path=condition,
            check=owner if hasattr(owner, "lineno") else first,
            gap=None,
            act=first,
            dependence=Dependence.CONTROL,
            why=f"It says {said[:100]!r}; if it does happen, nobody is told{removed}.",
            fix='Watch it: `holdfast.never("why it cannot be")` counts it, with an alert rule; or raise.',
            for_=("the branch only passes, leaves or logs",) if quiet else (),
        )
    )
