"""Scenes of the planner: it begins under a plan that is applied, and its documents change in a script (R10-R13).

Instead of an enactor an *applier* brings the fence to the newest plan at any time (split proof, docs/protocol.md
"What exhaustive search asks", 8): the planner reads nothing else of what enactors do.
"""

from __future__ import annotations

from collections.abc import Callable

from holdfast.lab.actor import Actor
from holdfast.lab.alphabet import KEYS, SCOPE, ZONE, stored
from holdfast.lab.checks import Check, everything
from holdfast.lab.invariants import VANDAL, inputs_monotone
from holdfast.lab.library import Library
from holdfast.lab.planning import plans_never_empty, within_budget
from holdfast.lab.scenarios import planned
from holdfast.lab.scenarios.fleet import (
    FOUR,
    HALF,
    NO_WORDS,
    TARGETS,
    WEIGHT,
    Puts,
    applier,
    fenced,
    first_plan,
    observed,
    planner_actor,
    script,
    stored_configuration,
    target,
)
from holdfast.lab.scenarios.properties import newest_monotone
from holdfast.lab.scenarios.stage import CALM
from holdfast.lab.system import Invariant, Scenario
from holdfast.lab.world.faults import Fault, Faults
from holdfast.lab.world.store import store_of
from holdfast.model.codec import encode
from holdfast.model.configuration import (
    Limits,
    StoredConfiguration,
)
from holdfast.model.directives import Directives, RollbackWord, Word
from holdfast.model.fence import fence_owner
from holdfast.model.identity import Identity
from holdfast.model.plan import Plan
from holdfast.model.records import RRset
from holdfast.nameserver.zone import Zone
from holdfast.ports.store import Put


def scene(
    bounds: str,
    steps: tuple[Puts, ...],
    *,
    plans: tuple[Plan, ...] | None = None,
    configuration: StoredConfiguration | None = None,
    words: Directives = NO_WORDS,
    zone: Zone | None = None,
    incarnation: int | None = 1,
    observations: Puts | None = None,
    planners: int = 1,
    applies: bool = True,
    faults: Faults = CALM,
    more: Callable[[Library], tuple[Invariant, ...]] = lambda library: (),
    extra: tuple[Actor, ...] = (),
) -> Scenario:
    """A planner under these plans (the last is applied), and the steps of a script."""
    plans = (first_plan(),) if plans is None else plans
    configuration = configuration or stored_configuration()
    library = Library(KEYS)
    newest = () if not plans else ((KEYS.newest, encode(plans[-1].identity)),)
    store = store_of(
        [
            (KEYS.config, encode(configuration)),
            (KEYS.words, encode(words)),
            *(() if incarnation is None else ((KEYS.incarnation, encode(incarnation)),)),
            *(entry for plan in plans for entry in stored(plan)),
            *newest,
            *((p.key, p.value) for p in observations or (observed(1),)),
        ]
    )
    library.take(store)
    applies_it = (Actor(VANDAL, VANDAL, applier, environment=True),) if applies else ()
    return Scenario(
        name="planner scene",
        bounds=f"{bounds}; {planners} planners, {len(steps)} changes of documents, {faults.total} faults",
        actors=(
            Actor("script", "script", lambda: script(steps), environment=True),
            *(planner_actor(f"planner-{chr(97 + i)}") for i in range(planners)),
            *applies_it,
            *extra,
        ),
        store=store,
        zones=(fenced(plans[-1].identity) if zone is None else zone,),
        faults=faults,
        invariants=(
            plans_never_empty(library),
            planned.families_stay(library),
            inputs_monotone(KEYS),
            planned.inputs_above_ancestors(library),
            planned.inputs_current(library),
            newest_monotone(KEYS),
            *more(library),
        ),
        sinks=(KEYS.enactors,),
    )


def _careful(library: Library) -> tuple[Invariant, ...]:
    return (within_budget(library), planned.one_unapplied(library), planned.refunds_are_applied(library))


