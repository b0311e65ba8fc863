"""What a decision is made from, and what it comes to. Values only; `decide` is a function between the two.

`Situation` is complete: two planners that see equal situations make byte-identical plans. The planner's own id
is part of it on purpose (it stands in the head, so that `history` can say who planned): plans of two planners
differ in nothing else.
"""

from __future__ import annotations

import msgspec

from holdfast.model.configuration import StoredConfiguration
from holdfast.model.directives import Directives
from holdfast.model.identity import Identity
from holdfast.model.observation import Verdicts
from holdfast.model.plan import ObserverRevision, Plan, Reason


class Standing(msgspec.Struct, frozen=True):
    """What one DNS zone holds, by its fence.

    `fence` None with `known` is a zone that has no fence yet; without `known` the fence could not be read or is
    no fence, and nothing may be removed there: what is not known to be applied cannot be counted (R11).
    """

    zone: str
    fence: Identity | None
    known: bool = True


class Situation(msgspec.Struct, frozen=True):
    """Everything a plan depends on."""

    configuration: StoredConfiguration
    directives: Directives
    verdicts: Verdicts
    observers: tuple[ObserverRevision, ...]
    """Revisions of the observations behind `verdicts`, sorted; none below the parent's (`inputs.usable`)."""
    parent: Plan | None
    incarnation: int
    standings: tuple[Standing, ...]
    """One for each zone of the configuration and of the parent, sorted by zone."""
    fired: frozenset[str] = frozenset()
    """Names of the refund timers that this planner has seen through (`ledger.refund_timer`)."""
    rollback: Plan | None = None
    """The plan that `directives.rollback` names."""
    planner: str = ""
    sign_anew: bool = False
    """The newest plan lacks this planner's signature: one is due even if it would say the same."""


class Decision(msgspec.Struct, frozen=True):
    """`plan` is None when nothing that matters would change.

    `held` are the changes held back now, each with its arithmetic; `waiting` says that one of them waits for a
    zone's fence to move, so that looking again soon is worth it. `refused` says why no plan at all could be made.
    """

    plan: Plan | None
    held: tuple[Reason, ...] = ()
    waiting: bool = False
    names_changed: int = 0
    refused: str = ""
