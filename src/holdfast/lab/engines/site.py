"""Where one of a crowd may get to while all cells stay as they are.

Agents that can become each other, nothing going wrong, form a `Ring` (a strongly connected component, Tarjan
1972). All of a ring reach the same; so what is reached is worked out once for each ring and each value of the
cells, and every world with these values takes it from here, whatever publisher or people are about to do there.
"""

from __future__ import annotations

from holdfast.lab.engines.rows import Row, Rows, Table


class Ring:
    """Agents that can become each other, and what they reach."""

    __slots__ = ("after", "members", "reach", "struck")

    def __init__(self, members: tuple[int, ...], after: tuple[Ring, ...]) -> None:
        self.members = members
        self.after = after
        """Rings that one step leads to."""
        self.reach = 0
        """All agents that they may become, themselves included."""
        for ring in after:
            self.reach |= ring.reach
        for member in members:
            self.reach |= 1 << member
        self.struck = -1
        """What any agent in `reach` may become by one fault; -1 while nobody has asked."""


class Site:
    """One value of all cells."""

    def __init__(self, rows: Rows, touches: list[int], cells: tuple[int, ...]) -> None:
        # The last table is for agents that touch no cell: their index is -1.
        self.tables: tuple[Table, ...] = (*(rows.table(i, c) for i, c in enumerate(cells)), rows.table(-1, -1))
        self.rings: list[Ring] = []
        """Each behind all that it leads to."""
        self._rows, self._touches = rows, touches
        self._ring_of: dict[int, Ring] = {}

    def ring(self, agent: int) -> Ring:
        """The agent's ring."""
        found = self._ring_of.get(agent)
        if found is None:
            self._walk(agent)
            found = self._ring_of[agent]
        return found

    def struck(self, ring: Ring) -> int:
        """What any that the ring reaches may become by one fault."""
        todo = [ring]
        while todo:
            at = todo[-1]
            waiting = [r for r in at.after if r.struck < 0] if at.struck < 0 else []
            if waiting:
                todo.extend(waiting)
                continue
            todo.pop()
            if at.struck < 0:
                found = 0
                for after in at.after:
                    found |= after.struck
                for member in at.members:
                    found |= self._rows.whole(self.tables[self._touches[member]], member).struck
                at.struck = found
        return ring.struck

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
        members = tuple(stack[at:])
        del stack[at:]
        inside = set(members)
        after = {o for m in members for o in self._row(m).calm if o not in inside}
        ring = Ring(members, tuple({id(r): r for r in map(self._ring_of.__getitem__, after)}.values()))
        self.rings.append(ring)
        for member in members:
            self._ring_of[member] = ring
