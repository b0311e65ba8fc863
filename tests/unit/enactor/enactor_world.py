"""A small world for loops: store and DNS in memory, a disk that is a dictionary, events in a list.

`drive` answers a loop operation by operation, and stops where it rests; a test may stop it anywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from holdfast.enactor.loop import enact
from holdfast.enactor.settings import EnactorSettings
from holdfast.model.codec import encode, seal, section_ref
from holdfast.model.configuration import (
    Check,
    Configuration,
    GroupConfig,
    Mode,
    StoredConfiguration,
    TargetConfig,
)
from holdfast.model.fence import Fence, fence_owner, parse_fence
from holdfast.model.freeze import Freeze
from holdfast.model.identity import Identity
from holdfast.model.keys import Keys
from holdfast.model.plan import ExplicitAct, Inputs, Plan, PlanHead, Section
from holdfast.model.records import NameRecords, RRset, Tenure, Weighted
from holdfast.nameserver.memory import MemoryDns
from holdfast.nameserver.zone import Zone
from holdfast.ports.clock import Arm, Disarm, Fired, Idle
from holdfast.ports.disk import Load, Promote, Stage
from holdfast.ports.dns import Ask, AskMany, Servers, SetRRset, Transfer, Update
from holdfast.ports.events import Emit, Event
from holdfast.ports.operation import CouldNotAsk, Loop, Operation
from holdfast.ports.random import NewId
from holdfast.ports.store import Commit, Get, GetMany, Put, Range
from holdfast.providers.memory import MEMORY
from holdfast.providers.rfc2136 import Rfc2136Provider
from holdfast.stores.memory import MemoryState

SCOPE = "shop"
KEYS = Keys(SCOPE)
ZONE = "example.test"
STORE_OPS = (Get, GetMany, Range, Commit)
DNS_OPS = (Ask, AskMany, Transfer, Servers, Update)
Fault = Callable[[Operation[Any]], Any]
OUT = CouldNotAsk("the store is out")


class World:
    """Everything outside of the loops. `store_out` and `fault` are for the tests to set."""

    def __init__(self, zones: tuple[str, ...] = (ZONE,)) -> None:
        self.store = MemoryState()
        self.dns = MemoryDns([empty_zone(z) for z in zones])
        self.disks: dict[str, dict[str, bytes]] = {}
        self.events: list[Event] = []
        self.store_out = False
        self.fault: Fault | None = None
        self.log: list[Operation[Any]] = []
        self.ids = 0

    def answer(self, actor: str, op: Operation[Any]) -> Any:
        """One operation, at once."""
        self.log.append(op)
        if self.fault is not None:
            answer = self.fault(op)
            if answer is not None:
                return answer
        if isinstance(op, STORE_OPS):
            return OUT if self.store_out else self.store.apply(op)
        if isinstance(op, DNS_OPS):
            return self.dns.answer(op)
        return self._own(self.disks.setdefault(actor, {}), op)

    def _own(self, disk: dict[str, bytes], op: Operation[Any]) -> Any:
        match op:
            case Load(name=name):
                return disk.get(name)
            case Stage(name=name, data=data):
                disk[f"{name}.tmp"] = data
            case Promote(name=name):
                disk[name] = disk.pop(f"{name}.tmp")
            case Emit(event=event):
                self.events.append(event)
            case NewId():
                self.ids += 1
                return f"id{self.ids:04d}"
            case Fired():
                return frozenset()
            case Arm() | Disarm():
                return None
            case Idle():
                return False
            case _:
                raise TypeError(f"nobody answers {type(op).__name__}")
        return None

    # -- store -----------------------------------------------------------------------------------------------

    def put(self, key: str, value: object) -> None:
        """Write a document."""
        self.store.apply(Commit(puts=(Put(key, encode(value)),)))

    def publish(self, plan: Plan) -> Plan:
        """A plan in the store, as the newest."""
        for i, section in enumerate(plan.sections):
            self.put(KEYS.chunk(plan.identity.generation, plan.identity.hash, i), section)
        self.put(KEYS.plan(plan.identity.generation), plan.head)
        self.put(KEYS.newest, plan.identity)
        return plan

    def freeze_in_store(self, freeze: Freeze) -> None:
        """A freeze document."""
        self.put(KEYS.freeze(freeze.id), freeze)

    # -- DNS -------------------------------------------------------------------------------------------------

    def fence(self, zone: str = ZONE) -> Fence | None:
        """The fence as DNS has it."""
        held = self.dns.zone(zone)
        assert held is not None
        rrset = held.rrset(fence_owner(SCOPE, zone), "TXT")
        return None if rrset is None else parse_fence(rrset.rdatas[0].strip('"'))

    def set_text(self, text: str, zone: str = ZONE) -> None:
        """Any TXT at the fence's owner, unconditionally."""
        self.update(SetRRset(RRset(fence_owner(SCOPE, zone), "TXT", 5, (f'"{text}"',))), zone=zone)

    def set_fence(self, fence: Fence, zone: str = ZONE) -> None:
        """Put a fence up, unconditionally."""
        self.set_text(fence.text(), zone)

    def update(self, *changes: Any, zone: str = ZONE) -> None:
        """An unfenced update: a person, or a foreign tool."""
        self.dns.answer(Update(zone, (), tuple(changes)))

    def addresses(self, name: str, rtype: str = "A", zone: str = ZONE) -> tuple[str, ...]:
        """What DNS serves at a name."""
        held = self.dns.zone(zone)
        assert held is not None
        rrset = held.rrset(name, rtype)
        return () if rrset is None else rrset.rdatas

    # -- events ----------------------------------------------------------------------------------------------

    def kinds(self) -> list[str]:
        """Kinds of the events so far."""
        return [e.kind for e in self.events]

    def text(self, kind: str) -> str:
        """Text of the last event of a kind."""
        return [e.text for e in self.events if e.kind == kind][-1]


