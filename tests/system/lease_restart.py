"""A fleet of real leases over real HTTP, whose service is killed with `-9` and started again: what it came to.

For each kill the envelope's law (`holdfast.leases.envelope.held_again_s`) says from measured figures how long it
takes until every holder has been answered again: the rate of the service, learnt right before the kill from
renewals that are asked for beside the fleet's own, the length of the outage, fleet, TTL and renewal interval.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from lease_service import LeaseService

from holdfast.client.client import TIMEOUT_S, LeaseClient
from holdfast.client.http import LeaseHttp
from holdfast.client.lease import Lease
from holdfast.leases.envelope import Fleet, held_again_s, retry_spread_s
from holdfast.leases.holding import Change
from holdfast.model.lease import Granted, Renew

TTL_S = 90.0
CLIENTS = 20
OUTAGES_S = (0.0, 10.0, 36.0)
"""Restarted at once, as a supervisor does it; a little later; and so late that every renewal has come due."""
MESSAGE = 1000
ASKERS = 8
SETTLE_TAUS = 1.2
"""Between a kill and the next one: every lease has been renewed in its usual turn."""


@dataclass(frozen=True)
class Kill:
    """One kill. Times in seconds."""

    rate_per_s: float
    """What the service renewed in a second before it, its fleet's own renewals included."""
    outage_s: float
    measured_s: float
    """From the service's first answer until every holder had one."""
    predicted_s: float
    crowd_s: float
    """From the service's first answer until every lease of the crowd was granted."""

    @property
    def off_share(self) -> float:
        """How far the measurement is from the prediction."""
        return self.measured_s / self.predicted_s - 1

    def __str__(self) -> str:
        return (
            f"service does {self.rate_per_s:,.0f} renewals/s; killed, away for {self.outage_s:.1f} s;"
            f" all held again {self.measured_s:.1f} s after its return, predicted {self.predicted_s:.1f} s"
            f" ({self.off_share:+.0%}); new leases granted after {self.crowd_s:.1f} s"
        )


class Holders:
    """Clients, and the leases that they hold."""

    def __init__(self, service: LeaseService, *, size: int, ttl_s: float) -> None:
        self.service, self.size, self.ttl_s = service, size, ttl_s
        self.clients: list[LeaseClient] = []
        self.leases: list[Lease] = []
        self.tokens: list[int] = []
        self.watchers: list[asyncio.Task[None]] = []
        self.losses: list[str] = []

    async def establish(self, stack: AsyncExitStack, group: asyncio.TaskGroup, *, clients: int) -> float:
        """Have all of them granted; how long that took."""
        for _ in range(clients):
            made = LeaseClient(self.service.url, self.service.key, ttl_s=self.ttl_s)
            self.clients.append(await stack.enter_async_context(made))
        began_s = time.monotonic()
        await self.keep(group, self.hold("api", self.size))
        return time.monotonic() - began_s

    async def keep(self, group: asyncio.TaskGroup, leases: Sequence[Lease]) -> None:
        """Wait until they are granted; from then on none of them may be lost."""
        tokens = [await lease.held() for lease in leases]
        assert min(tokens) > max(self.tokens, default=0), "tokens rise, also over restarts"
        self.leases += leases
        self.tokens += tokens
        self.watchers += [group.create_task(self._watch(lease)) for lease in leases]

    def hold(self, role: str, size: int) -> list[Lease]:
        """New leases, spread over the clients."""
        return [self.clients[n % len(self.clients)].hold(role, f"host-{n}") for n in range(size)]

    async def _watch(self, lease: Lease) -> None:
        async for event in lease.events():
            if event.change is Change.LOST:
                self.losses.append(f"{lease.name}: {event.why}")

    def ends(self) -> list[float]:
        """Until when each lease is good, by this machine's monotonic clock."""
        now_s = time.monotonic()
        return [now_s + lease.left_s for lease in self.leases]

    async def answered_since(self, ends: list[float], *, within_s: float) -> None:
        """Wait until each holder was answered since then. Looks at each lease until it was, so it costs little."""
        began_s, pending = time.monotonic(), list(zip(self.leases, ends, strict=True))
        while pending:
            lease, end_s = pending[-1]
            now_s = time.monotonic()
            if now_s + lease.left_s > end_s + 0.01:
                pending.pop()
                continue
            assert now_s < began_s + within_s, f"{len(pending)} leases were not renewed within {within_s:g} s"
            await asyncio.sleep(0.05)

    async def rate_per_s(self) -> float:
        """What the service can renew in a second: every lease once more, beside what the fleet asks for itself."""
        asks = [Renew(lease.role, lease.name, lease.holder, lease.token) for lease in self.leases]
        messages: list[Sequence[Renew]] = [asks[at : at + MESSAGE] for at in range(0, len(asks), MESSAGE)]
        messages.reverse()
        began_s = time.monotonic()
        done = await asyncio.gather(*[self._ask(messages) for _ in range(ASKERS)])
        granted = sum(done)
        took_s = time.monotonic() - began_s
        return granted / took_s + len(self.leases) / (self.ttl_s / 3)

    async def _ask(self, messages: list[Sequence[Renew]]) -> int:
        granted = 0
        async with LeaseHttp(self.service.url, self.service.key) as http:
            while messages:
                results = await http.calls(messages.pop(), timeout_s=60.0)
                granted += sum(isinstance(result, Granted) for result in results)
        return granted


