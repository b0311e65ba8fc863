"""Whatever comes from outside is read or refused by the parser's own error, in bounded time; nothing else."""

from __future__ import annotations

import os
import random
import time

import pytest

from fuzz.mutating import Campaign, Target, fuzz
from fuzz.parsers import targets

TARGETS = tuple(targets())
SAMPLE = 60
"""Inputs for each target in the normal run; `make soak` runs each for minutes."""
SOAK_S = float(os.environ.get("HOLDFAST_FUZZ_S", "60"))
SEED = int(os.environ.get("HOLDFAST_FUZZ_SEED", "1"))


def _judged(campaign: Campaign) -> None:
    assert campaign.crash is None, f"{campaign.crash}: add the input to tests/fuzz/found.py once it is mended"


@pytest.mark.parametrize("target", TARGETS, ids=lambda t: t.name)
def test_a_sample_of_foreign_input(target: Target) -> None:
    """Some mutations of good inputs, always the same ones."""
    campaign = fuzz(target, random.Random(f"{target.name} {SEED}"), most=SAMPLE)
    _judged(campaign)
    assert campaign.executions == SAMPLE


@pytest.mark.soak
@pytest.mark.parametrize("target", TARGETS, ids=lambda t: t.name)
def test_foreign_input_for_a_while(target: Target) -> None:
    """HOLDFAST_FUZZ_S seconds each (60), from HOLDFAST_FUZZ_SEED; prints how many inputs that were."""
    rng = random.Random(f"{target.name} {SEED} soak")
    campaign = fuzz(target, rng, most=10**9, until_s=time.monotonic() + SOAK_S)
    print(
        f"{campaign.target}: {campaign.executions} inputs, {campaign.outcomes} kinds of outcome, slowest"
        f" {campaign.slowest_s * 1000:.0f} ms"
    )
    _judged(campaign)


def test_the_fuzzer_finds_a_planted_fault() -> None:
    """A parser that fails on one byte in one place is caught, with the input."""

    def read(data: bytes) -> int:
        if data[3:4] == b"x":
            raise KeyError("planted")
        return len(data)

    campaign = fuzz(Target("planted", read, (b"abcdef",)), random.Random(1), most=20_000)
    assert campaign.crash is not None
    assert campaign.crash.data[3:4] == b"x"
