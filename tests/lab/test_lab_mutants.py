"""Mutants: patches fit the source, every rule has one, searches kill them, and each property earns its place."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from holdfast.lab.campaign import CHECKS, check_named
from holdfast.lab.engines.found import CONVERGES, PROGRESS
from holdfast.lab.mutants import Edit, Mutant, PatchError, judge, judge_all, load, patched, searched, untouched

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
"""Those that the search is meant to kill; the others name the tests that must."""
ONLY = tuple(m for m in TABLE if m.only)
SAMPLE = tuple(next(m for m in SEARCHED if m.rule == rule) for rule in sorted({m.rule for m in SEARCHED}))
"""The first of each rule."""


def test_there_is_a_mutant_for_each_rule_and_thirty_in_all() -> None:
    """R0 to R17 each have at least one; only R16, whose rule is that a hint may never come, is for tests alone."""
    assert {m.rule for m in TABLE} >= set(RULES)
    assert len(SEARCHED) >= 30
    assert len({m.name for m in TABLE}) == len(TABLE)
    assert {m.rule for m in SEARCHED} >= set(RULES) - {"R16"}


@pytest.mark.parametrize("mutant", TABLE, ids=lambda m: m.name)
def test_the_patch_fits_the_source(mutant: Mutant) -> None:
    """Rules move, and the mutant that guards one moves with it. A hint names a check that exists, or tests."""
    assert patched(mutant)
    assert mutant.check or (mutant.why and mutant.killer), "not the search's to kill: say why, and whose it is"
    assert not mutant.check or check_named(mutant.check).name == mutant.check
    assert not mutant.only or mutant.only in check_named(mutant.check).properties
    assert all((ROOT / test).exists() for test in mutant.killer)


def test_names_of_checks_are_unique() -> None:
    """A hint that fits two would kill by the wrong one."""
    names = [c.name for c in CHECKS]
    assert len(set(names)) == len(names)


def test_a_patch_that_no_longer_fits_is_an_error() -> None:
    """Not a mutant that survives."""
    moved = Mutant("moved", "R0", (Edit(TABLE[0].edits[0].file, "no such line of code", ""),))
    with pytest.raises(PatchError, match="occurs 0 times"):
        patched(moved)


def test_verdicts_come_several_at_a_time() -> None:
    """`judge_all` gives one for each of a sample, with the property that noticed, and where."""
    verdicts = {v.name: v for v in judge_all(SAMPLE, jobs=2)}
    assert set(verdicts) == {m.name for m in SAMPLE}
    for mutant in SAMPLE:
        verdict = verdicts[mutant.name]
        assert verdict.by == "campaign", f"{mutant.rule} {mutant.name}: {verdict.how}"
        assert verdict.finding is not None
        assert verdict.finding.check == mutant.check
        assert verdict.seconds >= 0 < verdict.finding.cpu_seconds


def test_code_that_is_not_changed_survives_its_check() -> None:
    """A line replaced by itself: nothing is found, so nothing is killed by mere copying."""
    edit = TABLE[0].edits[0]
    same = Mutant("the same", "R0", (Edit(edit.file, edit.old, edit.old),))
    assert searched(same, "--check", TABLE[0].check) is None
    assert untouched(TABLE[:1]) is None


def test_each_property_has_a_mutant_that_only_it_kills() -> None:
    """The table names one for each of the eight."""
    assert sorted(m.only for m in ONLY) == sorted(PROPERTIES)


@pytest.mark.parametrize("mutant", ONLY, ids=lambda m: f"{m.only}, {m.name}")
def test_only_this_property_notices(mutant: Mutant) -> None:
    """Heeded alone it finds the mutant; all the others together, in the same check, find nothing."""
    alone = searched(mutant, "--check", mutant.check, "--only", mutant.only)
    assert alone is not None
    assert alone.broken.startswith(mutant.only)
    assert searched(mutant, "--check", mutant.check, "--without", mutant.only) is None


@pytest.mark.soak
@pytest.mark.parametrize("mutant", ONLY, ids=lambda m: f"{m.only}, {m.name}")
def test_no_other_property_notices_in_the_whole_campaign(mutant: Mutant) -> None:
    """All checks of the campaign without this property: the mutant survives them."""
    found = searched(mutant, "--without", mutant.only, seconds=1800)
    assert found is None, found


@pytest.mark.soak
@pytest.mark.parametrize("mutant", TABLE, ids=lambda m: m.name)
def test_every_mutant_is_killed(mutant: Mutant) -> None:
    """By the check that the table names, or, where it names none, by the tests that it names."""
    verdict = judge(mutant, ROOT)
    print(f"{verdict.rule} {verdict.name}: {verdict.by or 'SURVIVED'}, {verdict.seconds:.2f} s", file=sys.stderr)
    assert verdict.killed, verdict.how
    assert verdict.by == "campaign" or not mutant.check
