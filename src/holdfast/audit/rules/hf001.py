"""HF001, check-await-act: a branch is taken on something shared, others run, and then it is changed on the
strength of what the branch had seen.

Silent when the same path is looked at again after the gap, was written before it (a claim), or a lock that was
held at the look is held still.
"""

from __future__ import annotations

import ast

from holdfast.audit.flow.events import Draft, View, Write
from holdfast.audit.flow.paths import Path
from holdfast.audit.flow.state import Check, Gap
from holdfast.audit.rules.evidence import Evidence, calls_in, decided_after, surroundings
from holdfast.audit.tables.containers import ADDS, TAKES
from holdfast.audit.tables.contracts import MAKES, RESOURCE
from holdfast.audit.values import Dependence


def written(view: View, write: Write) -> None:
    """A path is changed: which stale checks does that hang on?"""
    if write.tolerant:
        return
    for check, gap in view.stale_checks():
        if gap.how != "io" and related(check, write):
            view.draft(_draft(view, check, gap, write))


def related(check: Check, write: Write) -> bool:
    """Whether the check was about what the write changes."""
    seen, changed = check.reading.path, write.path
    if seen == changed:
        return True
    if write.how in ("assign", "augment") and seen.extends(changed):
        return seen.parts[len(changed.parts)].startswith(".")
    # `if len(self.pool) < limit: ... self.pool[k] = c`, and `if self.waiting: ... self.waiting.remove(w)`
    grown = changed.extends(seen) and len(changed.parts) == len(seen.parts) + 1 and changed.parts[-1][0] == "["
    return grown and (check.kind in ("compare", "call") or write.how in TAKES)


def _draft(view: View, check: Check, gap: Gap, write: Write) -> Draft:
    path = check.reading.path
    evidence = weigh(view, check, gap, write)
    return Draft(
        rule="HF001",
        path=path.text,
        check=check.node,
        gap=gap.node,
        act=write.place or write.node,
        dependence=Dependence.CONTROL,
        why=_why(path, check, gap),
        fix=_fix(path, check, write),
        for_=tuple(evidence.for_),
        against=tuple(evidence.against),
        notes=tuple(evidence.notes),
        doubtful=path.root not in ("self", "class", "global"),
    )


def weigh(view: View, check: Check, gap: Gap, write: Write) -> Evidence:
    """What speaks for harm, and what speaks for one caller at a time or for an act that does none."""
    found = surroundings(view, gap)
    absent = check.present is False and check.kind in ("none", "member", "truth")
    exact = check.reading.path == write.path
    if exact and absent and check.direct and _makes(write, check):
        _weigh_making(found, check, gap, write)
    if exact and check.direct and check.kind in ("truth", "compare") and write.how in TAKES - {"clear"}:
        found.for_.append("the second caller takes from what the first has emptied")
    grows = write.how in ADDS or (write.how == "assign" and write.path.parts[-1][0] == "[")
    if check.kind == "compare" and grows and f"len({check.reading.path.text})" in _text(check.node):
        found.for_.append("callers that pass the limit together overshoot it together")
    if write.how == "delete" and exact and check.present:
        found.for_.append("the second caller deletes what is gone, and fails")
    if _resets(write, check):
        found.against.append("the act only resets it")
    if _is_constant(write) and (again := decided_after(view, gap)):
        found.against.append(f"the act is decided by another test after the gap: {_text(again)[:80]}")
    if not check.direct:
        found.against.append("the test is of something that a call made of it")
    if check.loop:
        found.against.append("the check is the condition of a loop, often of its only user")
    return found


def _weigh_making(found: Evidence, check: Check, gap: Gap, write: Write) -> None:
    # A context manager closes what it made: only what is stored, or done before a flag is set, is left twice.
    inside = isinstance(gap.node, ast.AsyncWith | ast.AsyncFor)
    names = calls_in(write.node) + ([] if inside else calls_in(gap.node))
    made = next((n for n in names if MAKES.search(n) or RESOURCE.search(n)), "")
    if made:
        found.for_.append(f"two callers that both find it missing both call {made}; one result is lost or leaks")
    elif _holds_little(write.value.node):
        found.for_.append("the second caller replaces what the first has begun to fill")
    else:
        found.notes.append("two callers that both find it missing both do the work")


def _makes(write: Write, check: Check) -> bool:
    return write.how == "assign" and not _resets(write, check)


def _is_constant(write: Write) -> bool:
    node = write.value.node
    return write.how == "assign" and (
        isinstance(node, ast.Constant) or (isinstance(node, ast.Attribute) and node.attr.isupper())
    )


def _resets(write: Write, check: Check) -> bool:
    node = write.value.node
    if write.how == "clear":
        return True
    if write.how != "assign":
        return False
    emptied = _empty(node) or (isinstance(node, ast.Tuple | ast.List | ast.Set) and not node.elts)
    emptied = emptied or (isinstance(node, ast.Dict) and not node.keys)
    return (isinstance(node, ast.Constant) and not node.value) or (emptied and check.present is not False)


def _holds_little(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Dict | ast.List | ast.Set) or _empty(node)


def _empty(node: ast.AST | None) -> bool:
    return (
        isinstance(node, ast.Call)
        and not node.args
        and isinstance(node.func, ast.Name)
        and node.func.id in ("set", "list", "dict", "deque", "defaultdict", "OrderedDict", "Counter")
    )


def _text(node: ast.AST) -> str:
    try:
        return ast.unparse(node)
    except (RecursionError, ValueError):
        return ""


def _why(path: Path, check: Check, gap: Gap) -> str:
    between = {"await": "the await", "yield": "the yield"}.get(gap.how, f"`{gap.how}`")
    seen = "as it was" if check.present is None else "as present" if check.present else "as absent"
    return (
        f"Whoever else runs during {between} can change {path.text}, or pass the same check; "
        f"the act still treats it {seen}."
    )


def _fix(path: Path, check: Check, write: Write) -> str:
    if check.present is False and _makes(write, check):
        return (
            f"Hold one asyncio.Lock from the check to the act, and check {path.text} again inside it; or store a "
            f"task in {path.text} before the first await, and await that."
        )
    if write.how in TAKES or write.how == "delete":
        return "Take it out before the await (pop with a default): one caller gets it. Put it back on failure."
    return f"Check {path.text} again after the await, right before the act; or hold one lock over both."
