"""The chain that ships, in one scenario: planner, enactors, clean-up, and a person who freezes and thaws it.

It begins where a scope usually is: plan 1 is applied and lies on the enactors' disks. Then observations say that a
target fails, that it is back, and that another fails, so that the planner decides; freeze and thaw come at any
time; clean-up keeps one plan. A schedule ends when every loop rests with nothing left to see. For the sampler: it
is too large to search whole.
"""

from __future__ import annotations

from holdfast.lab.actor import Actor
from holdfast.lab.alphabet import KEYS, stored, zone_at
from holdfast.lab.invariants import freeze_holds, inputs_monotone, live_is_pinned, monotone, never_empty
from holdfast.lab.library import Library
from holdfast.lab.planning import BUDGET, plans_never_empty, within_budget
from holdfast.lab.production import (
    TELLING,
    WHOLE,
    acknowledged,
    cleaner_actor,
    enactor_actor,
    freezer_actor,
    thawer_actor,
)
from holdfast.lab.scenarios import planned
from holdfast.lab.scenarios.fleet import (
    NO_WORDS,
    TARGETS,
    WEIGHT,
    first_plan,
    observed,
    planner_actor,
    script,
    stored_configuration,
)
from holdfast.lab.servers import KNOT
from holdfast.lab.system import Scenario
from holdfast.lab.world.faults import Faults
from holdfast.lab.world.store import StoreCell, store_of
from holdfast.model.codec import encode
from holdfast.model.plan import Plan

Downs = tuple[tuple[int, ...], ...]
"""Which targets are down, one publication after the other."""
USUAL: Downs = ((1,), (), (2,))

TIMERS = (("stale/", 1), ("flap/", 1), ("hold/", 1), ("refund/", 1))
"""How often each of the planner's timers fires in its life."""


def scenario(
    *,
    planners: int = 1,
    enactors: int = 2,
    downs: Downs = USUAL,
    faults: Faults | int = 0,
) -> Scenario:
    """The whole chain under observations that come at any time."""
    budget = faults if isinstance(faults, Faults) else Faults(total=faults)
    plan = first_plan()
    library = Library(KEYS)
    store = _store(plan)
    library.take(store)
    said = tuple((observed(revision, down),) for revision, down in enumerate(downs, start=2))
    return Scenario(
        name="chain",
        bounds=(
            f"{planners} planners, {enactors} enactors on {KNOT.name}, clean-up, 1 freeze of {WHOLE} and its thaw,"
            f" {len(downs)} publications of observations, {budget.total} faults,"
            f" {budget.in_flight if budget.total else 0} messages in flight,"
            f" timers: {', '.join(f'{name} {count}' for name, count in TIMERS)}"
        ),
        actors=(
            Actor("observer", "observer", lambda: script(said), environment=True),
            *(planner_actor(f"planner-{chr(97 + i)}") for i in range(planners)),
            freezer_actor(),
            thawer_actor(),
            *(enactor_actor(f"enactor-{chr(97 + i)}", plan, transfer=True) for i in range(enactors)),
            cleaner_actor(),
        ),
        store=store,
        zones=(zone_at(plan),),
        faults=budget,
        invariants=(
            monotone(library, KNOT.render),
            never_empty(library),
            live_is_pinned(library),
            within_budget(library),
            plans_never_empty(library),
            planned.serves_at_least(library, TARGETS * WEIGHT - BUDGET),
            freeze_holds(KEYS, freezer="freezer", thawer="thawer", selector=WHOLE, acknowledged=acknowledged),
            inputs_monotone(KEYS),
        ),
        quirks=tuple((zone, KNOT.quirks) for zone in plan.head.zones),
        seldom=TIMERS,
        sinks=(KEYS.enactors,),
        hidden=TELLING,
    )


def _store(plan: Plan) -> StoreCell:
    first = observed(1)
    return store_of(
        [
            (KEYS.config, encode(stored_configuration())),
            (KEYS.words, encode(NO_WORDS)),
            (KEYS.incarnation, encode(1)),
            *stored(plan),
            (KEYS.newest, encode(plan.identity)),
            (first.key, first.value),
        ]
    )
