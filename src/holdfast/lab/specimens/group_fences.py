"""A fence per group instead of one per scope and zone: what R0 rejects.

Plan 2 moves `b.test` from group `one` to group `two`. Group `one` itself does not change, so an enactor of plan 2
skips it, and its fence stays where it was. An enactor still holding plan 1 pins that fence, which holds, and
writes `b.test` as plan 1 has it, over plan 2.
"""

from __future__ import annotations

from holdfast.lab.actor import Actor
from holdfast.lab.system import Happened, Invariant, Scenario, View
from holdfast.lab.world.faults import Faults
from holdfast.lab.world.store import store_of
from holdfast.model.records import RRset
from holdfast.nameserver.zone import Zone
from holdfast.ports.clock import Idle, Rest
from holdfast.ports.dns import Ask, Existence, Prerequisite, SetRRset, Update
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.store import Commit, Entry, Get, Put

ZONE = "test"
NEWEST = "groups/newest"
Plan = dict[str, dict[str, str]]
"""Group to names to address."""

PLANS: dict[int, Plan] = {
    1: {"one": {"a.test": "10.0.0.1", "b.test": "10.0.0.1"}, "two": {"c.test": "10.0.0.2"}},
    2: {"one": {"a.test": "10.0.0.1"}, "two": {"b.test": "10.0.0.2", "c.test": "10.0.0.2"}},
}


async def planner() -> None:
    """Announce plan 2."""
    await Commit(puts=(Put(NEWEST, b"2"),))


async def enactor() -> None:
    """Write each group that differs under its own fence."""
    while True:
        newest = await Get(NEWEST)
        if isinstance(newest, Entry):
            plan = int(newest.value)
            for group, names in PLANS[plan].items():
                await _write(plan, group, names)
        await Idle(Rest.POLL)


async def _write(plan: int, group: str, names: dict[str, str]) -> None:
    owner = f"_fence-{group}.{ZONE}"
    fence = await Ask(ZONE, owner, "TXT")
    if isinstance(fence, CouldNotAsk) or fence.rrset is None or int(fence.rrset.rdatas[0].strip('"')) > plan:
        return
    wanted = [RRset(name, "A", 30, (address,)) for name, address in names.items()]
    changed = []
    for rrset in wanted:
        now = await Ask(ZONE, rrset.name, "A")
        if isinstance(now, CouldNotAsk):
            return
        if now.rrset != rrset:
            changed.append(SetRRset(rrset))
    if changed:
        mine = SetRRset(RRset(owner, "TXT", 30, (f'"{plan}"',)))
        await Update(ZONE, (Prerequisite(Existence.RRSET_IS, owner, "TXT", fence.rrset.rdatas),), (mine, *changed))


def _never_back(before: View, after: View, step: Happened) -> str | None:
    """I1: once plan 2 has placed `b.test`, plan 1's address must not come back."""
    was, now = (v.zones[ZONE].rrset("b.test", "A") for v in (before, after))
    if was is not None and now is not None and was.rdatas == ("10.0.0.2",) and now.rdatas == ("10.0.0.1",):
        return f"{step.by} wrote plan 1's address of b.test over plan 2's"
    return None


def scenario(*, enactors: int = 2, faults: int = 0) -> Scenario:
    """Two plans between which a name moves."""
    start = [
        RRset(ZONE, "SOA", 60, (f"ns.{ZONE} hostmaster.{ZONE} 1 60 60 60 5",)),
        *(RRset(f"_fence-{g}.{ZONE}", "TXT", 30, ('"0"',)) for g in ("one", "two")),
        *(RRset(n, "A", 30, ("10.0.0.9",)) for n in ("a.test", "b.test", "c.test")),
    ]
    # The enactors of plan 2 find group `one` as plan 1 left it, so `a.test` is already right.
    start[3] = RRset("a.test", "A", 30, ("10.0.0.1",))
    return Scenario(
        name="group-fences",
        bounds=f"2 plans, {enactors} enactors, 2 groups, 3 names, {faults} faults",
        actors=(
            Actor("planner", "planner", planner),
            *(Actor(f"enactor-{chr(97 + i)}", "enactor", enactor) for i in range(enactors)),
        ),
        store=store_of([(NEWEST, b"1")]),
        zones=(Zone.of(ZONE, start),),
        faults=Faults(total=faults),
        invariants=(Invariant("I1 monotone", _never_back),),
    )
