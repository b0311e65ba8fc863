"""R11's ledger: what automation has removed from each zone and not yet got back.

The ledger travels in the plan, so every planner computes it from the same parent, and a restart loses nothing.
A charge is refunded only after the planner's own monotonic clock has run for one window *since it saw the zone's
fence reach the charge's generation*: before that the removal may not have happened, and a window that began
earlier would let two removals meet in DNS within one window. A restarted planner has seen nothing, so what the
parent has spent stays spent for one more window; the rest of the budget is usable at once.

A refund alone makes no plan: it takes effect in the next plan that something else makes necessary.

Sum over planners: each removal is charged against its parent's content. What DNS applies is a subsequence of the
chain of plans, and the decrease between two plans of a chain is at most the sum of the decreases on the way.
"""

from __future__ import annotations

from typing import Final

import msgspec

from holdfast.model.identity import Identity
from holdfast.model.plan import Charge, Plan
from holdfast.planner.situation import Situation, Standing
from holdfast.ports.judgement import Timer

LOST_LABEL: Final = "*"
"""Label of the charge that spends a whole zone's budget when the ledger was lost (R11: zero for one window)."""


class Spent(msgspec.Struct, frozen=True):
    """What is already charged, and by which generations."""

    amount: int
    generations: tuple[int, ...]


def refund_timer(charge: Charge) -> str:
    """Name of the timer that gives a charge back; one for each generation and zone."""
    return f"refund/{charge.generation}/{charge.zone}"


def refund_timers(parent: Plan | None, standings: tuple[Standing, ...], window_s: float) -> tuple[Timer, ...]:
    """The timers that run now: those of charges whose zone is seen to hold their generation, sorted."""
    if parent is None:
        return ()
    reached = {s.zone for s in standings if s.known}
    fences = {s.zone: s.fence for s in standings}
    names = {
        refund_timer(c)
        for c in parent.head.ledger
        if c.zone in reached and holds(fences[c.zone], c.generation, parent)
    }
    return tuple(Timer(name=name, after_s=window_s) for name in sorted(names))


def holds(fence: Identity | None, generation: int, parent: Plan) -> bool:
    """Whether a zone at `fence` has applied what `generation`, an ancestor of `parent` or itself, removed.

    A fence of an older incarnation counts as "not yet": the error is on the side of spending longer.
    """
    if fence is None:
        return False
    return (fence.incarnation, fence.generation) >= (parent.identity.incarnation, generation)


def carried(situation: Situation) -> tuple[Charge, ...]:
    """The parent's charges that are not refunded yet."""
    parent = situation.parent
    if parent is None:
        return ()
    return tuple(c for c in parent.head.ledger if refund_timer(c) not in situation.fired)


def unapplied(charges: tuple[Charge, ...], standing: Standing, parent: Plan) -> int | None:
    """The oldest generation that removes from the zone and is not applied there yet; None if there is none."""
    waiting = [c.generation for c in charges if c.zone == standing.zone]
    return min((g for g in waiting if not holds(standing.fence, g, parent)), default=None)


def spent(charges: tuple[Charge, ...], zone: str, label: str | None = None) -> Spent:
    """What is spent in a zone, under one label or in all; a lost ledger's charge counts under each label."""
    own = [c for c in charges if c.zone == zone and (label is None or c.label in (label, LOST_LABEL))]
    return Spent(sum(c.amount for c in own), tuple(sorted({c.generation for c in own})))


def merged(charges: tuple[Charge, ...]) -> tuple[Charge, ...]:
    """One charge for each generation, zone and label, sorted."""
    sums: dict[tuple[int, str, str], int] = {}
    for c in charges:
        key = (c.generation, c.zone, c.label)
        sums[key] = sums.get(key, 0) + c.amount
    return tuple(Charge(*key, amount=sums[key]) for key in sorted(sums))
