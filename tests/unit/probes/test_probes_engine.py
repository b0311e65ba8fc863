"""The engine's schedule: rhythm, bounds, lateness."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from itertools import pairwise

import pytest
from probe_servers import check

from holdfast.model.configuration import Check, CheckKind
from holdfast.ports.probe import NextResults, ProbeResult, ProbeTarget, Watch
from holdfast.probes import engine as engine_module
from holdfast.probes.engine import ProbeEngine
from holdfast.probes.memory import MemoryProbes
from holdfast.probes.outcome import Outcome


class Fake:
    """Probes without sockets: notes when each began, how many ran at once."""

    def __init__(self, takes_s: float = 0.0) -> None:
        self.takes_s = takes_s
        self.starts: dict[str, list[float]] = {}
        self.running = self.running_max = 0

    async def __call__(self, address: str, port: int, check: Check, source: str) -> Outcome:
        self.starts.setdefault(address, []).append(asyncio.get_running_loop().time())
        self.running += 1
        self.running_max = max(self.running_max, self.running)
        try:
            await asyncio.sleep(self.takes_s)
        finally:
            self.running -= 1
        return Outcome(True, "ok")


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    """TCP probes without sockets."""
    probe = Fake()
    monkeypatch.setitem(engine_module.PROBES, CheckKind.TCP, probe)
    return probe


def targets(count: int, interval_s: float) -> tuple[ProbeTarget, ...]:
    """Targets with an address each."""
    made = Check(kind=CheckKind.TCP, interval_s=interval_s)
    return tuple(ProbeTarget(f"g/{i}", (f"10.0.{i // 256}.{i % 256}",), 1, made) for i in range(count))


async def gather(engine: ProbeEngine, until: int) -> list[ProbeResult]:
    """At least this many results."""
    results: list[ProbeResult] = []
    async with asyncio.timeout(20):
        while len(results) < until:
            results += await engine.next_results(NextResults())
    return results


async def test_rounds_keep_an_absolute_schedule_and_phases_spread(fake: Fake) -> None:
    """After many rounds each start is still at phase + k * interval, and phases differ."""
    engine = ProbeEngine(rng=random.Random(7))
    await engine.watch(Watch(targets(50, 0.2)))
    counted = Counter(r.target for r in await gather(engine, 50 * 8))
    await engine.close()
    assert min(counted.values()) >= 7
    for starts in fake.starts.values():
        offsets = [(s - starts[0]) % 0.2 for s in starts]
        assert all(min(o, 0.2 - o) < 0.08 for o in offsets), "no drift, however many rounds"
    phases = sorted(starts[0] for starts in fake.starts.values())
    assert phases[-1] - phases[0] > 0.1


async def test_unchanged_targets_keep_their_rhythm_and_removed_ones_end(fake: Fake) -> None:
    """Watching anew neither restarts nor delays what was there; what is gone gives no more results."""
    engine = ProbeEngine(rng=random.Random(7))
    old = targets(2, 0.2)
    await engine.watch(Watch(old))
    await gather(engine, 4)
    for extra in targets(6, 0.2)[2:]:
        await engine.watch(Watch((old[0], extra)))
        await gather(engine, 2)
    await engine.next_results(NextResults())
    assert "g/1" not in {r.target for r in await gather(engine, 6)}
    await engine.close()
    starts = fake.starts["10.0.0.0"]
    gaps = [b - a for a, b in pairwise(starts)]
    assert all(abs(gap - 0.2) < 0.08 for gap in gaps)


async def test_connections_are_bounded_and_what_waits_is_late(fake: Fake) -> None:
    """With two slots for ten slow probes never more than two run, and late starts say so."""
    fake.takes_s = 0.05
    engine = ProbeEngine(connections_max=2, rng=random.Random(7))
    await engine.watch(Watch(targets(10, 0.1)))
    results = await gather(engine, 20)
    await engine.close()
    assert fake.running_max == 2
    assert any(r.late for r in results)


async def test_heartbeat_is_an_empty_answer_and_close_ends_everything(fake: Fake) -> None:
    """Without results the loop still gets its turn; after close nothing runs."""
    engine = ProbeEngine(heartbeat_s=0.01)
    assert await engine.next_results(NextResults()) == ()
    fake.takes_s = 60
    await engine.watch(Watch(targets(3, 0.01)))
    async with asyncio.timeout(5):
        while fake.running < 3:
            await engine.next_results(NextResults())
    await engine.close()
    assert fake.running == 0


async def test_a_hanging_probe_is_a_timeout_and_no_second_round_starts_beside_it(fake: Fake) -> None:
    """The timeout may be longer than the interval: rounds of one target never overlap."""
    fake.takes_s = 60
    engine = ProbeEngine()
    slow = ProbeTarget("g/t", ("10.0.0.1",), 1, check(CheckKind.TCP, timeout_s=0.2))
    await engine.watch(Watch((slow,)))
    results = await gather(engine, 2)
    await engine.close()
    assert {r.reason for r in results} == {"timeout after 0.2 s"}
    assert fake.running_max == 1


async def test_memory_probes_give_batches_for_what_is_watched() -> None:
    """The scripted sibling hands out batches in order and drops what is not watched."""
    probes = MemoryProbes()
    await probes.watch(Watch(targets(1, 1)))
    probes.give(ProbeResult("g/0", True, "ok"), ProbeResult("g/9", True, "ok"))
    assert await probes.next_results(NextResults()) == (ProbeResult("g/0", True, "ok"),)
    assert await probes.next_results(NextResults()) == ()
