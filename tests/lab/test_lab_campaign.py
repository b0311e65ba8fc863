"""The campaign beyond its scenes: what it searches, proves and samples is not broken in the shipped loops."""

from __future__ import annotations

import pytest

from holdfast.lab.campaign import CHECKS
from holdfast.lab.checks import Check, Terms
from holdfast.lab.scenarios.catalogue import SCENES

BEYOND = tuple(c for c in CHECKS if c not in SCENES)
SAMPLED = tuple(c for c in BEYOND if c.name.endswith("sampled"))
SEARCHED = tuple(c for c in BEYOND if c not in SAMPLED)


@pytest.mark.parametrize("check", SEARCHED, ids=lambda c: c.name)
def test_the_search_ends_and_finds_nothing(check: Check) -> None:
    """All states within its bounds."""
    outcome = check.run(Terms())
    assert outcome.found is None, outcome.sentence()
    assert outcome.complete, outcome.sentence()


@pytest.mark.parametrize("check", SAMPLED, ids=lambda c: c.name)
def test_samples_find_nothing(check: Check, rotating_seed: int) -> None:
    """The whole number of schedules at seed 0, a quarter of them at a seed that is another one each time."""
    for terms in (Terms(), Terms(seed=rotating_seed, share=0.25)):
        outcome = check.run(terms)
        assert outcome.found is None, outcome.sentence()
