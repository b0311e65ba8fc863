"""HF002, lost update: something shared is read, others run, and a value derived from it is written back."""

from __future__ import annotations

import ast

from holdfast.audit.flow.events import Draft, View, Write
from holdfast.audit.rules.evidence import surroundings
from holdfast.audit.values import Dependence


def written(view: View, write: Write) -> None:
    """A path is changed: does the new value derive from its own old one, read before a gap?"""
    if write.how not in ("assign", "augment"):
        return
    for reading, gap in view.stale_readings(write.value):
        if reading.path != write.path or gap.how == "io":
            continue
        path = write.path.text
        kind = view.scope.kinds.get(path, "")
        if write.how == "augment" and kind == "container":
            continue  # `|=` and `+=` change the very object that others change, too
        direct = reading in write.value.readings and (write.how == "augment" or _direct(write.value.node))
        evidence = surroundings(view, gap)
        if write.how == "augment" and kind != "plain" and not isinstance(_operator(write.node), ast.Add | ast.Sub):
            evidence.against.append("it may be a set that changes in place")
        elif direct:
            evidence.for_.append("the new value is computed from the old one")
        else:
            evidence.against.append("the new value comes from a call that was given the old one")
        view.draft(
            Draft(
                rule="HF002",
                path=path,
                check=reading.node,
                gap=gap.node,
                act=write.node,
                dependence=Dependence.DATA,
                why=f"What others make of {path} during the gap is overwritten with a value computed without it.",
                fix=f"Await first, into a local; then read, compute and write {path} with no await in between.",
                for_=tuple(evidence.for_),
                against=tuple(evidence.against),
                doubtful=write.path.root not in ("self", "class", "global", "closure"),
            )
        )
        return


def _operator(node: ast.AST) -> ast.operator | None:
    return node.op if isinstance(node, ast.AugAssign) else None


def _direct(node: ast.AST | None) -> bool:
    return isinstance(node, ast.BinOp | ast.AugAssign)
