"""Owner names as text: lower case, absolute, without the final dot; the root is the empty string.

Text and not labels, because rules, plans and the laboratory hold names as text. A dot inside a label is
written `\\.`, as in zone files; names without a backslash, nearly all, take the quick path.
"""

from __future__ import annotations

from collections.abc import Iterator

ROOT = ""


def parent(name: str) -> str:
    """The name without its first label; the root's parent is the root."""
    if "\\" not in name:
        return name.partition(".")[2]
    at = 0
    while at < len(name):
        if name[at] == "\\":
            # \DDD or \X: the escaped character is never a separator.
            at += 4 if name[at + 1 : at + 2].isdigit() else 2
        elif name[at] == ".":
            return name[at + 1 :]
        else:
            at += 1
    return ROOT


def within(name: str, origin: str) -> bool:
    """Whether `name` is `origin` or below it."""
    if name == origin or origin == ROOT:
        return True
    if not name.endswith("." + origin):
        return False
    return "\\" not in name or any(above == origin for above in ancestors(name, ROOT))


def ancestors(name: str, origin: str) -> Iterator[str]:
    """Names strictly above `name`, nearest first, the last is `origin`; `name` must be within `origin`."""
    while name != origin:
        name = parent(name)
        yield name
