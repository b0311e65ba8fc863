"""Storms over three zones: etcd, Knot or PowerDNS with a secondary, faults of many kinds, DNS as the witness."""

from __future__ import annotations

import os
from collections.abc import Sequence

import pytest

from servers.process import Missing
from visible import missing
from zones.campaign import SECONDS, storms, summary
from zones.storm import Report

FIRST = int(os.environ.get("STORM_FIRST", "0"))
COUNT = int(os.environ.get("STORM_COUNT", "200"))
"""Seeds of the campaign, from FIRST on."""


@pytest.mark.real
@pytest.mark.xdist_group("storm")
def test_a_short_storm_over_three_zones() -> None:
    """Partitions, kills, a full disk, a clock: no breach in DNS, and in the end both servers have the newest."""
    check(storm_all((3,), seconds=4.0))


@pytest.mark.soak
@pytest.mark.real
def test_a_campaign_of_storms_over_three_zones() -> None:
    """STORM_COUNT seeds (200) from STORM_FIRST (0), each on real servers; every breach is told with its seed."""
    check(storm_all(range(FIRST, FIRST + COUNT), seconds=SECONDS))


def storm_all(seeds: Sequence[int], *, seconds: float) -> list[Report]:
    """Run them, and tell each as it ends."""
    reports: list[Report] = []
    try:
        for report in storms(seeds, seconds=seconds):
            print(report)
            reports.append(report)
    except Missing as absent:
        if os.geteuid() != 0:
            pytest.skip(str(absent))  # also on CI: not every runner gives root
        missing(str(absent))
    return reports


def check(reports: list[Report]) -> None:
    """What holds for every storm. Says how to run the bad ones again."""
    print(summary(reports))
    bad = [r for r in reports if r.breaches or r.unsettled]
    again = "\n".join(
        f"again: STORM_FIRST={r.seed} STORM_COUNT=1 pytest -m soak -s -k campaign_of_storms {__file__}"
        for r in bad
    )
    assert not bad, f"{again}\n" + "\n".join(map(str, bad))
    assert all(r.faults for r in reports), "a storm in which nothing was struck"
