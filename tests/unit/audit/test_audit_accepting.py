"""Findings that somebody has looked at: comments with a reason, baselines, and what is left."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.audit.accepting import baseline
from holdfast.audit.accepting.comments import comments
from holdfast.audit.accepting.verdict import Verdict, judge
from holdfast.audit.engine import audit_texts
from holdfast.audit.sources import Source
from holdfast.audit.values import Finding, Tier

RULES = ("HF001", "HF002")
RACE = """
class A:
    async def f(self):
        if self.x is None:{check}
            {above}
            self.x = await g(){act}
"""


def audited(check: str = "", above: str = "", act: str = "", known: baseline.Baseline | None = None) -> Verdict:
    """The verdict on a race with comments at these places."""
    text = RACE.format(check=check, above=above, act=act)
    return judge(audit_texts([Source("a.py", "a", text)]), Tier.LOW, RULES, known)


def only(verdict: Verdict) -> Finding:
    """The one finding left."""
    (found,) = verdict.report.findings
    return found


@pytest.mark.parametrize(
    ("check", "above", "act"),
    [
        ("  # holdfast: ignore[HF001] one caller", "", ""),
        ("", "", "  # holdfast: ignore[HF001, HF004] one caller"),
        ("", "# holdfast: ignore[HF001] one caller\n            # and more said of it", ""),
    ],
)
def test_a_comment_with_a_reason_accepts(check: str, above: str, act: str) -> None:
    """On the line of the check or the act, or alone above it; the reason goes into the report."""
    verdict = audited(check, above, act)
    assert verdict.report.findings == ()
    assert [one.reason for one in verdict.suppressed] == ["one caller"]
    assert verdict.idle == ()


@pytest.mark.parametrize(
    ("comment", "problem"),
    [
        ("  # holdfast: ignore[HF001]", "say why"),
        ("  # holdfast: ignore one caller", "name the rules"),
        ("  # holdfast: ignore[HF1] one caller", "name the rules"),
        ("  # holdfast: ignore[HF002] one caller", ""),
    ],
)
def test_a_comment_that_suppresses_nothing_is_told(comment: str, problem: str) -> None:
    """Without a reason, without a rule, or for another rule: the finding stays, and the comment is named."""
    verdict = audited(act=comment)
    assert only(verdict).rule == "HF001"
    assert [problem in c.problem for c in verdict.idle] == [True]


def test_texts_that_look_like_comments_are_none() -> None:
    """A string is no comment; a file that can't be tokenized has none."""
    assert comments("a.py", 's = "# holdfast: ignore[HF001] no"\n') == ()
    assert comments("a.py", "# holdfast: ignore[HF001] no\n'''") == ()


def test_the_baseline_knows_what_moved_and_not_what_is_new(tmp_path: Path) -> None:
    """Written, read back, and applied to the same race some lines further down; a fixed one is told as gone."""
    found = only(audited())
    file = tmp_path / "baseline.json"
    baseline.write(file, baseline.of([found]))
    known = baseline.read(file)
    moved = audited(above="\n\n", known=known)
    assert (moved.report.findings, [f.fingerprint for f in moved.known]) == ((), [found.fingerprint])
    fixed = judge(audit_texts([Source("a.py", "a", "async def f(): ...\n")]), Tier.LOW, RULES, known)
    assert [entry.function for entry in fixed.gone] == ["A.f"]
    other = audit_texts([Source("a.py", "a", RACE.format(check="", above="", act="").replace("self.x", "self.y"))])
    assert only(judge(other, Tier.LOW, RULES, known)).path == "self.y"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is no baseline"),
        (b'{"version": 1}', "missing required field `entries`"),
        (b'{"version": 9, "entries": []}', "reads version 1"),
        (None, "--update-baseline` writes one"),
    ],
)
def test_a_bad_baseline_is_named(tmp_path: Path, data: bytes | None, says: str) -> None:
    """What is wrong, in which file, and what to do."""
    file = tmp_path / "b.json"
    if data is not None:
        file.write_bytes(data)
    with pytest.raises(baseline.BadBaseline, match=says) as caught:
        baseline.read(file)
    assert str(file) in str(caught.value)
