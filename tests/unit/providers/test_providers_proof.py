"""The proof of the serial, when several enactors make it at once (R3)."""

from __future__ import annotations

import random
from typing import Any

import pytest
from provider_world import ZONE, World

from holdfast.nameserver.memory import MemoryDns
from holdfast.nameserver.updating import Quirks
from holdfast.ports.operation import Loop
from holdfast.providers.proof import Interrupted, Proven, Refuted, prove_serial


def _together(dns: MemoryDns, loops: list[Loop[Any]], rng: random.Random) -> list[Any]:
    """Run loops step by step in a random order; their results."""
    results: list[Any] = [None] * len(loops)
    waiting: dict[int, Any] = {i: loop.send(None) for i, loop in enumerate(loops)}
    while waiting:
        i = rng.choice(sorted(waiting))
        try:
            waiting[i] = loops[i].send(dns.answer(waiting[i]))
        except StopIteration as stop:
            results[i] = stop.value
            del waiting[i]
    return results


@pytest.mark.parametrize("seed", range(200))
def test_proofs_at_the_same_time_never_refute_a_good_server(seed: int) -> None:
    """Three enactors that start together interrupt each other at most: none takes the server for a bad one."""
    dns = World().dns
    rng = random.Random(seed)
    results = _together(dns, [prove_serial(ZONE, "s") for _ in range(3)], rng)
    assert all(isinstance(r, Proven | Interrupted) for r in results), results
    assert isinstance(_together(dns, [prove_serial(ZONE, "s")], rng)[0], Proven)


def test_a_server_whose_serial_stands_still_is_refuted() -> None:
    """The pin of a repair would hold nothing there."""
    dns = MemoryDns([World().zone()], quirks={ZONE: Quirks(serial_moves=False)})
    assert isinstance(_together(dns, [prove_serial(ZONE, "s")], random.Random(0))[0], Refuted)