def two_down() -> Scenario:
    """Two of four targets fail at once: one may go, the other waits until the first is applied and refunded."""
    return scene("two of four targets down", ((observed(2, (1, 2)),),), more=_careful)


def one_after_the_other() -> Scenario:
    """The budget has room for two, a second target fails before the first removal is applied: it waits (R11)."""
    return scene(
        "two of four targets down, one after the other",
        ((observed(2, (1,)),), (observed(3, (1, 2)),)),
        configuration=stored_configuration(limits=HALF),
        more=lambda library: (planned.one_unapplied(library), planned.refunds_are_applied(library)),
    )


def two_down_restarts() -> Scenario:
    """The same, and the planner restarts at any time: the ledger is in the plan."""
    crash = Faults(1, kinds=frozenset({Fault.CRASH}))
    return scene("two of four targets down, a restart", ((observed(2, (1, 2)),),), faults=crash, more=_careful)


def two_labels_down() -> Scenario:
    """Two targets under two zone labels fail: each label would let one go, the cap on the whole pool only one."""
    targets = tuple(target(n, label=f"l{n}") for n in range(1, TARGETS + 1))
    return scene(
        "two of four targets down, each with a label of its own",
        ((observed(2, (1, 2)),),),
        plans=(first_plan(targets),),
        configuration=stored_configuration(targets),
        more=_careful,
    )


def one_label_down() -> Scenario:
    """The cap on the whole pool is wide, that of a label is not: two targets of one label do not go together."""
    limits = Limits(quorum=1, removal_share_total=1.0)
    return scene(
        "two of four targets down under one label",
        ((observed(2, (1, 2)),),),
        configuration=stored_configuration(limits=limits),
        more=_careful,
    )


def last_of_family() -> Scenario:
    """One target alone has an IPv6 address, and fails: the name keeps its last AAAA (R12)."""
    targets = (target(1, aaaa="2001:db8::1"), target(2), target(3), target(4))
    return scene(
        "the only target with IPv6 down",
        ((observed(2, (1,)),),),
        plans=(first_plan(targets),),
        configuration=stored_configuration(targets),
    )


def floor() -> Scenario:
    """Two targets fail, the budget is wide: the floor keeps three of four."""
    limits = Limits(quorum=1, removal_share=1.0, removal_share_total=1.0)
    return scene(
        "two of four targets down, the floor at three",
        ((observed(2, (1, 2)),),),
        configuration=stored_configuration(limits=limits, floor=0.75),
        more=lambda library: (planned.serves_at_least(library, 3 * WEIGHT),),
    )


def fail_open() -> Scenario:
    """Two of four fail, three have to be well: health is not believed, nothing is withdrawn."""
    limits = Limits(quorum=1, removal_share=1.0, removal_share_total=1.0)
    return scene(
        "two of four targets down, fail-open under three",
        ((observed(2, (1, 2)),),),
        configuration=stored_configuration(limits=limits, fail_open=0.75),
        more=lambda library: (planned.serves_at_least(library, 4 * WEIGHT),),
    )


def quorum() -> Scenario:
    """One of two vantage points says down: no quorum, nothing is withdrawn."""
    return scene(
        "one of two vantage points says down",
        ((observed(2, (1,)),),),
        configuration=stored_configuration(limits=Limits(), vantages=2),
        observations=(observed(1), observed(1, observer="p2")),
        more=lambda library: (planned.serves_at_least(library, 4 * WEIGHT),),
    )


def common_failure() -> Scenario:
    """Three of four fail at once, floors and fail-open would let them go: a common cause is likelier."""
    limits = Limits(quorum=1, removal_share=1.0, removal_share_total=1.0)
    return scene(
        "three of four targets down at once, no fail-open",
        ((observed(2, (1, 2, 3)),),),
        configuration=stored_configuration(limits=limits, fail_open=0.0),
        more=lambda library: (planned.serves_at_least(library, 4 * WEIGHT),),
    )


def distrustful() -> Scenario:
    """The only prober says down, and that it doubts itself: its `down` counts for nothing."""
    return scene(
        "a prober that doubts itself",
        ((observed(2, (1,), distrust="slow"),),),
        more=lambda library: (planned.serves_at_least(library, 4 * WEIGHT),),
    )


