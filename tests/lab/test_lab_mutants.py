"""Mutants: the patches fit the source, every rule has one, the searches kill them, and each property earns its place."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from holdfast.lab.campaign import check_named
from holdfast.lab.campaign_run import BROKEN
from holdfast.lab.checks import CONVERGES, PROGRESS
from holdfast.lab.mutants import Mutant, PatchError, judge, judge_all, load, patched, searched

TABLE = load(Path(__file__).parent / "mutants" / "mutants.toml")
ROOT = Path(__file__).parents[2]
RULES = tuple(f"R{i}" for i in range(18))
PROPERTIES = (
    "I1 monotone",
    "I2 never empty",
    "I3 live is pinned",
    "I4 velocity",
    "I5 freeze holds",
    PROGRESS,
    CONVERGES,
    "I9 inputs monotone",
)
SEARCHED = tuple(m for m in TABLE if m.check)
ONLY = tuple(m for m in TABLE if m.only)
SAMPLE = tuple(
    next(m for m in SEARCHED if m.rule == rule) for rule in RULES if any(m.rule == rule for m in SEARCHED)
)
"""The first of each rule that the search is meant to kill."""


def test_there_is_a_mutant_for_each_rule_and_thirty_in_all() -> None:
    """R0 to R17 each have at least one, and most are the search's to kill."""
    assert {m.rule for m in TABLE} >= set(RULES)
    assert len(TABLE) >= 30
    assert len({m.name for m in TABLE}) == len(TABLE)
    assert {m.rule for m in SEARCHED} >= set(RULES) - {"R16"}


@pytest.mark.parametrize("mutant", TABLE, ids=lambda m: m.name)
def test_the_patch_fits_the_source(mutant: Mutant) -> None:
    """Rules move, and the mutant that guards one moves with it. A hint names a check that exists, or tests."""
    assert patched(mutant)
    assert not mutant.check or check_named(mutant.check).name == mutant.check
    assert mutant.check or mutant.why, "a mutant that is not the search's to kill says why"
    assert all((ROOT / test).exists() for test in mutant.killer)


def test_a_patch_that_no_longer_fits_is_an_error() -> None:
    """Not a mutant that survives."""
    edit = TABLE[0].edits[0]
    moved = Mutant("moved", "R0", (type(edit)(edit.file, "no such line of code", ""),))
    with pytest.raises(PatchError, match="occurs 0 times"):
        patched(moved)


@pytest.mark.parametrize("mutant", SAMPLE, ids=lambda m: f"{m.rule} {m.name}")
def test_the_search_kills_it(mutant: Mutant) -> None:
    """One mutant of each rule, by the check that the table names."""
    status, said = searched(mutant, "--check", mutant.check)
    assert status == BROKEN, said


def test_verdicts_come_several_at_a_time() -> None:
    """`judge_all` gives one for each, with what noticed and how long it took."""
    chosen = SAMPLE[:2]
    verdicts = tuple(judge_all(chosen, jobs=2))
    assert {v.name for v in verdicts} == {m.name for m in chosen}
    assert all(v.killed and v.by == "campaign" and v.seconds > 0 for v in verdicts)


def test_code_that_is_not_changed_survives_its_check() -> None:
    """An edit that replaces a line by itself: nothing is found, so nothing is killed by mere copying."""
    edit = TABLE[0].edits[0]
    same = Mutant("the same", "R0", (type(edit)(edit.file, edit.old, edit.old),))
    assert searched(same, "--check", TABLE[0].check)[0] == 0


def test_each_property_has_a_mutant_that_only_it_kills() -> None:
    """The table names one for each of the eight."""
    assert {m.only for m in ONLY} == set(PROPERTIES)


@pytest.mark.parametrize("mutant", ONLY, ids=lambda m: f"{m.only}, {m.name}")
def test_only_this_property_notices(mutant: Mutant) -> None:
    """Heeded alone it finds the mutant; all the others together, in the same check, find nothing."""
    status, said = searched(mutant, "--check", mutant.check, "--only", mutant.only)
    assert status == BROKEN, said
    status, said = searched(mutant, "--check", mutant.check, "--without", mutant.only)
    assert status == 0, said


@pytest.mark.soak
@pytest.mark.parametrize("mutant", ONLY, ids=lambda m: f"{m.only}, {m.name}")
def test_no_other_property_notices_in_the_whole_campaign(mutant: Mutant) -> None:
    """All checks of the campaign without this property: the mutant survives them."""
    status, said = searched(mutant, "--without", mutant.only, seconds=900)
    assert status == 0, said.splitlines()[-1]


@pytest.mark.soak
@pytest.mark.parametrize("mutant", TABLE, ids=lambda m: m.name)
def test_every_mutant_is_killed(mutant: Mutant) -> None:
    """By the check that the table names, or, where it names none, by the tests; survivors are explained there."""
    verdict = judge(mutant, ROOT)
    print(f"{verdict.rule} {verdict.name}: {verdict.by or 'SURVIVED'}, {verdict.seconds:.2f} s", file=sys.stderr)
    assert verdict.killed or not mutant.killer
    assert verdict.by == "campaign" or not mutant.check
