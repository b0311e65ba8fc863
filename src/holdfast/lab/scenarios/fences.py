"""Scenes of the order table: fences that stand above, fell, or are gone; disks, stores that lag (R0-R3, R15)."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from holdfast.documents.plans import read_newest
from holdfast.documents.reading import Document
from holdfast.enactor.memory import Memory
from holdfast.lab.actor import Actor
from holdfast.lab.alphabet import KEYS, SCOPE, ZONE, configuration, make_plans, next_plan
from holdfast.lab.checks import Check, everything
from holdfast.lab.disasters import DISASTERS
from holdfast.lab.library import Library
from holdfast.lab.scenarios.properties import fills_only_empty, never_written, newest_monotone, raise_is_whole
from holdfast.lab.scenarios.stage import (
    PLAIN,
    SILENCE,
    WORDS,
    Disk,
    Zones,
    documents,
    noted,
    scene,
    shown,
    then,
    with_node,
    without_fence,
    without_name,
    zone_of,
)
from holdfast.lab.system import Scenario, View
from holdfast.lab.world.faults import Fault, Faults
from holdfast.lab.world.store import StoreCell, store_of
from holdfast.model.codec import encode
from holdfast.model.configuration import Mode
from holdfast.model.fence import Fence, fence_owner
from holdfast.model.freeze import Freeze, Selector
from holdfast.model.plan import Plan
from holdfast.model.records import RRset
from holdfast.nameserver.updating import Quirks
from holdfast.ports.clock import Idle, Rest
from holdfast.ports.dns import Existence, Prerequisite, SetRRset, Update
from holdfast.providers.dialect import Dialect
from holdfast.providers.knot import KNOT

ONE_SILENCE = Faults(1, kinds=SILENCE)
GARBLED = '"garbled"'


def _fence(generation: int) -> Fence:
    return Fence(make_plans(generation)[-1].identity, writer="enactor")


def _remembers(generation: int) -> Memory:
    """A disk that has seen the fence of this plan, the configuration and the words."""
    memory = Memory(configuration=configuration(), directives=WORDS)
    return memory.with_fence(ZONE, _fence(generation))


def fence_above() -> Scenario:
    """The disk is one plan behind fence and store; the store may fall silent."""
    one, two = make_plans(2)
    return scene(
        bounds="a disk one plan behind the fence",
        zone=zone_of(two),
        store=documents((one, two)),
        disks=(Disk(one),),
        faults=ONE_SILENCE,
    )


def fence_fell() -> Scenario:
    """The zone was restored from an old copy: its fence fell from 3 to 1, under a disk that holds plan 2."""
    one, two, three = make_plans(3)
    return scene(
        bounds="a fence that fell from plan 3 to plan 1 under a disk at plan 2",
        zone=zone_of(one, changed=noted(_fence(3))),
        store=documents((one, two, three)),
        disks=(Disk(two, _remembers(3)),),
        faults=ONE_SILENCE,
    )


def _lost_fence(changed: Zones, dialect: Dialect = PLAIN) -> Scenario:
    one, two = make_plans(2)
    return scene(
        bounds="a fence of plan 2 that is missing or unreadable, and a disk at plan 1",
        zone=zone_of(two, changed=changed),
        store=documents((one, two)),
        disks=(Disk(one, _remembers(2)),),
        faults=ONE_SILENCE,
        dialect=dialect,
    )


def fence_missing() -> Scenario:
    """The fence is gone, the disk is one plan behind, the store may fall silent (R3)."""
    return _lost_fence(then(without_fence(_fence(2)), without_name("b")))


def fence_missing_serial_unproved() -> Scenario:
    """The same where the serial has to be proved first."""
    return _lost_fence(without_fence(_fence(2)), KNOT)


def fence_garbled() -> Scenario:
    """The same with a text that is no fence."""
    return _lost_fence(then(_replaced(GARBLED), noted(_fence(2)), without_name("b")))


def fence_split() -> Scenario:
    """The fence's text stands there as two character-strings, which no server takes for one (R6)."""
    text = _fence(2).text()
    return _lost_fence(then(_replaced(f'"{text[:40]}" "{text[40:]}"'), noted(_fence(2))))


def fence_jumped() -> Scenario:
    """The fence has jumped by 10^9 generations: unreadable, not something to outrun (R3)."""
    jumped = msgspec.structs.replace(
        _fence(2), identity=msgspec.structs.replace(_fence(2).identity, generation=10**9)
    )
    return _lost_fence(then(_replaced(jumped.rdata()), noted(_fence(2))))


def fence_under_wildcard() -> Scenario:
    """The fence is gone, and a wildcard's text answers for it (R2)."""
    return _lost_fence(then(without_fence(_fence(2)), with_node("*", ("TXT", '"anything"'))))


def fence_jumped_incarnation() -> Scenario:
    """One garbled digit of the incarnation is as final as one of the generation (R3)."""
    jumped = msgspec.structs.replace(
        _fence(2), identity=msgspec.structs.replace(_fence(2).identity, incarnation=10**9)
    )
    return _lost_fence(then(_replaced(jumped.rdata()), noted(_fence(2))))


