"""HF004, read then unconditional write: a row, object or record is read, and then written or deleted on the
strength of what was read, by an operation that does not say "if it is still so".

Silent when the operation is conditional (the table of stores knows), computes in the store, the row was read for
update, or a lock spans both.
"""

from __future__ import annotations

import ast

from holdfast.audit.flow.events import Draft, Stored, View
from holdfast.audit.flow.state import Check, Gap
from holdfast.audit.rules.evidence import Evidence, surroundings
from holdfast.audit.rules.storing import checked, derived, handles_duplicates, thing
from holdfast.audit.tables.fixes import WRITE
from holdfast.audit.tables.stores import StoreOp
from holdfast.audit.values import Dependence


def stored(view: View, event: Stored) -> None:
    """Something is written or deleted: on the strength of an earlier reading?"""
    op = event.op
    if op.verb not in ("put", "delete") or op.guard or handles_duplicates(event) or op.store == "file":
        return
    if op.verb == "put":
        for reading, read, gap in derived(view, event):
            found = _surroundings(view, event, gap)
            found.for_.append("what is written is computed from what was read")
            view.draft(_draft(event, reading.node, read, gap, Dependence.DATA, found))
            return
    for check, read, gap in checked(view, op):
        found = _surroundings(view, event, gap)
        _weigh(found, check, op)
        view.draft(_draft(event, check.reading.node, read, gap, Dependence.CONTROL, found))
        return


def _surroundings(view: View, event: Stored, gap: Gap | None) -> Evidence:
    return surroundings(view, gap or Gap(event.node, "io"))


def _weigh(found: Evidence, check: Check, op: StoreOp) -> None:
    if check.kind in ("none", "truth", "call", "member"):
        if op.verb == "delete":
            found.against.append("the check only asks whether it is there; deleting it twice is mostly harmless")
        elif check.present is False:
            found.against.append("what is missing is filled in; two fills are mostly alike")
        else:
            found.against.append("the check only asks whether it is there")
    elif check.kind == "compare":
        found.for_.append(f"the {op.verb} is right only while the compared value stays as it was read")


def _draft(
    event: Stored, check: ast.AST, read: StoreOp, gap: Gap | None, how: Dependence, found: Evidence
) -> Draft:
    return Draft(
        rule="HF004",
        path=thing(read),
        check=check,
        gap=gap.node if gap is not None else event.node,
        act=event.node,
        dependence=how,
        why=f"Another process can change {thing(read)} after it was read; this {event.op.verb} would undo that.",
        fix=WRITE.get(event.op.store, WRITE[""]),
        for_=tuple(found.for_),
        against=tuple(found.against),
        notes=tuple(found.notes),
    )
