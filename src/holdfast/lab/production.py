"""The loops that ship, composed as the service composes them: no copy, no patch.

Enactors take plans (`alphabet`) from an environment that publishes them through the production document code at
any time (split proof, docs/protocol.md "What exhaustive search asks", 8). One zone for each server that is named.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

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
from holdfast.lab.alphabet import (
    KEYS,
    ONE,
    ONE_ZONE,
    SCOPE,
    TWO,
    TWO_ZONES,
    ZONE,
    contents,
    documents,
    make_plans,
    name_of,
    next_plan,
    zone_at,
)
from holdfast.lab.disasters import DISASTERS
from holdfast.lab.invariants import (
    agrees,
    fence_in,
    freeze_holds,
    live_is_pinned,
    monotone,
    never_empty,
)
from holdfast.lab.library import Library
from holdfast.lab.servers import KNOT, Server
from holdfast.lab.system import Happened, Invariant, Scenario, View
from holdfast.lab.world.faults import Faults
from holdfast.model.codec import encode
from holdfast.model.fence import Fence
from holdfast.model.freeze import Selector
from holdfast.model.plan import Plan
from holdfast.model.records import NameRecords, RRset, Tenure, Weighted
from holdfast.nameserver.zone import Zone
from holdfast.ports.clock import Idle, Rest
from holdfast.ports.store import Committed, Compare
from holdfast.providers.rfc2136 import Rfc2136Provider

__all__ = ["DISASTERS", "KEYS", "SCOPE", "ZONE", "make_plans"]

Servers: TypeAlias = tuple[Server, ...]
"""One for each zone."""

ON_KNOT: Final[Servers] = (KNOT,)
TELLING = ((State, frozenset({"progress", "reported", "trouble", "laggards", "attempt"})),)
"""What an enactor carries only to tell people a change once; no decision reads it."""
WHOLE = Selector()
FREEZE_ID = "cccaaa"
"""The id that a freezer draws which is the third kind of actor: ids are deterministic here (`world.own`)."""


def zones_of(servers: Servers) -> tuple[str, ...]:
    """Names of the zones that these servers hold: one or two."""
    return ONE_ZONE if len(servers) == 1 else TWO_ZONES


def providers(servers: Servers = ON_KNOT, *, transfer: bool = False) -> dict[str, Rfc2136Provider]:
    """The zones' providers, fresh as after a start. `transfer`: they read data by zone transfer, one step."""
    named = zip(zones_of(servers), servers, strict=True)
    return {zone: server.provider(zone, transfer=transfer) for zone, server in named}


def render_on(servers: Servers) -> Callable[[NameRecords], tuple[RRset, ...]]:
    """A name's records as the server of its zone keeps them."""
    renders = {zone: server.render for zone, server in zip(zones_of(servers), servers, strict=True)}
    return lambda records: renders[records.zone](records)


def zones_at(plan: Plan, servers: Servers) -> tuple[Zone, ...]:
    """All zones, with the plan's fence and data."""
    named = zip(zones_of(servers), servers, strict=True)
    return tuple(zone_at(plan, zone, weights=server.dialect.weights) for zone, server in named)


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
    name: str,
    held: Plan | None = None,
    *,
    kind: str = "enactor",
    writer: str = "enactor",
    transfer: bool = False,
    servers: Servers = ON_KNOT,
) -> Actor:
    """A production enactor with plan `held` on its disk. Equal writer ids make enactors interchangeable."""
    settings = EnactorSettings(scope=SCOPE, enactor=writer, ask_servers=False)
    disk = () if held is None else ((PLAN_FILE, encode(held)),)
    return Actor(name, kind, lambda: enact(settings, providers(servers, transfer=transfer)), disk=disk)


def freezer_actor(*, selector: Selector = WHOLE, faulty: bool = False, servers: Servers = ON_KNOT) -> Actor:
    """A person at the production kill switch. `faulty`: what the person asks may fail as well."""

    def start():  # type: ignore[no-untyped-def]
        return freeze(SCOPE, providers(servers), actor="people", selector=selector, reason="lab", by="people")

    return Actor("freezer", "freezer", start, environment=not faulty, crashes=False)


def thawer_actor(*, faulty: bool = False, servers: Servers = ON_KNOT) -> Actor:
    """The person thaws what `freezer_actor` froze, at any time after that is done."""

    def start():  # type: ignore[no-untyped-def]
        return thaw(SCOPE, providers(servers), actor="people", freeze_id=FREEZE_ID, by="people")

    return Actor("thawer", "thawer", start, environment=not faulty, crashes=False, waits_for=("freezer",))


def cleaner_actor(*, servers: Servers = ON_KNOT) -> Actor:
    """Production clean-up, which keeps no more than one plan."""
    return Actor("cleaner", "cleaner", lambda: clean_up(SCOPE, providers(servers), actor="cleaner", keep=1))


