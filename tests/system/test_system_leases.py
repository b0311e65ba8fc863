"""Real leases of a real service, killed and started again under load: nothing is lost to a live holder."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from lease_service import LeaseService

from holdfast.client.client import LeaseClient
from holdfast.client.lease import Lease
from holdfast.leases.holding import Change


async def _watch(lease: Lease, losses: list[str]) -> None:
    async for event in lease.events():
        if event.change is Change.LOST:
            losses.append(f"{lease.name}: {event.why}")  # noqa: PERF401 - read while it grows


def _ends(leases: list[Lease]) -> list[float]:
    now_s = time.monotonic()
    return [now_s + lease.left_s for lease in leases]


async def _all_renewed(leases: list[Lease], *, within_s: float) -> float:
    """Wait until each was renewed since now; how long that took."""
    began_s, before = time.monotonic(), _ends(leases)
    while not all(now > then + 0.01 for now, then in zip(_ends(leases), before, strict=True)):
        assert time.monotonic() < began_s + within_s, sorted(lease.left_s for lease in leases)[:5]
        await asyncio.sleep(0.05)
    return time.monotonic() - began_s


async def _kill_under_load(service: LeaseService, *, fleet: int, clients: int, kills: int, ttl_s: float) -> None:
    """Every holder renews; with each restart a crowd of a tenth of the fleet comes anew."""
    await asyncio.to_thread(service.start)
    losses: list[str] = []
    async with asyncio.TaskGroup() as group, AsyncExitStack() as stack:
        holders = [
            await stack.enter_async_context(LeaseClient(service.url, service.key, ttl_s=ttl_s))
            for _ in range(clients)
        ]
        began_s = time.monotonic()
        leases = [holders[n % clients].hold("api", f"host-{n}") for n in range(fleet)]
        tokens = [await lease.held() for lease in leases]
        print(f"\n{fleet} leases held after {time.monotonic() - began_s:.1f} s")
        watchers = [group.create_task(_watch(lease, losses)) for lease in leases]
        for kill in range(kills):
            await asyncio.sleep(ttl_s / 10)
            service.kill()
            began_s = time.monotonic()
            crowd = [holders[n % clients].hold(f"new-{kill}", f"host-{n}") for n in range(fleet // 10)]
            await asyncio.to_thread(service.start)
            print(f"killed, and answers again after {time.monotonic() - began_s:.1f} s")
            took_s = await _all_renewed(leases, within_s=ttl_s)
            new = [await lease.held() for lease in crowd]
            print(
                f"all renewed after {took_s:.1f} s, {len(new)} new ones {time.monotonic() - began_s:.1f} s after"
            )
            assert min(new) > max(tokens), "tokens rise over restarts"
        assert losses == []
        assert all(lease.valid for lease in leases)
        assert [lease.token for lease in leases] == tokens
        for watcher in watchers:
            watcher.cancel()


async def test_killed_under_load_no_live_holder_loses_its_lease(tmp_path: Path) -> None:
    """400 leases of 12 s, two `kill -9`: every holder keeps its lease, valid, under its token."""
    with LeaseService(tmp_path, ttl="12s") as service:
        await _kill_under_load(service, fleet=400, clients=4, kills=2, ttl_s=12.0)


@pytest.mark.soak
async def test_fifty_thousand_leases_survive_kill_minus_nine(tmp_path: Path) -> None:
    """The same with 50,000 leases of a minute and three kills."""
    with LeaseService(tmp_path, ttl="60s", more="renewals_per_s = 1000000\n") as service:
        await _kill_under_load(service, fleet=50_000, clients=8, kills=3, ttl_s=60.0)


async def test_a_service_that_is_stopped_says_so_and_ends(tmp_path: Path) -> None:
    """SIGTERM while a watch hangs: the process ends all the same, cleanly."""
    with LeaseService(tmp_path, ttl="60s") as service:
        await asyncio.to_thread(service.start)
        async with LeaseClient(service.url, service.key) as client:
            await client.hold("api", "n").held()
            lists = client.watch("api")
            assert [lease.name for lease in (await anext(lists)).leases] == ["n"]
            hangs = asyncio.ensure_future(anext(lists))
            await asyncio.sleep(0.2)
            assert "holdfast: stopped" in await asyncio.to_thread(service.stop)
            hangs.cancel()
