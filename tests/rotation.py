"""The laboratory's rotating seed: another in each run of the tests, said at its end."""

from __future__ import annotations

import os
import time

import pytest

ROTATING_SEED = "HOLDFAST_LAB_SEED"


def pytest_configure() -> None:
    """One seed for all processes of a run: another each time, unless one is asked for."""
    os.environ.setdefault(ROTATING_SEED, str(int(time.time())))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say it, so that whatever it found can be had again."""
    seed = os.environ[ROTATING_SEED]
    terminalreporter.write_line(f"the laboratory's rotating seed was {seed}; {ROTATING_SEED}={seed} repeats it")


@pytest.fixture
def rotating_seed() -> int:
    """The seed of this run."""
    return int(os.environ[ROTATING_SEED])