def scenario(
    *,
    plans: int = 3,
    enactors: int = 2,
    faults: Faults | int = 0,
    transfer: bool = False,
    hide: bool = True,
    restarts: bool = False,
    extra: tuple[Actor, ...] = (),
    invariants: tuple[Invariant, ...] = (),
    servers: Servers = ON_KNOT,
) -> Scenario:
    """The shipped enactors under plans that come at any time. `restarts`: what publishes them may fail as well."""
    budget = faults if isinstance(faults, Faults) else Faults(total=faults)
    chain = make_plans(plans, zones_of(servers))
    library = Library(KEYS)
    publishing = Actor("publisher", "publisher", lambda: publisher(chain[1:]), environment=not restarts)
    names = max(len(names) for names in contents(plans, zones_of(servers)))
    at = " and ".join(s.name for s in servers)
    failing = ", a publisher that crashes and restarts" if restarts else ""
    return Scenario(
        name="production",
        bounds=(
            f"{plans} plans, {enactors} enactors, {names} names on {at}{failing},"
            f" {budget.total} faults, {budget.in_flight if budget.total else 0} messages in flight"
        ),
        actors=(
            publishing,
            *(
                enactor_actor(f"enactor-{chr(97 + i)}", chain[0], transfer=transfer, servers=servers)
                for i in range(enactors)
            ),
            *extra,
        ),
        store=documents(chain[0]),
        zones=zones_at(chain[0], servers),
        faults=budget,
        invariants=(
            monotone(library, render_on(servers)),
            never_empty(library),
            live_is_pinned(library),
            *invariants,
        ),
        converged=agrees(library, render_on(servers)),
        quirks=tuple((zone, server.quirks) for zone, server in zip(zones_of(servers), servers, strict=True)),
        sinks=(KEYS.enactors,),
        rewritten=(KEYS.all_chunks,),
        hidden=TELLING if hide else (),
        crowded=f"{plans} plans, {names} names on {at}{failing}",
    )


def acknowledged(outcome: object) -> bool:
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
    restarts: bool = False,
    selector: Selector = WHOLE,
    servers: Servers = ON_KNOT,
) -> Scenario:
    """The same with a person who freezes the whole scope by the production kill switch, and may thaw it later."""
    freezer = freezer_actor(selector=selector, faulty=faulty, servers=servers)
    thawer = thawer_actor(faulty=faulty, servers=servers)
    holds = freeze_holds(
        KEYS,
        freezer="freezer",
        thawer="thawer" if thaw_after else "",
        selector=selector,
        acknowledged=acknowledged,
    )
    found = scenario(
        plans=plans,
        enactors=enactors,
        faults=faults,
        transfer=transfer,
        restarts=restarts,
        extra=(freezer, thawer) if thaw_after else (freezer,),
        invariants=(holds,),
        servers=servers,
    )
    what = f"1 freeze of {selector}{' and its thaw' if thaw_after else ''}"
    return msgspec.structs.replace(
        found, name="production-freeze", bounds=f"{found.bounds}, {what}", crowded=f"{found.crowded}, {what}"
    )


def fence_of(zone: Zone) -> Fence | None:
    """The fence in the lab's zone."""
    return fence_in(zone, SCOPE)


def mad_plans() -> tuple[tuple[str, tuple[NameRecords, ...]], ...]:
    """Contents that no enactor may believe (R9, R12), each with what is wrong with it."""
    b = name_of("b", (ONE, TWO))
    return (
        ("no address at all", (name_of("a", ()), b)),
        ("only weight 0", (NameRecords(f"a.{ZONE}", ZONE, 30, (Weighted(ONE, 0),), (), "one"), b)),
        ("retired without a word", (name_of("a", (), ZONE, Tenure.RETIRED), b)),
        ("an address outside the prefixes", (name_of("a", ("192.0.2.66",)), b)),
        ("both targets leave", (name_of("a", ("10.0.0.3",)), name_of("b", ("10.0.0.3",)))),
    )


def under_mad_planner(which: int, *, enactors: int = 1) -> Scenario:
    """A planner gone mad publishes one of `mad_plans`: nothing of it may reach DNS."""
    what, names = mad_plans()[which]
    good = make_plans(1)[0]
    plan = next_plan(good, names, explicit=())
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


def with_cleaner(
    *, plans: int = 3, enactors: int = 1, faults: Faults | int = 0, servers: Servers = ON_KNOT
) -> Scenario:
    """The same with clean-up, which keeps no more than one plan."""
    cleaner = cleaner_actor(servers=servers)
    found = scenario(
        plans=plans, enactors=enactors, faults=faults, transfer=True, extra=(cleaner,), servers=servers
    )
    return msgspec.structs.replace(found, name="production-cleaner", bounds=f"{found.bounds}, clean-up")
