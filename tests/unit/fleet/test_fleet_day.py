"""The whole day: draws of what is assumed, the chain of both designs, the shape, the page."""

from __future__ import annotations

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.fleet.day.assumed import PARAMETERS, Assumed, draws, middle
from holdfast.fleet.day.leases import Leases
from holdfast.fleet.day.network import play_network
from holdfast.fleet.day.play import play
from holdfast.fleet.day.scripts import METADATA, OCTOBER
from holdfast.fleet.day.shape import kept_by, shape_of
from holdfast.fleet.day.survey import survey
from holdfast.fleet.day.telling import end_of
from holdfast.fleet.pages.day import day_page

SHAPED_LEAST = 0.8
DRAWS = 200


def test_the_script_is_the_reported_day() -> None:
    """157 minutes of cause; people throttled at 04:14, four hours and 26 minutes after 23:48."""
    assert OCTOBER.cause_s == 157 * 60
    assert OCTOBER.help_s == (4 * 60 + 26) * 60
    assert [p.name for p in PARAMETERS] == list(Assumed.__struct_fields__)


@given(st.integers(1, 40), st.integers(0, 1000))
def test_a_latin_hypercube_takes_each_slice_once(many: int, seed: int) -> None:
    """Of every parameter's range."""
    found = draws(many, seed=seed)
    for p in PARAMETERS:
        slices = sorted(int((getattr(d, p.name) - p.low) / (p.high - p.low) * many) for d in found)
        assert slices == list(range(many))


def test_the_middle_of_the_ranges_shows_the_day_and_its_remedy() -> None:
    """2025 collapses, is helped, then backlog and flapping; holdfast recovers as promised. One page shows both."""
    days = [play(OCTOBER, middle(), design=design, seed=1) for design in ("2025", "holdfast")]
    old, new = days
    assert shape_of(old).whole
    assert kept_by(new).good
    assert kept_by(new).flaps_most <= 1
    assert new.health is not None
    assert new.health.lagging_most > 0
    assert new.health.unreported == 0
    assert min(old.leases.held) < 0.01
    assert old.leases.held_s is not None
    assert old.leases.held_s > OCTOBER.help_s
    page = day_page(days, [("Play it again", "holdfast lab drill october-2025 --whole-day")], survey="<script>")
    assert page.count("<svg") == 5
    assert all(p.name in page for p in PARAMETERS)
    assert "<script>" not in page
    assert not re.search(r'(?:src|href)="?(?:https?:)?//', page)
    assert any("without help" in line for line in end_of(old))


def test_the_shape_holds_in_most_draws() -> None:
    """A sample of three draws: at least two of the reported shape; holdfast keeps what it promises in all."""
    seen = survey(OCTOBER, many=3, seed=7)
    assert seen.shaped_share >= 2 / 3
    assert seen.kept_share == 1.0
    assert "3 Latin-hypercube draws" in seen.sentences()


@pytest.mark.soak
def test_the_shape_holds_in_four_of_five_of_200_draws() -> None:
    """2025 shows the whole reported shape in at least 80 % of 200 draws; holdfast keeps its promise in all."""
    seen = survey(OCTOBER, many=DRAWS, seed=2025, on_progress=lambda said: print(said, flush=True))
    print(f"\n{seen.sentences()}")
    assert seen.shaped_share >= SHAPED_LEAST
    assert seen.kept_share == 1.0


def test_2015_is_the_same_collapse_without_a_name() -> None:
    """A short fault; the old design stays down until people help, holdfast's is back within the closed form."""
    old, new = (play(METADATA, middle(), design=design, seed=2) for design in ("2025", "holdfast"))
    assert not old.leases.alone
    assert old.network is None
    assert old.leases.held_s is None or old.leases.held_s > METADATA.help_s
    assert kept_by(new).good
    assert "<svg" in day_page([old, new], [])


def _leases(held: tuple[float, ...], held_s: float | None) -> Leases:
    return Leases(held=held, back_s=0.0, held_s=held_s, ideal_s=60.0, alone=True, attempts_per_success=1.0)


def test_a_day_without_trouble_has_no_backlog() -> None:
    """All leases held all day, after the name is back: both designs deliver within a minute."""
    script = msgspec.structs.replace(OCTOBER, cause_s=0.0)
    for design in ("2025", "holdfast"):
        network = play_network(script, middle(), _leases((1.0,) * 600, 0.0), design=design)
        assert network.failed == pytest.approx(0.0, abs=1e-9)
        assert max(network.latency_s) < 60
        assert network.normal_s == 0.0


def test_changes_of_hosts_without_a_lease_pile_up_and_come_at_once() -> None:
    """After five hours without leases new instances wait for all of it in the old design alone."""
    held = (0.0,) * 300 + (1.0,) * 300
    old, new = (play_network(OCTOBER, middle(), _leases(held, 300 * 60.0), design=d) for d in ("2025", "holdfast"))
    assert max(old.latency_s) > 3600
    assert max(new.latency_s) < 60
    assert max(new.backlog) < max(old.backlog) + 1e-9
    assert new.failed < old.failed
