"""A report for people."""

from __future__ import annotations

from collections import Counter

from holdfast.audit.accepting.verdict import Verdict
from holdfast.audit.rules import TITLES
from holdfast.audit.values import Finding, Place, Report


def words(verdict: Verdict) -> str:
    """All findings, then one line that counts."""
    accepted = [
        f"{len(them):,} {how}"
        for them, how in ((verdict.suppressed, "accepted by a comment"), (verdict.known, "known by the baseline"))
        if them
    ]
    last = "; ".join([summary(verdict.report), *accepted])
    return "\n".join([*(finding(f) for f in verdict.report.findings), last])


def asides(verdict: Verdict) -> list[str]:
    """What is beside the findings: files not audited, comments that suppress nothing, findings that are gone."""
    rows = [unread(verdict.report)] if verdict.report.unread else []
    rows += [
        f"{c.file}:{c.line}: this comment suppresses nothing: {c.problem or 'there is no such finding here'}"
        for c in verdict.idle
    ]
    if verdict.gone:
        rows.append(
            f"{len(verdict.gone):,} findings of the baseline are gone; --update-baseline takes them out of it"
        )
    return rows


def finding(found: Finding) -> str:
    """One finding: what, check, gap, act, why, fix, evidence."""
    head = (
        f"{found.file}:{found.act.line}:{found.act.column}: {found.rule} {found.tier.value}: "
        f"{TITLES[found.rule]}: {found.path} in {found.function}"
    )
    rows = [head, _row("check", found.check, found.file)]
    if found.gap is not None:
        rows.append(_row("gap", found.gap, found.file))
    rows += [_row("act", found.act, found.file), f"  why    {found.why}", f"  fix    {found.fix}"]
    rows += [f"  {line}" for line in found.evidence]
    return "\n".join(rows) + "\n"


def _row(name: str, place: Place, file: str) -> str:
    where = f"{place.line}" if place.file == file else f"{place.file}:{place.line}"
    return f"  {name:<6} {where}: {place.text}"


def summary(report: Report) -> str:
    """Findings by tier, files, lines; files that could not be read, by reason."""
    tiers = Counter(f.tier.value for f in report.findings)
    counts = ", ".join(f"{tiers[t]:,} {t}" for t in ("high", "medium", "low") if tiers[t]) or "none"
    line = f"findings: {counts}; {report.files:,} files, {report.lines:,} lines, {report.functions:,} functions"
    return f"{line}; {len(report.unread):,} not read" if report.unread else line


def unread(report: Report, most: int = 20) -> str:
    """What was not audited, one line each."""
    rows = [f"{u.file}:{u.line}: not audited: {u.reason}" for u in report.unread[:most]]
    if len(report.unread) > most:
        rows.append(f"... and {len(report.unread) - most:,} more files; --format json lists all")
    return "\n".join(rows)
