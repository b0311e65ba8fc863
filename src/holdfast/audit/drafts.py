"""From drafts to findings: places, tier, fingerprint."""

from __future__ import annotations

import ast
from collections import Counter

from holdfast.audit.flow.events import Draft, Scope
from holdfast.audit.sources import Source
from holdfast.audit.tables.contracts import MIGRATION_FILE
from holdfast.audit.values import RANK, Finding, Place, Tier, fingerprint

WIDEST = 160
"""Characters of source shown for a place."""


class Drafting:
    """Collects the findings of one file: per function, rule, path and check the strongest, then the first."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.lines = tuple(source.text.split("\n"))
        self._found: dict[tuple[str, str, str, int, int], tuple[Scope, Draft]] = {}
        self.place = place_of(source)

    def add(self, scope: Scope, draft: Draft) -> None:
        """Keep a draft, unless a stronger one of the same check is known."""
        key = (draft.rule, scope.name, draft.path, *position(draft.check))
        known = self._found.get(key)
        if known is None or _order(draft) < _order(known[1]):
            self._found[key] = (scope, draft)

    def findings(self) -> list[Finding]:
        """All of the file, in its order."""
        ordinals: Counter[tuple[str, ...]] = Counter()
        found = []
        for scope, draft in sorted(self._found.values(), key=lambda f: (position(f[1].act), f[1].rule)):
            check, act = self._place(draft.check), self._place(draft.act)
            same = (draft.rule, scope.name, draft.path, check.text, act.text)
            key = fingerprint(draft.rule, self._source.module, scope.name, draft.path, same[3:], ordinals[same])
            ordinals[same] += 1
            found.append(self._finding(scope, draft, check, act, key))
        return found

    def _finding(self, scope: Scope, draft: Draft, check: Place, act: Place, key: str) -> Finding:
        return Finding(
            rule=draft.rule,
            tier=tier(draft),
            file=self._source.file,
            module=self._source.module,
            function=scope.name,
            path=draft.path,
            check=check,
            gap=None if draft.gap is None else self._place(draft.gap),
            act=act,
            dependence=draft.dependence,
            why=draft.why,
            fix=draft.fix,
            evidence=(
                *(f"+ {e}" for e in draft.for_),
                *(f"- {e}" for e in draft.against),
                *(f"  {e}" for e in draft.notes),
            ),
            fingerprint=key,
        )

    def _place(self, node: ast.AST | Place) -> Place:
        if isinstance(node, Place):
            return node
        line = getattr(node, "lineno", 1)
        column = getattr(node, "col_offset", 0)
        text = self.lines[line - 1].strip() if line <= len(self.lines) else ""
        return Place(self._source.file, line, column + 1, text[:WIDEST])


def place_of(source: Source) -> str:
    """The file within its package: names of folders above say nothing of it, but those of migrations do."""
    parts = source.file.replace("\\", "/").split("/")
    inside = source.module.count(".") + 1
    if len(parts) > inside and MIGRATION_FILE.search(f"/{parts[-inside - 1]}/"):
        inside += 1
    return "/".join(parts[-inside:])


def tier(draft: Draft) -> Tier:
    """High needs something for it and nothing against it; low has only something against it, or is doubtful."""
    if draft.doubtful:
        return Tier.LOW
    if draft.for_ and not draft.against:
        return Tier.HIGH
    return Tier.LOW if draft.against and not draft.for_ else Tier.MEDIUM


def position(node: ast.AST | Place) -> tuple[int, int]:
    """Line and column."""
    if isinstance(node, Place):
        return node.line, node.column
    return getattr(node, "lineno", 0), getattr(node, "col_offset", 0)


def _order(draft: Draft) -> tuple[int, tuple[int, int]]:
    return RANK[tier(draft)], position(draft.act)
