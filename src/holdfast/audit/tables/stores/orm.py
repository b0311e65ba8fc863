"""Django, SQLAlchemy, Tortoise, Peewee: rows as objects."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from holdfast.audit.flow.state import Value
from holdfast.audit.tables.stores.values import StoreOp, receiver, text

_MANAGER = re.compile(
    r"^([A-Z]\w*|self\.model|cls|model|[a-z]\w*\.[A-Z]\w*)\.(objects|all_objects|_default_manager|query)\b"
)
_TORTOISE = re.compile(r"^([A-Z]\w+)$")
_READS = frozenset(
    {
        "get",
        "first",
        "exists",
        "last",
        "count",
        "aget",
        "afirst",
        "aexists",
        "acount",
        "get_or_none",
        "one_or_none",
        "scalar_one_or_none",
        "one",
        "get_by_id",
    }
)
_QUERY = re.compile(r"\bquery\(\s*(\w+)|\bselect\(\s*(?:\w+\.)*([A-Z]\w*)|exists\(\s*\)?\.where\(\s*(\w+)")
_LOCKS = re.compile(r"select_for_update|with_for_update")
_ATOMIC = frozenset(
    {"get_or_create", "update_or_create", "bulk_create", "aget_or_create", "aupdate_or_create", "merge"}
)


def recognise(
    node: ast.Call, name: str, arguments: Sequence[Value], imports: frozenset[str], awaited: bool
) -> StoreOp | None:
    """Managers of Django and Tortoise; sessions of SQLAlchemy."""
    base = receiver(node)
    if name in _ATOMIC and (manager := _MANAGER.match(base) or _TORTOISE.match(base)):
        return StoreOp("orm", "atomic", manager[1], node=node)
    if manager := _MANAGER.match(base):
        return _manager(node, name, manager[1], base)
    if "tortoise" in imports or "ormar" in imports or "peewee" in imports:
        found = re.match(r"^([A-Z]\w+)(\.|$)", base)
        if found and name in _READS | {"create"}:
            return _manager(node, name, found[1], base)
    if imports & {"sqlalchemy", "sqlmodel", "flask_sqlalchemy"}:
        return _session(node, name, base, arguments)
    return None


def _manager(node: ast.Call, name: str, model: str, base: str) -> StoreOp | None:
    whole = f"{base}.{text(node)}"
    if name in _READS:
        return StoreOp("orm", "read", model, _filters(whole), locking=bool(_LOCKS.search(whole)), node=node)
    if name in ("create", "acreate"):
        return StoreOp("orm", "create", model, _filters(whole), node=node)
    if name in ("update", "aupdate") and ".filter(" in base:
        conditions = _filters(base)
        guard = "filter names more than the key" if "," in conditions or "F(" in whole else ""
        return StoreOp("orm", "put", model, conditions, guard, node=node)
    if name in ("delete", "adelete") and ".filter(" in base:
        return StoreOp("orm", "delete", model, _filters(base), node=node)
    return None


def _session(node: ast.Call, name: str, base: str, arguments: Sequence[Value]) -> StoreOp | None:
    whole = text(node)
    if name in _READS | {"scalar", "scalars", "execute"}:
        given = whole
        if node.args and arguments and arguments[0].node is not None:
            given += text(arguments[0].node)
        found = _QUERY.search(given)
        if found is not None:
            model = next(g for g in found.groups() if g)
            return StoreOp("orm", "read", model, _filters(given), locking=bool(_LOCKS.search(given)), node=node)
        if (
            name == "get"
            and node.args
            and re.search(r"session|^db$|\.db$", base, re.I)
            and text(node.args[0])[:1].isupper()
        ):
            lock = any(k.arg == "with_for_update" for k in node.keywords)
            return StoreOp("orm", "read", text(node.args[0]), locking=lock, node=node)
    if name in ("add", "add_all") and node.args and re.search(r"session|^db$|\.db$|^s$", base, re.I):
        model = arguments[0].kind or _constructed(node.args[0])
        if model:
            return StoreOp("orm", "create", model, node=node)
    return None


def _constructed(node: ast.expr) -> str:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id[:1].isupper():
        return node.func.id
    return ""


def _filters(source: str) -> str:
    found = set(re.findall(r"[(,]\s*(\w+?)(?:__\w+)?=(?!=)", source)) | set(re.findall(r"\.(\w+)\s*==", source))
    return ",".join(sorted(found - {"using", "defaults"}))[:80] if len(found) < 8 else ""
