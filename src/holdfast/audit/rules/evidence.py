"""What the surroundings of a finding say for and against it."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from holdfast.audit.flow.events import View
from holdfast.audit.flow.state import Gap
from holdfast.audit.tables import contracts


@dataclass(slots=True)
class Evidence:
    """Words for, words against, and words that only explain."""

    for_: list[str] = field(default_factory=list)
    against: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def surroundings(view: View, gap: Gap) -> Evidence:
    """Who calls this, and how often at a time, as far as names tell."""
    found = Evidence()
    method = view.scope.name.rpartition(".")[2].lstrip("_").removeprefix("async_")
    owner = view.scope.owner.name if view.scope.owner is not None else ""
    if owner and contracts.SEQUENTIAL_CLASS.search(owner):
        found.against.append(f"a {owner} is used by one task at a time, by what its name says")
    if contracts.SEQUENTIAL_METHOD.match(method):
        found.against.append(f"{method} has one caller at a time, as with any stream")
    if contracts.STARTS.match(method):
        found.against.append(f"{method} runs once in the life of its object")
    if view.callers == 0 and contracts.OWNER.match(method):
        found.against.append(f"nothing in the project calls {method} again: its owner does, mostly once")
    if contracts.ENDS.match(method):
        found.against.append(f"{method} ends something: done twice it is mostly harmless")
    if gap.how == "yield":
        found.against.append("the gap is a yield to the consumer")
    if contracts.TEST_FILE.search(view.file):
        found.against.append("test code")
    if contracts.MIGRATION_FILE.search(view.file):
        found.against.append("a migration or a command runs alone")
    if contracts.EXAMPLE_FILE.search(view.file):
        found.against.append("an example")
    return found


def decided_after(view: View, gap: Gap) -> ast.AST | None:
    """A test after the gap that the act depends on, too: then newer knowledge decides."""
    end = (getattr(gap.node, "lineno", 0), getattr(gap.node, "col_offset", 0))
    for test in view.state.decisions:
        if (getattr(test, "lineno", 0), getattr(test, "col_offset", 0)) > end:
            return test
    return None


def calls_in(node: ast.AST) -> list[str]:
    """Names of what is called in an expression or a simple statement; of a compound one, in its head."""
    heads = [item.context_expr for item in node.items] if isinstance(node, ast.With | ast.AsyncWith) else [node]
    if isinstance(node, ast.For | ast.AsyncFor):
        heads = [node.iter]
    found = []
    for head in heads:
        for part in ast.walk(head):
            if isinstance(part, ast.Call):
                function = part.func
                name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
                if name:
                    found.append(name)
    return found