def empty_zone(origin: str) -> Zone:
    """A zone with SOA and NS."""
    return Zone.of(
        origin,
        (
            RRset(origin, "SOA", 300, (f"ns.{origin} hostmaster.{origin} 1 3600 600 86400 5",)),
            RRset(origin, "NS", 300, (f"ns.{origin}",)),
        ),
    )


class Actor:
    """A loop under way: `pending` is the operation that it waits for."""

    def __init__(self, world: World, name: str, loop: Loop[Any]) -> None:
        self.world = world
        self.name = name
        self.loop = loop
        self.result: Any = None
        self.done = False
        self.pending: Operation[Any] | None = None
        self._send(None)

    def _send(self, value: Any) -> None:
        try:
            self.pending = self.loop.send(value)
        except StopIteration as stop:
            self.pending, self.result, self.done = None, stop.value, True

    def step(self) -> None:
        """Answer the pending operation."""
        assert self.pending is not None
        self._send(self.world.answer(self.name, self.pending))

    def reply(self, value: Any) -> None:
        """Answer the pending operation with something else."""
        self._send(value)

    def until(self, stop: Callable[[Operation[Any]], bool], limit: int = 20_000) -> Operation[Any]:
        """Step until an operation is pending that `stop` picks."""
        for _ in range(limit):
            assert self.pending is not None, "the loop ended"
            if stop(self.pending):
                return self.pending
            self.step()
        raise AssertionError(f"{self.name} never got there; last {self.pending}")

    def rest(self) -> Idle:
        """Step until the loop rests."""
        op = self.until(lambda o: isinstance(o, Idle))
        assert isinstance(op, Idle)
        return op

    def again(self) -> Idle:
        """From rest to rest: one pass."""
        assert isinstance(self.pending, Idle)
        self.step()
        return self.rest()

    def crash(self) -> None:
        """The process is gone."""
        self.loop.close()


def enactor(
    world: World, name: str = "a", zones: tuple[str, ...] = (ZONE,), turn: int = 0, turns: int = 1, **kw: Any
) -> Actor:
    """A production enactor on the memory provider."""
    settings = EnactorSettings(scope=SCOPE, enactor=name, turn=turn, turns=turns, **kw)
    return Actor(world, name, enact(settings, {z: Rfc2136Provider(z, MEMORY) for z in zones}))


def names(
    *wanted: tuple[str, tuple[str, ...]], zone: str = ZONE, group: str = "web", tenure: Tenure = Tenure.MANAGED
) -> tuple[NameRecords, ...]:
    """Names with A addresses of weight 100."""
    return tuple(
        NameRecords(
            name=f"{name}.{zone}",
            zone=zone,
            ttl=30,
            a=tuple(Weighted(address=a, weight=100) for a in addresses),
            aaaa=(),
            group=group,
            tenure=tenure,
        )
        for name, addresses in wanted
    )


def plan(
    generation: int,
    records: tuple[NameRecords, ...],
    *,
    incarnation: int = 1,
    explicit: tuple[ExplicitAct, ...] = (),
    parent: Identity | None = None,
    zones: tuple[str, ...] = (ZONE,),
    scope: str = SCOPE,
    per_section: int = 64,
) -> Plan:
    """A sealed plan."""
    ordered = tuple(sorted(records, key=lambda r: (r.zone, r.name)))
    sections = tuple(Section(ordered[i : i + per_section]) for i in range(0, len(ordered), per_section))
    head = PlanHead(
        scope=scope,
        incarnation=incarnation,
        generation=generation,
        parent=parent,
        zones=zones,
        inputs=Inputs(configuration_revision=1, directives_revision=0, observations=()),
        sections=tuple(section_ref(s) for s in sections),
        explicit=explicit,
        planner="p",
    )
    return seal(head, sections)


def configuration(
    targets: int = 4, *, mode: Mode = Mode.ENFORCE, prefixes: tuple[str, ...] = (), labels: int = 1
) -> StoredConfiguration:
    """One group `web` of 10.0.0.1 ... with weight 100."""
    group = GroupConfig(
        name="web",
        targets=tuple(
            TargetConfig(name=f"t{i}", a=f"10.0.0.{i}", aaaa=None, port=80, label=f"z{i % labels}")
            for i in range(1, targets + 1)
        ),
        check=Check(),
    )
    config = Configuration(
        scope=SCOPE, mode=mode, zones=(), groups=(group,), endpoints=(), probers=(), allowed_prefixes=prefixes
    )
    return StoredConfiguration(revision=1, origin="test", digest="d", configuration=config)


def with_mode(stored: StoredConfiguration, mode: Mode) -> StoredConfiguration:
    """The same in another mode."""
    return msgspec.structs.replace(
        stored,
        configuration=msgspec.structs.replace(stored.configuration, mode=mode),
        revision=stored.revision + 1,
    )
