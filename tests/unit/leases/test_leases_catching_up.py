"""The desk and its holders after a restart under load, in virtual time: who is renewed, and when new hosts are in.

Each call takes its reading, each renewal a little more, on one processor; commits take 10 ms. Hosts ask as
`leases.holding` says, so they obey the hints that they get.
"""

from __future__ import annotations

import heapq
import random
from itertools import count

import msgspec
import pytest

from holdfast.leases.desk import Actions, Desk
from holdfast.leases.holding import Holding
from holdfast.leases.law import LeaseSettings
from holdfast.leases.tokens import token_of
from holdfast.model.keys import Keys
from holdfast.model.lease import Ask, Granted, Lease, LeaseOwner, TryLater
from holdfast.ports.leases import Call, Inbound, Written
from holdfast.ports.store import Committed

TTL_S = 90.0
COMMIT_S = 0.01
STEP_COST_S = 1e-4
CALL_S = 10.0


class Load(msgspec.Struct, frozen=True):
    """What the service has to carry."""

    held: int
    new: int
    read_s: float
    """Of one call."""
    renew_s: float
    within_s: float = 2.0
    """All ask for the first time within this."""

    @property
    def once_s(self) -> float:
        """What renewing everything once takes."""
        return self.held * (self.read_s + self.renew_s)


class World:
    """A service that has just taken over, and the crowd that waited for it."""

    def __init__(self, load: Load) -> None:
        self.load, self.rng = load, random.Random(1)
        leases = [Lease("api", f"n{n}", f"n{n}", token_of(1, n + 1)) for n in range(load.held)]
        law = LeaseSettings(ttl_least_s=TTL_S, renewals_most_per_s=1e6)
        self.desk = Desk(Keys("s"), LeaseOwner("r", 2), owner_at=10, leases=leases, now_s=0.0, settings=law)
        self.holdings = [self._holding(f"n{n}") for n in range(load.held)]
        for holding, lease in zip(self.holdings, leases, strict=True):
            holding.token, holding.ttl_s = lease.token, TTL_S
        self.holdings += [self._holding(f"x{n}") for n in range(load.new)]
        self.due = [(self.rng.random() * load.within_s, at) for at in range(len(self.holdings))]
        heapq.heapify(self.due)
        self.commits: list[tuple[float, int]] = []
        self.asked: dict[int, tuple[int, Ask, float]] = {}
        self.ids, self.revisions = count(), count(11)
        self.now_s = self.idle_s = 0.0
        self.in_s: dict[int, float] = {}
        """When each new host had its lease."""
        self.hints_s: list[float] = []
        """Of new hosts."""
        self.turned_away = 0
        """Renewals that were told to come later."""

    def _holding(self, name: str) -> Holding:
        return Holding("api", name, name, place=None, above=0, now_s=0.0)

    @property
    def lost(self) -> int:
        """Leases that their holders have no token for any more."""
        return sum(not holding.token for holding in self.holdings[: self.load.held])

    def run(self, until_s: float) -> None:
        """Until all new hosts are in, or until then."""
        while self.now_s < until_s and len(self.in_s) < self.load.new:
            calls = self._calls()
            read_s = self.load.read_s * len(calls)
            self.now_s += read_s
            out = self.desk.step(
                Inbound(self.now_s, self.idle_s, self.rng.random(), calls, self._written(), read_s)
            )
            renewed = sum(isinstance(result, Granted) and result.renewed for _, result in out.replies)
            self.now_s += STEP_COST_S + renewed * self.load.renew_s
            self._hear(out)
            events = [queue[0][0] for queue in (self.due, self.commits) if queue]
            wakes_s = min([self.now_s + self.desk.wake_in_s(now_s=self.now_s), *events])
            self.idle_s = max(0.0, wakes_s - self.now_s)
            self.now_s += self.idle_s

    def _calls(self) -> tuple[Call, ...]:
        calls = []
        while self.due and self.due[0][0] <= self.now_s:
            at = heapq.heappop(self.due)[1]
            ask, id_ = self.holdings[at].ask(), next(self.ids)
            self.asked[id_] = (at, ask, self.now_s)
            calls.append(Call(id_, ask, CALL_S))
        return tuple(calls)

    def _written(self) -> tuple[Written, ...]:
        written = []
        while self.commits and self.commits[0][0] <= self.now_s:
            written.append(Written(heapq.heappop(self.commits)[1], Committed(next(self.revisions))))
        return tuple(written)

    def _hear(self, out: Actions) -> None:
        for submit in out.submits:
            heapq.heappush(self.commits, (self.now_s + COMMIT_S, submit.ticket))
        for id_, result in out.replies:
            at, ask, asked_s = self.asked.pop(id_)
            new = at >= self.load.held
            if isinstance(result, TryLater) and new:
                self.hints_s.append(result.after_s)
            elif isinstance(result, TryLater):
                self.turned_away += 1
            elif new and isinstance(result, Granted):
                self.in_s.setdefault(at, self.now_s)
            holding = self.holdings[at]
            holding.answered(ask, result, asked_s=asked_s, now_s=self.now_s, chance=self.rng.random())
            if holding.next_s is not None:
                heapq.heappush(self.due, (holding.next_s, at))


@pytest.mark.parametrize(
    "load",
    [
        Load(held=5_000, new=20, read_s=8e-4, renew_s=2e-4),
        Load(held=5_000, new=500, read_s=2e-3, renew_s=2e-4),
        Load(held=5_000, new=20, read_s=4e-3, renew_s=2e-4),
        Load(held=5_000, new=20, read_s=2e-4, renew_s=2e-3),
    ],
)
def test_new_hosts_are_in_soon_after_a_restart_under_load(load: Load) -> None:
    """5,000 renewals at once, reading dear or cheap: new hosts are in about as soon as all have been renewed once,
    not two minutes later by the pace of a bad moment; and nobody loses a lease."""
    world = World(load)
    world.run(400.0)
    assert len(world.in_s) == load.new
    assert max(world.in_s.values()) < 2.5 * load.once_s + 10.0
    assert max(world.hints_s, default=0.0) < load.once_s + 10.0
    assert world.lost == 0


def test_a_service_that_has_much_to_read_renews_as_much_as_it_reads() -> None:
    """Reading takes twenty times as long as renewing: who was not renewed in time is turned away once or twice,
    and not to be read again without end."""
    world = World(Load(held=5_000, new=20, read_s=4e-3, renew_s=2e-4))
    world.run(400.0)
    assert world.turned_away < 3 * world.load.held
    assert world.now_s < 60.0


@pytest.mark.soak
@pytest.mark.parametrize("read_s", [80e-6, 200e-6, 400e-6])
def test_a_hundred_new_hosts_beside_fifty_thousand_renewals(read_s: float) -> None:
    """The same at size; prints when they were in."""
    world = World(Load(held=50_000, new=100, read_s=read_s, renew_s=20e-6))
    world.run(400.0)
    last_s = max(world.in_s.values())
    print(
        f"\nreading a call takes {read_s * 1e6:.0f} us: {len(world.in_s)} of 100 in, the last after {last_s:.1f} s"
    )
    assert len(world.in_s) == 100
    assert last_s < 2.5 * world.load.once_s + 5.0
    assert world.lost == 0
