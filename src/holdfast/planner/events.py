"""The planner's events, as values (docs/events.md): who planned what, on which inputs, and why; what was held."""

from __future__ import annotations

from typing import Final

from holdfast.model.observation import Health, Verdict, Verdicts
from holdfast.model.plan import Plan, Reason
from holdfast.ports.events import Event

VERDICTS_LISTED: Final = 50
"""More changes at once are one event with a count: 100,000 targets must not flood the sink at a restart."""
REASONS_SHOWN: Final = 3


def plan_created(actor: str, plan: Plan, names_changed: int) -> Event:
    """A plan is in the store."""
    head = plan.head
    why = "; ".join(r.text for r in head.reasons[:REASONS_SHOWN]) or "first plan of this store"
    more = f"; and {len(head.reasons) - REASONS_SHOWN} more reasons" if len(head.reasons) > REASONS_SHOWN else ""
    observers = ", ".join(f"{o.observer}@{o.revision}" for o in head.inputs.observations) or "no observer"
    return Event(
        kind="plan.created",
        actor=actor,
        text=f"plan {plan.identity}: {names_changed} names change. {why}{more}",
        plan=plan.identity,
        data=(
            ("names_changed", names_changed),
            ("configuration_revision", head.inputs.configuration_revision),
            ("words_revision", head.inputs.directives_revision),
            ("observers", observers),
            ("parent", None if head.parent is None else str(head.parent)),
            ("rollback_of", head.rollback_of),
        ),
    )


def plan_lost(actor: str, plan: Plan) -> Event:
    """Another planner, or newer inputs, came first."""
    text = f"plan {plan.identity} lost its race: a newer plan or newer inputs came first; looking again"
    return Event(kind="plan.lost", actor=actor, text=text, plan=plan.identity)


def held_back(actor: str, reason: Reason) -> Event:
    """A change that a limit holds back, with its arithmetic."""
    data = (("rule", reason.kind), ("subject", reason.subject))
    return Event(kind="change.refused", actor=actor, text=reason.text, data=data)


def trouble(kind: str, actor: str, text: str) -> Event:
    """The planner can't plan, or may not."""
    return Event(kind=kind, actor=actor, text=text)


def verdicts_changed(actor: str, before: Verdicts, after: Verdicts) -> tuple[Event, ...]:
    """One event for each target whose health changed; before the first round all are unknown."""
    known = {v.target: v.health for v in before.verdicts} if before.verdicts is not after.verdicts else {}
    changed = tuple(
        v
        for v in (after.verdicts if before.verdicts is not after.verdicts else ())
        if known.get(v.target, Health.UNKNOWN) is not v.health
    )
    if len(changed) > VERDICTS_LISTED:
        return (Event(kind="verdict.changed", actor=actor, text=f"{len(changed)} targets changed their verdict"),)
    return tuple(_verdict_changed(actor, known.get(v.target, Health.UNKNOWN), v) for v in changed)


def _verdict_changed(actor: str, before: Health, verdict: Verdict) -> Event:
    return Event(
        kind="verdict.changed",
        actor=actor,
        text=f"{verdict.target} is {verdict.health.value}: {verdict.reason}",
        data=(("target", verdict.target), ("before", before.value), ("after", verdict.health.value)),
    )
