"""Scenes of the whole chain: targets die and come back, probers see it, the planner judges, enactors write DNS.

Fate says which targets are down, in a script whose steps come at any time; probes tell the truth of the moment, or
are lost, late, or cut off. What is bounded is said: timers fire only so often (`TIMERS`), results come in rounds.
The invariants hold at both ends, for each plan that is published and for the addresses that DNS serves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from holdfast.health.loop import prober_loop
from holdfast.lab.actor import Actor
from holdfast.lab.alphabet import KEYS, SCOPE, ZONE, stored
from holdfast.lab.checks import Check, everything
from holdfast.lab.invariants import (
    VANDAL,
    agrees,
    inputs_monotone,
    live_is_pinned,
    monotone,
    never_empty,
    serving,
    velocity,
)
from holdfast.lab.library import Library
from holdfast.lab.planning import plans_never_empty, within_budget
from holdfast.lab.production import TELLING
from holdfast.lab.scenarios import planned
from holdfast.lab.scenarios.fleet import (
    LIMITS,
    NO_WORDS,
    WEIGHT,
    applier,
    first_plan,
    observed,
    planner_actor,
    stored_configuration,
    target,
)
from holdfast.lab.scenarios.stage import CALM, Disk, enactors, shown, zone_of
from holdfast.lab.system import Invariant, Scenario, View
from holdfast.lab.world.faults import Fault, Faults
from holdfast.lab.world.store import store_of
from holdfast.lab.world.targets import Targets, Turn
from holdfast.model.codec import encode
from holdfast.model.configuration import Check as ProbeCheck
from holdfast.model.configuration import Limits, StoredConfiguration
from holdfast.ports.clock import Idle, Rest

Turns = tuple[tuple[int, ...], ...]
"""Which targets are down, one step after the other."""

AT_ONCE = ProbeCheck(rise=1, fall=1)
TWICE = ProbeCheck(rise=1, fall=2)
TWO_POINTS = Limits()
"""Two vantage points have to agree."""
TIMERS = {
    "prober/config": 0,
    "prober/beat": 0,
    "prober/together": 0,
    "prober/retry": 1,
    "prober/stand-back": 0,
    "flap/": 0,
    "stale/": 0,
    "hold/": 1,
    "refund/": 0,
}
"""How often each timer fires in an actor's life, unless a scene says otherwise. `refund/` 0 is one window."""


def _key(number: int) -> str:
    return f"one/t{number}"


async def fate(turns: Turns) -> None:
    """Targets die and come back, at any time."""
    for down in turns:
        await Turn(frozenset(map(_key, down)))
        await Idle(Rest.POLL)


def prober_actor(name: str, prober: str = "p1") -> Actor:
    """The shipped prober. Those of one `prober` are processes under the same name."""
    return Actor(name, f"prober {prober}", lambda: prober_loop(SCOPE, prober))


def _checked(stored: StoredConfiguration, check: ProbeCheck) -> StoredConfiguration:
    """The configuration with this check."""
    configuration = stored.configuration
    groups = tuple(msgspec.structs.replace(g, check=check) for g in configuration.groups)
    return msgspec.structs.replace(stored, configuration=msgspec.structs.replace(configuration, groups=groups))


def _settled(library: Library, up: frozenset[str]) -> Callable[[View], bool]:
    """Converged: fence and data are the newest plan's, and DNS serves exactly these addresses."""
    done = agrees(library, shown)
    return lambda view: done(view) and serving(view.zones[ZONE]) == up


