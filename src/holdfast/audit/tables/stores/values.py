"""What a call does to an external store."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from holdfast.audit.flow.paths import Path


@dataclass(frozen=True, slots=True)
class StoreOp:
    """One operation. `verb`: read, create, put, delete, lock, atomic (looks and acts in one step).

    `resource` is the table, bucket, kind or key space; `key` the text of what names the row, where it stands in
    the call. `guard` says how the operation is conditional, empty if it isn't. `exclusive`: a create that fails
    when the thing exists.
    """

    store: str
    verb: str
    resource: str
    key: str = ""
    guard: str = ""
    exclusive: bool = False
    locking: bool = False
    """A read that keeps others out until the transaction ends."""
    known: bool = True
    """The interface is known, not only guessed by its names."""
    node: ast.AST | None = None

    @property
    def path(self) -> Path:
        """As an access path."""
        return Path("store", (f"{self.store} {self.resource}", *([f"[{self.key}]"] if self.key else [])))


def text(node: ast.AST | None) -> str:
    """Source of an expression, shortened."""
    if node is None:
        return ""
    try:
        return ast.unparse(node)[:200]
    except (RecursionError, ValueError):
        return "?"


def argument(node: ast.Call, position: int, *names: str) -> ast.expr | None:
    """An argument by position or by name; a negative position is by name only."""
    for keyword in node.keywords:
        if keyword.arg in names:
            return keyword.value
    if 0 <= position < len(node.args):
        return node.args[position]
    return None


def has(node: ast.Call, *names: str) -> bool:
    """Whether one of these is given by name, and not as None or False."""
    return any(
        k.arg in names and not (isinstance(k.value, ast.Constant) and not k.value.value) for k in node.keywords
    )


def receiver(node: ast.Call) -> str:
    """Source of what the method is called on."""
    return text(node.func.value) if isinstance(node.func, ast.Attribute) else ""


def last_word(source: str) -> str:
    """`self.users_table` of `app.self.users_table`: the last name, without calls."""
    return source.split("(")[0].rpartition(".")[2].lower()
