"""The design of 2025 on our ports: what every engine must catch, within a second (facts: october-2025.md, lab.md).

- *Locks per endpoint*: a TXT record, read, then deleted and re-created as the preamble of the transactional
  batch that points the endpoint at a plan. Losing it means backing off: one enactor may starve and grow stale.
- *One-time check*: whether the plan is newer than the last one applied is asked once, at the start.
- *Records refer to plans*: an endpoint is an alias (CNAME) of a record set that carries its plan's number.
- *Clean-up by age*: whoever has finished a plan deletes the record sets of much older plans.
- *The rollback record*: each batch also keeps the previous target as `rb.<endpoint>`, and, transactional as it
  is, requires that this target exists. Once the live plan is gone, no batch can hold: the wedge.
"""

from __future__ import annotations

from typing import Any

from holdfast.lab.actor import Actor
from holdfast.lab.system import Happened, Invariant, Scenario, View
from holdfast.lab.world.faults import Faults
from holdfast.lab.world.store import store_of
from holdfast.model.records import RRset
from holdfast.nameserver.lookup import lookup
from holdfast.nameserver.zone import Zone
from holdfast.ports.clock import Idle, Rest
from holdfast.ports.dns import (
    Ask,
    DeleteRRset,
    Existence,
    Prerequisite,
    Rcode,
    Response,
    SetRRset,
    Transfer,
    Update,
)
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.store import Commit, Entry, Get, Put

ZONE = "region.test"
NEWEST = "october/newest"
KEEP = 1
"""Plans this much older than the one just applied are "significantly older": an assumption."""


def target(plan: int, endpoint: str) -> str:
    """Owner of a plan's record set for an endpoint."""
    return f"p{plan}.{endpoint}.plans.{ZONE}"


def owner(endpoint: str) -> str:
    """Owner of an endpoint's alias."""
    return f"{endpoint}.{ZONE}"


def _alias(name: str, to: str) -> RRset:
    return RRset(name, "CNAME", 30, (to,))


async def planner(endpoints: tuple[str, ...], plans: int) -> None:
    """Write each plan's record sets, then announce it; periodically."""
    for plan in range(2, plans + 1):
        sets = tuple(SetRRset(RRset(target(plan, e), "A", 30, (f"10.0.{plan}.1",))) for e in endpoints)
        await Update(ZONE, (), sets)
        await Commit(puts=(Put(NEWEST, str(plan).encode()),))
        await Idle(Rest.POLL)


async def enactor(endpoints: tuple[str, ...], rounds: int = 0) -> None:
    """Apply the newest plan to each endpoint, then clean up. `rounds` bounds its rests; 0 is for ever."""
    applied = 1
    rested = 0
    while True:
        newest = await Get(NEWEST)
        if not isinstance(newest, Entry) or int(newest.value) <= applied:
            rested = min(rested + 1, rounds)
            if rounds and rested == rounds:
                return
            await Idle(Rest.POLL)
            continue
        plan = int(newest.value)  # checked here, once: by the time it is written it may be old
        for endpoint in endpoints:
            while not await _point(endpoint, plan):
                rested = min(rested + 1, rounds)
                if rounds and rested == rounds:
                    return
                await Idle(Rest.TURN)
        await _clean_up(plan)
        applied = plan
        await Idle(Rest.POLL)


async def _point(endpoint: str, plan: int) -> bool:
    """One transactional batch; False if the lock was lost, or the batch was refused."""
    lock = await Ask(ZONE, f"lock.{owner(endpoint)}", "TXT")
    if isinstance(lock, CouldNotAsk) or lock.rrset is None:
        return False
    now = await Ask(ZONE, owner(endpoint), "CNAME")
    if isinstance(now, CouldNotAsk) or now.rrset is None:
        return False
    before = now.rrset.rdatas[0]
    mine = RRset(f"lock.{owner(endpoint)}", "TXT", 30, (f'"{plan}"',))
    response = await Update(
        ZONE,
        (
            Prerequisite(Existence.RRSET_IS, mine.name, "TXT", lock.rrset.rdatas),
            Prerequisite(Existence.NAME_IN_USE, before),
            Prerequisite(Existence.NAME_IN_USE, target(plan, endpoint)),
        ),
        (
            DeleteRRset(mine.name, "TXT"),
            SetRRset(mine),
            SetRRset(_alias(f"rb.{owner(endpoint)}", before)),
            SetRRset(_alias(owner(endpoint), target(plan, endpoint))),
        ),
    )
    return isinstance(response, Response) and response.rcode is Rcode.NOERROR


async def _clean_up(plan: int) -> None:
    content = await Transfer(ZONE)
    if isinstance(content, CouldNotAsk):
        return
    old = tuple(r.name for r in content.rrsets if plan_of(r.name) and plan_of(r.name) <= plan - KEEP)
    if old:
        await Update(ZONE, (), tuple(DeleteRRset(name, "A") for name in old))


def plan_of(name: str) -> int:
    """Plan of a record set's owner; 0 for any other name."""
    return int(name[1:].split(".")[0]) if name.endswith(f".plans.{ZONE}") else 0


def never_empty(endpoints: tuple[str, ...]) -> Invariant:
    """I2 for this design: each endpoint's alias leads to addresses."""

    def check(before: View, after: View, step: Happened) -> str | None:
        zone = after.zones[ZONE]
        for endpoint in endpoints:
            alias = lookup(zone, owner(endpoint), "CNAME").rrset
            if alias is None or lookup(zone, alias.rdatas[0], "A").rrset is None:
                to = "nothing" if alias is None else alias.rdatas[0]
                return f"{owner(endpoint)} points at {to}, which has no addresses"
        return None

    return Invariant("I2 never empty", check)


def converged(plans: int, endpoints: tuple[str, ...]) -> Any:
    """Goal: every endpoint points at the newest plan."""

    def check(view: View) -> bool:
        zone = view.zones[ZONE]
        found = [lookup(zone, owner(e), "CNAME").rrset for e in endpoints]
        return all(
            r is not None and r.rdatas == (target(plans, e),) for r, e in zip(found, endpoints, strict=True)
        )

    return check


def starting_zone(names: tuple[str, ...]) -> Zone:
    """Every endpoint on plan 1."""
    soa = RRset(ZONE, "SOA", 60, (f"ns.{ZONE} hostmaster.{ZONE} 1 60 60 60 5",))
    start = [soa]
    for name in names:
        start += [
            RRset(target(1, name), "A", 30, ("10.0.1.1",)),
            _alias(owner(name), target(1, name)),
            RRset(f"lock.{owner(name)}", "TXT", 30, ('"1"',)),
        ]
    return Zone.of(ZONE, start)


def scenario(
    *,
    plans: int = 3,
    enactors: int = 3,
    endpoints: int = 3,
    faults: int = 0,
    rounds: int = 0,
    invariants: bool = True,
) -> Scenario:
    """The race with this many plans (one is live at the start), enactors and endpoints."""
    names = tuple(f"ep{i}" for i in range(1, endpoints + 1))
    return Scenario(
        name="october-2025",
        bounds=f"{plans} plans, {enactors} enactors, {endpoints} endpoints, {faults} faults",
        actors=(
            Actor("planner", "planner", lambda: planner(names, plans)),
            *(Actor(f"enactor-{chr(97 + i)}", "enactor", lambda: enactor(names, rounds)) for i in range(enactors)),
        ),
        store=store_of([(NEWEST, b"1")]),
        zones=(starting_zone(names),),
        faults=Faults(total=faults),
        invariants=(never_empty(names),) if invariants else (),
        converged=converged(plans, names),
        served=tuple(owner(name) for name in names),
    )
