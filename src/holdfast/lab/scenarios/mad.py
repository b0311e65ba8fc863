"""Scenes of a planner gone mad: plans that no enactor may believe, each wrong in one way (R9, R12).

Four targets with addresses of both families, two zone labels, two names. One target is a quarter of the capacity:
what the budgets let go ("always at least one target").
"""

from __future__ import annotations

from functools import partial

import msgspec

from holdfast.lab.actor import Actor
from holdfast.lab.alphabet import KEYS, SCOPE, ZONE, soa_of, stored
from holdfast.lab.checks import Check, everything
from holdfast.lab.production import TELLING, publisher
from holdfast.lab.scenarios.properties import unstruck
from holdfast.lab.scenarios.stage import PLAIN, Disk, enactors
from holdfast.lab.system import Happened, Invariant, Scenario, View
from holdfast.lab.world.store import store_of
from holdfast.model.codec import encode, seal, section_ref
from holdfast.model.configuration import Check as ProbeCheck
from holdfast.model.configuration import (
    Configuration,
    EndpointConfig,
    GroupConfig,
    Limits,
    Mode,
    ProviderKind,
    StoredConfiguration,
    TargetConfig,
    ZoneConfig,
)
from holdfast.model.directives import Directives
from holdfast.model.fence import Fence, fence_owner
from holdfast.model.plan import PLAN_FORMAT, ExplicitAct, Inputs, Plan, PlanHead, Section
from holdfast.model.records import NameRecords, RRset, Tenure, Weighted
from holdfast.nameserver.zone import Zone
from holdfast.providers.dialect import Dialect
from holdfast.providers.embedded import EMBEDDED
from holdfast.providers.rendering import render

WEIGHT = 100
LABELS = ("x", "x", "y", "y")
NAMES = (f"a.{ZONE}", f"b.{ZONE}")
EVERYTHING = (1, 2, 3, 4)
PREFIXES = ("10.0.0.0/8", "2001:db8::/32")
LIMITS = Limits()
WIDE_LABEL = Limits(removal_share=1.0)
WIDE_TOTAL = Limits(removal_share_total=1.0)


def v4(*numbers: int, weight: int = WEIGHT) -> tuple[Weighted, ...]:
    """IPv4 addresses of targets."""
    return tuple(Weighted(f"10.0.0.{n}", weight) for n in numbers)


def v6(*numbers: int, weight: int = WEIGHT) -> tuple[Weighted, ...]:
    """IPv6 addresses of targets."""
    return tuple(Weighted(f"2001:db8::{n}", weight) for n in numbers)


def records(
    which: int, a: tuple[Weighted, ...], aaaa: tuple[Weighted, ...], tenure: Tenure = Tenure.MANAGED
) -> NameRecords:
    """One of the two names."""
    return NameRecords(NAMES[which], ZONE, 30, a, aaaa, "one", tenure)


GOOD = (records(0, v4(*EVERYTHING), v6(*EVERYTHING)), records(1, v4(*EVERYTHING), v6(*EVERYTHING)))
LESS = tuple(n for n in EVERYTHING if n > 2)


def _changed(a: tuple[Weighted, ...], aaaa: tuple[Weighted, ...] | None = None) -> tuple[NameRecords, ...]:
    """Name `a` with other addresses."""
    return records(0, a, v6(*EVERYTHING) if aaaa is None else aaaa), GOOD[1]


LONELY = (records(0, v4(1), ()), records(1, v4(1), v6(1)))
"""Names of one target: what they lose is within every budget."""


class Mad(msgspec.Struct, frozen=True):
    """A plan, and what is wrong with it."""

    what: str
    names: tuple[NameRecords, ...]
    invariant: str = "I2 never empty"
    limits: Limits = LIMITS
    dialect: Dialect = PLAIN
    scope: str = SCOPE
    format: int = PLAN_FORMAT
    tampered: bool = False
    fenced: bool = True
    start: tuple[NameRecords, ...] = GOOD
    explicit: tuple[ExplicitAct, ...] = ()


