"""`holdfast audit` as a user types it, with wrong input too."""

from __future__ import annotations

import json
from pathlib import Path

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
