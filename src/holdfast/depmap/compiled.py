"""A map as arrays of numbers, and the failure closure on it.

    down(v)  =  v failed  or  some hard need of v has fewer than `at_least` of its members up

is monotone, so the least set of fallen services is found by one work list, each need being counted down once:
cycles and k-of-n need nothing special.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from holdfast.depmap.values import Map, Phase

WHILE_SERVING = frozenset({Phase.RUN, Phase.BOTH})
"""The needs whose loss takes a running service down."""
TO_START = frozenset({Phase.BOOT, Phase.BOTH})
WHATEVER = frozenset(Phase)
"""All needs: what can't serve, or can't come back."""


class Group(msgspec.Struct, frozen=True):
    """`of` falls when `quota` of `members` are down (`quota` is n - k + 1)."""

    of: int
    members: tuple[int, ...]
    quota: int


class Compiled(msgspec.Struct, frozen=True):
    """`needs[v]`: services that v can't do without, each for itself; `groups`: everything with a choice."""

    names: tuple[str, ...]
    index: dict[str, int]
    fails: tuple[bool, ...]
    needs: list[list[int]]
    groups: list[Group]

    def falls(self, failed: Iterable[int]) -> list[int]:
        """Everything that is down once `failed` are, themselves among them, in the order of falling."""
        return closure(self.dependents(), self.groups_by_member(), self.groups, failed)

    def dependents(self) -> list[list[int]]:
        """For each service those that can't do without it."""
        back: list[list[int]] = [[] for _ in self.names]
        for of, needed in enumerate(self.needs):
            for on in needed:
                back[on].append(of)
        return back

    def groups_by_member(self) -> list[list[int]]:
        """For each service the numbers of the groups it is a member of."""
        back: list[list[int]] = [[] for _ in self.names]
        for number, group in enumerate(self.groups):
            for member in group.members:
                back[member].append(number)
        return back


def closure(
    dependents: Sequence[Sequence[int]],
    memberships: Sequence[Sequence[int]],
    groups: Sequence[Group],
    failed: Iterable[int],
) -> list[int]:
    """The failure closure of `failed`, in the order of falling."""
    order = list(dict.fromkeys(failed))
    down = set(order)
    left: dict[int, int] = {}
    for one in order:  # grows while it is walked
        fallen = list(dependents[one])
        for number in memberships[one]:
            left[number] = left.get(number, groups[number].quota) - 1
            if left[number] == 0:
                fallen.append(groups[number].of)
        for other in fallen:
            if other not in down:
                down.add(other)
                order.append(other)
    return order


def compiled(of: Map, phases: frozenset[Phase] = WHILE_SERVING) -> Compiled:
    """The hard needs of `of` that count in `phases`."""
    names = tuple(service.name for service in of.services)
    index = {name: number for number, name in enumerate(names)}
    needs: list[dict[int, None]] = [{} for _ in names]
    groups: list[Group] = []
    for need in of.needs:
        if not need.hard or need.phase not in phases:
            continue
        who, members = index[need.of], tuple(dict.fromkeys(index[name] for name in need.on))
        quota = len(members) - need.at_least + 1
        if quota <= 1:
            needs[who].update(dict.fromkeys(members))
        else:
            groups.append(Group(who, members, quota))
    return Compiled(
        names=names,
        index=index,
        fails=tuple(service.fails for service in of.services),
        needs=[list(one) for one in needs],
        groups=groups,
    )
