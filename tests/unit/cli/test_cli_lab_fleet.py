"""`lab drill --whole-day` and `lab ablate` from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from holdfast.cli import exits
from holdfast.cli.main import main

Run: TypeAlias = Callable[..., tuple[object, str, str]]


@pytest.fixture
def holdfast(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `holdfast ...` by its entry point: exit code, output, errors."""

    def run(*arguments: str) -> tuple[object, str, str]:
        monkeypatch.setattr("sys.argv", ["holdfast", *arguments])
        with pytest.raises(SystemExit) as stop:
            main()
        out, err = capsys.readouterr()
        return stop.value.code, out, err

    return run


def test_the_whole_day_is_told_and_written(holdfast: Run, tmp_path: Path) -> None:
    """One design, as JSON, with a page beside it."""
    page = tmp_path / "day.html"
    words = ("lab", "drill", "metadata-2015", "--design", "holdfast", "--format", "json", "--out", str(page))
    code, out, _ = holdfast(*words)
    assert code == 0
    found = json.loads(out)
    assert found["days"][0]["judged"]["recovered_share"] <= 1.1
    assert found["page"] == str(page)
    assert "What is assumed" in page.read_text(encoding="utf-8")


def test_options_of_the_whole_day_need_it(holdfast: Run) -> None:
    """--draws without --whole-day, --steps with it: usage errors that say so."""
    code, _, err = holdfast("lab", "drill", "october-2025", "--draws", "3")
    assert code == exits.USAGE
    assert "--whole-day" in err
    code, _, err = holdfast("lab", "drill", "october-2025", "--whole-day", "--steps")
    assert code == exits.USAGE
    assert "--steps" in err
