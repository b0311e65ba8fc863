"""The fleet by lease that a person can play, from beginning to end: `python examples/leases/play.py`."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from visible import missing

SCRIPT = Path(__file__).parents[2] / "examples" / "leases" / "play.py"


@pytest.mark.soak
@pytest.mark.real
def test_the_fleet_is_played_from_beginning_to_end() -> None:
    """Agents with real HAProxies come, die, are gated by configuration, updated, and refuse a broken document; the
    script itself ends with an error at the first thing that is not as it says.
    """
    if shutil.which("haproxy") is None and not Path("/usr/sbin/haproxy").exists():
        missing("haproxy is not installed (apt-get install haproxy)")
    done = subprocess.run([sys.executable, str(SCRIPT)], capture_output=True, text=True, check=False)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    for seen in (
        "api.fleet.test leads to h1, h2\n",
        "h4 is not in the name before it has applied its configuration",
        "the name has led to all four all the time",
        "servr",
        "they left one by one: first h",
        "all six seen",
    ):
        assert seen in done.stdout
