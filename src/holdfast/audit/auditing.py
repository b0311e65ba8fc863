"""One file's audit: every function walked, every rule asked."""

from __future__ import annotations

import ast

import msgspec

from holdfast.audit.drafts import Drafting
from holdfast.audit.flow.events import Draft, Scope, View
from holdfast.audit.flow.scopes import scopes
from holdfast.audit.flow.state import State
from holdfast.audit.flow.statements import Statements
from holdfast.audit.project.outlines import FileFacts, Outline
from holdfast.audit.project.outlining import outline
from holdfast.audit.rules import FUNCTIONS, LISTENERS
from holdfast.audit.sources import Parsed, Source, parse
from holdfast.audit.tables.stores import NAMES, WRITING
from holdfast.audit.values import Comment, Finding, Unread

GIVES_WAY = (ast.Await, ast.AsyncFor, ast.AsyncWith, ast.Yield, ast.YieldFrom)


class FileAudit(msgspec.Struct):
    """What one file gave."""

    findings: list[Finding] = []
    unread: Unread | None = None
    lines: int = 0
    functions: int = 0
    comments: tuple[Comment, ...] = ()


def audit_source(source: Source, facts: FileFacts | None = None) -> FileAudit:
    """Audit one file's text. `facts`: what linking knows of the project's functions."""
    parsed = parse(source)
    if isinstance(parsed, Unread):
        return FileAudit(unread=parsed)
    try:
        return _audit(parsed, facts or FileFacts())
    except RecursionError:
        return FileAudit(unread=Unread(source.file, 0, "nested too deeply to audit"))


def outline_source(source: Source) -> Outline | None:
    """The outline of one file; None if it can't be read."""
    parsed = parse(source)
    if isinstance(parsed, Unread):
        return None
    try:
        return outline(parsed, imported(parsed.tree))
    except RecursionError:
        return None


def _audit(parsed: Parsed, facts: FileFacts) -> FileAudit:
    drafting = Drafting(parsed.source)
    imports = imported(parsed.tree)
    functions = 0
    for scope in scopes(parsed.tree):
        functions += 1
        audit_function(scope, drafting, imports, facts)
    return FileAudit(drafting.findings(), lines=_lines(parsed.source.text), functions=functions)


def audit_function(scope: Scope, drafting: Drafting, imports: frozenset[str], facts: FileFacts) -> None:
    """Walk one function."""

    def draft(found: Draft) -> None:
        drafting.add(scope, found)

    assert not isinstance(scope.node, ast.Lambda)
    view = View(scope, State(), drafting.place, draft, stores=imports, lines=drafting.lines)
    view.known = facts.known.get(scope.name, {})
    view.callers = facts.callers.get(scope.name, -1)
    if scope.name in facts.held:
        view.state.held = frozenset({"a lock of every caller"})
    if _interesting(scope):
        Statements(view, LISTENERS).walk(scope.node.body)
    for rule in FUNCTIONS:
        rule(view)


def _interesting(scope: Scope) -> bool:
    """Whether anything in it can give way, or looks like an operation on a store."""
    for node in ast.walk(scope.node):
        if isinstance(node, GIVES_WAY) and scope.generators_suspend:
            return True
        if isinstance(node, ast.Attribute) and (node.attr in NAMES or WRITING.match(node.attr)):
            return True
    return False


def imported(tree: ast.Module) -> frozenset[str]:
    """Top-level modules that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(a.name.partition(".")[0] for a in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return frozenset(found)


def _lines(text: str) -> int:
    return text.count("\n") + (not text.endswith("\n") and text != "")
