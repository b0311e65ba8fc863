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
from holdfast.audit.tables.containers import ADDS, TAKES
from holdfast.audit.values import Dependence

SHARED_WELL = frozenset({"self", "class", "global"})
ONCE = (
    "__aenter__",
    "__aexit__",
    "__init__",
    "main",
    "_main",
    "amain",
    "lifespan",
    "setUp",
    "asyncSetUp",
    "tearDown",
)


def written(view: View, write: Write) -> None:
    """A path is changed: which stale checks does that hang on?"""
    if write.tolerant:
        return
    for check, gap in view.stale_checks():
        if related(check, write):
            view.draft(_draft(view, check, gap, write))
            return


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
    strong, weak = weigh(view, check, gap, write)
    path = check.reading.path
    return Draft(
        rule="HF001",
        path=path.text,
        check=check.node,
        gap=gap.node,
        act=write.node,
        dependence=Dependence.CONTROL,
        why=_why(path, check, gap, write),
        fix=_fix(path, check, write),
        for_=strong,
        against=weak,
        doubtful=path.root not in ("self", "class", "global"),
    )


def weigh(view: View, check: Check, gap: Gap, write: Write) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Evidence for and against."""
    strong, weak = [], []
    exact = check.reading.path == write.path
    if exact and check.present is False and check.kind in ("none", "member", "truth") and _makes(write):
        strong.append("two callers that both find it missing both make one; the later replaces the earlier")
    if exact and check.kind in ("truth", "compare", "call") and write.how in TAKES:
        strong.append("the second caller takes from what the first has emptied")
    if check.kind == "compare" and write.how in ADDS:
        strong.append("callers that pass the limit together overshoot it together")
    if _resets(write):
        weak.append("the act only resets it")
    if check.loop:
        weak.append("the check is the condition of a loop, often of its only user")
    if view.scope.name.rpartition(".")[2] in ONCE:
        weak.append("runs once in the life of its object")
    if gap.how == "yield":
        weak.append("the gap is a yield to the consumer")
    return tuple(strong), tuple(weak)


def _makes(write: Write) -> bool:
    return write.how == "assign" and not _resets(write)


def _resets(write: Write) -> bool:
    node = write.value.node
    return write.how == "assign" and isinstance(node, ast.Constant) and not node.value


def _why(path: Path, check: Check, gap: Gap, write: Write) -> str:
    between = {"await": "the await", "yield": "the yield"}.get(gap.how, f"`{gap.how}`")
    seen = "" if check.present is None else " as present" if check.present else " as absent"
    return (
        f"Whoever else runs during {between} can change {path.text}, or pass the same check; "
        f"the act still treats it{seen or ' as it was'}."
    )


def _fix(path: Path, check: Check, write: Write) -> str:
    if check.present is False and _makes(write):
        return (
            f"Hold one asyncio.Lock from the check to the act, and check {path.text} again inside it; or store a "
            f"task in {path.text} before the first await, and await that."
        )
    if write.how in TAKES or write.how == "delete":
        return "Take it out before the await (pop with a default): one caller gets it. Put it back on failure."
    return f"Check {path.text} again after the await, right before the act; or hold one lock over both."
