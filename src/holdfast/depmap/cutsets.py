"""Minimal cut sets: the smallest sets of failures that take a service down.

"The service is down" is a monotone function of the single failures; it is built from those of what the service
needs, dependencies first, and cycles are gone round until nothing changes, which is exact because a least
derivation never needs itself. Its minimal solutions are the cut sets. Services that take each other down by hard
needs are one class; a set of classes stands for all the sets of services that choose one of each.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeAlias

from holdfast.depmap.compiled import Compiled
from holdfast.depmap.components import components
from holdfast.depmap.decisions import NEVER, Decisions, TooLarge
from holdfast.depmap.singles import classes_of

CutSet: TypeAlias = frozenset[int]
SETS_MAX = 200_000
"""More sets than this help nobody."""
DEPTH_MAX = 200_000


class TooManySets(Exception):
    """There are more minimal sets than `SETS_MAX`, or too many to find them; a lower order may answer."""


class CutSets:
    """Minimal cut sets on one compiled map, up to `order` failures at once (0: any number)."""

    def __init__(self, on: Compiled, order: int = 3) -> None:
        self.on = on
        self.order = order
        self._classes, self._needs, self._groups = classes_of(on)
        self._class_of = {m: c for c, members in enumerate(self._classes) for m in members}

    def of(self, service: int) -> list[CutSet]:
        """The minimal sets of services, smallest first, then by numbers. Raises `TooManySets`."""
        cone = self._cone(self._class_of[service])
        graph = Decisions()
        found: list[CutSet] = []
        try:
            with _deep():
                function = self._function(graph, cone)
                minimal = graph.minimal(function, self.order or len(cone))
            for chosen in graph.sets(minimal):
                found.extend(self._spelled([cone[variable] for variable in chosen]))
                if len(found) > SETS_MAX:
                    raise TooManySets(f"more than {SETS_MAX:,} minimal sets")
        except (TooLarge, RecursionError):
            raise TooManySets("the function of all failures is too large") from None
        return sorted(found, key=lambda one: (len(one), sorted(one)))

    def _function(self, graph: Decisions, cone: list[int]) -> int:
        """When the first of `cone` is down. A class's variable is its place, so what is near stands near."""
        place = {c: at for at, c in enumerate(cone)}
        functions = [NEVER] * len(cone)
        for component in components([[place[d] for d in self._below(c)] for c in cone]):
            changed = True
            while changed:
                changed = False
                for at in component:
                    found = self._one(graph, cone[at], place, functions)
                    changed |= len(component) > 1 and found != functions[at]
                    functions[at] = found
        return functions[0]

    def _one(self, graph: Decisions, c: int, place: dict[int, int], functions: list[int]) -> int:
        fails = any(self.on.fails[m] for m in self._classes[c])
        found = graph.variable(place[c]) if fails else NEVER
        for need in self._needs[c]:
            found = graph.either(found, functions[place[need]])
        for group in self._groups[c]:
            members = [functions[place[m]] for m in group.members]
            found = graph.either(found, graph.at_least(members, group.quota))
        return found

    def _below(self, c: int) -> list[int]:
        return [*self._needs[c], *(m for g in self._groups[c] for m in g.members)]

    def _cone(self, top: int) -> list[int]:
        """Everything that `top` needs in any way, depth first."""
        seen: dict[int, None] = {}
        stack = [top]
        while stack:
            one = stack.pop()
            if one not in seen:
                seen[one] = None
                stack.extend(reversed(self._below(one)))
        return list(seen)

    def _spelled(self, classes: list[int]) -> Iterator[CutSet]:
        choices = [[m for m in self._classes[c] if self.on.fails[m]] for c in classes]
        return (frozenset(chosen) for chosen in itertools.product(*choices))


@contextmanager
def _deep() -> Iterator[None]:
    """Recursion as deep as a map has services. Since Python 3.11 a call of Python from Python takes no C stack."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, DEPTH_MAX))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
