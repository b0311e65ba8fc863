"""SARIF and GitHub's annotations carry what the text shows."""

from __future__ import annotations

from typing import Any

from holdfast.audit.accepting.verdict import Verdict, judge
from holdfast.audit.engine import audit_texts
from holdfast.audit.formats import github, sarif
from holdfast.audit.rules import TITLES
from holdfast.audit.sources import Source
from holdfast.audit.values import Tier

RACE = """class A:
    async def f(self):
        if self.x is None:
            self.x = await g()
        if self.y is None:  # holdfast: ignore[HF001] only start() calls it
            self.y = await g()
"""


def verdict() -> Verdict:
    """One finding, one accepted, one file that can't be read."""
    sources = [Source("src/a b.py", "a", RACE), Source("old.py", "old", "print 'x'\n")]
    return judge(audit_texts(sources), Tier.LOW, TITLES)


def test_sarif_has_places_flow_and_suppressions() -> None:
    """A result for each finding: where, the flow check-gap-act, a fingerprint; accepted ones say why."""
    log = sarif.log(verdict())
    (run,) = log["runs"]
    open_, accepted = run["results"]
    flow: list[dict[str, Any]] = open_["codeFlows"][0]["threadFlows"][0]["locations"]
    lines = [step["location"]["physicalLocation"]["region"]["startLine"] for step in flow]
    assert (log["version"], lines) == ("2.1.0", [3, 4, 4])
    assert open_["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": "src/a%20b.py"}
    assert run["tool"]["driver"]["rules"][open_["ruleIndex"]]["id"] == open_["ruleId"] == "HF001"
    assert "suppressions" not in open_
    assert accepted["suppressions"] == [{"kind": "inSource", "justification": "only start() calls it"}]
    assert accepted["partialFingerprints"] != open_["partialFingerprints"]
    (told,) = run["invocations"][0]["toolExecutionNotifications"]
    assert told["message"]["text"] == "not audited: Python 2"


def test_annotations_are_one_line_each_and_escaped() -> None:
    """Whatever stands in the source, a finding is one command; what can't be read is one too."""
    first, second = github.commands(verdict()).splitlines()
    assert first.startswith(
        "::warning file=src/a b.py,line=4,col=13,title=HF001 check%2C await%2C act::self.x in A.f%0A"
    )
    assert second == "::warning file=old.py,line=1,title=not audited::Python 2"
