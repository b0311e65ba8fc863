"""The table of kinds, the code that emits them, the document, the alert rules: all the same."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest

from holdfast.events.kinds import BY_NAME, KINDS
from holdfast.events.metrics import COUNTERS, GAUGES, Metrics
from visible import missing

ROOT = Path(__file__).parents[3]

ALERTS = Path(str(files("holdfast.events") / "alerts.yml"))


def emitted_kinds() -> set[str]:
    """Strings given as `kind` to `Event`, in any source file."""
    found: set[str] = set()
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Event":
                given = [k.value for k in node.keywords if k.arg == "kind"] + node.args[:1]
                found |= {g.value for g in given if isinstance(g, ast.Constant) and isinstance(g.value, str)}
    return found


def test_every_emitted_kind_is_in_the_table() -> None:
    """A kind that is emitted but not described is missing in metrics and in the document: add it to `kinds`."""
    assert emitted_kinds() - set(BY_NAME) == set()
    assert "plan.created" in emitted_kinds()


def test_kinds_are_dotted_and_once() -> None:
    """Names are unique, in two lower-case parts."""
    assert len(BY_NAME) == len(KINDS)
    assert all(re.fullmatch(r"[a-z]+\.[a-z_]+", kind.name) for kind in KINDS)


def test_the_document_shows_the_table() -> None:
    """`docs/events.md` has one row for each kind, with its meaning and its data."""
    rows = [line for line in (ROOT / "docs" / "events.md").read_text().splitlines() if line.startswith("| `")]
    shown = {row.split("`")[1]: row for row in rows}
    for kind in KINDS:
        row = shown.pop(kind.name)
        assert kind.meaning in row
        assert all(f"`{field}`" in row for field in kind.data)
    metrics = {sample.name for sample in Metrics().registry.collect()}
    assert {name.removesuffix("_total") for name in shown} == metrics


def test_rules_of_metrics_name_known_kinds() -> None:
    """A misspelt kind in the table of metrics would count nothing."""
    used = {kind for rule in (*COUNTERS, *GAUGES) for kind in rule.kinds}
    assert used <= set(BY_NAME)


def test_alerts_use_metrics_and_kinds_that_exist() -> None:
    """Each metric and kind in an alert's expression is one that holdfast has; each alert says what to do."""
    text = ALERTS.read_text()
    metrics = {f"{m.name}_total" if m.type == "counter" else m.name for m in Metrics().registry.collect()}
    expressions = "\n".join(line for line in text.splitlines() if line.strip().startswith("expr:"))
    assert set(re.findall(r"holdfast_\w+", expressions)) <= metrics
    kinds = {kind for group in re.findall(r'kind=~?"([^"]+)"', expressions) for kind in group.split("|")}
    assert kinds <= set(BY_NAME)
    alerts = text.count("- alert:")
    assert alerts == text.count("meaning:") == text.count("action:") > 10


@pytest.mark.parametrize("arguments", [["check", "rules", str(ALERTS)], ["test", "rules", "alerts_test.yml"]])
def test_promtool_accepts_the_alerts(arguments: list[str]) -> None:
    """promtool checks the rules, and plays the situations of `alerts_test.yml`."""
    promtool = shutil.which("promtool")
    if promtool is None:
        missing("promtool is not installed (Debian: apt-get install prometheus)")
    done = subprocess.run(
        [promtool, *arguments], cwd=Path(__file__).parent, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
