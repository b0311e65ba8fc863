"""Methods of dict, set, list and deque: which change the object, and which bear the race themselves."""

from __future__ import annotations

ADDS = frozenset({"append", "appendleft", "extend", "insert", "add", "update", "put_nowait", "push"})
TAKES = frozenset({"pop", "popleft", "popitem", "remove", "clear"})
TOLERANT = frozenset({"discard", "setdefault"})
"""They look and act in one step, so that an earlier check may be stale."""
KEYED = frozenset({"add", "remove", "discard", "pop", "setdefault"})
"""Their first argument is the member that changes."""
MUTATORS = ADDS | TAKES | TOLERANT
LOOKS = frozenset({"get", "__getitem__"})
"""Read the member that the first argument names."""
MEASURES = frozenset(
    {"len", "any", "all", "bool", "sum", "max", "min", "list", "set", "sorted", "tuple", "dict", "next", "iter"}
)
