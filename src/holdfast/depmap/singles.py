"""All single points of failure and all blast radii at once, exactly, as sets in big integers.

For a service v let F(v) be the services whose failure alone takes v down:

    F(v) = {v} + F(d) for each hard need d + what is in the F of at least `quota` members, for each group of v

The least solution is exact, since the failure closure of each single failure is one bit of it. Services that take
each other down by hard needs share their F and their blast radius, so they are one *class* here, and one bit; on
maps of real services that leaves few bits in the large component. Blast radii are the transposed relation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from holdfast.depmap.compiled import Compiled, Group
from holdfast.depmap.components import components

TOTALS_MAX = 256
"""With more different weights than this, going through the elements is quicker than a mask for each weight."""


def bits(of: int) -> Iterator[int]:
    """Positions of the ones."""
    data = of.to_bytes((of.bit_length() + 7) // 8, "little")
    for at, byte in enumerate(data):
        while byte:
            low = byte & -byte
            yield at * 8 + low.bit_length() - 1
            byte ^= low


def at_least(sets: Sequence[int], quota: int) -> int:
    """Elements of at least `quota` of the sets."""
    reached = [0] * (quota + 1)
    for count, one in enumerate(sets):
        for level in range(min(quota, count + 1), 1, -1):
            reached[level] |= reached[level - 1] & one
        reached[1] |= one
    return reached[quota]


class Singles:
    """Answers about single failures on one compiled map."""

    def __init__(self, on: Compiled) -> None:
        self.on = on
        classes, needs, groups = classes_of(on)
        order = components([[*n, *(m for g in groups[c] for m in g.members)] for c, n in enumerate(needs)])
        place = {c: at for at, c in enumerate(c for component in order for c in component)}
        # Bits in the order of dependency keep the numbers short: a class needs only what came before.
        self.classes = [classes[c] for component in order for c in component]
        self.class_of = [0] * len(on.names)
        for at, members in enumerate(self.classes):
            for member in members:
                self.class_of[member] = at
        self._needs: list[list[int]] = [[] for _ in classes]
        self._groups: list[list[Group]] = [[] for _ in classes]
        for c, at in place.items():
            self._needs[at] = [place[n] for n in needs[c]]
            self._groups[at] = [Group(at, tuple(place[m] for m in g.members), g.quota) for g in groups[c]]
        self._order = [[place[c] for c in component] for component in order]
        self._takers = self._find_takers()
        self._blast = self._find_blast()

    def _find_takers(self) -> list[int]:
        """F of each class."""
        takers = [1 << at for at in range(len(self.classes))]
        for component in self._order:
            changed = True
            while changed:
                changed = False
                for at in component:
                    found = takers[at]
                    for need in self._needs[at]:
                        found |= takers[need]
                    for group in self._groups[at]:
                        found |= at_least([takers[m] for m in group.members], group.quota)
                    if found != takers[at]:
                        takers[at] = found
                        changed = len(component) > 1
        return takers

    def _find_blast(self) -> list[int]:
        """Which classes each class takes down, itself among them: the relation F, transposed.

        F is transitive, so going up through the *nearest* takers of each class reaches everything. Taking the last
        of what is left, and with it all that takes that down, finds them by few operations on whole sets.
        """
        takers = self._takers
        equals: dict[int, int] = {}
        for at, one in enumerate(takers):
            equals[one] = equals.get(one, 0) | 1 << at
        above: dict[int, list[int]] = {}
        for one, own in equals.items():
            left = one & ~own
            while left:
                nearest = takers[left.bit_length() - 1]
                above.setdefault(nearest, []).append(one)
                left &= ~nearest
        blast: dict[int, int] = {}
        for component in reversed(self._order):
            # A set that holds another is larger, so everything above a class is ready before it.
            for one in sorted({takers[at] for at in component}, key=int.bit_count, reverse=True):
                found = equals[one]
                for other in above.get(one, ()):
                    found |= blast[other]
                blast[one] = found
        return [blast[one] for one in takers]

    def single_points(self, service: int) -> list[int]:
        """Services whose failure alone takes `service` down, but not itself; sorted by number."""
        found = self._members(self._takers[self.class_of[service]])
        return sorted(m for m in found if m != service and self.on.fails[m])

    def blast(self, service: int) -> list[int]:
        """Services that fall with `service`, but not itself; sorted by number."""
        return sorted(m for m in self._members(self._blast[self.class_of[service]]) if m != service)

    def _members(self, of: int) -> Iterator[int]:
        for at in bits(of):
            yield from self.classes[at]

    def radii(self, weights: Sequence[float] | None = None) -> list[float]:
        """For each service how many fall with it, but not itself; their weights added up, if given."""
        totals = [sum(weights[m] for m in members) if weights else len(members) for members in self.classes]
        summed = _summed(self._blast, totals)
        return [summed[self.class_of[s]] - (weights[s] if weights else 1) for s in range(len(self.on.names))]

    def taker_counts(self) -> list[int]:
        """For each service how many single points of failure it has."""
        totals = [float(sum(self.on.fails[m] for m in members)) for members in self.classes]
        summed = _summed(self._takers, totals)
        return [int(summed[self.class_of[s]]) - self.on.fails[s] for s in range(len(self.on.names))]

    def common(self, members: Iterable[int], quota: int) -> list[int]:
        """Services whose failure alone takes `quota` of `members` down, sorted by number."""
        found = self._members(at_least([self._takers[self.class_of[m]] for m in members], quota))
        return sorted(m for m in found if self.on.fails[m])


def _summed(sets: Sequence[int], totals: Sequence[float]) -> list[float]:
    """For each set the totals of its elements. Equal totals are counted together: most classes are one service."""
    by_total = _by_total(totals)
    if len(by_total) > TOTALS_MAX:
        return [sum(totals[at] for at in bits(one)) for one in sets]
    masks: dict[float, int] = {}
    for total, positions in by_total.items():
        mask = bytearray(len(totals) // 8 + 1)
        for at in positions:
            mask[at // 8] |= 1 << at % 8
        masks[total] = int.from_bytes(mask, "little")
    return [sum(total * (one & mask).bit_count() for total, mask in masks.items()) for one in sets]


def _by_total(totals: Sequence[float]) -> dict[float, list[int]]:
    found: dict[float, list[int]] = {}
    for at, total in enumerate(totals):
        found.setdefault(total, []).append(at)
    return found


def classes_of(on: Compiled) -> tuple[list[list[int]], list[list[int]], list[list[Group]]]:
    """Services that take each other down by hard needs, and needs and groups between such classes."""
    classes = components(on.needs)
    class_of = [0] * len(on.names)
    for number, members in enumerate(classes):
        for member in members:
            class_of[member] = number
    needs = [
        list(dict.fromkeys(class_of[n] for m in members for n in on.needs[m] if class_of[n] != number))
        for number, members in enumerate(classes)
    ]
    groups: list[list[Group]] = [[] for _ in classes]
    for group in on.groups:
        of = class_of[group.of]
        groups[of].append(Group(of, tuple(class_of[m] for m in group.members), group.quota))
    return classes, needs, groups
