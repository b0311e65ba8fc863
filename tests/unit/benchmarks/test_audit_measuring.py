"""Behind the audit's measured precision and recall: agreement, intervals, a blind sample, pinned sources."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import agreement
import corpus
import history
import sample
from holdfast.audit.values import Dependence, Finding, Place, Tier
from measure import Found, table

LABEL = st.sampled_from(agreement.LABELS)


def found(project: str, tier: Tier, number: int) -> Found:
    """A finding at made-up lines."""
    check, act = (Place("a/b.py", line, 1, f"line {line}") for line in (number + 1, number + 5))
    return Found(
        project,
        Finding(
            rule="HF001",
            tier=tier,
            file="a/b.py",
            module="a.b",
            function="f",
            path="self.x",
            check=check,
            gap=None,
            act=act,
            dependence=Dependence.CONTROL,
            why="",
            fix="",
            evidence=("strong",),
            fingerprint=f"{project}{tier.value}{number}",
        ),
    )


def test_kappa_of_a_known_table() -> None:
    """Cohen's example: 50 subjects, 35 agreements (20 and 15), 5 and 10 apart: 0.4."""
    pairs = (
        [("true", "true")] * 20 + [("true", "false")] * 5 + [("false", "true")] * 10 + [("false", "false")] * 15
    )
    assert agreement.kappa(pairs) == pytest.approx(0.4)


@settings(max_examples=50)
@given(st.lists(st.tuples(LABEL, LABEL), min_size=1, max_size=60))
def test_kappa_is_one_for_agreement_and_does_not_know_an_order(pairs: list[tuple[str, str]]) -> None:
    """At most 1; equal labels give 1; swapping the labellers changes nothing."""
    assert agreement.kappa(pairs) <= 1.0 + 1e-9
    assert agreement.kappa([(a, a) for a, _ in pairs]) == pytest.approx(1.0)
    assert agreement.kappa(pairs) == pytest.approx(agreement.kappa([(b, a) for a, b in pairs]))


def test_wilson_of_known_shares() -> None:
    """9 of 10 is 60 to 98 %; none of none says nothing."""
    low, high = agreement.wilson(9, 10)
    assert (round(low, 2), round(high, 2)) == (0.60, 0.98)
    assert agreement.wilson(0, 0) == (0.0, 1.0)


def test_labels_must_be_complete_and_have_reasons(tmp_path: Path) -> None:
    """A missing id, an unknown label and an empty reason are named."""
    file = tmp_path / "labels.jsonl"
    file.write_text(json.dumps({"id": "S001", "label": "true", "reason": "two callers"}) + "\n")
    assert agreement.labels(file, {"S001"}) == {"S001": "true"}
    with pytest.raises(ValueError, match=r"missing \['S002'\]"):
        agreement.labels(file, {"S001", "S002"})
    file.write_text(json.dumps({"id": "S001", "label": "maybe", "reason": "x"}) + "\n")
    with pytest.raises(ValueError, match="S001: a label of"):
        agreement.labels(file, {"S001"})


def test_precision_counts_unclear_as_not_true() -> None:
    """By each labeller, by both, by either."""
    keys = {"S001": "high", "S002": "high", "S003": "low"}
    one = {"S001": "true", "S002": "unclear", "S003": "false"}
    two = {"S001": "true", "S002": "true", "S003": "false"}
    high, _, low = agreement.summary(keys, one, two)
    assert (high["findings"], high["first"], high["second"], high["both"], high["either"]) == (2, 1, 2, 1, 2)
    assert (low["findings"], low["either"]) == (1, 0)


def test_one_labeller_alone_has_a_table_without_agreement() -> None:
    """Counts by tier; nobody is taken for a second opinion."""
    text = agreement.single(
        {"S001": "high", "S002": "high", "S003": "low"}, {"S001": "true", "S002": "unclear", "S003": "false"}
    )
    assert "| high | 2 | 1 | 0 | 1 | 9% to 91% |" in text
    assert "| medium | 0 | 0 | 0 | 0 | 0% to 100% |" in text