def silent_observer() -> Scenario:
    """An observer of three is silent for a plan, and comes back from an old copy: the chain remembers it (I9)."""
    others = ("p2", "p3")
    return scene(
        "an observer silent for one plan, then back from an old copy",
        (
            tuple(observed(2, (1,), observer=o) for o in others),
            (observed(3, (1, 2)), observed(3, (1, 2), observer="p2")),
        ),
        plans=(first_plan(observations=5),),
        configuration=stored_configuration(vantages=3, limits=HALF),
        observations=tuple(observed(1, observer=o) for o in others),
    )


def empty_store_unreadable_fence() -> Scenario:
    """The store is empty and a fence can't be read: whether the history was lost is not known."""
    owner = fence_owner(SCOPE, ZONE)
    garbled = fenced(None).changed({owner: (RRset(owner, "TXT", 5, ('"garbled"',)),)})
    return scene(
        "an empty store under a garbled fence",
        (),
        plans=(),
        zone=garbled,
        incarnation=None,
        applies=False,
        more=lambda library: (planned.none_made(library, "what the zone holds is not known"),),
    )


def late() -> Scenario:
    """A planner is paused with a plan of generation 2 while 2 and 3 come out elsewhere, and 2 is cleaned up.

    All that is one step here. `plan/2` is free again: only the pointer tells the planner that it is late (R10).
    """
    one = first_plan()
    three = first_plan(generation=3, parent=first_plan(FOUR[1:], generation=2, parent=one), observations=2)
    came = tuple(Put(key, value) for key, value in (*stored(three), (KEYS.newest, encode(three.identity))))
    return scene("a planner paused over two plans and a clean-up", ((observed(2, (1,)),), came))


def move() -> Scenario:
    """A target's address changes: the new one serves before the old one leaves (R11)."""
    moved = (target(1, a="10.0.0.9"), *FOUR[1:])
    return scene(
        "an address that changes",
        ((Put(KEYS.config, encode(stored_configuration(moved, revision=2))),),),
        more=lambda library: (planned.adds_before_it_removes(library),),
    )


def new_configuration() -> Scenario:
    """A configuration is applied while a plan is being made: no plan of an older one comes after it (R10)."""
    return scene(
        "a configuration applied meanwhile",
        ((observed(2, (1,)),), (Put(KEYS.config, encode(stored_configuration(revision=2, ttl=60))),)),
    )


def new_words() -> Scenario:
    """A drain is said while a plan is being made."""
    words = Directives(revision=2, drained=(Word("one/t4", "people", "lab"),))
    return scene("a word said meanwhile", ((observed(2, (1,)),), (Put(KEYS.words, encode(words)),)))


def observations_go_back() -> Scenario:
    """An observer's document comes back from an old copy: it is ignored until it is past what it was (I9)."""
    return scene(
        "observations that go back",
        ((observed(1, (1,)),), (observed(6, (2,)),)),
        plans=(first_plan(observations=5),),
        observations=(observed(5),),
    )


def configuration_goes_back() -> Scenario:
    """The configuration comes back from an old copy: the planner stands still (I9)."""
    return scene(
        "a configuration that went back",
        ((Put(KEYS.config, encode(stored_configuration(revision=2, ttl=60))),), (observed(6, (2,)),)),
        plans=(first_plan(configuration=3),),
        configuration=stored_configuration(revision=3),
    )


def _rollback(generation: int) -> tuple[Puts, ...]:
    words = Directives(revision=2, rollback=RollbackWord(generation, "people", "lab"))
    return (Put(KEYS.words, encode(words)),), (observed(2, (2,)),)


def rollback() -> Scenario:
    """People roll back to plan 1, and a target fails: the content of plan 1 holds until `resume` (R13)."""
    one = first_plan()
    two = first_plan(FOUR[1:], generation=2, parent=one)
    return scene(
        "a rollback to plan 1 under plan 2",
        _rollback(1),
        plans=(one, two),
        more=lambda library: (planned.rollback_holds(library), within_budget(library)),
    )