def scene(
    bounds: str,
    turns: Turns,
    *,
    targets: int = 4,
    leave: int = 0,
    settles: bool = False,
    check: ProbeCheck = AT_ONCE,
    limits: Limits = LIMITS,
    probers: tuple[str, ...] = ("p1",),
    planners: int = 1,
    writers: int = 1,
    faults: Faults = CALM,
    timers: Mapping[str, int] | None = None,
    rounds: bool = True,
    spared: bool = False,
    heard: tuple[str, ...] = (),
) -> Scenario:
    """At most `leave` targets may leave DNS, and never one that did not fail. `writers` 0: an applier instead.

    `settles`: once faults stop, DNS comes to serve just the targets that are up at the end of the script.
    `spared`: faults strike probers only. `heard`: further vantage points, which said long ago that all is well.
    """
    fleet = tuple(target(n) for n in range(1, targets + 1))
    configuration = _checked(stored_configuration(fleet, limits=limits, vantages=len({*probers, *heard})), check)
    plan = first_plan(fleet)
    failed = {n for down in turns for n in down}
    store = store_of(
        [
            (KEYS.config, encode(configuration)),
            (KEYS.words, encode(NO_WORDS)),
            (KEYS.incarnation, encode(1)),
            *stored(plan),
            (KEYS.newest, encode(plan.identity)),
            *((said.key, said.value) for p in heard for said in (observed(1, observer=p, targets=targets),)),
        ]
    )
    library = Library(KEYS)
    library.take(store)
    up = frozenset(f"10.0.0.{n}" for n in range(1, targets + 1) if n not in (turns[-1] if turns else ()))
    fired = TIMERS | dict(timers or {})
    applying = (Actor(VANDAL, VANDAL, applier, environment=True),)
    return Scenario(
        name="health scene",
        bounds=(
            f"{bounds}; {targets} targets, {len(turns)} turns of fate, {len(probers)} probers, {planners} planners"
            f", {writers} enactors, {faults.total} faults; results in {'rounds' if rounds else 'any order'},"
            f" timers: {', '.join(f'{name} {count}' for name, count in fired.items())}"
        ),
        actors=(
            Actor("fate", "fate", lambda: fate(turns), environment=True),
            *(prober_actor(f"prober-{chr(97 + i)}", p) for i, p in enumerate(probers)),
            *(_spared(planner_actor(f"planner-{chr(97 + i)}"), spared) for i in range(planners)),
            *(
                _spared(e, spared)
                for e in (enactors((Disk(plan),) * writers) if writers else applying if planners else ())
            ),
        ),
        store=store,
        zones=(zone_of(plan),),
        targets=Targets(rounds=rounds),
        seldom=tuple(fired.items()),
        faults=faults,
        invariants=(
            monotone(library, shown),
            never_empty(library),
            live_is_pinned(library),
            velocity({ZONE: targets - leave}),
            *_of_plans(library, (targets - leave) * WEIGHT, frozenset(range(1, targets + 1)) - failed),
            # After the loss of the store a plan is put back before its configuration is (R10 speaks of planners).
            *(() if faults.disasters else (planned.inputs_current(library),)),
        ),
        converged=_settled(library, up) if settles else None,
        sinks=(KEYS.enactors,),
        hidden=TELLING,
    )


def _spared(actor: Actor, spared: bool) -> Actor:
    return msgspec.structs.replace(actor, environment=True) if spared else actor


def _of_plans(library: Library, least: int, sound: frozenset[int]) -> tuple[Invariant, ...]:
    return (
        plans_never_empty(library),
        planned.families_stay(library),
        planned.serves_at_least(library, least),
        planned.keeps(library, frozenset(f"10.0.0.{n}" for n in sound)),
        planned.one_unapplied(library),
        planned.refunds_are_applied(library),
        within_budget(library),
        inputs_monotone(KEYS),
        planned.observations_monotone(),
    )


# -- one prober ---------------------------------------------------------------------------------------------


def dies() -> Scenario:
    """One of four dies: it is withdrawn, and nothing else is."""
    return scene("one target dies", ((1,),), leave=1, settles=True)


def in_any_order() -> Scenario:
    """The same with results one by one, in any order: each may be published before the next."""
    return scene("one of three targets dies", ((1,),), targets=3, leave=1, rounds=False, writers=0)


def comes_back() -> Scenario:
    """It dies and comes back: in the end DNS serves all four."""
    return scene("a target dies and comes back", ((1,), ()), leave=1, settles=True)


def flaps(*, back: bool = False) -> Scenario:
    """It dies twice and comes back between: it may be held down, and nothing else is withdrawn."""
    turns: Turns = ((1,), (), (1,), ()) if back else ((1,), (), (1,))
    return scene("a target flaps", turns, leave=1, writers=0)


def all_die() -> Scenario:
    """All four die at once: that is not believed, however long it lasts."""
    return scene("all targets die at once", ((1, 2, 3, 4),))


def all_die_one_by_one() -> Scenario:
    """They die one after the other: within one window one leaves, and then no more."""
    return scene("all targets die, one by one", ((1,), (1, 2), (1, 2, 3)), targets=3, leave=1, writers=0)


def two_windows() -> Scenario:
    """Two die, and a window ends between: the second leaves only once the first is applied and refunded."""
    return scene("two targets die, a window ends", ((1, 2),), leave=2, timers={"refund/": 1})


def distrusts_itself() -> Scenario:
    """Three of six begin to fail together: the prober doubts itself until the run ends, then one may leave."""
    return scene("three of six die together", ((1, 2, 3),), targets=6, leave=1, timers={"prober/together": 1})


