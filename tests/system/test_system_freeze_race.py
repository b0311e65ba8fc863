"""After a freeze is acknowledged not one write lands, whatever three enactors had begun (I5, R8)."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from freeze_race import ZONES, Round, racing

from servers.bind import start_bind
from servers.embedded import start_embedded
from servers.knot import start_knot
from servers.powerdns import start_powerdns
from servers.process import Starter, ZoneSpec
from servers.route53 import start_route53
from visible import start_or_skip

SAMPLE = 10
ROUNDS, SEED = int(os.environ.get("RACE_ROUNDS", "1000")), int(os.environ.get("RACE_SEED", "1"))
STARTERS: dict[str, Starter] = {
    "bind": start_bind,
    "knot": start_knot,
    "powerdns": start_powerdns,
    "embedded": start_embedded,
    "route53": start_route53,
}
FEW = {"route53": 2}
"""Rounds of the sample where a round is long."""


@pytest.mark.real
@pytest.mark.parametrize("rounds", [SAMPLE, pytest.param(ROUNDS, marks=pytest.mark.soak, id="soak")])
@pytest.mark.parametrize("server", list(STARTERS))
async def test_a_freeze_beats_three_enactors(tmp_path: Path, server: str, rounds: int) -> None:
    """Each round: a generation, a race, a freeze at a random moment, further generations, a thaw."""
    began_s = time.monotonic()
    done: list[Round] = []
    with start_or_skip(lambda: STARTERS[server](tuple(ZoneSpec(zone) for zone in ZONES))) as running:
        async with racing(tmp_path, running, seed=SEED) as race:
            for number in range(FEW.get(server, rounds) if rounds == SAMPLE else rounds):
                done.append(await race.round(number))
                assert not done[-1].breaches, done[-1]
                if len(done) % 100 == 0:
                    print(told(server, done, time.monotonic() - began_s), flush=True)
    print(told(server, done, time.monotonic() - began_s))


def told(server: str, done: list[Round], seconds: float) -> str:
    """What came of the rounds so far."""
    landed = [round_.landed for round_ in done]
    before, after = landed.count(0), landed.count(len(ZONES))
    return (
        f"{server}: {len(done)} rounds in {seconds:.0f} s; the freeze came before every write in {before}, after"
        f" all in {after}, in between in {len(done) - before - after}; {sum(landed)} writes landed before the"
        " acknowledgement, none after"
    )
