"""A fleet of shipped clients and the shipped lease service in virtual time, and what can happen to them.

    world = World(Setting(leases=1000), seed=1)
    world.settle()                      # all leases are held, renewals spread
    world.kill(); world.run(30.0); world.start(); world.back()
    world.run(600.0, enough=lambda: world.truth.all_answered_s is not None)
    world.seen()

Hosts are clients of one lease each, or of `bulk_each`. Some leases are wanted by two clients, which write at a
resource behind the guard as long as they call the lease valid, and stand still between looking and writing now and
then. A message reaches whoever has the service's address when it is sent.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec

from holdfast.client.client import LeaseClient
from holdfast.client.http import MARGIN_S, NotServed
from holdfast.client.lease import Lease, LeaseEvent
from holdfast.fleet.service.server import SCOPE, Costs, Message, Server, dice
from holdfast.fleet.service.store import Disk
from holdfast.fleet.service.truth import Counts, Loss, Truth, Wrong
from holdfast.leases.envelope import HELD_SHARE, Fleet
from holdfast.leases.holding import Change
from holdfast.leases.law import RENEWALS_PER_TTL, LeaseSettings
from holdfast.model.keys import Keys
from holdfast.model.lease import Ask, Result, lease_key
from holdfast.overload import Protections
from holdfast.ports.store import Range
from holdfast.stores.memory import MemoryState
from holdfast.virtual.loop import VirtualLoop

ROLE = "host"
SETTLE_TAUS = 1.2
"""Every lease has been renewed in its usual turn."""
AGAIN_S = 1.0
"""A service that ended by itself is started again by its supervisor after this."""
PAUSED_SHARE = 0.05
PAUSED_TTLS = 1.5
"""So many of the writes at resources come so late after the look at the lease."""


class Setting(msgspec.Struct, frozen=True):
    """The fleet and its service."""

    leases: int = 1000
    bulk_share: float = 0.5
    """Of the leases: held by clients of many."""
    bulk_each: int = 250
    over_s: float = 0.0
    """Clients of many want their leases one by one, at random within this; 0: all at once, and their turns stay
    together for some twenty of them."""
    contested: int = 10
    """Leases that a second client wants too."""
    load: float = 0.6
    """rho: what renewing all takes of the service."""
    cost: float = 4.0
    """k: an establishment, in renewals."""
    read_share: float = 0.1
    message_s: float = 0.0
    ttl_s: float = 180.0
    timeout_s: float = 10.0
    way_s: float = 0.002
    law: LeaseSettings | None = None
    """Else the default, with this TTL for a fleet of any size."""
    protections: Protections | None = None

    @property
    def fleet(self) -> Fleet:
        """As the closed forms see it."""
        tau_s = self.ttl_s / RENEWALS_PER_TTL
        return Fleet(
            size=self.leases,
            renewals_per_s=self.leases / (tau_s * self.load),
            cost=self.cost,
            ttl_s=self.ttl_s,
            renew_every_s=tau_s,
            timeout_s=self.timeout_s,
        )

    @property
    def settings(self) -> LeaseSettings:
        """The law of the service."""
        return LeaseSettings(ttl_least_s=self.ttl_s, renewals_most_per_s=1e12) if self.law is None else self.law

    @property
    def costs(self) -> Costs:
        """What the processor takes."""
        one_s = 1 / self.fleet.renewals_per_s
        return Costs(one_s, one_s * self.cost, self.read_share, self.message_s)


class Seen(msgspec.Struct, frozen=True):
    """What a run came to since `back`. Times in seconds since then, None: not in this run."""

    held_share: float
    recovered_s: float | None
    """99 % of the leases are held, by their clients' word."""
    answered_s: float | None
    """Every lease that one client wants was answered again."""
    counts: Counts
    stale_share: float
    """Of the processor's work: for nobody who still waits."""
    busy_share: float
    wrong: Wrong
    """In the whole run."""
    losses: tuple[Loss, ...]
    """In the whole run."""

    @property
    def begun_per_success(self) -> float:
        """Grants given to the store, for each that its asker waited for; 0 if none was."""
        return self.counts.begun / self.counts.succeeded if self.counts.succeeded else float(self.counts.begun > 0)


