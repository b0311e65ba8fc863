"""What is left of a report when comments and the baseline have spoken."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec

from holdfast.audit.accepting.baseline import Baseline, Entry
from holdfast.audit.values import RANK, Comment, Finding, Report, Tier


class Suppressed(msgspec.Struct, frozen=True):
    """A finding that a comment accepts, with the comment's reason."""

    finding: Finding
    reason: str
    line: int


class Verdict(msgspec.Struct, frozen=True):
    """`report` holds only findings that nobody accepted. `known` are those of the baseline, `gone` its entries
    that are found no more. `idle` are comments that suppress nothing: wrong ones, and those whose finding is gone.
    """

    report: Report
    suppressed: tuple[Suppressed, ...] = ()
    known: tuple[Finding, ...] = ()
    gone: tuple[Entry, ...] = ()
    idle: tuple[Comment, ...] = ()


def document(verdict: Verdict) -> dict[str, Any]:
    """For programs: the report's own keys, and beside them what was accepted."""
    whole: dict[str, Any] = msgspec.to_builtins(verdict)
    report: dict[str, Any] = whole.pop("report")
    del report["comments"]
    return {**report, **whole}


def judge(report: Report, least: Tier, rules: Collection[str], baseline: Baseline | None = None) -> Verdict:
    """Comments first, then the baseline. Findings below `least` or of other rules are in none of the lists."""
    used: set[Comment] = set()
    suppressed, kept, known = [], [], []
    for finding in report.findings:
        comment = _comment(finding, report.comments)
        if comment is not None:
            used.add(comment)
        if RANK[finding.tier] > RANK[least] or finding.rule not in rules:
            continue
        if comment is not None:
            suppressed.append(Suppressed(finding, comment.reason, comment.line))
        elif baseline is not None and finding.fingerprint in baseline.fingerprints:
            known.append(finding)
        else:
            kept.append(finding)
    everywhere = {finding.fingerprint for finding in report.findings}
    gone = () if baseline is None else tuple(e for e in baseline.entries if e.fingerprint not in everywhere)
    return Verdict(
        report=msgspec.structs.replace(report, findings=tuple(kept)),
        suppressed=tuple(suppressed),
        known=tuple(known),
        gone=gone,
        idle=tuple(comment for comment in report.comments if comment not in used),
    )


def _comment(finding: Finding, comments: Collection[Comment]) -> Comment | None:
    places = {(p.file, p.line) for p in (finding.check, finding.gap, finding.act) if p is not None}
    for comment in comments:
        if (comment.file, comment.target) in places and finding.rule in comment.rules and not comment.problem:
            return comment
    return None
