"""HF003, find-then-create: a store is asked whether something is there, and if not it is created; another process
that asked in between creates it, too.

Silent when the create itself looks (`ON CONFLICT`, `get_or_create`, `NX`, exclusive modes), when the store's
refusal is caught, and under a lock.
"""

from __future__ import annotations

from holdfast.audit.flow.events import Draft, Stored, View
from holdfast.audit.flow.state import Gap
from holdfast.audit.rules.evidence import surroundings
from holdfast.audit.rules.storing import checked, handles_duplicates, thing
from holdfast.audit.tables.fixes import CREATE
from holdfast.audit.values import Dependence


def stored(view: View, event: Stored) -> None:
    """Something is created: is that because an earlier look had not found it?"""
    op = event.op
    if op.verb != "create" or op.exclusive or op.guard or handles_duplicates(event):
        return
    for check, read, gap in checked(view, op):
        if check.present is True or check.kind == "compare":
            continue
        found = surroundings(view, gap or Gap(event.node, "io"))
        if op.store == "file":
            found.against.append("a local file is mostly made by one process")
        elif not op.known:
            found.notes.append("that both are about the same thing is read from their names")
        elif check.present is False:
            found.for_.append(f"two callers that both find nothing both create in {thing(op)}")
        view.draft(
            Draft(
                rule="HF003",
                path=thing(read),
                check=check.reading.node,
                gap=gap.node if gap is not None and gap.how != "io" else event.node,
                act=event.node,
                dependence=Dependence.CONTROL,
                why=(
                    f"Between the look and the create another process can create it: a second one, or a refusal"
                    f" of {op.store} that nobody catches."
                ),
                fix=CREATE[op.store],
                for_=tuple(found.for_),
                against=tuple(found.against),
                notes=tuple(found.notes),
            )
        )
        return
