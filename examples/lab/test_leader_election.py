"""Run with `pytest examples/lab`; `--runxfail` shows what the search finds in the flawed one."""

from __future__ import annotations

import pytest

from holdfast import lab
from leader_election import election


@pytest.mark.xfail(strict=True, reason="the flaw that the search finds")
@pytest.mark.interleavings
def test_unfenced() -> lab.Scenario:
    """The lease was checked; the pause came after it."""
    return election(fenced=False)


@pytest.mark.interleavings(seconds=60)
def test_fenced() -> lab.Scenario:
    """Three terms, two faults: lost, delayed and refused messages, crashes."""
    return election(fenced=True, terms=3, faults=2)
