"""Scenes of explicit acts beside the freeze: the timer that thaws, `adopt`, and `repair --override` (R8, R17)."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from holdfast.enactor.adopt import Adopted, adopt
from holdfast.enactor.memory import Memory
from holdfast.enactor.override import repair_override
from holdfast.killswitch.freeze import freeze
from holdfast.killswitch.timer import thaw_in_time
from holdfast.lab.actor import Actor
from holdfast.lab.alphabet import KEYS, SCOPE, ZONE, configuration, make_plans
from holdfast.lab.checks import Check, everything
from holdfast.lab.invariants import VANDAL, agrees, fence_in, ghost_owner
from holdfast.lab.library import Library
from holdfast.lab.production import acknowledged
from holdfast.lab.scenarios.freezes import (
    A_ONLY,
    ALL,
    B_ONLY,
    FIRST,
    SECOND,
    explained,
    keeps_its_id,
    ordered,
    people,
    stays,
    thawed,
)
from holdfast.lab.scenarios.properties import newest_monotone, unstruck
from holdfast.lab.scenarios.stage import (
    CALM,
    WORDS,
    Disk,
    documents,
    providers,
    scene,
    shown,
    without_name,
    zone_of,
)
from holdfast.lab.system import Happened, Invariant, Scenario, View
from holdfast.lab.world.faults import Fault, Faults
from holdfast.lab.world.store import store_of
from holdfast.model.codec import encode
from holdfast.model.fence import Fence, fence_owner
from holdfast.model.freeze import Freeze, Selector
from holdfast.model.records import RRset
from holdfast.ports.clock import Idle, Rest
from holdfast.ports.dns import SetRRset, Update

DUE_S = 1_000
"""Between the two times of day that the world's clock may show at any look: it has come, or it has not."""
ONE_ANSWER = Faults(1, kinds=frozenset({Fault.LOST_REPLY, Fault.REFUSED, Fault.UNANSWERED}))


def _until(order: Freeze) -> Freeze:
    return msgspec.structs.replace(order, until_s=DUE_S)


def timer_actor() -> Actor:
    """The shipped thaw timer."""
    return Actor("timer", "timer", lambda: thaw_in_time(SCOPE, providers(), actor="timer"))


# -- the thaw timer -----------------------------------------------------------------------------------------


def timed(*, other: bool = False, faults: Faults = CALM) -> Scenario:
    """A freeze with a time, perhaps beside one without: the timer takes the one, whatever the clock does."""
    one, two = make_plans(2)
    orders = (_until(ordered(FIRST, ALL)), *((ordered(SECOND, B_ONLY),) if other else ()))
    fence = Fence(one.identity, freezes=tuple(o.id for o in orders), writer="enactor")
    found = scene(
        bounds=f"a freeze with a time{' beside one without' if other else ''}",
        zone=zone_of(one, fence=fence, changed=without_name("b") if other else None),
        store=documents((one, two), freezes=orders),
        disks=(Disk(one),),
        faults=faults,
        extra=(timer_actor(),),
        invariants=(explained(), *(stays(o.id, o.selector) for o in orders[1:])),
        goal=thawed,
    )
    return msgspec.structs.replace(found, converged=None) if other else found


async def freeze_until_done() -> object:
    """A person who freezes for a time, and goes on as told while it is done in part."""
    again = ""
    while True:
        outcome = await freeze(
            SCOPE,
            providers(),
            actor="people",
            selector=A_ONLY,
            reason="lab",
            by="people",
            until_s=DUE_S,
            again=again,
        )
        if acknowledged(outcome) or not any(z.done for z in outcome.zones):
            return outcome
        again = outcome.id
        await Idle(Rest.RETRY)


def ordered_with_a_time(*, faults: Faults = CALM) -> Scenario:
    """People order a freeze with a time while the timer runs: in the end it is thawed."""
    one = make_plans(1)[0]
    return scene(
        bounds="a freeze with a time is ordered while the timer runs",
        zone=zone_of(one),
        store=documents((one,)),
        disks=(),
        faults=faults,
        extra=(people("freezer", freeze_until_done), timer_actor()),
        goal=_unfrozen,
    )


