"""All functions of a module, with the names around each."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from holdfast.audit.flow.events import Scope
from holdfast.audit.flow.locks import dotted, makes_lock

Function = ast.FunctionDef | ast.AsyncFunctionDef
COROUTINES = frozenset({"inlineCallbacks", "coroutine", "engine", "ensureDeferred"})
"""Decorators under which `yield` waits: Twisted, Tornado."""


def scopes(tree: ast.Module) -> Iterator[Scope]:
    """Every function, outer ones first."""
    names = _module_names(tree)
    locks = frozenset(_lock_names(tree))
    yield from _inside(tree.body, "", None, names, frozenset(), locks)


def _inside(
    body: list[ast.stmt],
    prefix: str,
    owner: ast.ClassDef | None,
    names: frozenset[str],
    closure: frozenset[str],
    locks: frozenset[str],
) -> Iterator[Scope]:
    for node in _definitions(body):
        if isinstance(node, ast.ClassDef):
            yield from _inside(
                node.body, f"{prefix}{node.name}.", node, names, closure, locks | frozenset(_lock_names(node))
            )
            continue
        scope = _scope(node, prefix, owner, names, closure, locks)
        yield scope
        inner = closure | scope.locals | scope.params
        yield from _inside(node.body, f"{prefix}{node.name}.<locals>.", None, names, inner, locks)


def _definitions(body: list[ast.stmt]) -> Iterator[Function | ast.ClassDef]:
    """Functions and classes in a body, also under `if` and `try`, but not inside of one another."""
    stack: list[ast.AST] = list(reversed(body))
    while stack:
        node = stack.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node
        elif not isinstance(node, ast.expr):
            stack.extend(reversed([c for c in ast.iter_child_nodes(node) if not isinstance(c, ast.expr)]))


def _scope(
    node: Function,
    prefix: str,
    owner: ast.ClassDef | None,
    names: frozenset[str],
    closure: frozenset[str],
    locks: frozenset[str],
) -> Scope:
    arguments = node.args
    params = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    params += [a.arg for a in (arguments.vararg, arguments.kwarg) if a is not None]
    decorators = {dotted(d.func if isinstance(d, ast.Call) else d).rpartition(".")[2] for d in node.decorator_list}
    self_name = ""
    if owner is not None and params and "staticmethod" not in decorators:
        self_name = params[0]
    inside = _Names()
    inside.read(node)
    declared = dict.fromkeys(inside.globals, "global") | dict.fromkeys(inside.nonlocals, "closure")
    return Scope(
        name=f"{prefix}{node.name}",
        node=node,
        self_name=self_name or ("self" if "self" in closure and "self" not in params else ""),
        owner=owner,
        params=frozenset(params),
        locals=frozenset(inside.bound) - frozenset(declared) - frozenset(params),
        globals=names - frozenset(params),
        declared=declared,
        closure=closure,
        lock_paths=locks,
        kinds=_kinds(owner) if owner is not None else {},
        generators_suspend=isinstance(node, ast.AsyncFunctionDef) or bool(decorators & COROUTINES),
    )


class _Names:
    """Names that a function binds, without those of functions inside of it."""

    def __init__(self) -> None:
        self.bound: set[str] = set()
        self.globals: set[str] = set()
        self.nonlocals: set[str] = set()

    def read(self, function: Function) -> None:
        stack: list[ast.AST] = list(function.body)
        while stack:
            node = stack.pop()
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                self.bound.add(node.name)
                continue
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
                self.bound.add(node.id)
            elif isinstance(node, ast.Global):
                self.globals.update(node.names)
            elif isinstance(node, ast.Nonlocal):
                self.nonlocals.update(node.names)
            elif isinstance(node, ast.Import | ast.ImportFrom):
                self.bound.update((a.asname or a.name).partition(".")[0] for a in node.names)
            elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
                self.bound.add(node.name)
            stack.extend(ast.iter_child_nodes(node))


def _kinds(owner: ast.ClassDef) -> dict[str, str]:
    """What kind of object an attribute holds at first, where a literal shows it: `self.total = 0`."""
    found: dict[str, str] = {}
    for node in ast.walk(owner):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if name := dotted(target):
                    found.setdefault(name if "." in name else f"self.{name}", _kind(node.value))
    return found


def _kind(node: ast.expr) -> str:
    if isinstance(node, ast.List | ast.Set | ast.Dict | ast.ListComp | ast.SetComp | ast.DictComp):
        return "container"
    if isinstance(node, ast.Call):
        name = dotted(node.func).rpartition(".")[2]
        return (
            "container" if name in ("set", "list", "dict", "deque", "bytearray", "defaultdict", "Counter") else ""
        )
    if isinstance(node, ast.Constant) and node.value is not None:
        return "plain"
    return ""


def _module_names(tree: ast.Module) -> frozenset[str]:
    """Names assigned at module level: shared by all tasks of the process. Constants by their capitals are not."""
    found: set[str] = set()
    for node in tree.body:
        targets = (
            node.targets
            if isinstance(node, ast.Assign)
            else [node.target]
            if isinstance(node, ast.AnnAssign)
            else []
        )
        found.update(t.id for t in targets if isinstance(t, ast.Name))
    return frozenset(found)


def _lock_names(tree: ast.AST) -> Iterator[str]:
    """`self._gate = asyncio.Lock()` anywhere in a class or module makes `self._gate` a lock."""
    for node in ast.walk(tree):
        value = getattr(node, "value", None)
        if isinstance(node, ast.Assign) and makes_lock(value):
            yield from (dotted(t) for t in node.targets)
        elif isinstance(node, ast.AnnAssign) and makes_lock(value):
            name = dotted(node.target)
            yield name
            yield f"self.{name}"
