"""Scenes of the kill switch: freezes in force, ordered, thawed, unknown, or too many to list (R8, R17, I5)."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from holdfast.enactor.memory import Memory
from holdfast.killswitch.freeze import freeze, thaw
from holdfast.lab.actor import Actor
from holdfast.lab.alphabet import KEYS, SCOPE, ZONE, configuration, make_plans
from holdfast.lab.checks import Check, everything
from holdfast.lab.disasters import DISASTERS
from holdfast.lab.invariants import VANDAL, agrees, fence_in, freeze_holds, ghost_owner
from holdfast.lab.library import Library
from holdfast.lab.production import acknowledged
from holdfast.lab.scenarios.properties import unstruck
from holdfast.lab.scenarios.stage import (
    CALM,
    SILENCE,
    WORDS,
    WRITES,
    Disk,
    documents,
    providers,
    scene,
    shown,
    then,
    without_fence,
    without_name,
    zone_of,
)
from holdfast.lab.system import Happened, Invariant, Scenario, View
from holdfast.lab.world.faults import Fault, Faults
from holdfast.lab.world.store import StoreCell
from holdfast.model.fence import Fence, as_read, fence_owner
from holdfast.model.freeze import Freeze, Selector
from holdfast.model.records import RRset
from holdfast.nameserver.zone import Zone
from holdfast.ports.clock import Idle, Rest
from holdfast.ports.dns import Answer, Ask, DeleteRRset, SetRRset, Update
from holdfast.ports.store import Entry

ALL = Selector()
A_ONLY = Selector(name=f"a.{ZONE}")
B_ONLY = Selector(name=f"b.{ZONE}")
ONE_WRITE = Faults(1, kinds=WRITES)
FIRST, SECOND = "aaaa", "bbbb"


def ordered(id_: str, selector: Selector) -> Freeze:
    """A freeze that people have ordered, without a time."""
    return Freeze(id=id_, selector=selector, reason="lab", by="people")


def stays(id_: str, selector: Selector) -> Invariant:
    """I5 for a freeze that is in force all the time: nothing that it covers changes, and no fence loses it."""

    def check(before: View, after: View, step: Happened) -> str | None:
        for origin, now in after.zones.items():
            was = before.zones[origin]
            if was is now:
                continue
            for owner in {*was.names, *now.names}:
                mine = owner != origin and not owner.startswith(("_holdfast", "ghost."))
                if mine and selector.covers(origin, owner) and was.node(owner) != now.node(owner):
                    return f"{step.by} wrote {owner}, which freeze {id_} covers"
            if _lost(id_, was, now):
                return f"{step.by} wrote a fence of {origin} without freeze {id_}, which is in force"
        return None

    return Invariant("I5 freeze holds", unstruck(check))


def keeps_its_id(id_: str) -> Invariant:
    """I5 for a freeze under which people write: no fence loses it (R17)."""

    def check(before: View, after: View, step: Happened) -> str | None:
        lost = [o for o, now in after.zones.items() if _lost(id_, before.zones[o], now)]
        return f"{step.by} wrote a fence of {lost[0]} without freeze {id_}, which is in force" if lost else None

    return Invariant("I5 freeze holds", unstruck(check))


def _lost(id_: str, was: Zone, now: Zone) -> bool:
    old, new = fence_in(was, SCOPE), fence_in(now, SCOPE)
    if new is None or new == old or new.freeze_all:
        return False
    carried = old is None or old.freeze_all or id_ in old.freezes
    return carried and id_ not in new.freezes


def explained() -> Invariant:
    """R8's order of a thaw: no fence carries an id that the store has forgotten."""

    def check(before: View, after: View, step: Happened) -> str | None:
        forgotten = set(before.store.keys(KEYS.freezes)) - set(after.store.keys(KEYS.freezes))
        ids = {key.removeprefix(KEYS.freezes) for key in forgotten}
        for origin, zone in after.zones.items():
            fence = fence_in(zone, SCOPE)
            if fence is not None and ids & set(fence.freezes):
                return f"{step.by} made the store forget a freeze that the fence of {origin} still carries"
        return None

    return Invariant("I5 freeze holds", unstruck(check))


def _renamed(entry: Entry) -> Entry:
    """A freeze's document under the key of another one."""
    return msgspec.structs.replace(entry, key=entry.key.replace(KEYS.freeze("else"), KEYS.freeze(FIRST)))


def _unreadable(entry: Entry) -> Entry:
    """The pointer to the newest plan, garbled."""
    return msgspec.structs.replace(entry, value=b"?") if entry.key == KEYS.newest else entry


