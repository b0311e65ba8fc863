"""The loops that ship, composed as the service composes them: no copy, no patch.

The alphabet of plans: `a` moves between two targets and back (A -> B -> A), `b` never changes, `c` is created by
plan 2 and retired by plan 3. One zone. Enactors take plans from an environment that publishes them through the
production document code at any time (split proof, docs/protocol.md "What exhaustive search asks", 8).
"""

from __future__ import annotations

from typing import Any

import msgspec

from holdfast.documents.plans import publish_plan, read_newest
from holdfast.documents.reading import Document
from holdfast.enactor.cleanup import clean_up
from holdfast.enactor.knowledge import State
from holdfast.enactor.loop import enact
from holdfast.enactor.settings import EnactorSettings
from holdfast.enactor.shelf import PLAN_FILE
from holdfast.killswitch.freeze import Outcome as FreezeOutcome
from holdfast.killswitch.freeze import freeze, thaw
from holdfast.lab.actor import Actor
from holdfast.lab.invariants import (
    agrees,
    fence_in,
    freeze_holds,
    ghost_owner,
    live_is_pinned,
    monotone,
    never_empty,
)
from holdfast.lab.library import Library
from holdfast.lab.system import Happened, Invariant, Scenario, View
from holdfast.lab.world.faults import Disaster, Faults
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
from holdfast.model.freeze import Selector
from holdfast.model.identity import Identity
from holdfast.model.keys import Keys
from holdfast.model.plan import ExplicitAct, Inputs, Plan, PlanHead, Section
from holdfast.model.records import NameRecords, RRset, Tenure, Weighted
from holdfast.nameserver.zone import Zone
from holdfast.ports.clock import Idle, Rest
from holdfast.ports.store import Committed, Compare
from holdfast.providers.knot import KNOT
from holdfast.providers.rendering import render
from holdfast.providers.rfc2136 import Rfc2136Provider

SCOPE = "lab"
ZONE = "z.test"
KEYS = Keys(SCOPE)
DIALECT = KNOT
TELLING = ((State, frozenset({"progress", "reported", "trouble", "laggards", "attempt"})),)
"""What an enactor carries only to tell people a change once; no decision reads it."""
WHOLE = Selector()
FREEZE_ID = "cccaaa"
"""The id that the freezer draws: ids are deterministic here (`world.own`)."""
ONE, TWO = "10.0.0.1", "10.0.0.2"


def contents(plans: int) -> tuple[tuple[NameRecords, ...], ...]:
    """Names of plan 1, 2, ...: from the fourth on, `a` goes on moving."""
    found = []
    for generation in range(1, plans + 1):
        names = [
            _name("a", (ONE,) if generation % 2 else (TWO,)),
            _name("b", (ONE, TWO)),
        ]
        if generation >= 2:
            retired = generation >= 3
            names.append(_name("c", () if retired else (TWO,), Tenure.RETIRED if retired else Tenure.MANAGED))
        found.append(tuple(names))
    return tuple(found)


def _name(label: str, addresses: tuple[str, ...], tenure: Tenure = Tenure.MANAGED) -> NameRecords:
    a = tuple(Weighted(x, 100) for x in addresses)
    return NameRecords(f"{label}.{ZONE}", ZONE, 30, a, (), "one", tenure)


def make_plans(plans: int) -> tuple[Plan, ...]:
    """A chain of plans with these contents, each naming its parent."""
    chain: list[Plan] = []
    for generation, names in enumerate(contents(plans), start=1):
        section = Section(names)
        retired = tuple(ExplicitAct("retire", n.name, "lab") for n in names if n.tenure is Tenure.RETIRED)
        head = PlanHead(
            scope=SCOPE,
            incarnation=1,
            generation=generation,
            parent=chain[-1].identity if chain else None,
            zones=(ZONE,),
            inputs=Inputs(1, 1, ()),
            sections=(section_ref(section),),
            explicit=retired,
        )
        chain.append(seal(head, (section,)))
    return tuple(chain)


def configuration() -> StoredConfiguration:
    """What the store's configuration says of all this."""
    targets = tuple(TargetConfig(name=n, a=a, aaaa=None, port=80, label=n) for n, a in (("t1", ONE), ("t2", TWO)))
    names = tuple(EndpointConfig(f"{n}.{ZONE}", ZONE, "one") for n in "abc")
    return StoredConfiguration(
        revision=1,
        origin="lab",
        digest="",
        configuration=Configuration(
            scope=SCOPE,
            mode=Mode.ENFORCE,
            zones=(ZoneConfig(ZONE, ProviderKind.KNOT, "127.0.0.1:53"),),
            groups=(GroupConfig("one", targets, Check()),),
            endpoints=names,
            probers=(),
            allowed_prefixes=("10.0.0.0/8",),
        ),
    )


