"""Over several processes the same is found as in one, and budgets hold for all of them together."""

from __future__ import annotations

from functools import partial

import pytest

from holdfast.lab.actor import LabError
from holdfast.lab.engines.parallel import in_order, sample_over
from holdfast.lab.engines.sampling import sample
from holdfast.lab.specimens import october
from holdfast.lab.system import System

SMALL = partial(october.scenario, plans=2, enactors=1, endpoints=1)


def test_processes_find_the_schedule_that_one_finds() -> None:
    """Two processes report the breakage of the smallest number, with its tape."""
    alone = sample(System(october.scenario()), seed=4)
    shared = sample_over(october.scenario, jobs=2, seed=4)
    assert alone.found is not None
    assert (shared.found, shared.count) == (alone.found, alone.count)
    assert shared.engine == "sampler in 2 processes"


def test_a_count_is_for_all_processes_together() -> None:
    """So many schedules run, no more and no fewer, and progress adds them up."""
    said: list[int] = []
    outcome = sample_over(SMALL, jobs=2, schedules=70, on_progress=said.append)
    assert (outcome.found, outcome.count) == (None, 70)
    assert said == sorted(said)


def test_results_come_in_the_order_of_the_jobs() -> None:
    """Whichever is ready first."""
    assert list(in_order(_double, [3, 1, 2], 2)) == [6, 2, 4]


def test_an_error_of_the_laboratory_is_passed_on() -> None:
    """With its text, after the results before it."""
    results = in_order(_double, [1, -1, 2], 2)
    assert next(results) == 2
    with pytest.raises(LabError, match="no negative numbers"):
        next(results)


def _double(number: int) -> int:
    if number < 0:
        raise LabError("no negative numbers")
    return 2 * number
