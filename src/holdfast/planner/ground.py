"""The ground on which a decision stands: everything that follows from configuration, words and parent alone, so
that a verdict which moves one target costs what that target touches.

A ground is rebuilt when configuration, tenure words, rollback or parent change; after a plan of our own the next
ground is *derived*: the same names in the same places, with new cohorts for the pools that moved.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from holdfast.model.configuration import Configuration, GroupConfig, TargetConfig, target_key
from holdfast.model.directives import Directives, Word
from holdfast.model.identity import Identity
from holdfast.model.plan import Plan, Reason, Section
from holdfast.planner.capacity import Pool, known_addresses, plannable
from holdfast.planner.members import present
from holdfast.planner.reasons import name_reasons
from holdfast.planner.roster import Addresses, Cohort, roster
from holdfast.planner.sections import partition


class GroundKey(msgspec.Struct, frozen=True):
    """What a ground follows from. The configuration is compared by its stored revision and digest."""

    revision: int
    digest: str
    retired: tuple[Word, ...]
    released: tuple[Word, ...]
    rollback: Identity | None
    parent: Identity | None


class Ground:
    """See the module. Never changed after it is made, but for memories that do not alter a result."""

    def __init__(
        self,
        *,
        key: GroundKey,
        configuration: Configuration,
        sections: tuple[Section, ...],
        pools: dict[Pool, tuple[Cohort, ...]],
        rolling_back: bool,
        reasons: tuple[Reason, ...],
    ) -> None:
        self.key = key
        self.configuration = configuration
        self.sections = sections
        self.pools = pools
        self.rolling_back = rolling_back
        self.reasons = reasons
        self.groups: dict[str, GroupConfig] = {g.name: g for g in configuration.groups}
        self.by_group: dict[str, list[Pool]] = {}
        for pool in pools:
            self.by_group.setdefault(pool[1], []).append(pool)
        self._targets: dict[str, tuple[TargetConfig, ...]] = {}
        self.bases = self._bases()
        self._known: dict[str, tuple[str, str]] | None = None
        self._serving: frozenset[str] | None = None

    def targets(self, group: str) -> tuple[TargetConfig, ...]:
        """Targets of a group that may enter a plan; none if the configuration does not have the group."""
        held = self._targets.get(group)
        if held is None:
            found = self.groups.get(group)
            held = () if found is None else plannable(found, self.configuration.allowed_prefixes)
            self._targets[group] = held
        return held

    @property
    def known(self) -> dict[str, tuple[str, str]]:
        """Target key and label of every configured address."""
        if self._known is None:
            self._known = known_addresses(self.configuration)
        return self._known

    @property
    def serving(self) -> frozenset[str]:
        """Keys of the targets that the parent has in, in any zone."""
        if self._serving is None:
            self._serving = frozenset(self._serving_in(self.by_group))
        return self._serving

    def weights_here(self, pool: Pool) -> dict[str, int]:
        """Weight of each of the group's targets in this pool, as far as the parent has it."""
        return present(self.targets(pool[1]), pool[1], self.pools[pool])

    def weights_anywhere(self, group: str) -> dict[str, int]:
        """The same over all zones."""
        found: dict[str, int] = {}
        for pool in self.by_group[group]:
            for key, weight in self.weights_here(pool).items():
                found[key] = max(weight, found.get(key, 0))
        return found

    def derived(
        self, parent: Plan, moved: Mapping[Pool, tuple[tuple[Cohort, tuple[Addresses, Addresses]], ...]]
    ) -> Ground:
        """The ground under a plan that this ground led to; `moved` has the new addresses of changed pools."""
        pools = dict(self.pools)
        for pool, cohorts in moved.items():
            pools[pool] = _regrouped(cohorts)
        key = msgspec.structs.replace(self.key, parent=parent.identity)
        new = Ground.__new__(Ground)
        new.__dict__.update(self.__dict__)
        new.key, new.sections, new.pools, new.reasons = key, parent.sections, pools, ()
        if self._serving is not None:
            groups = {pool[1] for pool in moved}
            stale = {target_key(g, t.name) for g in groups for t in self.targets(g)}
            new._serving = (self._serving - stale) | frozenset(new._serving_in(groups))
        return new

    def _serving_in(self, groups: object) -> list[str]:
        assert isinstance(groups, (dict, set))
        return [key for group in groups for key, weight in self.weights_anywhere(group).items() if weight > 0]

    def _bases(self) -> dict[tuple[str, str], int]:
        bases: dict[tuple[str, str], int] = {}
        for zone, group in self.pools:
            for target in self.targets(group):
                for label in (target.label, ""):
                    bases[zone, label] = bases.get((zone, label), 0) + target.weight
        return bases


def ground_key(
    *, revision: int, digest: str, directives: Directives, parent: Plan | None, rollback: Plan | None
) -> GroundKey:
    """The key of the ground for these inputs."""
    return GroundKey(
        revision=revision,
        digest=digest,
        retired=directives.retired,
        released=directives.released,
        rollback=None if rollback is None else rollback.identity,
        parent=None if parent is None else parent.identity,
    )


def lay(
    key: GroundKey,
    configuration: Configuration,
    directives: Directives,
    parent: Plan | None,
    rollback: Plan | None,
) -> Ground:
    """Build a ground from nothing: linear in the number of names."""
    names = roster(configuration, directives, parent, rollback)
    known = () if parent is None else parent.sections
    return Ground(
        key=key,
        configuration=configuration,
        sections=partition(names.drafts, known),
        pools=names.pools,
        rolling_back=rollback is not None,
        reasons=name_reasons(parent, names.drafts),
    )


def _regrouped(cohorts: tuple[tuple[Cohort, tuple[Addresses, Addresses]], ...]) -> tuple[Cohort, ...]:
    """Cohorts by their new addresses; those that became equal are one."""
    grouped: dict[tuple[Addresses, Addresses, Addresses | None], list[int]] = {}
    for cohort, (a, aaaa) in cohorts:
        grouped.setdefault((a, aaaa, cohort.wanted), []).extend(cohort.positions)
    return tuple(
        Cohort(held=(*a, *aaaa), positions=tuple(sorted(at)), wanted=wanted)
        for (a, aaaa, wanted), at in sorted(grouped.items(), key=lambda item: min(item[1]))
    )