def test_the_kept_labels_are_complete() -> None:
    """Every row of the sample has a key and a first label with a reason."""
    ids = set(agreement.read(agreement.HERE / "sample.jsonl"))
    assert set(agreement.read(agreement.HERE / "sample-key.jsonl")) == ids
    assert set(agreement.labels(agreement.HERE / "labels-1.jsonl", ids)) == ids
    assert len(ids) >= 60


def test_the_sample_is_the_same_for_a_seed_and_no_project_fills_it() -> None:
    """Quota by tier, at most PER_PROJECT of a project and tier, the same again for the same seed."""
    everything = [found(f"p{p}", tier, n) for p in range(20) for tier in Tier for n in range(30)]
    drawn = sample.draw(everything, 7)
    assert drawn == sample.draw(list(reversed(everything)), 7)
    assert drawn != sample.draw(everything, 8)
    for tier, quota in sample.QUOTA.items():
        mine = [d for d in drawn if d.finding.tier is tier]
        assert len(mine) == quota
        assert all(sum(d.project == p.project for d in mine) <= sample.PER_PROJECT for p in mine)


def test_a_row_of_the_sample_does_not_tell_the_tier(tmp_path: Path) -> None:
    """Neither the row nor the excerpt has tier, evidence or fingerprint."""
    source = tmp_path / "p" / "a"
    source.mkdir(parents=True)
    (source / "b.py").write_text("\n".join(f"line {n}" for n in range(1, 60)))
    row = sample.row(1, found("p", Tier.HIGH, 20))
    told = json.dumps(sample.excerpt(row, tmp_path)) + repr(row)
    assert "check    21 line 21" in told
    assert "act      25 line 25" in told
    for secret in ("high", "strong", "phigh20"):
        assert secret not in told


def test_the_table_counts_by_rule_and_tier() -> None:
    """Rates are of the tiers high and medium, per 1,000 lines."""
    text = table([found("p", Tier.HIGH, 1), found("p", Tier.MEDIUM, 2), found("p", Tier.LOW, 3)], 4000)
    assert "| HF001 | 1 | 1 | 1 | 0.500 |" in text


def test_the_corpus_is_pinned_in_two_halves() -> None:
    """Each row has a hash; no project is in both; no registry is named."""
    halves = {half: corpus.pinned(corpus.HERE / f"corpus-{half}.txt") for half in corpus.HALVES}
    names = [name for rows in halves.values() for name, _ in rows]
    assert len(names) == len(set(names)) >= 50
    for half in corpus.HALVES:
        text = (corpus.HERE / f"corpus-{half}.txt").read_text()
        assert "://" not in text
        assert text.count("--hash=sha256:") == len(halves[half])


def test_what_counts_as_a_projects_own_source() -> None:
    """Tests, vendored copies and generated code are left out."""
    kept = ("aiohttp/client.py", "sky/testing_tools.py", "a/latest/x.py")
    dropped = (
        "a/tests/x.py",
        "a/test_x.py",
        "a/_vendor/b.py",
        "a/x_pb2.py",
        "a/conftest.py",
        "a/x.pyi",
        "b.data/x.py",
    )
    assert all(corpus.is_source(name) for name in kept)
    assert not any(corpus.is_source(name) for name in dropped)


def test_the_history_is_complete() -> None:
    """At least 20 fixes; ids once; every place has a file and a function; rules exist."""
    rows = history.fixes()
    assert len(rows) >= 20
    assert len({row.id for row in rows}) == len(rows)
    for row in rows:
        assert row.at
        assert all(place.count("::") == 1 and place.split("::")[0].endswith(".py") for place in row.at)
        assert row.rule in {f"HF00{n}" for n in range(1, 9)}
        assert len(row.before_sha256) == len(row.after_sha256) == 64


def test_a_finding_in_a_nested_function_is_in_the_function() -> None:
    """But not one in a function whose name merely begins the same."""
    assert history.inside("C.f", "C.f")
    assert history.inside("C.f.<locals>.g", "C.f")
    assert not history.inside("C.f2", "C.f")
