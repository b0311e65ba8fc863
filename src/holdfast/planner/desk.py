"""The planner's desk: what it remembers so that it need not think everything through again. A pure memory: a
decision on an empty desk is the same, byte for byte (the property test says so).

It is no part of a loop's state, which is why all desks are equal and hash alike: a search that compares states
must not tell a planner that remembers from one that does not.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from holdfast.model.configuration import StoredConfiguration
from holdfast.model.directives import Directives
from holdfast.model.observation import Verdicts
from holdfast.model.plan import Plan
from holdfast.planner.capacity import Pool
from holdfast.planner.ground import Ground, ground_key, lay
from holdfast.planner.roster import Addresses, Cohort
from holdfast.planner.sections import Encoder
from holdfast.planner.situation import Situation

Moved = Mapping[Pool, tuple[tuple[Cohort, tuple[Addresses, Addresses]], ...]]


class _Seen(msgspec.Struct, frozen=True):
    """What the settled pools were settled under."""

    ground: Ground
    verdicts: Verdicts
    directives: Directives
    unsettled: frozenset[Pool]


class Desk:
    """See the module."""

    def __init__(self) -> None:
        self.encoder = Encoder()
        self._grounds: tuple[Ground, ...] = ()
        self._seen: _Seen | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Desk)

    def __hash__(self) -> int:
        return hash(Desk)

    def ground(
        self, stored: StoredConfiguration, directives: Directives, parent: Plan | None, rollback: Plan | None
    ) -> Ground:
        """The ground for these inputs, built if it is not remembered."""
        key = ground_key(
            revision=stored.revision,
            digest=stored.digest,
            directives=directives,
            parent=parent,
            rollback=rollback,
        )
        for ground in self._grounds:
            if ground.key == key and ground.configuration is stored.configuration:
                return ground
        ground = lay(key, stored.configuration, directives, parent, rollback)
        self._grounds = (ground,)
        return ground

    def serving(
        self, stored: StoredConfiguration, directives: Directives, parent: Plan | None, rollback: Plan | None
    ) -> frozenset[str]:
        """Keys of the targets that the parent has in: what health's rules are asked about."""
        return self.ground(stored, directives, parent, rollback).serving

    def dirty(self, ground: Ground, situation: Situation) -> tuple[Pool, ...]:
        """Pools that may not be as the parent has them, sorted; all others are settled."""
        seen = self._seen
        if seen is None or seen.ground is not ground or seen.verdicts.distrust != situation.verdicts.distrust:
            return tuple(sorted(ground.pools))
        groups = _changed_groups(seen, situation)
        if groups is None:
            return tuple(sorted(ground.pools))
        touched = {pool for group in groups for pool in ground.by_group.get(group, ())}
        return tuple(sorted(seen.unsettled | touched))

    def remember(self, ground: Ground, situation: Situation, unsettled: frozenset[Pool]) -> None:
        """All pools but these are settled under this situation."""
        self._seen = _Seen(ground, situation.verdicts, situation.directives, unsettled)

    def derive(
        self, ground: Ground, situation: Situation, plan: Plan, moved: Moved, held: frozenset[Pool]
    ) -> None:
        """A plan was made: remember the ground under it, beside the present one (the plan may lose its race)."""
        derived = ground.derived(plan, moved)
        self._grounds = (derived, ground)
        self._seen = _Seen(derived, situation.verdicts, situation.directives, held)
        self.encoder.keep(plan.sections)


def _changed_groups(seen: _Seen, situation: Situation) -> frozenset[str] | None:
    """Groups whose verdicts or drains changed; None when that can't be told one by one."""
    old, new = seen.verdicts.verdicts, situation.verdicts.verdicts
    if len(old) != len(new):
        return None
    subjects: set[str] = set()
    if old is not new:
        for was, now in zip(old, new, strict=True):
            if was is now:
                continue
            if was.target != now.target:
                return None
            if was.health is not now.health or was.hold_down is not now.hold_down:
                subjects.add(now.target)
    subjects.update(w.subject for w in {*seen.directives.drained} ^ {*situation.directives.drained})
    return frozenset(subject.split("/", 1)[0] for subject in subjects)
