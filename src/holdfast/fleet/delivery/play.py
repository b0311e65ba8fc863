"""A restart with much that is dirty: the service is back, most hosts lack much, and people go on publishing.

The fleet has what was published up to some generation; then the service was away while documents were written by
another one on the same store (`missed`). New hosts have nothing. From second 0 everybody asks at once. Some hosts
take deliveries and never report, some have processes that stand still for minutes and are replaced meanwhile.
Halfway the service ends and starts again.
"""

from __future__ import annotations

import random
from typing import Final

import msgspec

from holdfast.fleet.delivery.machine import Machine, Wrong
from holdfast.fleet.delivery.truth import Truth
from holdfast.fleet.delivery.world import SCOPE, Behaviour, Clock, Process, Publisher, Service
from holdfast.model.codec import encode
from holdfast.model.delivery import Counter, Document, Host, Publish, Standing
from holdfast.model.keys import Keys
from holdfast.ports.store import Commit, Put
from holdfast.propagation.desk import DeliverySettings
from holdfast.stores.memory import MemoryState

ROLES: Final = ("lb", "web", "db", "cache")
SAMPLE_S: Final = 5.0


class Rollout(msgspec.Struct, frozen=True):
    """The fleet and its trouble. Shares are of the hosts."""

    hosts: int = 1000
    small_groups: int = 4
    """Besides one large group: each with a twentieth of the hosts."""
    names: int = 12
    """File names; each published for all, a role or a group."""
    history: int = 60
    """Generations that the fleet has."""
    missed: int = 40
    """Generations that it lacks."""
    new_share: float = 0.1
    hanging_share: float = 0.01
    places: int = 64
    apply_s: float = 3.0
    paused_share: float = 0.02
    reload_fails_share: float = 0.01
    publish_every_s: float = 20.0
    published: int = 10
    """Documents that people bring in meanwhile."""
    restarts: bool = True
    lasts_s: float = 7200.0
    to_the_end: bool = False
    """Also when everybody has everything."""


class Rolled(msgspec.Struct, frozen=True):
    """What a run came to. Times in seconds since the service was back."""

    caught_up_s: float | None
    """When all hosts but the hanging ones had, or had refused, all that was published."""
    least_s: float
    """No service that lets `places` hosts apply at a time could do it sooner."""
    wrong: Wrong
    busy_most: int
    """Hosts that applied something at once, those that are paused or hang included."""
    snapshots: int
    deliveries: int
    quarantined: int
    hanging: int
    ready_by_group_s: tuple[tuple[str, int, float], ...]
    """(group, hosts, when 95 % of them were ready for the first time), the large group last. Hosts whose own
    reload failed are not counted: they wait for their next document, whatever the service does.
    """
    create_wait_s: float
    update_wait_s: float
    """Until the median new, and old, host was ready for the first time."""
    published: int
    put_off: int
    """Publications that were told to come later."""


def _selectors(rollout: Rollout) -> list[str]:
    groups = [f"group/{group_of(n, rollout)}" for n in range(rollout.small_groups + 1)]
    return ["all", "all", *(f"role/{role}" for role in ROLES), *groups]


def group_of(number: int, rollout: Rollout) -> str:
    """Name of a group; the last is the large one."""
    return "large" if number == rollout.small_groups else f"small-{number + 1}"


