"""HF005, version checked early, applied late: which of two versions is newer is asked once, then others run, and
the older may be applied over the newer. The outage of October 2025.

Silent when the versions are compared again after the gap, or when the write itself carries what it requires: a
condition that the store checks. A condition on something else (a lock record, that a name exists) is no fence.
"""

from __future__ import annotations

import ast

from holdfast.audit.flow.events import Called, Draft, Stored, View
from holdfast.audit.flow.state import Check, Gap, Value
from holdfast.audit.rules.comparing import of_versions, text
from holdfast.audit.rules.evidence import Evidence, surroundings
from holdfast.audit.tables.versions import APPLIES, FENCED, REQUIRES
from holdfast.audit.values import Dependence


def stored(view: View, event: Stored) -> None:
    """A store is written: on the strength of an old comparison of versions?"""
    if event.op.verb not in ("put", "atomic") or event.op.guard:
        return
    _applied(view, event.node, event.value, f"an unconditional {event.op.store} write", True)


def called(view: View, event: Called) -> None:
    """Something is applied: by a function of the project that writes to a store, or by what its name says."""
    if event.awaited is None:
        return
    facts = view.known.get(event.reference)
    if facts is not None and facts.unfenced:
        _applied(view, event.awaited, event.value, f"{event.reference} writes {facts.unfenced}", True)
        return
    name = event.reference.rpartition(".")[2]
    fenced = any(FENCED.search(k.arg or "") for k in event.node.keywords) or REQUIRES.search(text(event.node))
    if APPLIES.match(name) and not fenced:
        _applied(view, event.awaited, event.value, "", False)


def _applied(view: View, node: ast.AST, value: Value, what: str, known: bool) -> None:
    for check, gap in _stale(view):
        compared = of_versions(check.node)
        assert compared is not None
        handed = check.reading in value.all or bool(_names(compared) & _names(node))
        if not handed and not known:
            continue
        found = surroundings(view, gap)
        _weigh(found, handed, what, known)
        view.draft(
            Draft(
                rule="HF005",
                path=text(compared),
                check=compared,
                gap=gap.node,
                act=node,
                dependence=Dependence.DATA if handed else Dependence.CONTROL,
                why=(
                    f"That `{text(compared)}` decided for this one was true when it was asked. Whoever is slow"
                    " after it applies the older over the newer."
                ),
                fix=(
                    "Make each write require it: a condition in the store on the version that is replaced (WHERE"
                    " version < :new, If-Match, a DNS prerequisite on a fence record, a compare-and-set, a fencing"
                    " token). Asking again before the write only makes the gap smaller."
                ),
                for_=tuple(found.for_),
                against=tuple(found.against),
                notes=tuple(found.notes),
            )
        )
        return


def _stale(view: View) -> list[tuple[Check, Gap]]:
    found = []
    for check in view.state.checks:
        gap = view.state.stale(check.reading)
        undecided = check.kind == "compare" or check.present is None
        if gap is not None and undecided and of_versions(check.node) is not None:
            found.append((check, gap))
    return found


def _names(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} - {
        "self",
        "cls",
        "int",
        "float",
        "max",
        "min",
    }


def _weigh(found: Evidence, handed: bool, what: str, known: bool) -> None:
    if known:
        found.for_.append(what)
    if handed:
        found.notes.append("the version that was compared is handed to the write")
    elif not known:
        found.against.append("what is applied does not derive from what was compared")
