"""The race that benchmarks/lab_peers.py gives to every peer: its three programs are one, flawed and mended."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import october
import ours_ports
from holdfast import lab
from holdfast.lab.engines.exhaustive import search
from holdfast.lab.engines.sampling import sample
from visible import missing
from with_spin import Verifier


def test_the_asyncio_program_is_flawed_and_the_mended_one_is_not_found_broken() -> None:
    """The same empty name as the specimen's, within a few hundred schedules; none in as many of the mended."""
    report = lab.explore(october.race, engine="sample", schedules=1_000, seconds=60)
    assert "which has no addresses" in report.broken
    assert "EmptiedError" in report.broken
    lab.explore(october.mended_race, engine="sample", schedules=200, seconds=60).check()


def test_the_program_on_the_ports_is_flawed_and_the_mended_one_proved() -> None:
    """The specimen as it is; the small mended one has no state with an empty name."""
    found = sample(ours_ports.flawed(), seconds=60).found
    assert found is not None
    assert "which has no addresses" in found.broken
    outcome = search(ours_ports.mended(october.SMALL))
    assert outcome.complete
    assert outcome.found is None


@pytest.mark.real
def test_the_promela_model_is_flawed_and_the_mended_one_proved(tmp_path: Path) -> None:
    """Spin finds the assertion, its trail replays, and the small mended model is verified to the end."""
    for tool in ("spin", "gcc"):
        if shutil.which(tool) is None:
            missing(f"{tool} is not installed (apt-get install spin gcc)")
    flawed = Verifier(tmp_path / "flawed", october.FULL, "-O0")
    trial, said = flawed.run(seconds=60)
    assert trial.found
    assert "assertion violated sets" in said
    assert flawed.replayed()
    trial, said = Verifier(tmp_path / "mended", october.SMALL, "-O0", mended=True).run(seconds=60)
    assert not trial.found
    assert trial.count > 1_000
    assert "Search not completed" not in said
