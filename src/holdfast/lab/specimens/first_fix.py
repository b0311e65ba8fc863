"""The first published fix of the public model of 2025: each enactor checks before it applies, in two steps.

It asks whether its plan still exists and is newer than what the endpoint points at, and then points the endpoint
at it; clean-up looks which plans are active, and then deletes the others. Between look and act the answer may
grow old: an endpoint is pointed at a plan that clean-up has found inactive a moment before. (The next day's fix
made both one atomic step.)
"""

from __future__ import annotations

from holdfast.lab.actor import Actor
from holdfast.lab.specimens.october import (
    NEWEST,
    ZONE,
    converged,
    never_empty,
    owner,
    plan_of,
    planner,
    starting_zone,
    target,
)
from holdfast.lab.system import Scenario
from holdfast.lab.world.faults import Faults
from holdfast.lab.world.store import store_of
from holdfast.model.records import RRset
from holdfast.ports.clock import Idle, Rest
from holdfast.ports.dns import Ask, DeleteRRset, SetRRset, Transfer, Update
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.store import Entry, Get


async def enactor(endpoints: tuple[str, ...]) -> None:
    """Apply the newest plan, checking before each endpoint; then clean up what is not active."""
    applied = 1
    while True:
        newest = await Get(NEWEST)
        if not isinstance(newest, Entry) or int(newest.value) <= applied:
            await Idle(Rest.POLL)
            continue
        plan = int(newest.value)
        for endpoint in endpoints:
            if await _may_apply(endpoint, plan):
                alias = RRset(owner(endpoint), "CNAME", 30, (target(plan, endpoint),))
                await Update(ZONE, (), (SetRRset(alias),))
        await _clean_up(plan)
        applied = plan


async def _may_apply(endpoint: str, plan: int) -> bool:
    now = await Ask(ZONE, owner(endpoint), "CNAME")
    if isinstance(now, CouldNotAsk) or now.rrset is None or plan_of(now.rrset.rdatas[0]) >= plan:
        return False
    exists = await Ask(ZONE, target(plan, endpoint), "A")
    return not isinstance(exists, CouldNotAsk) and exists.rrset is not None


async def _clean_up(plan: int) -> None:
    content = await Transfer(ZONE)
    if isinstance(content, CouldNotAsk):
        return
    active = {r.rdatas[0] for r in content.rrsets if r.rtype == "CNAME"}
    old = tuple(r.name for r in content.rrsets if 0 < plan_of(r.name) < plan and r.name not in active)
    if old:
        await Update(ZONE, (), tuple(DeleteRRset(name, "A") for name in old))


def scenario(*, plans: int = 3, enactors: int = 2, endpoints: int = 1, faults: int = 0) -> Scenario:
    """The fix with this many plans, enactors and endpoints."""
    names = tuple(f"ep{i}" for i in range(1, endpoints + 1))
    return Scenario(
        name="first-fix",
        bounds=f"{plans} plans, {enactors} enactors, {endpoints} endpoints, {faults} faults",
        actors=(
            Actor("planner", "planner", lambda: planner(names, plans)),
            *(Actor(f"enactor-{chr(97 + i)}", "enactor", lambda: enactor(names)) for i in range(enactors)),
        ),
        store=store_of([(NEWEST, b"1")]),
        zones=(starting_zone(names),),
        faults=Faults(total=faults),
        invariants=(never_empty(names),),
        converged=converged(plans, names),
        served=tuple(owner(name) for name in names),
    )