def fence_like_a_wildcard() -> Scenario:
    """The fence is garbled, and a wildcard says the very same: it stands there all the same (R2)."""
    return _lost_fence(then(_replaced(GARBLED), noted(_fence(2)), with_node("*", ("TXT", GARBLED))))


def _replaced(rdata: str) -> Zones:
    return with_node(fence_owner(SCOPE, ZONE).removesuffix(f".{ZONE}"), ("TXT", rdata))


def data_damaged() -> Scenario:
    """At an equal fence a name's data are gone: that is healed whoever raised (R1)."""
    one = make_plans(1)[0]
    return scene(
        bounds="a name emptied under an equal fence",
        zone=zone_of(one, changed=without_name("b")),
        store=documents((one,)),
        disks=(Disk(one),),
    )


async def rival(plan: Plan) -> None:
    """Another enactor, ahead of the one that is searched: once the plan is out it repairs the fence to it."""
    while True:
        newest = await read_newest(KEYS)
        if isinstance(newest, Document) and newest.value == plan.identity:
            break
        await Idle(Rest.POLL)
    owner = fence_owner(SCOPE, ZONE)
    fence = RRset(owner, "TXT", 5, (Fence(plan.identity, writer="rival").rdata(),))
    data = tuple(SetRRset(r) for section in plan.sections for name in section.names for r in shown(name))
    await Update(ZONE, (Prerequisite(Existence.RRSET_ABSENT, owner, "TXT"),), (SetRRset(fence), *data))


def repairs_race(dialect: Dialect = PLAIN) -> Scenario:
    """A repair is held back; a newer plan is out, is repaired to by another, and somebody deletes the fence again.

    The fence is as missing as before: only the serial tells that the zone has moved on (R3).
    """
    one, two = make_plans(2)
    deletes = tuple(d for d in DISASTERS if d.label == "somebody deletes the fence")
    return scene(
        bounds="a missing fence that another repairs to a newer plan, and that is deleted again",
        zone=zone_of(one, changed=without_fence(_fence(1))),
        store=documents((one,)),
        disks=(Disk(one, _remembers(1)),),
        upcoming=(two,),
        faults=Faults(1, kinds=frozenset({Fault.DISASTER}), disasters=deletes),
        extra=(Actor("rival", "rival", lambda: rival(two), environment=True),),
        dialect=dialect,
    )


def repairs_race_without_a_serial() -> Scenario:
    """The same where the serial stands still (PowerDNS with some settings): nobody may repair (R3)."""
    found = repairs_race(KNOT)
    return msgspec.structs.replace(
        found,
        bounds=f"{found.bounds}, on a server whose serial stands still",
        quirks=((ZONE, Quirks(serial_moves=False)),),
        converged=None,
    )


def jump_in_between() -> Scenario:
    """The answer to a raise is lost, and the fence jumps before the enactor looks what became of it (R3, R5)."""
    one, two = make_plans(2)
    jumps = tuple(d for d in DISASTERS if "jumps" in d.label)
    return scene(
        bounds="a lost answer, and a fence that jumps",
        zone=zone_of(one),
        store=documents((one, two)),
        disks=(Disk(two, _remembers(1)),),
        faults=Faults(2, kinds=frozenset({Fault.DISASTER, Fault.LOST_REPLY}), disasters=jumps),
    )


def fill() -> Scenario:
    """Fence gone, store silent, a name of the disk's plan is empty: it may be filled, nothing else (R3)."""
    one, two = make_plans(2)
    return scene(
        bounds="an empty name without a fence, the store silent",
        zone=zone_of(two, changed=then(without_fence(_fence(2)), without_name("b"))),
        store=documents((one, two)),
        disks=(Disk(one, _remembers(2)),),
        faults=ONE_SILENCE,
        invariants=(fills_only_empty(),),
    )


def fill_store_out() -> Scenario:
    """Fence gone, the store out for good: the empty name of the disk's plan is served again (I2, R3)."""
    one = make_plans(1)[0]
    cell = documents((one,))
    out = tuple(msgspec.structs.replace(e, value=b"?") if e.key == KEYS.newest else e for e in cell.entries)

    def served(library: Library) -> Callable[[View], bool]:
        return lambda view: view.zones[ZONE].rrset(f"b.{ZONE}", "A") is not None

    return scene(
        bounds="an empty name without a fence, the store out for good",
        zone=zone_of(one, changed=then(without_fence(_fence(1)), without_name("b"))),
        store=StoreCell(out, cell.graves),
        disks=(Disk(one, _remembers(1)),),
        invariants=(fills_only_empty(),),
        goal=served,
    )


def lost_after_a_crash() -> Scenario:
    """An enactor crashes after its raise, and the store is lost: the fence's plan is on its disk (R15)."""
    one, two = make_plans(2)
    loses = tuple(d for d in DISASTERS if d.label == "the store is lost")
    return scene(
        bounds="a crash, and the store lost",
        zone=zone_of(one),
        store=documents((one, two)),
        disks=(Disk(one, _remembers(1)),),
        faults=Faults(2, kinds=frozenset({Fault.CRASH, Fault.DISASTER}), disasters=loses),
    )


