"""`holdfast audit` as a user types it, with wrong input too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from holdfast.cli import exits
from holdfast.cli.main import cli

RACE = "class A:\n    async def f(self):\n        if self.x is None:\n            self.x = await connect()\n"


def run(*arguments: str) -> Result:
    """One command."""
    return CliRunner().invoke(cli, ["audit", *arguments])


def test_a_finding_shows_check_gap_and_act(tmp_path: Path) -> None:
    """Text for people, exit 5."""
    (tmp_path / "a.py").write_text(RACE)
    found = run(str(tmp_path))
    assert found.exit_code == exits.BROKEN
    assert "a.py:4:13: HF001 high: check, await, act: self.x in A.f" in found.output
    assert "  check  3: if self.x is None:\n  gap    4: self.x = await connect()\n  act    4: " in found.output
    assert "findings: 1 high; 1 files, 4 lines, 1 functions" in found.output


def test_json_is_one_document(tmp_path: Path) -> None:
    """For programs."""
    (tmp_path / "a.py").write_text(RACE)
    found = json.loads(run(str(tmp_path), "--format", "json").stdout)
    assert [(f["rule"], f["path"], f["check"]["line"]) for f in found["findings"]] == [("HF001", "self.x", 3)]


def test_clean_code_exits_with_0(tmp_path: Path) -> None:
    """And says how much was looked at; a file that can't be read is told on the side."""
    (tmp_path / "a.py").write_text("async def f(self):\n    await g()\n")
    (tmp_path / "b.py").write_text("def f(:\n")
    found = run(str(tmp_path))
    assert found.exit_code == exits.OK
    assert "findings: none; 1 files, 2 lines, 1 functions; 1 not read" in found.stdout
    assert "b.py:1: not audited: syntax: " in found.stderr


def test_wrong_input_is_one_line(tmp_path: Path) -> None:
    """A missing path and an unknown rule are 64; nothing readable at all is 65."""
    (tmp_path / "b.py").write_text("def f(:\n")
    missing = run(str(tmp_path / "none"))
    assert (missing.exit_code, "there is no file or folder" in missing.stderr) == (exits.USAGE, True)
    assert run(str(tmp_path), "--rule", "HF999").exit_code == exits.USAGE
    assert run(str(tmp_path / "b.py")).exit_code == exits.BAD_CONFIGURATION


def test_formats_for_code_scanning(tmp_path: Path) -> None:
    """SARIF into a file, annotations on standard output; the exit code is the same."""
    (tmp_path / "a.py").write_text(RACE)
    out = tmp_path / "out.sarif"
    assert run(str(tmp_path / "a.py"), "--format", "sarif", "--out", str(out)).exit_code == exits.BROKEN
    assert json.loads(out.read_text())["runs"][0]["results"][0]["ruleId"] == "HF001"
    assert run(str(tmp_path / "a.py"), "--format", "github").stdout.startswith("::error file=")
    nowhere = run(str(tmp_path / "a.py"), "--out", str(tmp_path / "no" / "out"))
    assert (nowhere.exit_code, "No such file" in nowhere.stderr) == (exits.FAILED, True)


def test_a_baseline_lets_old_findings_pass(tmp_path: Path) -> None:
    """Written once; from then on only what is new fails."""
    (tmp_path / "a.py").write_text(RACE)
    known = ("--baseline", str(tmp_path / "known.json"))
    assert run(str(tmp_path), *known).exit_code == exits.BAD_CONFIGURATION
    written = run(str(tmp_path), *known, "--update-baseline")
    assert (written.exit_code, "1 findings are known" in written.stdout) == (exits.OK, True)
    passed = run(str(tmp_path), *known)
    assert (passed.exit_code, "1 known by the baseline" in passed.stdout) == (exits.OK, True)
    assert run(str(tmp_path), "--update-baseline").exit_code == exits.USAGE


def test_a_comment_without_a_finding_is_told(tmp_path: Path) -> None:
    """On the side, with its line; it fails nothing."""
    (tmp_path / "a.py").write_text("x = 1  # holdfast: ignore[HF001] was a race once\n")
    found = run(str(tmp_path))
    assert found.exit_code == exits.OK
    assert "a.py:1: this comment suppresses nothing: there is no such finding here" in found.stderr


def test_pyproject_decides_what_is_not_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths, tier and rules of the nearest pyproject.toml; options win over it; a wrong key is named."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.py").write_text(RACE)
    project = tmp_path / "pyproject.toml"
    project.write_text('[tool.holdfast.audit]\npaths = ["src"]\nignore = ["HF001"]\n')
    monkeypatch.chdir(tmp_path / "src")
    assert run().exit_code == exits.OK
    assert run("--rule", "HF001").exit_code == exits.BROKEN
    project.write_text("[tool.holdfast.audit]\ntear = 'high'\n")
    wrong = run()
    assert (wrong.exit_code, "[tool.holdfast.audit]" in wrong.stderr, "tear" in wrong.stderr) == (65, True, True)
    project.write_text("")
    assert (run().exit_code, "name files or folders" in run().stderr) == (exits.USAGE, True)


def test_prove_writes_the_test_that_shows_it(tmp_path: Path) -> None:
    """Two callers go through the gap; the answer stands in text and JSON, the test in the folder."""
    (tmp_path / "lazy.py").write_text("async def g():\n    ...\n\n" + RACE.replace("self.x is None", "not self.x"))
    out = tmp_path / "proofs"
    found = run(str(tmp_path / "lazy.py"), "--prove", str(out))
    assert found.exit_code == exits.BROKEN
    assert "proofs: 1 proven, 0 guarded, 0 not reached" in found.stdout
    (test,) = out.iterdir()
    assert test.name in found.stdout
    compile(test.read_text(), test.name, "exec")
    (proof,) = json.loads(run(str(tmp_path / "lazy.py"), "--prove", str(out), "--format", "json").stdout)[
        "proofs"
    ].values()
    assert proof["answer"] == "proven"
