"""The alert rules of `never`, as Prometheus reads them, and the command that prints them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from click.testing import CliRunner

from holdfast.assumptions.metrics import LAST, REACHED
from holdfast.cli.main import cli
from visible import missing


def printed(*arguments: str) -> str:
    """What `holdfast alerts` prints."""
    done = CliRunner().invoke(cli, ["alerts", *arguments])
    assert done.exit_code == 0, done.output
    return done.output


def test_alerts_use_the_metrics_that_never_has() -> None:
    """Each alert has a meaning and an action."""
    text = printed("never")
    assert set(re.findall(r"holdfast_never\w+", text)) == {REACHED, LAST}
    assert text.count("- alert:") == text.count("meaning:") == text.count("action:") == 2


def test_promtool_plays_the_situations(tmp_path: Path) -> None:
    """promtool accepts what the command prints, all groups in one file, and plays `never_alerts_test.yml`."""
    promtool = shutil.which("promtool")
    if promtool is None:
        missing("promtool is not installed (Debian: apt-get install prometheus)")
    (tmp_path / "rules.yml").write_text(printed())
    here = Path(__file__).parent
    for arguments in (["check", "rules", str(tmp_path / "rules.yml")], ["test", "rules", "never_alerts_test.yml"]):
        done = subprocess.run(
            [promtool, *arguments], cwd=here, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert (
        "2 rules found"
        in subprocess.run(
            [promtool, "check", "rules", "/dev/stdin"],
            input=printed("never"),
            capture_output=True,
            text=True,
            check=False,
        ).stdout
    )


def test_a_group_that_there_is_not() -> None:
    """One line that names what there is, and the exit code of wrong use."""
    done = CliRunner().invoke(cli, ["alerts", "nevr"])
    assert done.exit_code != 0
    assert "'nevr' is not one of 'holdfast', 'never'" in done.output
