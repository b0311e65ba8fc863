"""A file's outline: the same walk as the audit's, with an ear for what callers have to know."""

from __future__ import annotations

import ast

from holdfast.audit.drafts import place_of
from holdfast.audit.flow.base import Listeners
from holdfast.audit.flow.events import Called, Draft, Scope, Stored, View, Write
from holdfast.audit.flow.locks import dotted
from holdfast.audit.flow.paths import Path
from holdfast.audit.flow.scopes import scopes
from holdfast.audit.flow.state import Reading, State
from holdfast.audit.flow.statements import Statements
from holdfast.audit.project.facts import Parts, WriteFact
from holdfast.audit.project.outlines import CallOutline, ClassOutline, FunctionOutline, Outline
from holdfast.audit.sources import Parsed
from holdfast.audit.values import Place

_ENTRY = Path("store", ("entry",))


class Recorder(Statements):
    """Walks one function and keeps what its callers have to know."""

    def __init__(self, scope: Scope, parsed: Parsed, lines: list[str], imports: frozenset[str]) -> None:
        view = View(scope, State(), place_of(parsed.source), _no_draft, stores=imports)
        super().__init__(view, Listeners((self._written,), (self._stored,), (self._called,)))
        self._file = parsed.source.file
        self._lines = lines
        self._entry = Reading(_ENTRY, scope.node)
        self._awaited: set[str] = set()
        self._calls: set[CallOutline] = set()
        self._tested: set[Parts] = set()
        self._early: dict[Parts, WriteFact] = {}
        self._late: dict[Parts, WriteFact] = {}
        self.found = FunctionOutline(scope.name, isinstance(scope.node, ast.AsyncFunctionDef))

    def outline(self) -> FunctionOutline:
        """Walk, and say what was heard."""
        node = self.scope.node
        assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        self.found.trivial = _trivial(node)
        self.state.read(self._entry)
        self.walk(node.body)
        self.found.awaited = tuple(sorted(self._awaited))
        self.found.calls = tuple(sorted(self._calls, key=lambda c: (c.reference, c.held)))
        self.found.tested = tuple(sorted(self._tested))
        self.found.early, self.found.late = tuple(self._early.items()), tuple(self._late.items())
        return self.found

    def gap(self, node: ast.AST, how: str) -> None:
        """Remember who is waited for."""
        reference = (
            dotted(node.value.func) if isinstance(node, ast.Await) and isinstance(node.value, ast.Call) else ""
        )
        if reference:
            self._awaited.add(reference)
        elif how != "io":
            self.found.own = True
        super().gap(node, how)

    def branch(self, test: ast.expr, loop: bool = False) -> tuple[State, State]:
        """Remember what is tested."""
        yes, no = super().branch(test, loop)
        for check in yes.checks:
            if (parts := _parts(check.reading.path)) is not None:
                self._tested.add(parts)
        return yes, no

    def _written(self, view: View, write: Write) -> None:
        parts = _parts(write.path)
        if parts is None or write.tolerant or view.state.held or write.how not in ("assign", "augment", "delete"):
            return
        if any(c.reading.path == write.path for c in view.state.checks):
            return
        line = getattr(write.node, "lineno", 1)
        text = self._lines[line - 1].strip()[:160]
        fact = WriteFact(write.how, Place(self._file, line, getattr(write.node, "col_offset", 0) + 1, text))
        (self._late if self._entry in view.state.gaps else self._early).setdefault(parts, fact)

    def _called(self, view: View, event: Called) -> None:
        self._calls.add(CallOutline(event.reference, bool(view.state.held)))

    def _stored(self, view: View, event: Stored) -> None:
        if (
            event.op.verb in ("put", "delete")
            and not event.op.guard
            and event.op.known
            and event.op.store != "file"
        ):
            self.found.unfenced = f"{event.op.store} without a condition"


def outline(parsed: Parsed, imports: frozenset[str]) -> Outline:
    """The outline of one file; of files without coroutines only names and calls."""
    found = Outline(parsed.source.file, parsed.source.module, _imports(parsed))
    for node in ast.walk(parsed.tree):
        if isinstance(node, ast.ClassDef):
            found.classes.setdefault(node.name, _class(node))
    all_scopes = list(scopes(parsed.tree))
    if any(isinstance(s.node, ast.AsyncFunctionDef) or s.generators_suspend for s in all_scopes):
        lines = parsed.source.text.split("\n")
        for scope in all_scopes:
            found.functions[scope.name] = Recorder(scope, parsed, lines, imports).outline()
    return found


def _no_draft(draft: Draft) -> None:
    """An outline has no findings."""


def _parts(path: Path) -> Parts | None:
    """Paths that mean the same in a caller: attributes of self, and globals."""
    if path.root == "self" and len(path.parts) > 1 and all(p[0] == "." for p in path.parts[1:]):
        return ("self", *path.parts[1:])
    return path.parts if path.root == "global" and len(path.parts) == 1 else None


def _trivial(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Abstract, or empty: an override will do something."""
    body = [s for s in node.body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]
    return all(isinstance(s, ast.Pass | ast.Raise) for s in body)


def _imports(parsed: Parsed) -> dict[str, str]:
    found: dict[str, str] = {}
    package = parsed.source.module.split(".")
    if not parsed.source.file.endswith("__init__.py"):
        package = package[:-1]
    for node in ast.walk(parsed.tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                first = name.name.partition(".")[0]
                found[name.asname or first] = name.name if name.asname else first
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module or "") if part)
            found.update({n.asname or n.name: f"{module}.{n.name}" for n in node.names})
    return found


def _class(node: ast.ClassDef) -> ClassOutline:
    """Attribute types by annotation, `self.x = Class(...)`, and `self.x = parameter` where that is annotated."""
    attributes: dict[str, str] = {}
    for part in ast.walk(node):
        if isinstance(part, ast.AnnAssign):
            name = dotted(part.target).removeprefix("self.")
            attributes.setdefault(name, _annotation(part.annotation))
        elif isinstance(part, ast.FunctionDef) and part.name == "__init__":
            typed = {
                a.arg: _annotation(a.annotation) for a in (*part.args.args, *part.args.kwonlyargs) if a.annotation
            }
            for statement in ast.walk(part):
                if isinstance(statement, ast.Assign):
                    for target in statement.targets:
                        if dotted(target).startswith("self."):
                            attributes.setdefault(dotted(target)[5:], _made(statement.value, typed))
    return ClassOutline(
        node.name, tuple(filter(None, map(dotted, node.bases))), {k: v for k, v in attributes.items() if v}
    )


def _annotation(node: ast.expr | None) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value.partition("|")[0].strip()
    if isinstance(node, ast.BinOp):
        return _annotation(node.left)
    if isinstance(node, ast.Subscript) and dotted(node.value).endswith("Optional"):
        return _annotation(node.slice)
    return dotted(node) if node is not None else ""


def _made(value: ast.expr, typed: dict[str, str]) -> str:
    if isinstance(value, ast.Name):
        return typed.get(value.id, "")
    return dotted(value.func) if isinstance(value, ast.Call) else ""
