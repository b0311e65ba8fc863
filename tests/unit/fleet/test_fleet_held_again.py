"""The law of when all leases are held again, against the shipped service and clients in virtual time."""

from __future__ import annotations

import statistics

import pytest
from msgspec import structs

from holdfast.fleet.service.restart import fleet_of, restart
from holdfast.leases.envelope import free_outage_s, unnoticed_outage_s

OFF_MOST = 0.2


@pytest.mark.parametrize("away_s", [1.0, 37.0])
def test_a_restart_takes_what_the_law_expects(away_s: float) -> None:
    """Twenty clients with ten leases each, once at once and once after every lease has come due: within 20 %."""
    seen = restart(fleet_of(clients=20, each=10, load=0.12, ttl_s=90.0), away_s=away_s, seed=1)
    assert abs(seen.off_share) <= OFF_MOST
    assert seen.lost == 0


def test_holders_notice_an_outage_that_is_longer_than_the_envelope_says() -> None:
    """Up to `unnoticed_outage_s` nobody counts its lease as lost; at TTL - tau those do whose turn it was."""
    setting = fleet_of(clients=20, each=10, load=0.12, ttl_s=90.0)
    fleet = structs.replace(setting.fleet, clients=20)
    unnoticed_s = unnoticed_outage_s(fleet)
    assert unnoticed_s is not None
    assert unnoticed_s < free_outage_s(fleet)
    assert restart(setting, away_s=unnoticed_s, seed=1).lost == 0
    assert restart(setting, away_s=free_outage_s(fleet), seed=1).lost > 0


@pytest.mark.soak
@pytest.mark.parametrize(("clients", "each", "load"), [(20, 100, 0.12), (100, 1, 0.12), (20, 100, 0.6)])
@pytest.mark.parametrize("away_s", [1.0, 12.0, 37.0])
def test_restarts_take_what_the_law_expects(clients: int, each: int, load: float, away_s: float) -> None:
    """Over 20 seeds: the median within 10 % of what is expected, nine in ten within 20 %, and none lost."""
    setting = fleet_of(clients=clients, each=each, load=load, ttl_s=90.0)
    seen = [restart(setting, away_s=away_s, seed=seed) for seed in range(20)]
    expected_s = seen[0].law.expected_s
    assert statistics.median(run.took_s for run in seen) == pytest.approx(expected_s, rel=0.1)
    assert sum(abs(run.off_share) <= OFF_MOST for run in seen) >= 18
    assert sum(run.lost for run in seen) == 0
