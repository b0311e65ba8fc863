"""Four targets in one group: configurations, observations, plans, words and zones of the searches about health
and planning, as values; and the parts of the environment that they share.
"""

from __future__ import annotations

from holdfast.documents.plans import read_newest
from holdfast.documents.reading import Document
from holdfast.health.judge import PlainRules
from holdfast.lab.actor import Actor
from holdfast.lab.alphabet import KEYS, SCOPE, ZONE, soa_of
from holdfast.lab.scenarios.stage import providers
from holdfast.model.codec import encode, seal, section_ref
from holdfast.model.configuration import Check as ProbeCheck
from holdfast.model.configuration import (
    Configuration,
    EndpointConfig,
    GroupConfig,
    Limits,
    Mode,
    ProberConfig,
    ProviderKind,
    StoredConfiguration,
    TargetConfig,
    ZoneConfig,
)
from holdfast.model.directives import Directives
from holdfast.model.fence import Fence, fence_owner
from holdfast.model.identity import Identity
from holdfast.model.observation import Observations, TargetObservation, TargetState
from holdfast.model.plan import Inputs, ObserverRevision, Plan, PlanHead, Section
from holdfast.model.records import NameRecords, RRset, Weighted
from holdfast.nameserver.zone import Zone
from holdfast.planner.desk import Desk
from holdfast.planner.loop import Planner, run
from holdfast.ports.clock import Idle, Rest
from holdfast.ports.dns import SetRRset, Update
from holdfast.ports.store import Commit, Put

TARGETS = 4
WEIGHT = 100
NAME = f"a.{ZONE}"
Puts = tuple[Put, ...]
LIMITS = Limits(quorum=1)
HALF = Limits(quorum=1, removal_share=0.5, removal_share_total=0.5)
NO_WORDS = Directives(revision=1)


def target(number: int, *, a: str = "", aaaa: str | None = None, label: str = "x") -> TargetConfig:
    """Target `t<number>` at 10.0.0.<number>."""
    return TargetConfig(f"t{number}", a or f"10.0.0.{number}", aaaa, 80, label, WEIGHT)


FOUR = tuple(target(n) for n in range(1, TARGETS + 1))


def stored_configuration(
    targets: tuple[TargetConfig, ...] = FOUR,
    *,
    revision: int = 1,
    limits: Limits = LIMITS,
    floor: float = 0.25,
    fail_open: float = 0.2,
    vantages: int = 1,
    ttl: int = 30,
) -> StoredConfiguration:
    """One name, `a`, with these targets."""
    return StoredConfiguration(
        revision=revision,
        origin="lab",
        digest=str(revision),
        configuration=Configuration(
            scope=SCOPE,
            mode=Mode.ENFORCE,
            zones=(ZoneConfig(ZONE, ProviderKind.KNOT, "127.0.0.1:53"),),
            groups=(GroupConfig("one", targets, ProbeCheck(), floor_share=floor, fail_open_share=fail_open),),
            endpoints=(EndpointConfig(NAME, ZONE, "one", ttl=ttl),),
            probers=tuple(ProberConfig(f"p{i}", f"v{i}") for i in range(1, vantages + 1)),
            limits=limits,
        ),
    )


def observed(
    revision: int,
    down: tuple[int, ...] = (),
    *,
    observer: str = "p1",
    targets: int = TARGETS,
    distrust: str = "",
) -> Put:
    """An observer's publication: these targets are down, the others up."""
    states = tuple(
        TargetObservation(f"one/t{n}", TargetState.DOWN if n in down else TargetState.UP, "lab")
        for n in range(1, targets + 1)
    )
    vantage = f"v{observer[1:]}"
    return Put(KEYS.observer(observer), encode(Observations(observer, vantage, revision, states, distrust)))


def first_plan(
    targets: tuple[TargetConfig, ...] = FOUR,
    *,
    generation: int = 1,
    parent: Plan | None = None,
    observations: int = 1,
    configuration: int = 1,
) -> Plan:
    """A plan that serves these targets at `a`."""
    a = tuple(sorted(Weighted(t.a, WEIGHT) for t in targets if t.a))
    aaaa = tuple(sorted(Weighted(t.aaaa, WEIGHT) for t in targets if t.aaaa))
    section = Section((NameRecords(NAME, ZONE, 30, a, aaaa, "one"),))
    head = PlanHead(
        scope=SCOPE,
        incarnation=1,
        generation=generation,
        parent=None if parent is None else parent.identity,
        zones=(ZONE,),
        inputs=Inputs(configuration, 1, (ObserverRevision("p1", observations),)),
        sections=(section_ref(section),),
    )
    return seal(head, (section,))


async def script(steps: tuple[Puts, ...]) -> None:
    """Documents change, one step after the other, at any time."""
    for puts in steps:
        await Commit(puts=puts)
        await Idle(Rest.POLL)


async def applier() -> None:
    """The fence comes to the newest plan at any time, as enactors bring it there."""
    at: Identity | None = None
    while True:
        newest = await read_newest(KEYS)
        if isinstance(newest, Document) and newest.value != at:
            at = newest.value
            fence = Fence(at, writer="applier").rdata()
            await Update(ZONE, (), (SetRRset(RRset(fence_owner(SCOPE, ZONE), "TXT", 5, (fence,))),))
        await Idle(Rest.POLL)


def planner_actor(name: str) -> Actor:
    """A shipped planner, as after a start."""
    return Actor(name, "planner", lambda: run(Planner(SCOPE, "planner", providers(), PlainRules(), Desk())))


def fenced(identity: Identity | None) -> Zone:
    """A zone whose fence names this plan, or that has none."""
    fence = () if identity is None else (RRset(fence_owner(SCOPE, ZONE), "TXT", 5, (Fence(identity).rdata(),)),)
    return Zone.of(ZONE, [soa_of(ZONE), *fence])
