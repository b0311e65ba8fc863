"""HF007, lock or lease shorter than the work: a lock in a store ends by itself, the work under it can take longer,
and nothing tells the resource which holder is the newer.

Silent when the work renews or asks for the lock on the way, or hands on a fencing token.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from holdfast.audit.flow.events import Draft, View
from holdfast.audit.rules.comparing import text
from holdfast.audit.values import Dependence

_LOCK = re.compile(r"lock|lease|mutex|leader|election", re.I)
_STORES = frozenset(
    {
        "redis", "aioredis", "valkey", "coredis", "redis_lock", "aioredlock", "redlock", "pottery",
        "etcd3", "aetcd", "consul", "kazoo", "django", "pymemcache", "python_dynamodb_lock", "boto3",
    }
)  # fmt: skip
_TTL = frozenset(
    {
        "timeout", "ttl", "ttl_s", "lease_time", "lease_s", "expire", "expires", "ex", "px", "lock_timeout",
        "auto_release_time", "lease_duration", "expiration",
    }
)  # fmt: skip
_RENEWS = re.compile(
    r"extend|reacquire|renew|refresh|owned|heartbeat|keep_?alive|touch|fenc|token|still_|is_valid|validity", re.I
)


def function(view: View) -> None:
    """All locks with an end that a function holds over a block."""
    if not view.stores & _STORES:
        return
    for block, call, body in _blocks(view.scope.node):
        ttl = _ttl(call)
        if ttl is None or any(_RENEWS.search(text(part)) for part in body) or "auto_renew" in text(call):
            continue
        seconds, given = ttl
        work, loop = _work(body)
        if seconds is not None and work > seconds:
            _draft(view, block, call, f"{given}; the work waits for up to {work:g} s", True)
        elif loop:
            _draft(view, block, call, f"{given}; the work is a loop over calls, of no known length", False)


def _blocks(body: ast.AST) -> Iterator[tuple[ast.AST, ast.Call, list[ast.stmt]]]:
    for node in ast.walk(body):
        if isinstance(node, ast.With | ast.AsyncWith):
            for item in node.items:
                if isinstance(item.context_expr, ast.Call) and _LOCK.search(text(item.context_expr.func)):
                    yield node, item.context_expr, node.body
        elif isinstance(node, ast.If):
            for part in ast.walk(node.test):
                if isinstance(part, ast.Call) and _sets_nx(part):
                    yield node, part, node.body


def _sets_nx(call: ast.Call) -> bool:
    """`if r.set("lock:x", me, nx=True, ex=10):`."""
    names = {k.arg for k in call.keywords}
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    return name == "set" and "nx" in names and bool(names & {"ex", "px"}) and bool(_LOCK.search(text(call)))


def _ttl(call: ast.Call) -> tuple[float | None, str] | None:
    for keyword in call.keywords:
        if keyword.arg in _TTL and not (isinstance(keyword.value, ast.Constant) and keyword.value.value is None):
            value = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
            if not isinstance(value, int | float):
                return None, f"the lock ends after {text(keyword.value)}"
            seconds = value / 1000 if keyword.arg in ("px", "auto_release_time") else float(value)
            return seconds, f"the lock ends after {seconds:g} s"
    return None


def _work(body: list[ast.stmt]) -> tuple[float, bool]:
    """Seconds that literal sleeps and time limits of calls add up to; whether there is a loop over calls."""
    seconds, loop = 0.0, False
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Call):
                seconds += _seconds(node)
            if isinstance(node, ast.For | ast.AsyncFor | ast.While):
                calls = [n for n in ast.walk(node) if isinstance(n, ast.Await) or _outside(n)]
                loop = loop or bool(calls)
    return seconds, loop


def _outside(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and bool(
        re.search(
            r"requests\.|session\.|execute|client\.|\.save\(|\.objects\.|urlopen|subprocess", text(node.func) + "("
        )
    )


def _seconds(call: ast.Call) -> float:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    given = call.args[0] if name == "sleep" and call.args else None
    for keyword in call.keywords:
        if keyword.arg == "timeout":
            given = keyword.value
    if name == "wait_for" and len(call.args) > 1:
        given = call.args[1]
    value = given.value if isinstance(given, ast.Constant) else 0
    return float(value) if isinstance(value, int | float) else 0.0


def _draft(view: View, block: ast.AST, call: ast.Call, evidence: str, proven: bool) -> None:
    view.draft(
        Draft(
            rule="HF007",
            path=text(call.func),
            check=call,
            gap=block,
            act=block,
            dependence=Dependence.CONTROL,
            why="When the lock ends before the work, the next holder works beside it; the first never learns.",
            fix=(
                "Give the resource a fencing token that grows with each holder and let it refuse older ones;"
                " renew the lock while the work runs; bound the work below the lock's time."
            ),
            for_=(evidence,) if proven else (),
            notes=() if proven else (evidence,),
        )
    )
