"""Which expressions are locks."""

from __future__ import annotations

import ast

from holdfast.audit.flow.events import Scope
from holdfast.audit.tables import locking


def is_lock(node: ast.expr, scope: Scope) -> bool:
    """By what was assigned to it, else by its name: `self._lock`, `locks[key]`, `redis.lock("x")`."""
    if isinstance(node, ast.Call):
        node = node.func
    text = dotted(node)
    if text in scope.lock_paths:
        return True
    if isinstance(node, ast.Subscript):
        return is_lock(node.value, scope)
    if isinstance(node, ast.Attribute):
        return bool(locking.NAMES.search(node.attr)) or (
            node.attr in ("acquire", "release", "get", "reader", "writer") and is_lock(node.value, scope)
        )
    return isinstance(node, ast.Name) and bool(locking.NAMES.search(node.id))


def makes_lock(node: ast.expr | None) -> bool:
    """Whether this constructs an exclusive lock, also as `defaultdict(asyncio.Lock)`."""
    if not isinstance(node, ast.Call):
        return False
    name = _last(node.func)
    if name in locking.COUNTING:
        first = node.args[0] if node.args else None
        return first is None or (isinstance(first, ast.Constant) and first.value == 1)
    if name in ("defaultdict", "WeakValueDictionary", "field"):
        return any(_last(a) in locking.CLASSES for a in node.args) or any(
            _last(k.value) in locking.CLASSES for k in node.keywords
        )
    return name in locking.CLASSES


def dotted(node: ast.expr) -> str:
    """`a.b.c`, or nothing for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        base = dotted(node.value)
        return f"{base}.{node.attr}" if base else ""
    return ""


def _last(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
