"""Exact access paths: `self.a[k].b`. Everything is keyed on them, never on a variable's name alone.

Keying on variables is what sank ESLint's `require-atomic-updates`: two variables may be one object, and one
variable many.
"""

from __future__ import annotations

import ast
import re
from typing import NamedTuple

_WORD = re.compile(r"[A-Za-z_]\w*")
LONGEST = 8
"""Parts of a path; longer ones are cut off as unknown."""


class Path(NamedTuple):
    """A root and what is taken from it. `root` tells who may share it: see `ROOTS`."""

    root: str
    parts: tuple[str, ...]

    @property
    def text(self) -> str:
        """As it stands in source."""
        return "".join(self.parts)

    def attribute(self, name: str) -> Path:
        """`.name` of it."""
        return Path(self.root, (*self.parts, f".{name}"))

    def item(self, key: str) -> Path:
        """`[key]` of it."""
        return Path(self.root, (*self.parts, f"[{key}]"))

    def extends(self, other: Path) -> bool:
        """Whether this lies below `other`, or is it."""
        return self.parts[: len(other.parts)] == other.parts and self.root == other.root

    def mentions(self, name: str) -> bool:
        """Whether a key, or the root, is the local `name`: once that is bound anew, the path is another one."""
        if self.root in ("local", "param") and self.parts[0] == name:
            return True
        return any(part[0] == "[" and name in _WORD.findall(part) for part in self.parts[1:])


ROOTS = {
    "self": "an object that outlives the call",
    "class": "a class",
    "global": "a module's global",
    "closure": "a variable of the enclosing function",
    "param": "an argument",
    "local": "an object of unknown origin",
    "store": "an external store",
}


def key_text(node: ast.expr) -> str:
    """A subscript's key, as text; equal keys have equal texts."""
    if isinstance(node, ast.Constant):
        return repr(node.value)[:80]
    if isinstance(node, ast.Name):
        return node.id
    try:
        return ast.unparse(node)[:120]
    except (RecursionError, ValueError):
        return "?"
