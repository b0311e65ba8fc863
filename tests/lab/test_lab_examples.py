"""The worked examples of docs/lab-your-code.md: each flaw is found, each mending passes, with the bounds shown."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

import leader_election
import stale_cache
from holdfast import lab

pytest_plugins = ("pytester",)


def refresh_beside_save(kind: type[stale_cache.Cache]) -> lab.Report:
    """The scenario of the docs, searched."""

    async def scenario() -> None:
        database = stale_cache.Database()
        cache = kind(database)
        await asyncio.gather(cache.refresh(), cache.save())
        assert cache.version == database.version

    return lab.explore(scenario)


@pytest.mark.parametrize("kind", [stale_cache.Cache, stale_cache.HastilyMendedCache])
def test_the_stale_refresh_is_found(kind: type[stale_cache.Cache]) -> None:
    """Both the flawed cache and the one whose mending reads before the await, by one departure from asyncio."""
    report = refresh_beside_save(kind)
    assert "AssertionError" in report.broken
    assert "<- before " in report.story
    assert report.note.startswith("departs from asyncio's own order at 1 place")


def test_the_mended_cache_is_proved() -> None:
    """Every order of the two tasks was run, and none breaks it."""
    report = refresh_beside_save(stale_cache.MendedCache).check()
    assert report.proved
    assert "every order of ready tasks" in report.outcome.bounds


@pytest.mark.parametrize("engine", ["auto", "sample", "exhaustive"])
def test_the_paused_leader_is_found(engine: str) -> None:
    """Each engine finds the write without a token; shrunk to one preemption."""
    report = lab.explore(leader_election.election(fenced=False), engine=engine)
    assert report.broken == "data never goes back: the data went from term 2 back to term 1"
    assert "1 preemption" in report.note


def test_the_fenced_election_is_proved() -> None:
    """With the token in the transaction: two candidates, three terms and a fault."""
    report = lab.prove(leader_election.election(fenced=True, terms=3, faults=1)).check()
    assert report.proved
    assert "2 x candidate, 1 fault" in report.outcome.sentence()


def test_sampling_the_fenced_election_proves_nothing() -> None:
    """A sampler only says what it did."""
    report = lab.explore(leader_election.election(fenced=True), engine="sample", schedules=500).check()
    assert not report.proved
    assert "nothing found" in report.outcome.sentence()
    assert "500 schedules" in report.outcome.sentence()


ROOT = Path(__file__).parents[2]
MEASURED = re.compile(r"; \d+ (schedules|states) in [\d.]+ s \([\d,]+/s\)")
"""What differs from run to run: how much a sample came to, and how quickly."""


def test_the_docs_show_what_pytest_prints(pytester: pytest.Pytester) -> None:
    """Every line of a search's output in docs/lab-your-code.md is printed by the examples, but for the rates."""
    plugin = ("-p", "no:holdfast-lab", "-p", "holdfast.lab.pytest_plugin")
    tapes = ("--lab-tapes", str(pytester.path / "tapes"), "-p", "no:cacheprovider")
    result = pytester.runpytest_subprocess(*plugin, f"--rootdir={ROOT}", "-c", str(ROOT / "pyproject.toml"),
                                           "--runxfail", *tapes, str(ROOT / "examples" / "lab"))  # fmt: skip
    result.assert_outcomes(passed=4, failed=3)
    printed = {MEASURED.sub("", line).rstrip() for line in result.outlines}
    shown = [
        MEASURED.sub("", line).rstrip() for line in _outputs() if line and not line.startswith("See it again")
    ]
    assert len(shown) > 25
    assert [line for line in shown if line not in printed] == []


def _outputs() -> list[str]:
    """Lines of the code blocks without a language: they are output."""
    blocks = (ROOT / "docs" / "lab-your-code.md").read_text().split("\n```")[1::2]
    return [line for block in blocks if block.startswith("\n") for line in block.splitlines()]