async def kill_under_load(
    service: LeaseService,
    *,
    size: int,
    clients: int,
    ttl_s: float,
    outages_s: Sequence[float],
    say: Callable[[str], None],
) -> list[Kill]:
    """Every holder renews; for each outage the service is killed, left away so long, and a crowd of a tenth of the
    fleet comes anew with its restart. Fails if any holder loses its lease, or its token.
    """
    await asyncio.to_thread(service.start)
    kills: list[Kill] = []
    holders = Holders(service, size=size, ttl_s=ttl_s)
    async with asyncio.TaskGroup() as group, AsyncExitStack() as stack:
        took_s = await holders.establish(stack, group, clients=clients)
        say(f"{size:,} leases of {ttl_s:g} s, {clients} clients: all granted after {took_s:.1f} s")
        for number, outage_s in enumerate(outages_s):
            await asyncio.sleep(ttl_s / 3 * SETTLE_TAUS)
            kill = await _kill(holders, group, f"new-{number}", outage_s)
            kills.append(kill)
            say(str(kill))
        assert holders.losses == [], f"{len(holders.losses)} leases lost: {holders.losses[:3]}"
        assert all(lease.valid for lease in holders.leases)
        assert [lease.token for lease in holders.leases] == holders.tokens
        for watcher in holders.watchers:
            watcher.cancel()
    say(f"no holder lost its lease: {len(holders.leases):,} valid, each under the token of its first grant")
    return kills


async def _kill(holders: Holders, group: asyncio.TaskGroup, crowd: str, outage_s: float) -> Kill:
    fleet = Fleet(
        size=len(holders.leases),
        renewals_per_s=await holders.rate_per_s(),
        ttl_s=holders.ttl_s,
        renew_every_s=holders.ttl_s / 3,
        timeout_s=TIMEOUT_S,
    )
    holders.service.kill()
    killed_s, ends = time.monotonic(), holders.ends()
    await asyncio.sleep(outage_s)
    new = holders.hold(crowd, holders.size // 10)
    await asyncio.to_thread(holders.service.start)
    back_s = time.monotonic()
    await holders.answered_since(ends, within_s=holders.ttl_s)
    measured_s = time.monotonic() - back_s
    await holders.keep(group, new)
    away_s = back_s - killed_s
    retry_s = retry_spread_s(holders.ttl_s, leases_each=len(holders.leases) // len(holders.clients))
    predicted_s = held_again_s(fleet, outage_s=away_s, retry_s=retry_s)
    return Kill(fleet.renewals_per_s, away_s, measured_s, predicted_s, time.monotonic() - back_s)