def _unfrozen(library: Library) -> Callable[[View], bool]:
    """Converged, and no freeze left in any fence or in the store."""
    done = agrees(library, shown)

    def check(view: View) -> bool:
        fences = [fence_in(z, SCOPE) for z in view.zones.values()]
        free = not view.store.keys(KEYS.freezes) and all(f is not None and not f.frozen for f in fences)
        return free and done(view)

    return check


# -- adopt --------------------------------------------------------------------------------------------------


async def adopt_until_done() -> object:
    """A person who adopts, and tries again as long as it is told that it did not work."""
    while True:
        done = await adopt(SCOPE, providers(), actor="people", by="people", reason="lab")
        if isinstance(done, Adopted):
            return done
        await Idle(Rest.RETRY)


async def garble(fence: Fence) -> None:
    """Somebody garbles this fence, at any time after the adoption; the note keeps what it said."""
    owner = fence_owner(SCOPE, ZONE)
    garbled = RRset(owner, "TXT", 5, ('"garbled"',))
    note = RRset(ghost_owner(ZONE), "TXT", 5, (fence.rdata(),))
    await Update(ZONE, (), (SetRRset(garbled), SetRRset(note)))


def changes_nothing(who: str) -> Invariant:
    """I1 of an adoption: until somebody else plans, the data of DNS stay as they are."""

    def check(before: View, after: View, step: Happened) -> str | None:
        was, now = before.zones[ZONE], after.zones[ZONE]
        changed = [f"{x}.{ZONE}" for x in "abc" if was.node(f"{x}.{ZONE}") != now.node(f"{x}.{ZONE}")]
        return f"{step.by} changed {changed[0]} after {who} adopted what DNS serves" if changed else None

    return Invariant("I1 monotone", unstruck(check))


def _adopted(library: Library) -> Callable[[View], bool]:
    """Converged: DNS at the adopted plan, which is above the lost history."""
    done = agrees(library, shown)

    def check(view: View) -> bool:
        fence = fence_in(view.zones[ZONE], SCOPE)
        return fence is not None and fence.identity.incarnation > 1 and done(view)

    return check


def adopting(
    *,
    frozen: bool = False,
    people_too: bool = False,
    disk: int = 0,
    faults: Faults = CALM,
    bounds: str = "an adopted store",
) -> Scenario:
    """The store holds the configuration alone, the zone is at plan 2; disks are new, or hold plan `disk`."""
    plans = make_plans(2)
    fence = Fence(plans[1].identity, freezes=(FIRST,) if frozen else (), writer="enactor")
    memory = Memory(configuration=configuration(), directives=WORDS)
    held = plans[disk - 1] if disk else None
    adopters = ("adopter", "other") if people_too else ("adopter",)
    struck = (Actor(VANDAL, VANDAL, lambda: garble(fence), environment=True, waits_for=("adopter",)),)
    return scene(
        bounds=bounds,
        zone=zone_of(plans[1], fence=fence),
        store=store_of([(KEYS.config, encode(configuration())), (KEYS.words, encode(WORDS))]),
        disks=(Disk(held, memory if disk else Memory()),),
        faults=faults,
        extra=(*(people(name, adopt_until_done) for name in adopters), *(struck if frozen else ())),
        invariants=(
            newest_monotone(KEYS),
            changes_nothing("adopter"),
            *((stays(FIRST, ALL),) if frozen else ()),
        ),
        goal=_adopted if not frozen else None,
    )


def adopted() -> Scenario:
    """Store and disks are lost: what DNS serves becomes the newest plan, and nothing changes in DNS."""
    return adopting(faults=ONE_ANSWER)


def adopted_twice() -> Scenario:
    """Two people adopt at once: one plan comes of it, or one after the other."""
    return adopting(people_too=True, bounds="two people adopt")


def adopted_beside_a_disk() -> Scenario:
    """A person adopts while an enactor that holds the very plan puts the store back: either wins, none is lost."""
    return adopting(disk=2, bounds="an adoption beside a disk with the plan")


def adopted_frozen() -> Scenario:
    """A fence carries a freeze whose document was lost with the store, and is garbled later: adoption keeps it."""
    return adopting(frozen=True, bounds="an adopted store under a frozen fence")


# -- repair --override --------------------------------------------------------------------------------------


async def override_until_done() -> object:
    """A person who overrides freeze `FIRST`, and goes on until nothing is refused."""
    while True:
        healed = await repair_override(SCOPE, providers(), actor="people", freeze_id=FIRST)
        if isinstance(healed, tuple) and not any(h.refusal for h in healed):
            return healed
        await Idle(Rest.RETRY)


