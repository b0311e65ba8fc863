"""I9, R10: a newer plan is never made from older inputs. Where rules choose between stopping and ignoring, a
single observer that went back is ignored (its opinions are unknown, which never withdraws); a configuration or
words that went back stop the planner, because there is nothing else to plan from.
"""

from __future__ import annotations

from holdfast.model.configuration import StoredConfiguration
from holdfast.model.directives import Directives
from holdfast.model.observation import Observations
from holdfast.model.plan import Inputs, ObserverRevision, Plan


def usable(observations: tuple[Observations, ...], parent: Plan | None) -> tuple[Observations, ...]:
    """The observations that are not older than those the parent was made from."""
    floor = _floors(parent)
    return tuple(o for o in observations if o.revision >= floor.get(o.observer, 0))


def ignored(observations: tuple[Observations, ...], parent: Plan | None) -> tuple[str, ...]:
    """A sentence for each observer that went back."""
    floor = _floors(parent)
    return tuple(
        f"observer {o.observer} is at revision {o.revision}, the newest plan was made from its revision"
        f" {floor[o.observer]}: ignored until it is past that"
        for o in observations
        if o.revision < floor.get(o.observer, 0)
    )


def went_back(stored: StoredConfiguration, directives: Directives, parent: Plan | None) -> str:
    """Why no plan can be made from these inputs; empty when they are not older than the parent's."""
    if parent is None:
        return ""
    made_from = parent.head.inputs
    for what, here, there in (
        ("configuration", stored.revision, made_from.configuration_revision),
        ("words", directives.revision, made_from.directives_revision),
    ):
        if here < there:
            return (
                f"the store's {what} document is at revision {here}, but plan {parent.identity} was made from"
                f" revision {there}: no plan until a revision above {there} is applied (I9)"
            )
    return ""


def inputs_of(
    stored: StoredConfiguration,
    directives: Directives,
    observers: tuple[ObserverRevision, ...],
    parent: Plan | None,
) -> Inputs:
    """Inputs of the new plan; an observer that is silent now keeps the revision that the parent knew."""
    revisions = _floors(parent)
    for o in observers:
        revisions[o.observer] = max(o.revision, revisions.get(o.observer, 0))
    return Inputs(
        configuration_revision=stored.revision,
        directives_revision=directives.revision,
        observations=tuple(ObserverRevision(name, revisions[name]) for name in sorted(revisions)),
    )


def _floors(parent: Plan | None) -> dict[str, int]:
    return {} if parent is None else {o.observer: o.revision for o in parent.head.inputs.observations}
