"""A fleet of real leases over real HTTP, whose service is killed with `-9` and started again: what it came to.

For each kill the law (`holdfast.leases.held_again`) says how long it takes until every lease is renewed again,
from what is known before: the rate of the service, learnt right before the kill from renewals that are asked for
beside the fleet's own, the length of the outage, how many leases and clients there are, TTL and renewal interval.

The fleet comes in over one renewal interval, as hosts do that were not all born at one moment: the law is for
turns that are spread evenly. The crowd of new hosts that comes with each restart is on clients of its own: through
those of the fleet it would find the service for them.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from lease_service import LeaseService

from holdfast.client.client import LeaseClient
from holdfast.client.http import LeaseHttp
from holdfast.client.lease import Lease
from holdfast.leases.held_again import HeldAgain, held_again
from holdfast.leases.holding import Change
from holdfast.leases.law import RENEWALS_PER_TTL
from holdfast.model.lease import Granted, Renew

TTL_S = 90.0
CLIENTS = 20
OUTAGES_S = (0.0, 10.0, 36.0)
"""Restarted at once, as a supervisor does it; a little later; and so late that every renewal has come due."""
MESSAGE = 1000
ASKERS = 8
SETTLE_TURNS = 2.0
"""Between a kill and the next one: leases that were renewed in a wave draw two turns apart."""
CROWD_SHARE = 0.1


@dataclass(frozen=True)
class Kill:
    """One kill. Times in seconds."""

    rate_per_s: float
    """What the service renewed in a second before it, its fleet's own renewals included."""
    outage_s: float
    measured_s: float
    """From the service's first answer until every holder had one."""
    law: HeldAgain
    crowd_s: float
    """From the service's first answer until every lease of the crowd was granted."""

    @property
    def off_share(self) -> float:
        """How far the measurement is from the prediction."""
        return self.measured_s / self.law.expected_s - 1

    def __str__(self) -> str:
        return (
            f"service does {self.rate_per_s:,.0f} renewals/s; killed, away for {self.outage_s:.1f} s;"
            f" all held again {self.measured_s:.1f} s after its return, expected {self.law.expected_s:.1f} s"
            f" ({self.law.least_s:.1f} to {self.law.most_s:.1f}; {self.off_share:+.0%});"
            f" new leases granted after {self.crowd_s:.1f} s"
        )


class Holders:
    """Clients, and the leases that they hold."""

    def __init__(
        self, service: LeaseService, stack: AsyncExitStack, *, size: int, clients: int, ttl_s: float
    ) -> None:
        self.service, self._stack, self.size, self.ttl_s = service, stack, size, ttl_s
        self._each = size // clients
        self.clients: list[LeaseClient] = []
        self.leases: list[Lease] = []
        self.tokens: list[int] = []
        self.watchers: list[asyncio.Task[None]] = []
        self.losses: list[str] = []

    @property
    def renew_every_s(self) -> float:
        """Between two renewals of a lease."""
        return self.ttl_s / RENEWALS_PER_TTL

    async def establish(self, group: asyncio.TaskGroup, *, over_s: float) -> float:
        """Have all of them granted as they come, at random within this time; how long it took."""
        began_s = time.monotonic()
        return await self.keep(group, await self.hold("api", self.size, over_s=over_s)) - began_s

    async def keep(self, group: asyncio.TaskGroup, leases: Sequence[Lease]) -> float:
        """Wait until they are granted; from then on none of them may be lost. When that was."""
        tokens = [await lease.held() for lease in leases]
        granted_s = time.monotonic()
        assert min(tokens) > max(self.tokens, default=0), "tokens rise, also over restarts"
        self.leases += leases
        self.tokens += tokens
        self.watchers += [group.create_task(self._watch(lease)) for lease in leases]
        return granted_s

    async def hold(self, role: str, size: int, *, over_s: float = 0.0) -> list[Lease]:
        """New leases on new clients, asked for at random moments within this time."""
        made = [await self._client() for _ in range(max(1, size // self._each))]
        began_s, leases = time.monotonic(), []
        for number, at_s in enumerate(sorted(random.uniform(0, over_s) for _ in range(size))):
            await asyncio.sleep(max(0.0, began_s + at_s - time.monotonic()))
            leases.append(random.choice(made).hold(role, f"host-{number}"))
        return leases

    async def _client(self) -> LeaseClient:
        made = LeaseClient(self.service.url, self.service.key, ttl_s=self.ttl_s)
        self.clients.append(await self._stack.enter_async_context(made))
        return made

    async def _watch(self, lease: Lease) -> None:
        async for event in lease.events():
            if event.change is Change.LOST:
                self.losses.append(f"{lease.name}: {event.why}")

    def ends(self) -> list[tuple[Lease, float]]:
        """Until when each lease is good, by this machine's monotonic clock."""
        now_s = time.monotonic()
        return [(lease, now_s + lease.left_s) for lease in self.leases]

    async def answered_since(self, pending: list[tuple[Lease, float]], *, within_s: float) -> None:
        """Wait until each holder was answered since then. Looks at each lease until it was, so it costs little."""
        began_s = time.monotonic()
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
        return granted / took_s + len(self.leases) / self.renew_every_s

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
    settle_turns: float = SETTLE_TURNS,
) -> list[Kill]:
    """Every holder renews; for each outage the service is killed, left away so long, and a crowd of a tenth of the
    fleet comes anew with its restart. Fails if any holder loses its lease, or its token.
    """
    await asyncio.to_thread(service.start)
    kills: list[Kill] = []
    async with asyncio.TaskGroup() as group, AsyncExitStack() as stack:
        holders = Holders(service, stack, size=size, clients=clients, ttl_s=ttl_s)
        took_s = await holders.establish(group, over_s=holders.renew_every_s)
        say(f"{size:,} leases of {ttl_s:g} s, {clients} clients: all granted after {took_s:.1f} s")
        for number, outage_s in enumerate(outages_s):
            await asyncio.sleep(holders.renew_every_s * settle_turns)
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
    size, clients, rate_per_s = len(holders.leases), len(holders.clients), await holders.rate_per_s()
    holders.service.kill()
    killed_s, ends = time.monotonic(), holders.ends()
    await asyncio.sleep(outage_s)
    new = await holders.hold(crowd, int(holders.size * CROWD_SHARE))
    granted = group.create_task(holders.keep(group, new))
    await asyncio.to_thread(holders.service.start)
    back_s = time.monotonic()
    await holders.answered_since(ends, within_s=holders.ttl_s)
    measured_s = time.monotonic() - back_s
    crowd_s = await granted - back_s
    away_s = back_s - killed_s
    law = held_again(
        size=size,
        clients=clients,
        ttl_s=holders.ttl_s,
        renew_every_s=holders.renew_every_s,
        renewals_per_s=rate_per_s,
        outage_s=away_s,
    )
    return Kill(rate_per_s, away_s, measured_s, law, crowd_s)
