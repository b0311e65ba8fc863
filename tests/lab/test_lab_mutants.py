"""Mutants: the patches fit the source, every rule has one, and the searches kill them."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.lab.campaign import check_named
from holdfast.lab.mutants import Mutant, judge, load, patched

TABLE = load(Path(__file__).parent / "mutants" / "mutants.toml")
ROOT = Path(__file__).parents[2]

QUICK = (
    "a message does not pin the fence",
    "data go out before the fence is raised",
    "the plan is kept though a newer one is out",
    "clean-up looks at no identity",
    "a freeze does not bind writers",
    "a raise drops the freezes that it pins",
)
"""Killed by the first searches of the campaign: a second each."""


def test_there_is_a_mutant_for_each_rule_and_thirty_in_all() -> None:
    """R0 to R17 each have at least one."""
    assert {m.rule for m in TABLE} >= {f"R{i}" for i in range(18)}
    assert len(TABLE) >= 30
    assert len({m.name for m in TABLE}) == len(TABLE)


@pytest.mark.parametrize("mutant", TABLE, ids=lambda m: m.name)
def test_the_patch_fits_the_source(mutant: Mutant) -> None:
    """Rules move, and the mutant that guards one moves with it. A hint names a check that exists."""
    assert patched(mutant)
    assert not mutant.check or check_named(mutant.check).name == mutant.check


@pytest.mark.parametrize("name", QUICK)
def test_the_campaign_kills_it(name: str) -> None:
    """One mutant of the fence, of look-ups, of clean-up and of freezes, by search alone."""
    mutant = next(m for m in TABLE if m.name == name)
    verdict = judge(mutant)
    assert verdict.by == "campaign", name


@pytest.mark.soak
@pytest.mark.parametrize("mutant", TABLE, ids=lambda m: m.name)
def test_every_mutant_is_killed(mutant: Mutant) -> None:
    """By the campaign, or by the tests that the table names."""
    assert judge(mutant, ROOT).killed
