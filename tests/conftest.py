"""What all tests share: the laboratory's rotating seed, said at the end of every run."""

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