def rollback_that_removes() -> Scenario:
    """Rolled back to a plan with two targets fewer: the removal is charged like any other (R11, R13)."""
    one = first_plan(FOUR[2:])
    two = first_plan(generation=2, parent=one)
    return scene("a rollback that removes two of four targets", _rollback(1)[:1], plans=(one, two), more=_careful)


def rollback_to_nothing() -> Scenario:
    """People roll back to a generation that is gone: nothing is planned until `resume` (R13)."""
    return scene(
        "a rollback to a plan that is gone",
        _rollback(7),
        more=lambda library: (planned.rollback_holds(library),),
    )


def ledger_lost() -> Scenario:
    """An adopted store without a plan, a zone that has a fence: nothing is removed for one window (R11)."""
    return scene(
        "a ledger lost, one target down",
        (),
        plans=(),
        zone=fenced(Identity(1, 5, "e" * 32)),
        incarnation=2,
        observations=(observed(1, (1,)),),
        more=lambda library: (planned.serves_at_least(library, 4 * WEIGHT), planned.lost_ledger_is_spent(library)),
        applies=False,
    )


def store_restored() -> Scenario:
    """The fence is above the store's newest plan: nothing is planned until that is settled."""
    return scene(
        "a fence above the store's newest plan",
        ((observed(2, (1,)),),),
        zone=fenced(Identity(1, 2, "0" * 32)),
        applies=False,
        more=lambda library: (planned.stands_down_under_fences(library),),
    )


def store_empty() -> Scenario:
    """The store is empty and the zone's fence names a plan: the store was lost."""
    return scene(
        "an empty store under a fence",
        (),
        plans=(),
        zone=fenced(Identity(1, 2, "0" * 32)),
        applies=False,
        more=lambda library: (planned.stands_down_under_fences(library),),
    )


def fence_unreadable() -> Scenario:
    """What the zone serves is not known: nothing is removed from it."""
    owner = fence_owner(SCOPE, ZONE)
    zone = fenced(None).changed({owner: (RRset(owner, "TXT", 5, ('"garbled"',)),)})
    return scene(
        "an unreadable fence, one target down",
        ((observed(2, (1,)),),),
        zone=zone,
        applies=False,
        more=lambda library: (planned.serves_at_least(library, 4 * WEIGHT),),
    )


def two_planners() -> Scenario:
    """Two planners see a target fail: one of them makes the plan."""
    return scene("one target down", ((observed(2, (1,)),),), planners=2, more=_careful)


CHECKS: tuple[Check, ...] = (
    everything("planner: a rollback to nothing", rollback_to_nothing),
    everything("planner: an empty store under a fence", store_empty),
    everything("planner: a fence above the store", store_restored),
    everything("planner: an unreadable fence", fence_unreadable),
    everything("planner: a lost ledger", ledger_lost),
    everything("planner: quorum", quorum),
    everything("planner: fail open", fail_open),
    everything("planner: a common failure", common_failure),
    everything("planner: a prober that doubts itself", distrustful),
    everything("planner: an empty store, an unreadable fence", empty_store_unreadable_fence),
    everything("planner: late", late),
    everything("planner: a silent observer", silent_observer),
    everything("planner: the last of a family", last_of_family),
    everything("planner: observations go back", observations_go_back),
    everything("planner: the configuration goes back", configuration_goes_back),
    everything("planner: the floor", floor),
    everything("planner: two down", two_down),
    everything("planner: one after the other", one_after_the_other),
    everything("planner: two down under two labels", two_labels_down),
    everything("planner: two down under one label", one_label_down),
    everything("planner: a move", move),
    everything("planner: a new configuration", new_configuration),
    everything("planner: new words", new_words),
    everything("planner: a rollback", rollback),
    everything("planner: a rollback that removes", rollback_that_removes),
    everything("planner: two down, a restart", two_down_restarts),
    everything("two planners", two_planners),
)
