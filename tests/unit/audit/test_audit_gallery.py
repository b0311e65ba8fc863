"""Every rule on the gallery of snippets that must be found and snippets that must not."""

from __future__ import annotations

import pytest
from gallery_of import expected, snippets

from holdfast.audit.engine import audit_texts
from holdfast.audit.sources import Source
from holdfast.audit.values import Finding


@pytest.mark.parametrize(("name", "text"), [pytest.param(n, t, id=n) for n, t in snippets()])
def test_exactly_the_marked_lines_are_found(name: str, text: str) -> None:
    """A finding on each marked line, of the marked rule and tier; no finding above low elsewhere."""
    report = audit_texts([Source("snippet.py", "snippet", text)])
    assert not report.unread
    marks = expected(text)
    for line, rule, tier in marks:
        assert any(_is(f, line, rule, tier) for f in report.findings), f"{name}: {rule} {tier} at line {line}"
    others = [f for f in report.findings if not any(_is(f, line, rule, "") for line, rule, _ in marks)]
    assert [(f.act.line, f.rule) for f in others if f.tier.value != "low"] == []


def _is(finding: Finding, line: int, rule: str, tier: str) -> bool:
    return finding.act.line == line and finding.rule == rule and tier in ("", finding.tier.value)
