"""Binary decision diagrams for monotone functions, and their minimal solutions.

After A. Rauzy, "New algorithms for fault trees analysis" (1993): a function is a shared graph of nodes "if x then
.. else .." with one order of variables; from it the minimal solutions follow by one walk, without ever making the
sets that are not minimal. Nodes are numbers, 0 is "never", 1 is "always"; equal functions are equal numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

NEVER, ALWAYS = 0, 1
NODES_MAX = 2_000_000
_LAST = 1 << 60


class TooLarge(Exception):
    """The function has more than `NODES_MAX` nodes."""


class Decisions:
    """A store of nodes. Recursion goes as deep as there are variables: see `cutsets` for the limit."""

    def __init__(self) -> None:
        self._variable = [_LAST, _LAST]
        self._low = [NEVER, ALWAYS]
        self._high = [NEVER, ALWAYS]
        self._unique: dict[tuple[int, int, int], int] = {}
        self._ors: dict[tuple[int, int], int] = {}
        self._ands: dict[tuple[int, int], int] = {}
        self._withouts: dict[tuple[int, int], int] = {}
        self._minimals: dict[tuple[int, int], int] = {}

    def variable(self, number: int) -> int:
        """The function that is true when this variable is."""
        return self._node(number, NEVER, ALWAYS)

    def _node(self, variable: int, low: int, high: int) -> int:
        key = (variable, low, high)
        found = self._unique.get(key)
        if found is None:
            found = len(self._low)
            if found > NODES_MAX:
                raise TooLarge
            self._variable.append(variable)
            self._low.append(low)
            self._high.append(high)
            self._unique[key] = found
        return found

    def _choice(self, variable: int, low: int, high: int) -> int:
        return low if low == high else self._node(variable, low, high)

    def either(self, one: int, other: int) -> int:
        """True when at least one is."""
        if one == other or other == NEVER:
            return one
        if one == NEVER:
            return other
        if ALWAYS in (one, other):
            return ALWAYS
        key = (one, other) if one < other else (other, one)
        if key not in self._ors:
            self._ors[key] = self._both_ways(one, other, self.either)
        return self._ors[key]

    def both(self, one: int, other: int) -> int:
        """True when both are."""
        if one == other or other == ALWAYS:
            return one
        if one == ALWAYS:
            return other
        if NEVER in (one, other):
            return NEVER
        key = (one, other) if one < other else (other, one)
        if key not in self._ands:
            self._ands[key] = self._both_ways(one, other, self.both)
        return self._ands[key]

    def _both_ways(self, one: int, other: int, join: Callable[[int, int], int]) -> int:
        a, b = self._variable[one], self._variable[other]
        top = min(a, b)
        one_low, one_high = (self._low[one], self._high[one]) if a == top else (one, one)
        other_low, other_high = (self._low[other], self._high[other]) if b == top else (other, other)
        return self._choice(top, join(one_low, other_low), join(one_high, other_high))

    def at_least(self, functions: Sequence[int], quota: int) -> int:
        """True when at least `quota` of the functions are."""
        reached = [ALWAYS, *(NEVER for _ in range(quota))]
        for function in functions:
            for level in range(quota, 0, -1):
                reached[level] = self.either(reached[level], self.both(reached[level - 1], function))
        return reached[quota]

    def minimal(self, function: int, order: int) -> int:
        """The minimal solutions of at most `order` variables, as a graph of sets for `sets`."""
        if function <= ALWAYS:
            return function
        if order == 0:
            return NEVER
        key = (function, order)
        if key not in self._minimals:
            low = self._low[function]
            without = self.minimal(low, order)
            with_it = self._without(self.minimal(self._high[function], order - 1), low)
            variable = self._variable[function]
            self._minimals[key] = without if with_it == NEVER else self._node(variable, without, with_it)
        return self._minimals[key]

    def _without(self, sets: int, function: int) -> int:
        """The sets that do not make `function` true."""
        if function == NEVER or sets == NEVER:
            return sets
        if function == ALWAYS:
            return NEVER
        if sets == ALWAYS:  # the empty set alone; a monotone function that is not constant is false on it
            return sets
        key = (sets, function)
        if key not in self._withouts:
            a, b = self._variable[sets], self._variable[function]
            if a > b:
                found = self._without(sets, self._low[function])
            else:
                low, high = (self._low[function], self._high[function]) if a == b else (function, function)
                with_it = self._without(self._high[sets], high)
                found = self._without(self._low[sets], low)
                found = found if with_it == NEVER else self._node(a, found, with_it)
            self._withouts[key] = found
        return self._withouts[key]

    def sets(self, of: int) -> Iterator[tuple[int, ...]]:
        """All sets of a graph of sets, each as its variables in order."""
        stack: list[tuple[int, tuple[int, ...]]] = [(of, ())]
        while stack:
            node, chosen = stack.pop()
            if node == ALWAYS:
                yield chosen
            elif node != NEVER:
                stack.append((self._low[node], chosen))
                stack.append((self._high[node], (*chosen, self._variable[node])))