class _Fleet:
    """The world of one run."""

    def __init__(self, rollout: Rollout, seed: int) -> None:
        self.rollout = rollout
        self.rng = random.Random(seed)  # noqa: S311 - seeded on purpose
        self.clock, self.truth, self.wrong = Clock(), Truth(), Wrong()
        self.state = MemoryState()
        self._write(rollout.history)
        self.hosts = [self._host(number) for number in range(rollout.hosts)]
        self.machines = [Machine(host, self.truth, self.wrong) for host in self.hosts]
        self.new = set(self.rng.sample(range(rollout.hosts), round(rollout.new_share * rollout.hosts)))
        for number, machine in enumerate(self.machines):
            if number not in self.new:
                machine.install(self.truth.generation)
        self._write(rollout.missed)
        settings = DeliverySettings(places=rollout.places)
        self.service = Service(self.clock, self.state, self.truth, settings)
        self.publisher = Publisher(self.service)
        hanging = self.rng.sample(range(rollout.hosts), round(rollout.hanging_share * rollout.hosts))
        self.hanging = set(hanging)
        self.processes = [self._process(number) for number in range(rollout.hosts)]
        self.ready_s: dict[int, float] = {}
        self.busy_most = 0
        self.caught_up_s: float | None = None

    def _host(self, number: int) -> Host:
        small = number // max(1, self.rollout.hosts // 20)
        group = group_of(min(small, self.rollout.small_groups), self.rollout)
        return Host(f"h{number:05d}", self.rng.choice(ROLES), group)

    def _process(self, number: int) -> Process:
        rollout = self.rollout
        behaviour = Behaviour(
            apply_s=rollout.apply_s,
            hangs=number in self.hanging,
            reload_fails_share=rollout.reload_fails_share,
            paused_share=rollout.paused_share,
        )
        return Process(self.machines[number], self.service, behaviour, self.rng)

    def change(self) -> Publish:
        """Any change of any document; one in ten removes it."""
        selector = self.rng.choice(_selectors(self.rollout))
        name = f"file-{self.rng.randrange(self.rollout.names)}"
        gone = self.rng.random() < 0.1
        return Publish(selector, name, b"" if gone else b"%d" % self.rng.getrandbits(40), deleted=gone)

    def _write(self, many: int) -> None:
        """So many generations by another service."""
        keys = Keys(SCOPE)
        for generation in range(self.truth.generation + 1, self.truth.generation + 1 + many):
            ask = self.change()
            document = Document(ask.selector, ask.name, generation, ask.content, ask.mode, ask.deleted)
            put = Put(keys.delivery(ask.selector, ask.name), encode(document))
            self.state.apply(Commit((), (Put(keys.delivery_counter, encode(Counter(generation))), put)))
            self.truth.wrote(document)

    # -- the run -------------------------------------------------------------------------------------------

    def play(self) -> None:
        rollout, clock = self.rollout, self.clock
        self.service.start()
        for process in self.processes:
            clock.after(self.rng.random(), process.start)
        for number in range(rollout.published):
            clock.after((number + 1) * rollout.publish_every_s, lambda: self.publisher.publish(self.change()))
        if rollout.restarts:
            clock.after(self.least_s / 2, self.service.stop)
            clock.after(self.least_s / 2 + 10.0, self.service.start)
        clock.after(SAMPLE_S, self._looks)
        clock.run(rollout.lasts_s, enough=lambda: self.caught_up_s is not None and not rollout.to_the_end)

    @property
    def least_s(self) -> float:
        return self.rollout.hosts * self.rollout.apply_s / self.rollout.places

    def _looks(self) -> None:
        self.clock.after(SAMPLE_S, self._looks)
        now_s, behind = self.clock.now_s, False
        for number, machine in enumerate(self.machines):
            if number in self.hanging:
                continue
            said = machine.said_ready
            desired = self.truth.desired(machine.host)
            has_all = machine.is_its_own and machine.current >= desired and said is not None and said.ready
            behind = behind or not (has_all or machine.refused >= desired)
            if number not in self.ready_s and said is not None and said.ready:
                self.ready_s[number] = now_s
        self.busy_most = max(self.busy_most, sum(process.applying for process in self.processes))
        if self.caught_up_s is None and not behind and self.publisher.published == self.rollout.published:
            self.caught_up_s = now_s

    def quarantined(self) -> int:
        """Hosts that the service tells to be in quarantine now."""
        told: list[Standing] = []
        self.service.standing(told.append)
        self.clock.run(self.clock.now_s + 5.0)
        return sum(lag.quarantined for lag in told[0].hosts)

    def ready_share_s(self, numbers: list[int], share: float) -> float:
        """When so many of these were ready for the first time."""
        times_s = sorted(self.ready_s.get(number, float("inf")) for number in numbers)
        return times_s[min(len(times_s) - 1, int(share * len(times_s)))] if times_s else 0.0


def roll(rollout: Rollout, *, seed: int) -> Rolled:
    """Play it, until everybody has everything or the time is over."""
    fleet = _Fleet(rollout, seed)
    fleet.play()
    alive = [n for n in range(rollout.hosts) if n not in fleet.hanging]
    groups = [group_of(number, rollout) for number in range(rollout.small_groups + 1)]
    able = [n for n in alive if not fleet.machines[n].refused]
    members = {group: [n for n in able if fleet.hosts[n].group == group] for group in groups}
    return Rolled(
        caught_up_s=fleet.caught_up_s,
        least_s=fleet.least_s,
        wrong=fleet.wrong,
        busy_most=fleet.busy_most,
        snapshots=fleet.service.snapshots,
        deliveries=fleet.service.deliveries,
        quarantined=fleet.quarantined(),
        hanging=len(fleet.hanging),
        ready_by_group_s=tuple((g, len(of), fleet.ready_share_s(of, 0.95)) for g, of in members.items()),
        create_wait_s=fleet.ready_share_s([n for n in alive if n in fleet.new], 0.5),
        update_wait_s=fleet.ready_share_s([n for n in alive if n not in fleet.new], 0.5),
        published=fleet.publisher.published,
        put_off=fleet.publisher.put_off,
    )
