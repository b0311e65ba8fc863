"""What one of a crowd may do while the cell that it touches has a certain value, learned from the real code.

Sets of agents are whole numbers, bit n for agent n: thousands are joined or compared in one operation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from holdfast.lab.actor import Failed
from holdfast.lab.agents import Move
from holdfast.lab.system import System
from holdfast.lab.world.faults import Fault
from holdfast.ports.dns import Update
from holdfast.ports.store import Commit


def as_set(numbers: Iterable[int], most: int) -> int:
    """A set of agents whose numbers are below `most`."""
    found = bytearray(most // 8 + 1)
    for number in numbers:
        found[number >> 3] |= 1 << (number & 7)
    return int.from_bytes(found, "little")


def members(agents: int) -> Iterator[int]:
    """The numbers in a set."""
    while agents:
        lowest = agents & -agents
        yield lowest.bit_length() - 1
        agents ^= lowest


class Row:
    """What an agent may do while its cell stays as it is; the rest, which changes the cell, is in `Far`."""

    __slots__ = ("calm", "struck", "whole")

    def __init__(self, calm: tuple[int, ...]) -> None:
        self.calm = calm
        """Agents that it may become, nothing going wrong."""
        self.whole = False
        """Whether faults were looked at."""
        self.struck: tuple[int, ...] = ()
        """Those that it may become by one fault."""


class Far:
    """Who may change a cell from one value to a certain other, and what they are then."""

    __slots__ = ("calm", "struck", "who_calm", "who_struck")

    def __init__(self) -> None:
        self.who_calm = self.who_struck = 0
        self.calm: dict[int, int] = {}
        self.struck: dict[int, int] = {}

    def add(self, agent: int, after: int, *, cost: int) -> None:
        """One way more."""
        images = self.struck if cost else self.calm
        images[agent] = images.get(agent, 0) | 1 << after
        if cost:
            self.who_struck |= 1 << agent
        else:
            self.who_calm |= 1 << agent


class Table:
    """Rows of the agents that touch one cell, for one value of it."""

    __slots__ = ("cell", "far", "rows")

    def __init__(self, cell: int) -> None:
        self.cell = cell
        """The value's number, -1 for agents that touch no cell."""
        self.rows: dict[int, Row] = {}
        self.far: dict[int, Far] = {}
        """By the cell's new number."""


class Rows:
    """All that was learned of one kind of actor."""

    def __init__(self, system: System, slot: int) -> None:
        self.broken = ""
        """What the code raised, if it did."""
        self.senders: dict[int, int] = {}
        """By message: the agents that may have sent it and fail before its answer."""
        self._system, self._slot = system, slot
        self._tables: dict[tuple[int, int], Table] = {}
        faults = system.scenario.faults
        self._crash = faults.allows(Fault.CRASH) and system.actors[slot].crashes
        self._flying = faults.allows(Fault.DELAYED)

    def table(self, place: int, cell: int) -> Table:
        """For the value `cell` of the cell at `place`; both -1 for agents that touch none."""
        found = self._tables.get((place, cell))
        if found is None:
            found = self._tables[place, cell] = Table(cell)
        return found

    def calm(self, table: Table, agent: int) -> Row:
        """The row without faults; the first look at it runs the real code."""
        row = table.rows.get(agent)
        if row is None:
            moves = self._system.agents.calm_moves(agent, table.cell)
            row = table.rows[agent] = Row(tuple(dict.fromkeys(self._near(table, agent, moves))))
        return row

    def whole(self, table: Table, agent: int) -> Row:
        """The row with faults."""
        row = self.calm(table, agent)
        if not row.whole:
            row.whole = True
            agents = self._system.agents
            faults = [m for m in agents.moves(agent, table.cell) if m.cost]
            struck = dict.fromkeys(self._near(table, agent, faults))
            if self._crash and agents.alive[agent]:
                struck[agents.crashed(agent)] = None
            row.struck = tuple(struck)
            message = self.sent(agents.pending[agent])
            if message >= 0:
                self.senders[message] = self.senders.get(message, 0) | 1 << agent
        return row

    def sent(self, pending: object) -> int:
        """The number of the message that may stay in flight; -1 for none."""
        if self._flying and isinstance(pending, (Update, Commit)) and writes(pending):
            return self._system.agents.messages.number(pending)
        return -1

    def _near(self, table: Table, agent: int, moves: list[Move]) -> Iterator[int]:
        """Agents after those moves that leave the cell; the others are noted in the table."""
        for move in moves:
            ended = self._system.agents.ended(move.agent)
            if isinstance(ended, Failed):
                self.broken = self.broken or f"raised: {self._system.actors[self._slot].name}: {ended.error}"
            if move.cell in (table.cell, -1):
                yield move.agent
            else:
                far = table.far.setdefault(move.cell, Far())
                far.add(agent, move.agent, cost=move.cost)


def writes(operation: Update | Commit) -> bool:
    """Whether an operation can change anything."""
    return bool(operation.changes) if isinstance(operation, Update) else isinstance(operation, Commit)
