"""Ablations: the table says of each protection what its absence costs."""

from __future__ import annotations

import pytest

from holdfast.fleet import ablation
from holdfast.fleet.ablation import NAMES, Result, ablate, cases
from holdfast.fleet.ablation_table import table
from holdfast.fleet.pages.ablation import ablation_page


@pytest.fixture
def results(monkeypatch: pytest.MonkeyPatch) -> tuple[Result, ...]:
    """One cell, one seed, small fleets."""
    monkeypatch.setattr(ablation, "CELLS", ((0.6, 4.0),))
    return ablate(size=120, seeds=1)


def test_every_protection_is_once_off_and_once_on() -> None:
    """And everything on, and nothing on."""
    groups = [case.group for case in cases()]
    assert groups.count("alone off") == groups.count("alone on") == len(NAMES)
    assert len({(case.group, case.name) for case in cases()}) == len(cases())


def test_all_recovers_and_nothing_does_not(results: tuple[Result, ...]) -> None:
    """Table and page show every row; what ships recovers within 1.1 x, a naive service never."""
    found = {(r.group, r.name): r for r in results}
    whole, none = found["whole", "all protections"], found["whole", "none"]
    assert whole.recovered_s is not None
    assert whole.recovered_s <= 1.1 * whole.ideal_s
    assert none.recovered_s is None
    assert found["alone on", "renewals strictly first"].recovered_s is None
    text, page = table(results), ablation_page(results, [])
    for case in cases():
        assert case.name in text
        assert case.name in page
    assert page.count("<svg") == 2