def doubts() -> Scenario:
    """The same while the run lasts: nothing leaves."""
    return scene("three of six die together, the run does not end", ((1, 2, 3),), targets=6)


def restarts(*, spared: bool = True) -> Scenario:
    """The prober (or anybody) crashes and starts again: what is pending withdraws nothing, revisions go on."""
    return scene(
        "the prober crashes" if spared else "one target dies, an actor crashes",
        () if spared else ((1,),),
        targets=3,
        leave=0 if spared else 1,
        settles=not spared,
        writers=0 if spared else 1,
        spared=spared,
        timers={"prober/stand-back": 1},
        faults=Faults(1, kinds=frozenset({Fault.CRASH})),
    )


def goes_silent() -> Scenario:
    """The prober's word grows old: unknown withdraws nothing and brings nothing back."""
    return scene("one target dies, the prober is heard late", ((1,),), leave=1, timers={"stale/": 1})


def lost_probe() -> Scenario:
    """One probe is lost where two failures in a row are needed: nothing leaves."""
    return scene("a probe is lost", (), check=TWICE, faults=Faults(1, kinds=frozenset({Fault.UNANSWERED})))


def late_probe() -> Scenario:
    """A probe starts too late and fails: that tells of the prober, nothing leaves."""
    return scene("a probe is late", (), faults=Faults(1, kinds=frozenset({Fault.LATE})))


# -- several ------------------------------------------------------------------------------------------------


def partitioned() -> Scenario:
    """One of two vantage points is cut from the targets, or from the store: nothing leaves."""
    return scene(
        "one of two vantage points is cut off",
        (),
        limits=TWO_POINTS,
        heard=("p2",),
        faults=Faults(1, kinds=frozenset({Fault.PARTITION})),
        spared=True,
    )


def two_points() -> Scenario:
    """Two vantage points see a target die: it leaves once both say so."""
    return scene(
        "one target dies", ((1,),), targets=2, leave=1, limits=TWO_POINTS, probers=("p1", "p2"), writers=0
    )


def outvoted() -> Scenario:
    """One of two vantage points says that a target died: nothing leaves."""
    return scene("a target dies for one of two vantage points", ((1,),), limits=TWO_POINTS, heard=("p2",))


def namesakes() -> Scenario:
    """Two processes under one prober's name: one stands back, no opinion is lost or invented."""
    return scene(
        "one target dies, two probers of one name",
        ((1,),),
        targets=2,
        leave=1,
        probers=("p1", "p1"),
        planners=0,
        writers=0,
        timers={"prober/stand-back": 1},
    )


def two_of_all() -> Scenario:
    """Two planners and two enactors: the budget is one for all of them."""
    return scene("two targets die", ((1, 2),), targets=3, leave=1, planners=2, writers=0)


def everybody(
    *, planners: int = 2, enactors: int = 2, faults: Faults = CALM, turns: Turns = ((1,), (1, 2), (2,), ())
) -> Scenario:
    """All of the chain at once, for the sampler: two vantage points, results one by one, timers that fire."""
    return scene(
        "targets die and come back",
        turns,
        leave=2,
        limits=TWO_POINTS,
        check=TWICE,
        probers=("p1", "p2"),
        planners=planners,
        writers=enactors,
        faults=faults,
        timers={
            "prober/beat": 2,
            "prober/stand-back": 1,
            "prober/together": 1,
            "flap/": 1,
            "stale/": 1,
            "refund/": 1,
        },
        rounds=False,
    )


CHECKS: tuple[Check, ...] = (
    everything("health: a target dies", dies, wedge=True),
    everything("health: a target comes back", comes_back, wedge=True),
    everything("health: a target flaps", flaps),
    everything("health: all die at once", all_die),
    everything("health: all die one by one", all_die_one_by_one),
    everything("health: two windows", two_windows),
    everything("health: a prober distrusts itself", distrusts_itself),
    everything("health: a prober in doubt", doubts),
    everything("health: a crash of the prober", restarts),
    everything("health: a silence", goes_silent),
    everything("health: a lost probe", lost_probe),
    everything("health: a late probe", late_probe),
    everything("health: results in any order", in_any_order),
    everything("health: a prober is cut off", partitioned),
    everything("health: one of two vantage points", outvoted),
    everything("health: two probers of one name", namesakes),
    everything("health: two planners, two enactors", two_of_all),
)
LARGE: tuple[Check, ...] = (
    everything("health: two vantage points", two_points),
    everything("health: a target flaps and comes back", lambda: flaps(back=True)),
    everything("health: a crash of anybody", lambda: restarts(spared=False), wedge=True),
)
"""Too large for every change: `make soak`."""
