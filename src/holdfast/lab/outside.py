"""Steps that no actor takes: faults upon actors, messages in flight, disasters. Always in the same order."""

from __future__ import annotations

from typing import Any

from holdfast.lab.actor import Actor
from holdfast.lab.agents import Agents, Interner
from holdfast.lab.canonical import text
from holdfast.lab.steps import State, Step
from holdfast.lab.world.faults import Fault, Faults
from holdfast.lab.world.outcomes import STORE, perform
from holdfast.lab.world.targets import TARGETS
from holdfast.nameserver.updating import RFC, Quirks
from holdfast.ports.disk import Promote
from holdfast.ports.dns import Update
from holdfast.ports.operation import Operation
from holdfast.ports.store import Commit


class Outside:
    """What the world does by itself in one scenario."""

    def __init__(
        self,
        actors: tuple[Actor, ...],
        faults: Faults,
        agents: Agents,
        *,
        cells: tuple[str, ...],
        quirks: dict[str, Quirks],
        sinks: tuple[str, ...],
    ) -> None:
        self._actors, self._faults, self._agents = actors, faults, agents
        self._cells, self._quirks, self._sinks = cells, quirks, sinks
        self.first_cell = len(actors)
        self.flight_at = self.first_cell + len(cells)
        self.left_at = self.flight_at + 1
        """Where a state keeps the first cell, the messages in flight, and the faults left."""
        self.flights = Interner()
        self._disks = faults.allows(Fault.DISK_LOST) or faults.allows(Fault.DISK_FULL)
        self._launches: dict[tuple[int, int], int] = {}
        self._landings: dict[tuple[int, int], tuple[int, Any]] = {}
        self._struck: dict[tuple[int, int], int] = {}

    def steps(self, state: State) -> list[Step]:
        """All of them."""
        found: list[Step] = []
        left = state[self.left_at]
        if left and self._faults.allows(Fault.CRASH):
            self._crashes(state, found)
        if self._disks:
            self._disk_faults(state, left, found)
        if self._faults.allows(Fault.PARTITION):
            self._partitions(state, left, found)
        if self.flights.values[state[self.flight_at]]:
            self._deliveries(state, found)
        if left and self._faults.allows(Fault.DISASTER):
            self._disasters(state, found)
        return found

    def _crashes(self, state: State, found: list[Step]) -> None:
        for i, actor in enumerate(self._actors):
            agent = state[i]
            after = self._agents.crashed(agent) if actor.crashes and not actor.environment else agent
            pending = self._agents.pending[agent]
            if after == agent or not isinstance(pending, Operation):
                continue
            spent = {i: after, self.left_at: state[self.left_at] - 1}
            label = (
                "crashes before the rename and restarts"
                if isinstance(pending, Promote)
                else "crashes and restarts"
            )
            found.append(Step(i, 1, _with(state, spent), label, None, None, -1))
            if isinstance(pending, Update | Commit):
                flight = self.launched(state[self.flight_at], self._agents.messages.number(pending))
                if flight >= 0:
                    spent = {**spent, self.flight_at: flight}
                    label = "crashes and restarts, its message still in flight"
                    found.append(Step(i, 1, _with(state, spent), label, None, None, -1))

    def _disk_faults(self, state: State, left: int, found: list[Step]) -> None:
        faults = self._faults
        for i, actor in enumerate(self._actors):
            agent = state[i]
            own = self._agents.keys[agent].own
            pending = self._agents.pending[agent]
            if actor.environment or not isinstance(pending, Operation) or isinstance(pending, Promote):
                continue
            if own.full:
                healed = {i: self._agents.with_disk(agent, full=False)}
                found.append(Step(i, 0, _with(state, healed), "has room on its disk again", None, None, -1))
            if left and own.disk and faults.allows(Fault.DISK_LOST):
                spent = {i: self._agents.blank(agent), self.left_at: left - 1}
                found.append(Step(i, 1, _with(state, spent), "loses its disk and restarts", None, None, -1))
            if left and own.disk and not own.full and faults.allows(Fault.DISK_FULL):
                spent = {i: self._agents.with_disk(agent, full=True), self.left_at: left - 1}
                found.append(Step(i, 1, _with(state, spent), "has no room left on its disk", None, None, -1))

    def _partitions(self, state: State, left: int, found: list[Step]) -> None:
        for i in range(self.first_cell):
            agent = state[i]
            if self._actors[i].environment:
                continue
            if not isinstance(self._agents.pending[agent], Operation) or isinstance(
                self._agents.pending[agent], Promote
            ):
                continue
            cuts = self._agents.keys[agent].own.cuts
            for cut in sorted(cuts):
                healed = self._agents.with_cuts(agent, lambda c, cut=cut: c - {cut})  # type: ignore[misc]
                found.append(
                    Step(i, 0, _with(state, {i: healed}), f"reaches {self._name(cut[0])} again", None, None, -1)
                )
            if left and not cuts:
                for cell in range(len(self._cells)):
                    if self._cells[cell] == TARGETS and not self._agents.keys[agent].own.watched:
                        continue
                    for how in ("requests", "answers"):
                        after = self._agents.with_cuts(agent, lambda c, x=(cell, how): c | {x})  # type: ignore[misc]
                        spent = {i: after, self.left_at: left - 1}
                        label = f"is cut from {self._name(cell)} ({how} lost)"
                        found.append(Step(i, 1, _with(state, spent), label, None, None, -1))

    def _name(self, cell: int) -> str:
        name = self._cells[cell]
        return f"the {name}" if name in (STORE, TARGETS) else f"zone {name}"

    def _deliveries(self, state: State, found: list[Step]) -> None:
        flight = self.flights.values[state[self.flight_at]]
        for position, message in enumerate(flight):
            if position and flight[position - 1] == message:
                continue
            rest = self.flights.number(flight[:position] + flight[position + 1 :])
            operation = self._agents.messages.values[message]
            cell = 0 if isinstance(operation, Commit) else self._cells.index(operation.zone)
            at = self.first_cell + cell
            landed, result = self._landed(state[at], message)
            wrote = cell if landed != state[at] else -1
            after = _with(state, {at: landed, self.flight_at: rest})
            found.append(Step(-1, 0, after, "a message in flight is delivered", result, operation, wrote))
            gone = _with(state, {self.flight_at: rest})
            found.append(Step(-1, 0, gone, "a message in flight is lost for good", None, operation, -1))

    def _landed(self, cell: int, message: int) -> tuple[int, Any]:
        found = self._landings.get((cell, message))
        if found is None:
            operation = self._agents.messages.values[message]
            zone = getattr(operation, "zone", "")
            result, after = perform(
                self._agents.cells.values[cell],
                operation,
                quirks=self._quirks.get(zone, RFC),
                sinks=self._sinks,
            )
            found = self._landings[cell, message] = (self._agents.cells.number(after), result)
        return found

    def launched(self, flight: int, message: int) -> int:
        """The flight with one message more; -1 if it is full."""
        found = self._launches.get((flight, message))
        if found is None:
            values = self._agents.messages.values
            flying = self.flights.values[flight]
            if len(flying) >= self._faults.in_flight:
                found = -1
            else:
                found = self.flights.number(tuple(sorted((*flying, message), key=lambda m: text(values[m]))))
            self._launches[flight, message] = found
        return found

    def _disasters(self, state: State, found: list[Step]) -> None:
        for number, disaster in enumerate(self._faults.disasters):
            cell = self._cells.index(disaster.cell)
            at = self.first_cell + cell
            after = self._struck_by(number, state[at])
            if after != state[at]:
                changed = {at: after, self.left_at: state[self.left_at] - 1}
                found.append(Step(-1, 1, _with(state, changed), disaster.label, None, None, cell))

    def _struck_by(self, disaster: int, cell: int) -> int:
        found = self._struck.get((disaster, cell))
        if found is None:
            after = self._faults.disasters[disaster].strike(self._agents.cells.values[cell])
            found = self._struck[disaster, cell] = self._agents.cells.number(after)
        return found


def _with(state: State, changes: dict[int, int]) -> State:
    found = list(state)
    for at, value in changes.items():
        found[at] = value
    return tuple(found)
