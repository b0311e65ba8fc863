"""Comparisons of versions and ages in tests."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from holdfast.audit.tables import versions

_ORDER = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
_WORD = re.compile(r"[A-Za-z_]\w*")


def text(node: ast.AST) -> str:
    """Source of an expression."""
    try:
        return ast.unparse(node)
    except (RecursionError, ValueError):
        return ""


def compares(test: ast.AST) -> Iterator[ast.Compare]:
    """Comparisons by order in a test, of two things that are both no constants."""
    for node in ast.walk(test):
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], _ORDER):
            sides = (node.left, node.comparators[0])
            if not any(isinstance(side, ast.Constant) for side in sides):
                yield node


def of_versions(test: ast.AST) -> ast.Compare | None:
    """`plan.generation <= self.applied`: which of two versions of one thing is newer."""
    for node in compares(test):
        source = text(node)
        if not versions.NOT_STATE.search(source) and _versioned(source):
            return node
    return None


def _versioned(source: str) -> bool:
    words = [w.lower() for w in _WORD.findall(source)]
    return (
        any(versions.VERSION.search(w) for w in words) or sum(bool(versions.ORDERED.search(w)) for w in words) >= 2
    )


def of_age(test: ast.AST) -> ast.Compare | None:
    """`created < cutoff`."""
    for node in compares(test):
        words = [w.lower() for w in _WORD.findall(text(node))]
        if any(versions.AGE.search(w) for w in words) and not versions.ENDS_BY_ITSELF.search(text(node)):
            return node
    return None
