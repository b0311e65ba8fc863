"""SARIF 2.1.0 (OASIS): one run, a result for each finding, its check and gap as a code flow and related places.

Findings that a comment or the baseline accepts are results with `suppressions`, as the standard has it: viewers
hide them, and know them when they come back.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from holdfast import __version__
from holdfast.audit.accepting.verdict import Verdict
from holdfast.audit.rules import TITLES
from holdfast.audit.values import Finding, Place, Tier, Unread

LEVEL = {Tier.HIGH: "error", Tier.MEDIUM: "warning", Tier.LOW: "note"}
PRECISION = {Tier.HIGH: "high", Tier.MEDIUM: "medium", Tier.LOW: "low"}
FINGERPRINT = "holdfastAudit/v1"
_RULES = tuple(TITLES)


def log(verdict: Verdict) -> dict[str, Any]:
    """The whole log, ready for JSON."""
    return {
        "version": "2.1.0",
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "runs": [
            {
                "tool": {"driver": _driver()},
                "columnKind": "unicodeCodePoints",
                "invocations": [
                    {
                        "executionSuccessful": True,
                        "toolExecutionNotifications": [_notification(u) for u in verdict.report.unread],
                    }
                ],
                "results": list(_results(verdict)),
            }
        ],
    }


def _driver() -> dict[str, Any]:
    rules = [{"id": rule, "name": rule, "shortDescription": {"text": title}} for rule, title in TITLES.items()]
    return {"name": "holdfast audit", "version": __version__, "rules": rules}


def _results(verdict: Verdict) -> Iterator[dict[str, Any]]:
    for finding in verdict.report.findings:
        yield _result(finding)
    for one in verdict.suppressed:
        yield {**_result(one.finding), "suppressions": [{"kind": "inSource", "justification": one.reason}]}
    for finding in verdict.known:
        yield {**_result(finding), "suppressions": [{"kind": "external", "justification": "in the baseline"}]}


def _result(finding: Finding) -> dict[str, Any]:
    return {
        "ruleId": finding.rule,
        "ruleIndex": _RULES.index(finding.rule),
        "level": LEVEL[finding.tier],
        "message": {"text": f"{finding.path} in {finding.function}: {finding.why}\nFix: {finding.fix}"},
        "locations": [
            {
                **_location(finding.act),
                "logicalLocations": [
                    {"fullyQualifiedName": f"{finding.module}.{finding.function}", "kind": "function"}
                ],
            }
        ],
        "relatedLocations": [
            {**_location(place), "id": number, "message": {"text": role}}
            for number, (role, place) in enumerate(_steps(finding)[:-1])
        ],
        "codeFlows": [
            {
                "threadFlows": [
                    {
                        "locations": [
                            {"location": {**_location(place), "message": {"text": role}}}
                            for role, place in _steps(finding)
                        ]
                    }
                ]
            }
        ],
        "partialFingerprints": {FINGERPRINT: finding.fingerprint},
        "properties": {"tier": PRECISION[finding.tier], "evidence": list(finding.evidence)},
    }


def _steps(finding: Finding) -> list[tuple[str, Place]]:
    gap = [("gap: others run here", finding.gap)] if finding.gap is not None else []
    return [("check", finding.check), *gap, ("act", finding.act)]


def _location(place: Place) -> dict[str, Any]:
    return {
        "physicalLocation": {
            "artifactLocation": _artifact(place.file),
            "region": {"startLine": place.line, "startColumn": place.column, "snippet": {"text": place.text}},
        }
    }


def _artifact(file: str) -> dict[str, Any]:
    path = PurePath(file)
    return {"uri": path.as_uri() if path.is_absolute() else quote(path.as_posix())}


def _notification(unread: Unread) -> dict[str, Any]:
    where: dict[str, Any] = {"artifactLocation": _artifact(unread.file)}
    if unread.line:
        where["region"] = {"startLine": unread.line}
    return {
        "level": "warning",
        "message": {"text": f"not audited: {unread.reason}"},
        "locations": [{"physicalLocation": where}],
    }
