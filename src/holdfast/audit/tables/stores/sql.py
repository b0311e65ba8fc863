"""SQL through DB-API, asyncpg, aiosqlite, SQLAlchemy `text()`: the statement itself says what is conditional."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from holdfast.audit.flow.state import Value
from holdfast.audit.tables.stores.values import StoreOp

METHODS = frozenset(
    {
        "execute", "executemany", "fetch", "fetchrow", "fetchval", "fetchone", "fetch_one", "fetch_all",
        "fetchall", "fetch_val", "execute_fetchall", "query", "scalar", "run", "exec", "exec_driver_sql", "select",
        "queryone", "query_one", "fetchmany", "execute_insert", "execute_query", "execute_query_dict", "raw",
        "mogrify",
    }
)  # fmt: skip
_SELECT = re.compile(r"^\s*(?:with\b.*?\)\s*)?select\b.*?\bfrom\s+([\w.\"`\[\]{}]+)(.*)", re.I | re.S)
_INSERT = re.compile(r"^\s*(?:with\b.*?\)\s*)?(insert|replace)\b(.*?)\binto\s+([\w.\"`\[\]{}]+)(.*)", re.I | re.S)
_UPDATE = re.compile(r"^\s*update\s+(?:only\s+)?([\w.\"`\[\]{}]+)\s+(.*)", re.I | re.S)
_DELETE = re.compile(r"^\s*delete\s+from\s+([\w.\"`\[\]{}]+)(.*)", re.I | re.S)
_LOCKS = re.compile(r"\bfor\s+(no\s+key\s+)?update|\bfor\s+share|with\s*\(\s*(updlock|xlock|holdlock)", re.I)
_EXCLUSIVE = re.compile(
    r"on\s+conflict|\bor\s+(ignore|replace|abort)\b|on\s+duplicate\s+key|where\s+not\s+exists|insert\s+ignore",
    re.I,
)
_VERSIONED = re.compile(
    r"\b(version|revision|rev|etag|lock_version|row_version|xmin|generation|epoch|token|fence|updated_at|updated|"
    r"modified|last_\w+|state|status|owner|holder|locked_by|claimed_by|expected|\w+_at|\w+_version)\b\"?\s*(=|<|>|is\b|in\b)",
    re.I,
)
_ARITHMETIC = re.compile(r"(\w+)\"?\s*=\s*(?:coalesce\s*\(\s*)?[\w.\"]*\b\1\"?\s*(?:,\s*\w+\s*\))?\s*[-+|*]", re.I)
_ADVISORY = re.compile(
    r"pg_(try_)?advisory_(xact_)?lock|get_lock\s*\(|lock\s+table|begin\s+(immediate|exclusive)|serializable", re.I
)
_KEYS = re.compile(r"([\w.\"]+)\s*=\s*(?:%s|%\(\w+\)s|\?|\$\d+|:\w+|\{\w*\}|'[^']*'|\d+)", re.I)


def recognise(node: ast.Call, name: str, arguments: Sequence[Value]) -> StoreOp | None:
    """By the statement in the first or second argument."""
    if name not in METHODS:
        return None
    for given, value in zip(node.args[:2], arguments[:2], strict=False):
        statement = literal(given, value)
        if statement and (op := of_statement(statement, node)) is not None:
            return op
    return None


def literal(node: ast.expr, value: Value) -> str:
    """The text of a string expression, with `{}` for what is filled in; of a name, what it was bound to."""
    if isinstance(node, ast.Name):
        # Names within what it was bound to are not looked up: they may be the same name, as in `q = text(q)`.
        return _text(value.node) if isinstance(value.node, ast.expr) else ""
    return _text(node)


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(p.value) if isinstance(p, ast.Constant) else "{" + _word(p) + "}" for p in node.values)
    if isinstance(node, ast.BinOp):
        return _text(node.left) + (_text(node.right) if isinstance(node.op, ast.Add) else "")
    if not isinstance(node, ast.Call):
        return ""
    if isinstance(node.func, ast.Attribute) and node.func.attr in ("format", "strip"):
        return _text(node.func.value)
    return _text(node.args[0]) if node.args else ""


def _word(node: ast.expr) -> str:
    inner = node.value if isinstance(node, ast.FormattedValue) else node
    return inner.id if isinstance(inner, ast.Name) else inner.attr if isinstance(inner, ast.Attribute) else ""


def of_statement(statement: str, node: ast.AST | None = None) -> StoreOp | None:
    """What one statement does."""
    if _ADVISORY.search(statement) and not _INSERT.match(statement):
        return StoreOp("sql", "lock", "advisory", node=node)
    if found := _INSERT.match(statement):
        exclusive = bool(_EXCLUSIVE.search(statement)) or found[1].lower() == "replace"
        return StoreOp("sql", "create", _table(found[3]), exclusive=exclusive, node=node)
    if found := _UPDATE.match(statement):
        where = _where(found[2])
        guard = "WHERE names a version or state" if _VERSIONED.search(where) or "exists" in where.lower() else ""
        if not guard and _ARITHMETIC.search(found[2]):
            guard = "computes in the statement"
        return StoreOp("sql", "put", _table(found[1]), _keys(where), guard, node=node)
    if found := _DELETE.match(statement):
        where = _where(found[2])
        guard = "WHERE names a version or state" if _VERSIONED.search(where) else ""
        return StoreOp("sql", "delete", _table(found[1]), _keys(where), guard, node=node)
    if found := _SELECT.match(statement):
        return StoreOp(
            "sql",
            "read",
            _table(found[1]),
            _keys(_where(found[2])),
            locking=bool(_LOCKS.search(statement)),
            node=node,
        )
    return None


def _table(name: str) -> str:
    return name.strip('"`[]').rpartition(".")[2].strip('"`[]').lower()


def _where(rest: str) -> str:
    return re.split(r"\bwhere\b", rest, maxsplit=1, flags=re.I)[1] if re.search(r"\bwhere\b", rest, re.I) else ""


def _keys(where: str) -> str:
    """Columns that are compared with a value: `id`; two statements on other columns mean other rows."""
    return ",".join(sorted({k.rpartition(".")[2].strip('"').lower() for k in _KEYS.findall(where)}))