def same_data() -> Scenario:
    """The newer plan has the same data: its fence is raised all the same, else clean-up stalls (R0)."""
    one = make_plans(1)[0]
    two = next_plan(one, one.sections[0].names)
    return scene(
        bounds="a newer plan with the same data",
        zone=zone_of(one),
        store=documents((one, two)),
        disks=(Disk(one),),
    )


def observing() -> Scenario:
    """`mode = "observe"`: nothing is written, whatever differs."""
    one, two = make_plans(2)
    stored = configuration()
    watching = msgspec.structs.replace(
        stored, configuration=msgspec.structs.replace(stored.configuration, mode=Mode.OBSERVE)
    )
    found = scene(
        bounds="a newer plan, and a name emptied, while observing",
        zone=zone_of(one, changed=without_name("b")),
        store=documents((one, two), config=watching),
        disks=(Disk(one),),
        invariants=(never_written("the configuration says to observe"),),
    )
    return msgspec.structs.replace(found, converged=None)


def store_lost_with_a_freeze() -> Scenario:
    """The store is empty, the disk knows a freeze: with the plan its document comes back (R8)."""
    two = make_plans(2)[-1]
    order = Freeze("aaaa", Selector(name=f"b.{ZONE}"), "lab", "people")
    fence = Fence(two.identity, freezes=(order.id,), writer="enactor")
    memory = _remembers(2).with_fence(ZONE, fence).with_freezes((order,))

    def back(library: Library) -> Callable[[View], bool]:
        return lambda view: view.store.get(KEYS.freeze(order.id)) == encode(order)

    return scene(
        bounds="an empty store, a freeze that the disk knows",
        zone=zone_of(two, fence=fence),
        store=store_of([]),
        disks=(Disk(two, memory), Disk(two, memory)),
        invariants=(newest_monotone(KEYS),),
        goal=back,
    )


def store_lost(disk: int = 2, fence: int = 2) -> Scenario:
    """The store is empty; the fence names plan 2, or still plan 1, the disk holds plan 2, or only plan 1.

    A disk above the fence is as good as one that holds the very plan: its plan was the store's newest once, and
    waiting for one that is equal would be waiting for ever (docs/decisions/lab-findings.md).
    """
    plans = make_plans(2)
    held, named = plans[disk - 1], plans[fence - 1]
    return scene(
        bounds=f"an empty store, a fence at plan {fence}, a disk at plan {disk}",
        zone=zone_of(named),
        store=store_of([]),
        disks=(Disk(held, _remembers(disk)), Disk(held, _remembers(disk))),
        invariants=(newest_monotone(KEYS),),
    )


def raises() -> Scenario:
    """Three plans, A -> B -> A, two enactors: whoever raises the fence brings all the data with it (R0, R2)."""
    first, *rest = make_plans(3)
    return scene(
        bounds="3 plans, A -> B -> A",
        zone=zone_of(first),
        store=documents((first,)),
        disks=(Disk(first), Disk(first)),
        upcoming=tuple(rest),
        invariants=(raise_is_whole(), newest_monotone(KEYS)),
    )


CHECKS: tuple[Check, ...] = (
    everything("a fence above the disk's plan", fence_above, wedge=True),
    everything("a fence that fell", fence_fell, wedge=True),
    everything("a fence that is gone", fence_missing, wedge=True),
    everything("a fence that is gone, the serial unproved", fence_missing_serial_unproved, wedge=True),
    everything("a fence that is garbled", fence_garbled, wedge=True),
    everything("a fence of two strings", fence_split, wedge=True),
    everything("a fence that jumped", fence_jumped, wedge=True),
    everything("a fence whose incarnation jumped", fence_jumped_incarnation, wedge=True),
    everything("a garbled fence like a wildcard", fence_like_a_wildcard, wedge=True),
    everything("a fence behind a wildcard", fence_under_wildcard, wedge=True),
    everything("a fence that jumps in between", jump_in_between, wedge=True),
    everything("the same data again", same_data, wedge=True),
    everything("observing", observing),
    everything("a store lost with a freeze", store_lost_with_a_freeze, wedge=True),
    everything("damaged data", data_damaged, wedge=True),
    everything("an empty name without a fence", fill, wedge=True),
    everything("an empty name, the store out for good", fill_store_out, wedge=True),
    everything("a store lost after a crash", lost_after_a_crash, wedge=True),
    everything("a store lost, its plan on disks", store_lost, wedge=True),
    everything("a store lost, disks ahead of the fence", lambda: store_lost(fence=1), wedge=True),
    everything("a store lost, disks behind", lambda: store_lost(1)),
    everything("a raise brings all its data", raises),
    everything("a repair held back", repairs_race, wedge=True),
    everything("a repair held back, the serial stands still", repairs_race_without_a_serial),
)
