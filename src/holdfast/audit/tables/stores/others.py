"""Files, and repositories whose interface is only guessed by its names."""

from __future__ import annotations

import ast
import re

from holdfast.audit.tables.stores.values import StoreOp, last_word, receiver, text

_PLACE = re.compile(
    r"(repo|repository|store|storage|db|database|dao|crud|backend|datastore|persistence|dal|adapter|api|client|service)s?$"
)
_READ = re.compile(
    r"^(?:async_|a)?(?:get|find|fetch|exists|lookup|has|load|read|list|retrieve|describe|is|check)(?:_(?:one|all|by|if|or_none|first))*_?(.*)$"
)
_CREATE = re.compile(r"^(?:async_|a)?(?:create|insert|add|new|register)(?:_(?:one|new|if))*_?(.*)$")
_TOLERANT = re.compile(r"or_create|if_not_exists|or_update|upsert|if_missing|or_ignore|_unique|exist_ok")


def files(node: ast.Call, name: str, imports: frozenset[str]) -> StoreOp | None:
    """`exists` and then `open`, `makedirs`; exclusive with mode "x", tolerant with `exist_ok`."""
    base = receiver(node)
    if name in ("exists", "isfile", "isdir", "is_file", "is_dir", "lexists"):
        key = text(node.args[0]) if base.endswith("path") and node.args else base
        return StoreOp("file", "read", "", key, node=node) if key else None
    if name in ("makedirs", "mkdir"):
        key = text(node.args[0]) if base == "os" and node.args else base
        tolerant = any(k.arg == "exist_ok" for k in node.keywords)
        return StoreOp("file", "create", "", key, exclusive=tolerant, node=node)
    if name in ("write_text", "write_bytes", "touch") and base:
        return StoreOp("file", "create", "", base, exclusive=name == "touch", node=node)
    if name == "open" and node.args and not base:
        mode = text(node.args[1]) if len(node.args) > 1 else ""
        if "w" in mode:
            return StoreOp("file", "create", "", text(node.args[0]), node=node)
    return None


def repository(node: ast.Call, name: str, awaited: bool) -> StoreOp | None:
    """`await self.repo.find_user(n)`, `await self.repo.create_user(n)`: the same receiver, the same noun."""
    base = receiver(node)
    if not awaited or not base or not _PLACE.search(last_word(base)):
        return None
    if _TOLERANT.search(name):
        return StoreOp("repository", "atomic", base, known=False, node=node)
    if found := _CREATE.match(name):
        return StoreOp("repository", "create", f"{base} {_noun(found[1])}".strip(), known=False, node=node)
    if found := _READ.match(name):
        return StoreOp("repository", "read", f"{base} {_noun(found[1])}".strip(), known=False, node=node)
    return None


def _noun(rest: str) -> str:
    return re.sub(
        r"(^by_\w+$|_by_\w+$|_with_\w+$|_from_\w+$|_for_\w+$|_or_none$|^exists$|_exists$|_id$)", "", rest
    ).rstrip("s")
