"""From drafts to findings: places, tier, fingerprint."""

from __future__ import annotations

import ast
from collections import Counter

from holdfast.audit.flow.events import Draft, Scope
from holdfast.audit.sources import Source
from holdfast.audit.values import Finding, Place, Tier, fingerprint

WIDEST = 160
"""Characters of source shown for a place."""


class Drafting:
    """Collects the findings of one file; one per rule, act and path."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._lines = source.text.split("\n")
        self._seen: set[tuple[str, str, int, int]] = set()
        self._ordinals: Counter[tuple[str, ...]] = Counter()
        self.findings: list[Finding] = []

    def add(self, scope: Scope, draft: Draft) -> None:
        """Turn a draft into a finding, unless it is known."""
        act, check = self._place(draft.act), self._place(draft.check)
        key = (draft.rule, draft.path, act.line, act.column)
        if key in self._seen:
            return
        self._seen.add(key)
        same = (draft.rule, scope.name, draft.path, check.text, act.text)
        self.findings.append(
            Finding(
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
                evidence=(*(f"+ {e}" for e in draft.for_), *(f"- {e}" for e in draft.against)),
                fingerprint=fingerprint(
                    draft.rule,
                    self._source.module,
                    scope.name,
                    draft.path,
                    (check.text, act.text),
                    self._ordinals[same],
                ),
            )
        )
        self._ordinals[same] += 1

    def _place(self, node: ast.AST) -> Place:
        line = getattr(node, "lineno", 1)
        column = getattr(node, "col_offset", 0)
        text = self._lines[line - 1].strip() if line <= len(self._lines) else ""
        return Place(self._source.file, line, column + 1, text[:WIDEST])


def tier(draft: Draft) -> Tier:
    """High needs something for it and nothing against it; low has only something against it, or is doubtful."""
    if draft.doubtful:
        return Tier.LOW
    if draft.for_ and not draft.against:
        return Tier.HIGH
    return Tier.LOW if draft.against and not draft.for_ else Tier.MEDIUM