VELOCITY = "I4 velocity"
MAD: tuple[Mad, ...] = (
    Mad("no IPv6 address left at a name", _changed(v4(*EVERYTHING), ())),
    Mad("the only IPv6 address of a name gone", (LONELY[0], records(1, v4(1), ())), start=LONELY),
    Mad("the only address of a name gone", (records(0, (), ()), LONELY[1]), start=LONELY),
    Mad("a name of one target retired by nobody", (records(0, (), (), Tenure.RETIRED), LONELY[1]), start=LONELY),
    Mad("only weight 0 in one family", _changed(v4(*EVERYTHING), v6(*EVERYTHING, weight=0))),
    Mad(
        "an IPv6 address outside the prefixes",
        _changed(v4(*EVERYTHING), (*v6(1, 2, 3), Weighted("fd00::4", 100))),
    ),
    Mad("two targets of one label gone", _changed(v4(*LESS), v6(*LESS)), VELOCITY),
    Mad("two targets of one label gone, by label", _changed(v4(*LESS), v6(*LESS)), VELOCITY, WIDE_TOTAL),
    Mad("two targets of two labels gone, in all", _changed(v4(1, 3), v6(1, 3)), VELOCITY, WIDE_LABEL),
    Mad(
        "two targets gone, each at another name",
        (records(0, v4(2, 3, 4), v6(2, 3, 4)), records(1, v4(1, 2, 4), v6(1, 2, 4))),
        VELOCITY,
        WIDE_LABEL,
    ),
    Mad("two of one label gone, the fence missing", _changed(v4(*LESS), v6(*LESS)), VELOCITY, fenced=False),
    Mad("all replaced by unknown addresses", _changed(v4(11, 12, 13, 14), v6(11, 12, 13, 14)), VELOCITY),
    Mad("all weights lowered to 1", _changed(v4(*EVERYTHING, weight=1)), VELOCITY, dialect=EMBEDDED),
    Mad("two targets gone beside a word about one name", _changed(v4(*LESS), v6(*LESS)), VELOCITY,
        explicit=(ExplicitAct("retire", NAMES[1], "lab"),)),
    Mad("a retired name that nobody retired", (records(0, (), (), Tenure.RETIRED), GOOD[1])),
    Mad("sections that are not those of its head", _changed(v4(2, 3, 4), v6(2, 3, 4)), tampered=True),
    Mad("another scope", _changed(v4(2, 3, 4), v6(2, 3, 4)), scope="other"),
    Mad("a format that is not known yet", _changed(v4(2, 3, 4), v6(2, 3, 4)), format=PLAN_FORMAT + 1),
    Mad("a name that stands in it twice", (*_changed(v4(2, 3, 4), v6(2, 3, 4)), GOOD[0])),
)  # fmt: skip


def configuration(limits: Limits) -> StoredConfiguration:
    """Four targets, two names."""
    targets = tuple(
        TargetConfig(f"t{n}", f"10.0.0.{n}", f"2001:db8::{n}", 80, LABELS[n - 1], WEIGHT) for n in EVERYTHING
    )
    return StoredConfiguration(
        revision=1,
        origin="lab",
        digest="",
        configuration=Configuration(
            scope=SCOPE,
            mode=Mode.ENFORCE,
            zones=(ZoneConfig(ZONE, ProviderKind.KNOT, "127.0.0.1:53"),),
            groups=(GroupConfig("one", targets, ProbeCheck()),),
            endpoints=tuple(EndpointConfig(name, ZONE, "one") for name in NAMES),
            probers=(),
            allowed_prefixes=PREFIXES,
            limits=limits,
        ),
    )


def plan_of(names: tuple[NameRecords, ...], parent: Plan | None, mad: Mad | None = None) -> Plan:
    """A plan of these names; the head of a tampered one names other sections."""
    section = Section(names)
    other = tuple(msgspec.structs.replace(n, ttl=n.ttl + 1) for n in names)
    named = Section(other) if mad is not None and mad.tampered else section
    head = PlanHead(
        scope=SCOPE if mad is None else mad.scope,
        incarnation=1,
        generation=1 if parent is None else parent.identity.generation + 1,
        parent=None if parent is None else parent.identity,
        zones=(ZONE,),
        inputs=Inputs(1, 1, ()),
        sections=(section_ref(named),),
        explicit=() if mad is None else mad.explicit,
        format=PLAN_FORMAT if mad is None else mad.format,
    )
    return msgspec.structs.replace(seal(head, (named,)), sections=(section,))


def believed(mad: Mad) -> Scenario:
    """The plan is published as any other: nothing of it may reach DNS."""
    good = plan_of(mad.start, None)
    bad = plan_of(mad.names, good, mad)
    weights = mad.dialect.weights
    fence = RRset(fence_owner(SCOPE, ZONE), "TXT", 5, (Fence(good.identity, writer="enactor").rdata(),))
    zone = Zone.of(
        ZONE,
        [
            soa_of(ZONE),
            *((fence,) if mad.fenced else ()),
            *(r for n in mad.start for r in render(n, weights=weights)),
        ],
    )
    kept = tuple(zone.node(name) for name in NAMES)

    def check(before: View, after: View, step: Happened) -> str | None:
        now = tuple(after.zones[ZONE].node(name) for name in NAMES)
        return None if now == kept else f"{step.by} applied a plan with {mad.what}"

    return Scenario(
        name="mad planner",
        bounds=f"1 plan with {mad.what}",
        actors=(
            Actor("publisher", "publisher", partial(publisher, (bad,)), environment=True),
            *enactors((Disk(good),), dialect=mad.dialect),
        ),
        store=store_of(
            [
                (KEYS.config, encode(configuration(mad.limits))),
                (KEYS.words, encode(Directives(revision=1))),
                (KEYS.incarnation, encode(1)),
                *stored(good),
                (KEYS.newest, encode(good.identity)),
            ]
        ),
        zones=(zone,),
        invariants=(Invariant(mad.invariant, unstruck(check)),),
        sinks=(KEYS.enactors,),
        hidden=TELLING,
    )


CHECKS: tuple[Check, ...] = tuple(everything(f"mad: {m.what}", partial(believed, m)) for m in MAD)
