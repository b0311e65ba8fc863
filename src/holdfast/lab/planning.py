"""The shipped planners over observations and configurations that change at any time, with one shipped enactor.

Four targets of equal weight in one group; observers say at any time that targets fail. Windows and hold-downs may
run out at any time, so what a budget forbids is forbidden by the ledger, not by a clock.
"""

from __future__ import annotations

from holdfast.documents.configuration import read_configuration
from holdfast.documents.reading import Document
from holdfast.lab.actor import Actor
from holdfast.lab.alphabet import ZONE
from holdfast.lab.invariants import by_fault, inputs_monotone, monotone, never_empty, velocity
from holdfast.lab.library import Library
from holdfast.lab.production import KEYS, enactor_actor
from holdfast.lab.scenarios.fleet import (
    WEIGHT,
    Puts,
    fenced,
    observed,
    planner_actor,
    stored_configuration,
)
from holdfast.lab.scenarios.fleet import script as documents_change
from holdfast.lab.servers import KNOT
from holdfast.lab.system import Happened, Invariant, Scenario, View
from holdfast.lab.world.faults import Faults
from holdfast.lab.world.store import store_of
from holdfast.model.codec import encode
from holdfast.model.configuration import (
    Limits,
    StoredConfiguration,
)
from holdfast.model.directives import Directives
from holdfast.model.identity import Identity
from holdfast.model.records import NameRecords, Tenure
from holdfast.ports.clock import Idle, Rest
from holdfast.ports.store import Commit, Compare, Put

BUDGET = WEIGHT
"""The shares are small, so one window lets one target through ("always at least one")."""


def configuration(revision: int) -> StoredConfiguration:
    """Revision of the configuration: from one to the next the name's TTL changes."""
    limits = Limits(quorum=1, distrust_share=1.0)
    return stored_configuration(limits=limits, revision=revision, ttl=30 + revision)


def failing(script: tuple[int, ...]) -> tuple[Puts, ...]:
    """Publications, one after the other, of how many targets are down."""
    return tuple((observed(revision, tuple(range(1, down + 1))),) for revision, down in enumerate(script, start=2))


async def people(revisions: int) -> None:
    """Apply revisions of the configuration by compare-and-set, as `holdfast apply` does."""
    for revision in range(2, revisions + 1):
        stored = await read_configuration(KEYS)
        if isinstance(stored, Document):
            put = Put(KEYS.config, encode(configuration(revision)))
            await Commit(compares=(Compare(KEYS.config, stored.revision),), puts=(put,))
        await Idle(Rest.POLL)


def within_budget(library: Library) -> Invariant:
    """I4: what a plan removes is charged in its ledger, and what is charged and not refunded fits one window."""

    def check(before: View, after: View, step: Happened) -> str | None:
        if by_fault(step) or before.store is after.store:
            return None
        for identity in set(library.take(after.store)) - set(library.take(before.store)):
            head = library.head(identity)
            assert head is not None
            total = sum(c.amount for c in head.ledger)
            if total > BUDGET:
                return f"plan {identity} has {total} charged in one window, allowed is {BUDGET}"
            if head.parent is not None:
                charged = sum(c.amount for c in head.ledger if c.generation == identity.generation)
                removed = _removed(library.names(head.parent), library.names(identity))
                if removed > charged:
                    return f"plan {identity} removes {removed} of capacity and charges {charged}"
        return None

    return Invariant("I4 velocity", check)


def _removed(old: dict[str, NameRecords] | None, new: dict[str, NameRecords] | None) -> int:
    """Capacity that goes at the name that loses most."""
    if old is None or new is None:
        return 0
    worst = 0
    for name, was in old.items():
        weights = {w.address: w.weight for w in new[name].a} if name in new else {}
        worst = max(worst, sum(max(w.weight - weights.get(w.address, 0), 0) for w in was.a))
    return worst


def plans_never_empty(library: Library) -> Invariant:
    """I2 and R12 already in the plan: no name without a serving address of a family that its parent gave it."""

    def check(before: View, after: View, step: Happened) -> str | None:
        if by_fault(step) or before.store is after.store:
            return None
        for identity in set(library.take(after.store)) - set(library.take(before.store)):
            empty = _emptied(identity)
            if empty:
                return f"plan {identity} leaves {empty} without addresses"
        return None

    def _emptied(identity: Identity) -> str:
        for name, records in (library.names(identity) or {}).items():
            if records.tenure is not Tenure.RETIRED and not any(w.weight > 0 for w in (*records.a, *records.aaaa)):
                return name
        return ""

    return Invariant("I2 never empty", check)


def scenario(
    *,
    planners: int = 2,
    script: tuple[int, ...] = (1, 4),
    revisions: int = 1,
    enactors: int = 1,
    faults: Faults | int = 0,
) -> Scenario:
    """Planners, an observer with this script, people who apply configurations, and an enactor."""
    budget = faults if isinstance(faults, Faults) else Faults(total=faults)
    library = Library(KEYS)
    return Scenario(
        name="planning",
        bounds=(
            f"{planners} planners, {enactors} enactors, {len(script)} publications of observations, {revisions}"
            f" revisions of the configuration, {budget.total} faults"
        ),
        actors=(
            Actor("observer", "observer", lambda: documents_change(failing(script)), environment=True),
            Actor("people", "people", lambda: people(revisions), environment=True),
            *(planner_actor(f"planner-{chr(97 + i)}") for i in range(planners)),
            *(enactor_actor(f"enactor-{chr(97 + i)}", transfer=True) for i in range(enactors)),
        ),
        store=store_of(
            [
                (KEYS.config, encode(configuration(1))),
                (KEYS.words, encode(Directives(revision=1))),
                (KEYS.observer("p1"), observed(1).value),
            ]
        ),
        zones=(fenced(None),),
        faults=budget,
        invariants=(
            within_budget(library),
            plans_never_empty(library),
            inputs_monotone(KEYS),
            monotone(library, KNOT.render),
            never_empty(library),
            velocity({ZONE: BUDGET // WEIGHT}),
        ),
        sinks=(KEYS.enactors,),
    )