def only_people(selector: Selector, kept: tuple[Selector, ...]) -> Invariant:
    """R17 (as I5): under the freeze people alone write, where it covers and no other freeze does."""

    def check(before: View, after: View, step: Happened) -> str | None:
        was, now = before.zones[ZONE], after.zones[ZONE]
        for owner in (f"{x}.{ZONE}" for x in "abc"):
            if was.node(owner) == now.node(owner):
                continue
            # What flies then is the person's: what an enactor would send is also applied at once, and noticed.
            if selector.covers(ZONE, owner) and step.by not in ("people", "flight"):
                return f"{step.by} wrote {owner}, which only people may while freeze {FIRST} is in force"
            if any(s.covers(ZONE, owner) for s in kept):
                return f"{step.by} wrote {owner}, which freeze {SECOND} covers and nobody overrode"
        return None

    return Invariant("I5 freeze holds", unstruck(check))


def _healed(label: str) -> Callable[[Library], Callable[[View], bool]]:
    """Converged: the name has its addresses again, and the freeze is still in the fence."""

    def goal(library: Library) -> Callable[[View], bool]:
        def check(view: View) -> bool:
            fence = fence_in(view.zones[ZONE], SCOPE)
            back = view.zones[ZONE].rrset(f"{label}.{ZONE}", "A") is not None
            return back and fence is not None and FIRST in fence.freezes

        return check

    return goal


def overriding(
    selector: Selector, *, other: Selector | None = None, plans: int = 1, faults: Faults = ONE_ANSWER
) -> Scenario:
    """Somebody emptied `b` under a freeze; a person overrides it, once."""
    made = make_plans(plans)
    orders = (ordered(FIRST, selector), *(() if other is None else (ordered(SECOND, other),)))
    fence = Fence(made[0].identity, freezes=tuple(o.id for o in orders), writer="enactor")
    found = scene(
        bounds=f"a freeze of {selector} overridden{'' if other is None else f', one of {other} beside it'}",
        zone=zone_of(made[0], fence=fence, changed=without_name("b")),
        store=documents(made, freezes=orders),
        disks=(Disk(made[0]),),
        faults=faults,
        extra=(people("people", override_until_done),),
        invariants=(
            only_people(selector, () if other is None else (other,)),
            *(keeps_its_id(o.id) for o in orders),
        ),
        goal=_healed("b"),
    )
    return found if other is None else msgspec.structs.replace(found, converged=None)


def overridden() -> Scenario:
    """The scope is frozen: the person heals `b`, the enactor touches nothing, the freeze stays."""
    return overriding(ALL)


def overridden_under_a_newer_plan() -> Scenario:
    """The same while a newer plan is out, which the frozen enactor may not apply."""
    return overriding(ALL, plans=2, faults=CALM)


def overridden_beside_another() -> Scenario:
    """`b` is frozen by another freeze as well: that one was not overridden."""
    return overriding(A_ONLY, other=B_ONLY, plans=2)


CHECKS: tuple[Check, ...] = (
    everything(
        "the timer thaws",
        lambda: timed(faults=Faults(1, kinds=frozenset({Fault.LOST_REPLY, Fault.CRASH}))),
        wedge=True,
    ),
    everything("the timer leaves the others", lambda: timed(other=True)),
    everything("a freeze with a time is ordered", ordered_with_a_time, wedge=True),
    everything("an adoption", adopted, wedge=True),
    everything("two adoptions", adopted_twice, wedge=True),
    everything("an adoption beside a disk", adopted_beside_a_disk),
    everything("an adoption under a freeze", adopted_frozen),
    everything("an override", overridden, wedge=True),
    everything("an override under a newer plan", overridden_under_a_newer_plan),
    everything("an override beside another freeze", overridden_beside_another),
)
ONE_WRITE = Faults(1, kinds=frozenset({Fault.REFUSED, Fault.LOST_REPLY}))
LARGE: tuple[Check, ...] = (
    everything(
        "a freeze with a time is ordered, one answer lost",
        lambda: ordered_with_a_time(faults=ONE_WRITE),
        wedge=True,
    ),
)
"""Too large for every change: `make soak`."""
