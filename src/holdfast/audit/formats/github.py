"""Annotations in GitHub's workflow commands: a line for each finding, shown beside the code of a pull request."""

from __future__ import annotations

from holdfast.audit.accepting.verdict import Verdict
from holdfast.audit.rules import TITLES
from holdfast.audit.values import Finding, Tier

LEVEL = {Tier.HIGH: "error", Tier.MEDIUM: "warning", Tier.LOW: "notice"}


def commands(verdict: Verdict) -> str:
    """All findings and unread files, a line each."""
    unread = (
        f"::warning file={_property(u.file)},line={max(u.line, 1)},title=not audited::{_data(u.reason)}"
        for u in verdict.report.unread
    )
    return "\n".join([*map(_finding, verdict.report.findings), *unread])


def _finding(finding: Finding) -> str:
    title = f"{finding.rule} {TITLES[finding.rule]}"
    said = [f"{finding.path} in {finding.function}", f"check, line {finding.check.line}: {finding.check.text}"]
    if finding.gap is not None:
        said.append(f"gap, line {finding.gap.line}: {finding.gap.text}")
    said += [finding.why, f"Fix: {finding.fix}"]
    where = f"file={_property(finding.act.file)},line={finding.act.line},col={finding.act.column}"
    return f"::{LEVEL[finding.tier]} {where},title={_property(title)}::{_data(chr(10).join(said))}"


def _data(text: str) -> str:
    """Escapes of the toolkit's `escapeData`."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """Escapes of the toolkit's `escapeProperty`."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
