"""HTTP resources, Kubernetes objects, DNS updates, holdfast's own ports."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from holdfast.audit.flow.state import Value
from holdfast.audit.tables.stores.keyvalue import conditional_text
from holdfast.audit.tables.stores.values import StoreOp, argument, last_word, receiver, text

_HTTP = re.compile(
    r"^(requests|httpx|http|_http|session|_session|client|_client|http_client|_http_client|api|_api|aiohttp|websession|rest)$"
)
_HTTP_VERBS = {"get": "read", "head": "read", "put": "put", "patch": "put", "delete": "delete"}
_URL = re.compile(r"url|uri|endpoint|^f?['\"](https?:|/)|href|link", re.I)
_KUBERNETES = re.compile(
    r"^(read|list|replace|patch|delete|create)_(namespaced_)?([a-z_]+?)(_status|_scale|_for_all_namespaces)?(_async)?$"
)
_KUBE_CLIENT = re.compile(r"v1|api|k8s|kube|apps|core|batch|custom", re.I)


def http(node: ast.Call, name: str, imports: frozenset[str]) -> StoreOp | None:
    """Conditional only with `If-Match`, `If-None-Match` or `If-Unmodified-Since`."""
    verb = _HTTP_VERBS.get(name)
    if verb is None or not node.args or not _HTTP.match(last_word(receiver(node))):
        return None
    if not imports & {"requests", "httpx", "aiohttp", "starlette", "httpcore", "urllib3", "niquests"}:
        return None
    url = text(node.args[0])
    if not _URL.search(url):
        return None
    headers = text(argument(node, -1, "headers"))
    return StoreOp("http", verb, "", url, "If-Match" if conditional_text(headers) else "", node=node)


def kubernetes(node: ast.Call, name: str, imports: frozenset[str], arguments: Sequence[Value]) -> StoreOp | None:
    """A replace of the object that was read carries its `resourceVersion`; patches and deletes don't."""
    found = _KUBERNETES.match(name)
    if found is None or not imports & {"kubernetes", "kubernetes_asyncio", "lightkube", "kr8s"}:
        return None
    if not (found[2] or _KUBE_CLIENT.search(last_word(receiver(node)))):
        return None
    verb = {
        "read": "read",
        "list": "read",
        "replace": "put",
        "patch": "put",
        "delete": "delete",
        "create": "create",
    }[found[1]]
    whole = text(node)
    guard = "resourceVersion" if conditional_text(whole) or "preconditions" in whole else ""
    if found[1] == "replace" and not guard:
        body = argument(node, 2, "body")
        guard = "the object carries its resourceVersion" if isinstance(body, ast.Name) else ""
    return StoreOp("kubernetes", verb, found[3], "", guard, exclusive=verb == "create", node=node)


def dns(node: ast.Call, name: str, imports: frozenset[str]) -> StoreOp | None:
    """dnspython: whether an update has prerequisites is read from the function that builds it."""
    if "dns" not in imports:
        return None
    base = receiver(node)
    if name in ("resolve", "query", "zone_for_name") and "resolver" in base:
        return StoreOp("dns", "read", "zone", node=node)
    if base in ("dns.query", "query", "dns.asyncquery", "asyncquery") and name in (
        "tcp",
        "udp",
        "tls",
        "udp_with_fallback",
    ):
        sent = text(node.args[0]) if node.args else ""
        return StoreOp("dns", "put" if re.search(r"update|upd", sent, re.I) else "read", "zone", node=node)
    return None


def ports(node: ast.Call, name: str, imports: frozenset[str], awaited: bool) -> StoreOp | None:
    """holdfast's operations: `await Get(key)`, `Commit(compares=...)`, `Update(zone, prerequisites, changes)`."""
    if not awaited or not imports & {"holdfast"} or not isinstance(node.func, ast.Name):
        return None
    if name == "Get":
        return StoreOp("store", "read", text(node.args[0]) if node.args else "", node=node)
    if name == "Commit":
        compares = argument(node, 0, "compares")
        guard = "compares" if compares is not None and text(compares) != "()" else ""
        return StoreOp("store", "put", _put_keys(text(node)), "", guard, node=node)
    if name in ("Ask", "Transfer"):
        return StoreOp("dns", "read", text(node.args[0]) if node.args else "", _rest(node), node=node)
    if name == "Update":
        prerequisites = text(argument(node, 1, "prerequisites"))
        guard = "" if prerequisites in ("", "()") else "prerequisites"
        return StoreOp("dns", "put", text(node.args[0]) if node.args else "", "", guard, node=node)
    return None


def _put_keys(source: str) -> str:
    found = re.findall(r"Put\(([\w.]+)", source)
    return found[0] if found else ""


def _rest(node: ast.Call) -> str:
    return ", ".join(text(a) for a in node.args[1:])