class World:
    """See the module. All methods are called from outside, between `run`s, or by `at`."""

    def __init__(self, setting: Setting, *, seed: int) -> None:
        self.setting = setting
        self.rng = random.Random(seed)  # noqa: S311 - seeded on purpose
        self.loop = VirtualLoop()  # type: ignore[abstract]  # what it hasn't, `Refusing` refuses
        self.truth = Truth(self.loop.time)
        self.disk = Disk()
        self.costs = Costs()
        self.reachable: Callable[[int], bool] = lambda client: True
        """Whether a client finds the service; those who don't are told so at once."""
        self.server: Server | None = None
        """Who has the service's address."""
        self.servers: list[Server] = []
        self.back_s = 0.0
        self._busy_s = self._stale_s = 0.0
        self._coming = 0
        self.calls = 0
        """In the whole run."""
        self.leases: list[Lease] = []
        self.clients: list[LeaseClient] = []
        self._populate()
        self.start()

    # -- the population --------------------------------------------------------------------------------------

    def _populate(self) -> None:
        setting = self.setting
        names = [f"h{number:06d}" for number in range(setting.leases)]
        bulk, alone = names[: round(setting.bulk_share * setting.leases)], names
        alone = names[len(bulk) :]
        groups = [bulk[at : at + setting.bulk_each] for at in range(0, len(bulk), setting.bulk_each)]
        spread_s = setting.ttl_s / RENEWALS_PER_TTL
        for group in [*groups, *([name] for name in alone)]:
            self._client(group, after_s=self.rng.random() * spread_s)
        for name in alone[: setting.contested]:
            self._client([name], after_s=spread_s, contends=True)

    def _client(self, names: Sequence[str], *, after_s: float = 0.0, contends: bool = False) -> None:
        number = len(self.clients)
        client = LeaseClient(
            "", "",
            holder=f"c{number}",
            ttl_s=self.setting.ttl_s,
            timeout_s=self.setting.timeout_s,
            transport=Way(self, number),
            now_s=self.loop.time,
            rng=dice(self.rng),
            told=self._told,
        )  # fmt: skip
        self.clients.append(client)
        self.loop.call_later(after_s, self._opens, client, tuple(names), contends)

    def comes(self, *, after_s: float) -> None:
        """A new host, with a lease of its own."""
        self._coming += 1
        self.loop.call_later(after_s, self._client, [f"n{self._coming:06d}"])

    def _opens(self, client: LeaseClient, names: tuple[str, ...], contends: bool) -> None:
        self.loop.create_task(client.__aenter__(), name="opens")
        for name in names:
            if self.setting.over_s:
                self.loop.call_later(self.rng.random() * self.setting.over_s, self._wants, client, name, contends)
            else:
                self._wants(client, name, contends)

    def _wants(self, client: LeaseClient, name: str, contends: bool) -> None:
        lease = client.hold(ROLE, name)
        self.truth.claims(lease_key(ROLE, name), client.holder, lease)
        self.leases.append(lease)
        if contends or name in self._contested:
            self._works(lease)

    @property
    def _contested(self) -> set[str]:
        first = round(self.setting.bulk_share * self.setting.leases)
        return {f"h{number:06d}" for number in range(first, first + self.setting.contested)}

    def _told(self, lease: Lease, event: LeaseEvent) -> None:
        key = lease_key(lease.role, lease.name)
        if event.change in (Change.GRANTED, Change.REGAINED):
            self.truth.told_held(key, lease.holder)
        elif event.change is Change.LOST:
            self.truth.told_lost(key, lease.holder)

    # -- work at resources -----------------------------------------------------------------------------------

    def _works(self, lease: Lease) -> None:
        """Look whether it is valid, and write a little later, or much later."""
        again_s = self.setting.ttl_s / 10 * self.rng.uniform(0.5, 1.5)
        self.loop.call_later(again_s, self._works, lease)
        if lease.valid:
            late = self.rng.random() < PAUSED_SHARE
            after_s = PAUSED_TTLS * self.setting.ttl_s if late else 0.01
            key = lease_key(lease.role, lease.name)
            grant = self.truth.grants.get((key, lease.holder), 0)
            self.loop.call_later(after_s, self._writes, lease, key, lease.token, grant)

    def _writes(self, lease: Lease, key: str, token: int, grant: int) -> None:
        highest = self.truth.writes(key, lease.holder, token=token, grant=grant)
        if highest and lease.valid and lease.token == token:
            lease.refused_by_guard(highest)

    # -- time ------------------------------------------------------------------------------------------------

    @property
    def now_s(self) -> float:
        """Seconds since the world began."""
        return self.loop.time()

    def run(self, for_s: float, *, enough: Callable[[], bool] = lambda: False) -> None:
        """Let time pass.

        Raises:
            Exception: something of ours raised in a task or a callback.
        """
        self.loop.run(self.now_s + for_s, enough=enough)
        if self.loop.troubles:
            raise self.loop.troubles[0]

    def at(self, after_s: float, do: Callable[[], Any]) -> None:
        """Have something happen later."""
        self.loop.call_later(after_s, do)

    def settle(self) -> None:
        """The beginning: a service that costs nothing grants all; then one whose work costs what it costs takes
        over, which has learnt nothing yet.
        """
        setting = self.setting
        tau_s = setting.ttl_s / RENEWALS_PER_TTL
        everything = setting.leases
        self.run(
            20 * tau_s, enough=lambda: len(self.truth.held) >= everything and self.now_s > SETTLE_TAUS * tau_s
        )
        assert len(self.truth.held) >= everything, "a service without costs grants all"
        self.costs = setting.costs
        self.kill()
        self.start()
        self.run(SETTLE_TAUS * tau_s)
        self.back()

    def back(self) -> None:
        """The trouble is over: count and measure from now."""
        self.back_s = self.now_s
        self._busy_s, self._stale_s = self._work_s()
        self.truth.anew(enough=round(HELD_SHARE * self.setting.leases))

    def _work_s(self) -> tuple[float, float]:
        busy_s = sum(server.core.busy_s for server in self.servers)
        return busy_s, sum(server.stale_s for server in self.servers)

    def seen(self) -> Seen:
        """What it came to."""
        truth = self.truth
        busy_s, stale_s = self._work_s()
        busy_s, stale_s = busy_s - self._busy_s, stale_s - self._stale_s
        since_s = self.now_s - self.back_s
        return Seen(
            held_share=len(truth.held) / self.setting.leases,
            recovered_s=None if truth.recovered_s is None else truth.recovered_s - self.back_s,
            answered_s=None if truth.all_answered_s is None else truth.all_answered_s - self.back_s,
            counts=truth.counts,
            stale_share=stale_s / busy_s if busy_s else 0.0,
            busy_share=busy_s / since_s if since_s else 0.0,
            wrong=truth.wrong,
            losses=tuple(truth.losses),
        )

    @property
    def wanted(self) -> int:
        """Leases that somebody wants."""
        return self.setting.leases + self._coming

    def all_held(self, since_s: float) -> bool:
        """Whether all that are wanted are held, so long after the trouble."""
        return len(self.truth.held) >= self.wanted and self.now_s >= self.back_s + since_s

    # -- what can happen -------------------------------------------------------------------------------------

    def start(self) -> Server:
        """A new process of the service; it has the address from now on."""
        server = Server(
            self.loop,
            self.disk,
            self.truth,
            costs=lambda: self.costs,
            settings=self.setting.settings,
            protections=self.setting.protections,
            way_s=self.setting.way_s,
            rng=dice(self.rng),
        )
        self.server = server
        self.servers.append(server)
        return server

    def kill(self) -> None:
        """`-9`, and nobody has the address."""
        if self.server is not None:
            self.server.kill()
        self.server = None

    @property
    def in_store(self) -> int:
        """Leases that lie in the store."""
        return len(self.disk.state.apply(Range(Keys(SCOPE).leases, keys_only=True)))

    def copy_of_store(self) -> MemoryState:
        """A backup."""
        return self.disk.state.clone()

    def restore(self, copy: MemoryState | None, *, files: bool = True) -> None:
        """The store is put back to a copy, or to nothing, with the service started anew on it."""
        self.kill()
        self.disk.restore(copy, files=files)
        self.truth.forget_promises(until_s=self.now_s + self.setting.ttl_s)
        self.start()

    # -- messages --------------------------------------------------------------------------------------------

    async def carry(self, client: int, asks: Sequence[Ask], *, timeout_s: float) -> Sequence[Result]:
        """Calls to the service, and its answers back.

        Raises:
            NotServed: there is none.
        """
        loop, truth = self.loop, self.truth
        asked_s, done = loop.time(), loop.create_future()
        asks = tuple(asks)
        self.calls += len(asks)
        truth.asked(asks)

        def answer(found: list[Result] | str) -> None:
            message.done = True
            if not done.done():
                done.set_result(found)

        message = Message(asks, asked_s=asked_s, timeout_s=timeout_s, answer=answer)
        server = self.server
        if server is None or not server.up or not self.reachable(client):
            loop.call_later(self.setting.way_s, answer, "connection refused")
        else:
            loop.call_later(self.setting.way_s, server.arrives, message)
        patience = loop.call_later(timeout_s + MARGIN_S, answer, "no answer in time")
        found: Sequence[Result] | str = await done
        patience.cancel()
        if isinstance(found, str):
            truth.counts.unanswered += 1
            truth.ended(asks)
            raise NotServed(found)
        truth.answered(asks, found, asked_s=asked_s)
        return found


class Way:
    """One client's way to the service: `client.client.Transport`."""

    def __init__(self, world: World, client: int) -> None:
        self.calls = partial(world.carry, client)

    async def close(self) -> None:
        """Nothing is open."""
