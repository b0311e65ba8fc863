"""What the searches of the shipped loops are about: plans, configuration, documents and zones, as values.

The alphabet: in each zone `a` moves between two targets and back (A -> B -> A), `b` never changes, `c` is
created by plan 2 and retired by plan 3. With two zones the second one has the same names, and `a` moves against
the first one's, so that a group that is half applied shows.
"""

from __future__ import annotations

from typing import Final

from holdfast.lab.world.store import StoreCell, store_of
from holdfast.model.codec import encode, seal, section_ref
from holdfast.model.configuration import (
    Check,
    Configuration,
    EndpointConfig,
    GroupConfig,
    Mode,
    ProviderKind,
    StoredConfiguration,
    TargetConfig,
    ZoneConfig,
)
from holdfast.model.directives import Directives, Word
from holdfast.model.fence import Fence, fence_owner
from holdfast.model.keys import Keys
from holdfast.model.plan import ExplicitAct, Inputs, Plan, PlanHead, Section
from holdfast.model.records import NameRecords, RRset, Tenure, Weighted
from holdfast.nameserver.zone import Zone
from holdfast.providers.rendering import render

SCOPE: Final = "lab"
ZONE: Final = "z.test"
OTHER_ZONE: Final = "y.test"
ONE_ZONE: Final = (ZONE,)
TWO_ZONES: Final = (OTHER_ZONE, ZONE)
KEYS: Final = Keys(SCOPE)
ONE: Final = "10.0.0.1"
TWO: Final = "10.0.0.2"


def contents(plans: int, zones: tuple[str, ...] = ONE_ZONE) -> tuple[tuple[NameRecords, ...], ...]:
    """Names of plan 1, 2, ...: from the fourth on, `a` goes on moving."""
    return tuple(
        tuple(n for zone in zones for n in _names(generation, zone)) for generation in range(1, plans + 1)
    )


def _names(generation: int, zone: str) -> list[NameRecords]:
    first = bool(generation % 2) == (zone == ZONE)
    names = [name_of("a", (ONE,) if first else (TWO,), zone), name_of("b", (ONE, TWO), zone)]
    if generation >= 2:
        retired = generation >= 3
        tenure = Tenure.RETIRED if retired else Tenure.MANAGED
        names.append(name_of("c", () if retired else (TWO,), zone, tenure))
    return names


def name_of(
    label: str, addresses: tuple[str, ...], zone: str = ZONE, tenure: Tenure = Tenure.MANAGED
) -> NameRecords:
    """A name with these addresses, each at full weight."""
    a = tuple(Weighted(x, 100) for x in addresses)
    return NameRecords(f"{label}.{zone}", zone, 30, a, (), "one", tenure)


def make_plans(plans: int, zones: tuple[str, ...] = ONE_ZONE) -> tuple[Plan, ...]:
    """A chain of plans with these contents, each naming its parent."""
    chain: list[Plan] = []
    for names in contents(plans, zones):
        chain.append(next_plan(chain[-1] if chain else None, names, zones=zones))
    return tuple(chain)


def next_plan(
    parent: Plan | None,
    names: tuple[NameRecords, ...],
    *,
    zones: tuple[str, ...] = ONE_ZONE,
    explicit: tuple[ExplicitAct, ...] | None = None,
) -> Plan:
    """The plan after `parent`; retired names are named as people's acts unless `explicit` says otherwise."""
    section = Section(names)
    retired = tuple(ExplicitAct("retire", n.name, "lab") for n in names if n.tenure is Tenure.RETIRED)
    head = PlanHead(
        scope=SCOPE,
        incarnation=1,
        generation=1 if parent is None else parent.identity.generation + 1,
        parent=None if parent is None else parent.identity,
        zones=zones,
        inputs=Inputs(1, 1, ()),
        sections=(section_ref(section),),
        explicit=retired if explicit is None else explicit,
    )
    return seal(head, (section,))


def configuration(zones: tuple[str, ...] = ONE_ZONE) -> StoredConfiguration:
    """What the store's configuration says of all this."""
    targets = tuple(TargetConfig(name=n, a=a, aaaa=None, port=80, label=n) for n, a in (("t1", ONE), ("t2", TWO)))
    names = tuple(EndpointConfig(f"{n}.{zone}", zone, "one") for zone in zones for n in "abc")
    return StoredConfiguration(
        revision=1,
        origin="lab",
        digest="",
        configuration=Configuration(
            scope=SCOPE,
            mode=Mode.ENFORCE,
            zones=tuple(ZoneConfig(zone, ProviderKind.KNOT, "127.0.0.1:53") for zone in zones),
            groups=(GroupConfig("one", targets, Check()),),
            endpoints=names,
            probers=(),
            allowed_prefixes=("10.0.0.0/8",),
        ),
    )


def documents(first: Plan) -> StoreCell:
    """A store that holds configuration, words and the first plan."""
    zones = first.head.zones
    words = Directives(revision=1, retired=tuple(Word(f"c.{zone}", "people", "lab") for zone in zones))
    return store_of(
        [
            (KEYS.config, encode(configuration(zones))),
            (KEYS.words, encode(words)),
            (KEYS.incarnation, encode(1)),
            *stored(first),
            (KEYS.newest, encode(first.identity)),
        ]
    )


def stored(plan: Plan) -> list[tuple[str, bytes]]:
    """A plan's head and chunks as documents."""
    identity = plan.identity
    chunks = [(KEYS.chunk(identity.generation, identity.hash, i), encode(s)) for i, s in enumerate(plan.sections)]
    return [(KEYS.plan(identity.generation), encode(plan.head)), *chunks]


def soa_of(zone: str) -> RRset:
    """A zone's SOA at serial 1."""
    return RRset(zone, "SOA", 60, (f"ns.{zone} hostmaster.{zone} 1 60 60 60 5",))


def zone_at(plan: Plan, zone: str = ZONE, *, weights: bool = False) -> Zone:
    """A zone whose fence and data are this plan's."""
    fence = Fence(plan.identity, writer="enactor").rdata()
    rrsets = [soa_of(zone), RRset(fence_owner(SCOPE, zone), "TXT", 5, (fence,))]
    for section in plan.sections:
        for name in section.names:
            if name.zone == zone:
                rrsets += render(name, weights=weights)
    return Zone.of(zone, rrsets)
