"""A pool whose leases are lost while its targets serve: what the shipped rules leave in DNS."""

from __future__ import annotations

from holdfast.fleet.day.assumed import middle
from holdfast.fleet.day.pool import BROKEN, Change, DayTruth, What
from holdfast.fleet.watch import Watch, watch_2025, watch_holdfast

TARGETS = 30


def _truth(lost: dict[int, tuple[float, float]], *, until_s: float) -> DayTruth:
    """Targets of which some lose their lease, and have it again: (second, second)."""
    changes = [
        Change(at_s, number, what)
        for number, (lost_s, held_s) in lost.items()
        for at_s, what in ((lost_s, What.LOST), (held_s, What.HELD))
    ]
    return DayTruth(range(1, TARGETS + 1), changes, middle(), until_s=until_s, seed=1)


def test_a_half_dead_lease_service_does_not_drain_the_name() -> None:
    """60 % without a lease for two and a half hours, and they serve: two or three are taken out for a moment."""
    lost = {number: (60.0 + number, 9e9) for number in range(1, TARGETS + 1) if number % 5 < 3}
    seen = watch_holdfast(_truth(lost, until_s=9000), Watch(lasts_s=9000))
    assert seen.least_share >= 0.85
    assert seen.wrongly_removed_share <= 0.001


def test_who_was_taken_out_before_it_was_clear_comes_back_without_its_lease() -> None:
    """All lose their leases within two minutes: all serve again within a minute more, an hour before any lease."""
    lost = {number: (60.0 + 4 * number, 4800.0 + number) for number in range(1, TARGETS + 1)}
    seen = watch_holdfast(_truth(lost, until_s=4000), Watch(lasts_s=4000))
    assert seen.least_share < 1
    rounds_out = sum(share < 1 for at_s, share in seen.series if at_s > 240)
    assert rounds_out <= 3 * BROKEN, "but for what is mended, and has to answer twice"
    assert seen.wrongly_removed_share <= 0.005


def test_whoever_breaks_is_out_soon_also_while_all_leases_are_lost() -> None:
    """At once in the design of 2025; by the shipped rules within half a minute, and the second of a zone when the
    velocity lets it, within a window more. Both take in what is mended.
    """
    all_lost = dict.fromkeys(range(1, TARGETS + 1), (10.0, 9e9))
    for watched, lost, soon_s, late_s in (
        (watch_holdfast, {}, 30, 330),
        (watch_holdfast, all_lost, 30, 330),
        (watch_2025, {}, 0, 0),
    ):
        seen = watched(_truth(lost, until_s=4000), Watch(lasts_s=4000))
        assert len(seen.exposure_s) == BROKEN
        assert sorted(seen.exposure_s)[1] <= soon_s
        assert max(seen.exposure_s) <= late_s
        assert seen.transitions >= 2 * BROKEN
        assert seen.series[-1][1] == 1