def _frozen_scene(
    *,
    bounds: str,
    selector: Selector,
    documented: bool | None = True,
    remembered: bool = False,
    fenced: bool = True,
    many: bool = False,
    lost_fence: bool = False,
    silent: bool = False,
    faults: Faults = CALM,
) -> Scenario:
    """Plan 2 is out, the zone holds plan 1 with `b` emptied, and a freeze is in force.

    `documented` None: its document says that it is another freeze, so that it explains nothing. `silent`: the
    pointer to the newest plan can't be read, which enactors take like a store that is out.
    """
    one, two = make_plans(2)
    order = ordered(FIRST, selector)
    ids = (FIRST,) if fenced else ()
    fence = as_read(Fence(one.identity, freezes=ids, freeze_all=many, writer="enactor"))
    memory = Memory(configuration=configuration(), directives=WORDS)
    if remembered:
        memory = memory.with_fence(ZONE, fence).with_freezes((order,) if documented else ())
    garbled = documents((one, two), freezes=(msgspec.structs.replace(order, id="else"),))
    garbled = StoreCell(tuple(_renamed(e) for e in garbled.entries), garbled.graves)
    damage = then(without_name("b"), without_fence(fence)) if lost_fence else without_name("b")
    store = garbled if documented is None else documents((one, two), freezes=(order,) if documented else ())
    if silent:
        store = StoreCell(tuple(_unreadable(e) for e in store.entries), store.graves)
    return scene(
        bounds=bounds,
        zone=zone_of(one, fence=fence, changed=damage),
        store=store,
        disks=(Disk(one, memory),),
        faults=faults,
        invariants=(stays(FIRST, selector),),
    )


def whole() -> Scenario:
    """Everything is frozen: no plan is applied, no name healed."""
    return _frozen_scene(bounds="a freeze of the scope", selector=ALL)


def one_name() -> Scenario:
    """A freeze of one name: the others go on, the fence is raised with the id in it (R0)."""
    return _frozen_scene(bounds="a freeze of a", selector=A_ONLY)


def ordered_only() -> Scenario:
    """The store lists the freeze, no fence carries it yet: it binds already."""
    return _frozen_scene(bounds="a freeze of a that has not reached the fence", selector=A_ONLY, fenced=False)


def unknown() -> Scenario:
    """The fence carries an id that nobody can explain: it covers everything."""
    return _frozen_scene(bounds="an unknown freeze", selector=ALL, documented=False)


def too_many() -> Scenario:
    """The fence says `all`: more freezes than it can name."""
    return _frozen_scene(bounds="a fence that says all", selector=ALL, documented=False, fenced=False, many=True)


def fence_lost() -> Scenario:
    """The fence is gone with the freeze in it; store and disk know it: the repair puts it back, without data."""
    return _frozen_scene(bounds="a freeze whose fence is gone", selector=ALL, lost_fence=True)


def fence_lost_store_silent() -> Scenario:
    """The fence is gone, the store silent, the disk remembers: no name is filled."""
    return _frozen_scene(
        bounds="a freeze whose fence is gone, known to the disk",
        selector=B_ONLY,
        lost_fence=True,
        remembered=True,
        faults=Faults(1, kinds=SILENCE),
    )


async def vandal(fence: Fence) -> None:
    """Once the enactor has raised the fence (and so knows the freeze), delete it and empty `a`."""
    while True:
        seen = await Ask(ZONE, fence_owner(SCOPE, ZONE), "TXT")
        if isinstance(seen, Answer) and seen.rrset is not None and seen.rrset.rdatas != (fence.rdata(),):
            break
        await Idle(Rest.POLL)
    said = RRset(ghost_owner(ZONE), "TXT", 5, (fence.rdata(),))
    gone = (DeleteRRset(fence_owner(SCOPE, ZONE), "TXT"), DeleteRRset(f"a.{ZONE}", "A"))
    await Update(ZONE, (), (*gone, SetRRset(said)))


def document_garbled() -> Scenario:
    """The store lists a freeze whose document says nothing: it covers everything (R8)."""
    return _frozen_scene(
        bounds="a freeze of a whose document can't be read", selector=ALL, documented=None, fenced=False
    )


def seen_in_a_fence_only() -> Scenario:
    """The disk has seen an id in the fence, no document; the fence is gone, the store silent (R8, R15)."""
    return _frozen_scene(
        bounds="a freeze whose fence is gone, seen in the fence only",
        selector=ALL,
        documented=False,
        remembered=True,
        lost_fence=True,
        silent=True,
    )


def remembered_over_a_crash() -> Scenario:
    """An enactor that has seen the freeze crashes, and comes back to a silent store and a deleted fence."""
    one, two = make_plans(2)
    fence = Fence(one.identity, freezes=(FIRST,), writer="enactor")
    return scene(
        bounds="a freeze seen before a crash, then the fence deleted",
        zone=zone_of(one, fence=fence),
        store=documents((one, two), freezes=(ordered(FIRST, A_ONLY),)),
        disks=(Disk(one),),
        faults=Faults(2, kinds=frozenset({Fault.PARTITION, Fault.CRASH})),
        extra=(Actor(VANDAL, VANDAL, lambda: vandal(fence), environment=True),),
        invariants=(stays(FIRST, A_ONLY),),
    )


