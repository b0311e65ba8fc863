"""Where one of a crowd may get to while all cells stay as they are.

Agents that can become each other, nothing going wrong, form a `Ring` (a strongly connected component, Tarjan
1972). All of a ring reach the same; so what is reached is worked out once for each ring and each value of the
cells, and every world with these values takes it from here, whatever publisher or people are about to do there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from holdfast.lab.engines.rows import Row, Rows, Table, as_set, members

KEPT_EVERY = 16
"""Most code runs straight on: of rings in a row, each leading to one other only, so many share a kept set."""


class Ring:
    """Agents that can become each other."""

    __slots__ = ("after", "behind", "members", "number")

    def __init__(self, number: int, members: tuple[int, ...], after: tuple[Ring, ...]) -> None:
        self.number = number
        """Its place among the rings of its site."""
        self.members = members
        self.after = after
        """Rings that one step leads to."""
        self.behind: int = after[0].behind + 1 if len(after) == 1 else 0
        """How many rings follow up to the next one where ways part or end."""


Sets = dict[Ring, int]


class Site:
    """One value of all cells."""

    def __init__(self, rows: Rows, touches: list[int], cells: tuple[int, ...]) -> None:
        # The last table is for agents that touch no cell: their index is -1.
        self.tables: tuple[Table, ...] = (*(rows.table(i, c) for i, c in enumerate(cells)), rows.table(-1, -1))
        self.rings: list[Ring] = []
        """Each behind all that it leads to."""
        self._rows, self._touches = rows, touches
        self._ring_of: dict[int, Ring] = {}
        self._reach: Sets = {}
        self._struck: Sets = {}

    @property
    def kept(self) -> int:
        """How many sets it keeps."""
        return len(self._reach) + len(self._struck)

    def ring(self, agent: int) -> Ring:
        """The agent's ring."""
        found = self._ring_of.get(agent)
        if found is None:
            self._walk(agent)
            found = self._ring_of[agent]
        return found

    def reach(self, ring: Ring) -> int:
        """All agents that those of a ring may become, themselves included."""
        return self._gathered(ring, self._reach, lambda one: one.members)

    def struck(self, ring: Ring) -> int:
        """What any of these may become by one fault."""
        return self._gathered(ring, self._struck, self._by_fault)

    def leading_to(self, agents: int) -> int:
        """Who of those met here may become one of these agents, themselves included."""
        good = bytearray(len(self.rings))
        for agent in members(agents):
            good[self._ring_of[agent].number] = 1
        found: list[int] = []
        for ring in self.rings:
            if good[ring.number] or any(good[after.number] for after in ring.after):
                good[ring.number] = 1
                found += ring.members
        return as_set(found, len(self._touches))

    def _by_fault(self, ring: Ring) -> Iterable[int]:
        for member in ring.members:
            yield from self._rows.whole(self.tables[self._touches[member]], member).struck

    def _gathered(self, ring: Ring, kept: Sets, own: Callable[[Ring], Iterable[int]]) -> int:
        """What the ring and all that it leads to have of their own."""
        todo = [ring]
        while todo:
            at = todo[-1]
            if at not in kept:
                numbers, ahead = _straight(at, kept, own)
                waiting = [one for one in ahead if one not in kept]
                if waiting:
                    todo += waiting
                    continue
                found = as_set(numbers, len(self._touches))
                for one in ahead:
                    found |= kept[one]
                kept[at] = found
            todo.pop()
        return kept[ring]

    def _row(self, agent: int) -> Row:
        return self._rows.calm(self.tables[self._touches[agent]], agent)

    def _walk(self, root: int) -> None:
        """Tarjan's algorithm from an agent whose ring is not known, without recursion."""
        index: dict[int, int] = {root: 0}
        low = [0]
        path: list[tuple[int, int]] = [(root, 0)]
        stack = [root]
        while path:
            agent, at = path.pop()
            number = index[agent]
            after = self._row(agent).calm
            while at < len(after):
                other = after[at]
                at += 1
                if other in self._ring_of:
                    continue
                seen = index.get(other)
                if seen is None:
                    path.append((agent, at - 1))
                    path.append((other, 0))
                    index[other] = len(low)
                    low.append(len(low))
                    stack.append(other)
                    break
                low[number] = min(low[number], low[seen])
            else:
                if low[number] == number:
                    self._close(agent, stack)

    def _close(self, first: int, stack: list[int]) -> None:
        at = len(stack) - 1
        while stack[at] != first:
            at -= 1
        found = tuple(stack[at:])
        del stack[at:]
        inside = set(found)
        after = {o for m in found for o in self._row(m).calm if o not in inside}
        ring = Ring(
            len(self.rings), found, tuple({id(r): r for r in map(self._ring_of.__getitem__, after)}.values())
        )
        self.rings.append(ring)
        for member in found:
            self._ring_of[member] = ring


def _straight(ring: Ring, kept: Sets, own: Callable[[Ring], Iterable[int]]) -> tuple[list[int], tuple[Ring, ...]]:
    """What the rings ahead have of their own as long as each leads to one other, and the rings that come then."""
    numbers = list(own(ring))
    while len(ring.after) == 1:
        ring = ring.after[0]
        if ring in kept or ring.behind % KEPT_EVERY == 0:
            return numbers, (ring,)
        numbers += own(ring)
    return numbers, ring.after