def documents(first: Plan) -> StoreCell:
    """A store that holds configuration, words and the first plan."""
    words = Directives(revision=1, retired=(Word(f"c.{ZONE}", "people", "lab"),))
    return store_of(
        [
            (KEYS.config, encode(configuration())),
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


def zone_at(plan: Plan) -> Zone:
    """A zone whose fence and data are this plan's."""
    rrsets = [
        RRset(ZONE, "SOA", 60, (f"ns.{ZONE} hostmaster.{ZONE} 1 60 60 60 5",)),
        RRset(fence_owner(SCOPE, ZONE), "TXT", 5, (Fence(plan.identity, writer="enactor").rdata(),)),
    ]
    for section in plan.sections:
        for name in section.names:
            rrsets += render(name, weights=False)
    return Zone.of(ZONE, rrsets)


def providers(*, transfer: bool = False) -> dict[str, Rfc2136Provider]:
    """The zone's provider, fresh as after a start. `transfer`: it reads data by zone transfer, one step."""
    return {ZONE: Rfc2136Provider(ZONE, DIALECT, transfer_from=1 if transfer else None)}


async def publisher(plans: tuple[Plan, ...]) -> None:
    """The environment of the enactors: plans come at any time, by the production code that publishes them."""
    for plan in plans:
        while True:
            newest = await read_newest(KEYS)
            if isinstance(newest, Document):
                if newest.value >= plan.identity:
                    break
                published = await publish_plan(KEYS, plan, (Compare(KEYS.newest, newest.revision),))
                if isinstance(published, Committed):
                    break
            await Idle(Rest.RETRY)
        await Idle(Rest.POLL)


def enactor_actor(
    name: str, held: Plan | None = None, *, kind: str = "enactor", writer: str = "enactor", transfer: bool = False
) -> Actor:
    """A production enactor with plan `held` on its disk. Equal writer ids make enactors interchangeable."""
    settings = EnactorSettings(scope=SCOPE, enactor=writer, ask_servers=False)
    disk = () if held is None else ((PLAN_FILE, encode(held)),)
    return Actor(name, kind, lambda: enact(settings, providers(transfer=transfer)), disk=disk)


def scenario(
    *,
    plans: int = 3,
    enactors: int = 2,
    faults: Faults | int = 0,
    transfer: bool = False,
    hide: bool = True,
    extra: tuple[Actor, ...] = (),
    invariants: tuple[Invariant, ...] = (),
) -> Scenario:
    """The shipped enactors under plans that come at any time."""
    budget = faults if isinstance(faults, Faults) else Faults(total=faults)
    chain = make_plans(plans)
    library = Library(KEYS)
    publishing = Actor("publisher", "publisher", lambda: publisher(chain[1:]), environment=True)
    names = len(contents(plans)[-1])
    return Scenario(
        name="production",
        bounds=(
            f"{plans} plans, {enactors} enactors, {names} names, {budget.total} faults,"
            f" {budget.in_flight if budget.total else 0} messages in flight"
        ),
        actors=(
            publishing,
            *(enactor_actor(f"enactor-{chr(97 + i)}", chain[0], transfer=transfer) for i in range(enactors)),
            *extra,
        ),
        store=documents(chain[0]),
        zones=(zone_at(chain[0]),),
        faults=budget,
        invariants=(
            monotone(library, lambda n: render(n, weights=False)),
            never_empty(library),
            live_is_pinned(library),
            *invariants,
        ),
        converged=agrees(library, lambda n: render(n, weights=False)),
        sinks=(KEYS.enactors,),
        hidden=TELLING if hide else (),
    )


def _acknowledged(outcome: object) -> bool:
    """In every fence and in the store: in the fences alone it has one carrier (finding 2 of lab-findings.md)."""
    return isinstance(outcome, FreezeOutcome) and outcome.complete and not outcome.store


def with_freeze(
    *,
    plans: int = 3,
    enactors: int = 2,
    faults: Faults | int = 0,
    transfer: bool = False,
    thaw_after: bool = False,
    faulty: bool = False,
    selector: Selector = WHOLE,
) -> Scenario:
    """The same with a person who freezes the whole scope by the production kill switch, and may thaw it later."""
    freezer = Actor(
        "freezer",
        "freezer",
        lambda: freeze(SCOPE, providers(), actor="people", selector=selector, reason="lab", by="people"),
        environment=not faulty,
        crashes=False,
    )
    thawer = Actor(
        "thawer",
        "thawer",
        lambda: thaw(SCOPE, providers(), actor="people", freeze_id=FREEZE_ID, by="people"),
        environment=not faulty,
        crashes=False,
        waits_for=("freezer",),
    )
    holds = freeze_holds(
        KEYS,
        freezer="freezer",
        thawer="thawer" if thaw_after else "",
        selector=selector,
        acknowledged=_acknowledged,
    )
    found = scenario(
        plans=plans,
        enactors=enactors,
        faults=faults,
        transfer=transfer,
        extra=(freezer, thawer) if thaw_after else (freezer,),
        invariants=(holds,),
    )
    what = f"1 freeze of {selector}{' and its thaw' if thaw_after else ''}"
    return msgspec.structs.replace(found, name="production-freeze", bounds=f"{found.bounds}, {what}")


def fence_of(zone: Zone) -> Fence | None:
    """The fence in the lab's zone."""
    return fence_in(zone, SCOPE)


def _fence_struck(text: str | None, *, wildcard: bool = False) -> Any:
    def strike(zone: Zone) -> Zone:
        owner = fence_owner(SCOPE, ZONE)
        node = () if text is None else (RRset(owner, "TXT", 5, (text,)),)
        last = zone.rrset(owner, "TXT")
        delta = {owner: node}
        if last is not None and fence_of(zone) is not None:
            # What the fence said last, where no code under test looks: I1 holds across its loss.
            delta[ghost_owner(ZONE)] = (RRset(ghost_owner(ZONE), "TXT", 5, last.rdatas),)
        if wildcard:
            delta[f"*.{ZONE}"] = (RRset(f"*.{ZONE}", "TXT", 5, ('"anything"',)),)
        return zone.changed(delta)

    return strike


JUMPED = Fence(Identity(1, 10**9, "f" * 32), writer="nobody").rdata()


def _split(zone: Zone) -> Zone:
    """The fence's text as two character-strings: the same to a careless reader, never to a server (R6)."""
    fence = fence_of(zone)
    if fence is None:
        return zone
    text = fence.text()
    changed = _fence_struck(f'"{text[:40]}" "{text[40:]}"')(zone)
    assert isinstance(changed, Zone)
    return changed


def _emptied(zone: Zone) -> Zone:
    return zone.changed({f"b.{ZONE}": ()})


def _lost(store: StoreCell) -> StoreCell:
    """All documents gone. Revisions go on: a store whose revisions began anew is finding 1 of lab-findings.md."""
    graves = {**dict(store.graves), **{e.key: e.revision for e in store.entries}}
    return StoreCell((), tuple(sorted(graves.items())))


DISASTERS = (
    Disaster(ZONE, "somebody deletes the fence", _fence_struck(None)),
    Disaster(ZONE, "somebody garbles the fence", _fence_struck('"garbled"')),
    Disaster(
        ZONE, "somebody deletes the fence, and a wildcard answers for it", _fence_struck(None, wildcard=True)
    ),
    Disaster(ZONE, "the fence jumps by 10^9 generations", _fence_struck(JUMPED)),
    Disaster(ZONE, "the fence is split into two strings", _split),
    Disaster(ZONE, "somebody empties b", _emptied),
    Disaster("store", "the store is lost", _lost),
)


def mad_plans() -> tuple[tuple[str, tuple[NameRecords, ...]], ...]:
    """Contents that no enactor may believe (R9, R12), each with what is wrong with it."""
    b = _name("b", (ONE, TWO))
    return (
        ("no address at all", (_name("a", ()), b)),
        ("only weight 0", (NameRecords(f"a.{ZONE}", ZONE, 30, (Weighted(ONE, 0),), (), "one"), b)),
        ("retired without a word", (_name("a", (), Tenure.RETIRED), b)),
        ("an address outside the prefixes", (_name("a", ("192.0.2.66",)), b)),
        ("both targets leave", (_name("a", ("10.0.0.3",)), _name("b", ("10.0.0.3",)))),
    )


def under_mad_planner(which: int, *, enactors: int = 1) -> Scenario:
    """A planner gone mad publishes one of `mad_plans`: nothing of it may reach DNS."""
    what, names = mad_plans()[which]
    good = make_plans(1)[0]
    section = Section(names)
    head = msgspec.structs.replace(
        good.head, generation=2, parent=good.identity, sections=(section_ref(section),), explicit=()
    )
    plan = seal(head, (section,))
    zone = zone_at(good)
    kept = tuple(zone.node(f"{label}.{ZONE}") for label in "ab")

    def check(before: View, after: View, step: Happened) -> str | None:
        now = tuple(after.zones[ZONE].node(f"{label}.{ZONE}") for label in "ab")
        return None if now == kept else f"{step.by} applied a plan with {what}"

    return Scenario(
        name="mad-planner",
        bounds=f"1 plan with {what}, {enactors} enactors",
        actors=(
            Actor("publisher", "publisher", lambda: publisher((plan,)), environment=True),
            *(enactor_actor(f"enactor-{chr(97 + i)}", good) for i in range(enactors)),
        ),
        store=documents(good),
        zones=(zone,),
        invariants=(Invariant("I4 velocity" if which == 4 else "I2 never empty", check),),
        sinks=(KEYS.enactors,),
        hidden=TELLING,
    )


def with_cleaner(*, plans: int = 3, enactors: int = 1, faults: Faults | int = 0) -> Scenario:
    """The same with clean-up, which keeps no more than one plan."""
    cleaner = Actor("cleaner", "cleaner", lambda: clean_up(SCOPE, providers(), actor="cleaner", keep=1))
    found = scenario(plans=plans, enactors=enactors, faults=faults, transfer=True, extra=(cleaner,))
    return msgspec.structs.replace(found, name="production-cleaner", bounds=f"{found.bounds}, clean-up")