def people(who: str, start: object, waits_for: tuple[str, ...] = ()) -> Actor:
    """People at a command: it does not crash, but whatever they ask may go wrong."""
    return Actor(who, who, start, crashes=False, waits_for=waits_for)  # type: ignore[arg-type]


def freezing(*, fenced: bool = True, other: bool = False, faults: Faults = ONE_WRITE) -> Scenario:
    """People freeze everything while a plan is being applied; one thing goes wrong."""
    one, two = make_plans(2)
    holds = freeze_holds(KEYS, freezer="freezer", thawer="", selector=ALL, acknowledged=acknowledged)
    others = (ordered(SECOND, B_ONLY),) if other else ()
    fence = Fence(one.identity, freezes=tuple(o.id for o in others), writer="enactor")
    changed = then(without_name("b"), without_fence(fence) if not fenced else lambda zone: zone)
    start = lambda: freeze(SCOPE, providers(), actor="people", selector=ALL, reason="lab", by="people")  # noqa: E731
    return scene(
        bounds=f"a freeze is ordered{'' if fenced else ', the fence is gone'}",
        zone=zone_of(one, fence=fence, changed=changed),
        store=documents((one, two), freezes=others),
        disks=(Disk(one),),
        faults=faults,
        extra=(people("freezer", start),),
        invariants=(holds, *(stays(o.id, o.selector) for o in others)),
    )


def thawed(library: Library) -> Callable[[View], bool]:
    """Converged, and the thawed freeze gone from fence and store."""
    done = agrees(library, shown)

    def check(view: View) -> bool:
        fences = [fence_in(z, SCOPE) for z in view.zones.values()]
        gone = all(f is not None and FIRST not in f.freezes and not f.freeze_all for f in fences)
        return gone and KEYS.freeze(FIRST) not in view.store.keys(KEYS.freezes) and done(view)

    return check


def freezing_store_lost() -> Scenario:
    """The store is lost while the freeze is being ordered: nobody thawed it, so no fence lets go of it (R8)."""
    loses = tuple(d for d in DISASTERS if d.label == "the store is lost")
    found = freezing(faults=Faults(1, kinds=frozenset({Fault.DISASTER}), disasters=loses))
    return msgspec.structs.replace(found, bounds=f"{found.bounds}, the store is lost")


async def thaw_until_done() -> None:
    """A person who thaws, and goes on while told that it is done in part."""
    while True:
        outcome = await thaw(SCOPE, providers(), actor="people", freeze_id=FIRST, by="people")
        if outcome.complete and not outcome.store:
            return
        await Idle(Rest.RETRY)


def thawing(*, other: bool, overflow: bool = False) -> Scenario:
    """People thaw one freeze; another one, of the same names or none, stays (a set, not a switch)."""
    one, two = make_plans(2)
    orders = (ordered(FIRST, ALL), *((ordered(SECOND, B_ONLY),) if other else ()))
    ids = () if overflow else tuple(o.id for o in orders)
    fence = Fence(one.identity, freezes=ids, freeze_all=overflow, writer="enactor")
    says_all = ", of a fence that says all" if overflow else ""
    found = scene(
        bounds=f"a thaw beside {'another freeze' if other else 'none'}{says_all}",
        zone=zone_of(one, fence=fence, changed=without_name("b") if other else None),
        store=documents((one, two), freezes=orders),
        disks=(Disk(one),),
        faults=Faults(1, kinds=frozenset({Fault.LOST_REPLY, Fault.REFUSED})) if not other else CALM,
        extra=(people("thawer", thaw_until_done),),
        invariants=(explained(), *(stays(o.id, o.selector) for o in orders[1:])),
        goal=None if other else thawed,
    )
    return found if not other else msgspec.structs.replace(found, converged=None)


CHECKS: tuple[Check, ...] = (
    everything("a freeze in force", whole),
    everything("a freeze of one name in force", one_name),
    everything("a freeze that the fence lacks", ordered_only),
    everything("a freeze that nobody explains", unknown),
    everything("more freezes than a fence can name", too_many),
    everything("a freeze whose fence is gone", fence_lost),
    everything("a freeze that only the disk knows", fence_lost_store_silent),
    everything("a freeze seen in a fence only", seen_in_a_fence_only),
    everything("a freeze whose document is garbled", document_garbled),
    everything("a thaw beside another freeze", lambda: thawing(other=True)),
    everything("a thaw of all beside another freeze", lambda: thawing(other=True, overflow=True)),
    everything("a thaw", lambda: thawing(other=False), wedge=True),
    everything("a freeze remembered over a crash", remembered_over_a_crash),
    everything("a freeze is ordered", freezing),
    everything("a freeze is ordered, the store lost", freezing_store_lost),
    everything("a freeze where no fence is", lambda: freezing(fenced=False, other=True)),
)
