"""Steps that no actor takes: faults upon actors, messages in flight, disasters. Always in the same order."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final, NamedTuple

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

LOSES_DISK: Final = "loses its disk and restarts"
IS_FULL: Final = "has no room left on its disk"
HAS_ROOM: Final = "has room on its disk again"
"""Labels of what befalls a disk; a replay goes by them."""


class Change(NamedTuple):
    """A step of the world, not carried out: what gives the actor's agent afterwards, and other places' numbers."""

    actor: int
    cost: int
    label: str
    agent: Callable[[], int] | None
    places: tuple[tuple[int, int], ...] = ()
    result: Any = None
    operation: Operation[Any] | None = None
    wrote: int = -1


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
        self._crash, self._partition = faults.allows(Fault.CRASH), faults.allows(Fault.PARTITION)
        self._disaster = faults.allows(Fault.DISASTER)
        self._owners = [i for i, a in enumerate(actors) if not a.environment]
        self._mortals = [i for i in self._owners if actors[i].crashes]
        self._faults_upon: dict[tuple[str, int, int, int], list[Change]] = {}
        self._launches: dict[tuple[int, int], int] = {}
        self._landings: dict[tuple[int, int], tuple[int, Any]] = {}
        self._struck: dict[tuple[int, int], int] = {}

    def steps(self, state: State) -> list[Step]:
        """All of them."""
        return [self.step(state, change) for change in self.changes(state)]

    def step(self, state: State, change: Change) -> Step:
        """One of a state's changes, carried out."""
        after = list(state)
        if change.agent is not None:
            after[change.actor] = change.agent()
        for at, value in change.places:
            after[at] = value
        after[self.left_at] -= change.cost
        return Step(
            change.actor, change.cost, tuple(after), change.label, change.result, change.operation, change.wrote
        )

    def changes(self, state: State) -> list[Change]:
        """What the steps would be, in the same order: who takes one of many has the others for little."""
        found: list[Change] = []
        left = state[self.left_at]
        if left and self._crash:
            for i in self._mortals:
                found += self._kept(self._crashes, i, state[i], state[self.flight_at])
        if self._disks:
            for i in self._owners:
                found += self._kept(self._disk_faults, i, state[i], bool(left))
        if self._partition:
            for i in self._owners:
                found += self._kept(self._partitions, i, state[i], bool(left))
        if self.flights.values[state[self.flight_at]]:
            self._deliveries(state, found)
        if left and self._disaster:
            self._disasters(state, found)
        return found

    def upon(self, kind: int, i: int, agent: int) -> list[Change]:
        """What may strike an actor, or cease to: crashes (0), faults of its disk (1), partitions (2).

        With nothing in flight and faults left, so that nothing is left out.
        """
        if kind == 0:
            return self._crashes(i, agent, self.flights.number(())) if self._crash and i in self._mortals else []
        if i not in self._owners:
            return []
        if kind == 1:
            return self._disk_faults(i, agent, True) if self._disks else []
        return self._partitions(i, agent, True) if self._partition else []

    def left_behind(self, change: Change) -> int:
        """The message that a fault upon an actor leaves in flight where nothing was, or -1."""
        return next((self.flights.values[value][0] for at, value in change.places if at == self.flight_at), -1)

    def at_large(self, state: State) -> list[Change]:
        """What happens to no actor: deliveries and disasters."""
        found: list[Change] = []
        if self.flights.values[state[self.flight_at]]:
            self._deliveries(state, found)
        if state[self.left_at] and self._disaster:
            self._disasters(state, found)
        return found

    def _kept(self, of: Callable[[int, int, int], list[Change]], i: int, agent: int, more: int) -> list[Change]:
        """Faults upon an actor depend on its agent and one number more; they are worked out once."""
        key = (of.__name__, i, agent, more)
        found = self._faults_upon.get(key)
        if found is None:
            found = self._faults_upon[key] = of(i, agent, more)
        return found

    def _crashes(self, i: int, agent: int, flight: int) -> list[Change]:
        pending = self._agents.pending[agent]
        if not isinstance(pending, Operation) or self._agents.crashed(agent) == agent:
            return []
        after = partial(self._agents.crashed, agent)
        early = "crashes before the rename and restarts"
        found = [Change(i, 1, early if isinstance(pending, Promote) else "crashes and restarts", after)]
        if isinstance(pending, Update | Commit):
            flies = self.launched(flight, self._agents.messages.number(pending))
            if flies >= 0:
                label = "crashes and restarts, its message still in flight"
                found.append(Change(i, 1, label, after, ((self.flight_at, flies),)))
        return found

    def _disk_faults(self, i: int, agent: int, left: int) -> list[Change]:
        faults, agents, found = self._faults, self._agents, list[Change]()
        own, pending = agents.keys[agent].own, agents.pending[agent]
        if not isinstance(pending, Operation) or isinstance(pending, Promote):
            return found
        if own.full:
            found.append(Change(i, 0, HAS_ROOM, partial(agents.with_disk, agent, full=False)))
        if left and own.disk and faults.allows(Fault.DISK_LOST):
            found.append(Change(i, 1, LOSES_DISK, partial(agents.blank, agent)))
        if left and own.disk and not own.full and faults.allows(Fault.DISK_FULL):
            full = partial(agents.with_disk, agent, full=True)
            found.append(Change(i, 1, IS_FULL, full))
        return found

    def _partitions(self, i: int, agent: int, left: int) -> list[Change]:
        agents, found = self._agents, list[Change]()
        if not isinstance(agents.pending[agent], Operation) or isinstance(agents.pending[agent], Promote):
            return found
        own = agents.keys[agent].own
        cuts = own.cuts
        for cut in sorted(cuts):
            healed = partial(agents.with_cuts, agent, lambda c, cut=cut: c - {cut})  # type: ignore[misc]
            found.append(Change(i, 0, f"reaches {self._name(cut[0])} again", healed))
        if left and not cuts:
            for cell in range(len(self._cells)):
                if self._cells[cell] == TARGETS and not own.watched:
                    continue
                for how in ("requests", "answers"):
                    after = partial(agents.with_cuts, agent, lambda c, cut=(cell, how): c | {cut})  # type: ignore[misc]
                    found.append(Change(i, 1, f"is cut from {self._name(cell)} ({how} lost)", after))
        return found

    def _name(self, cell: int) -> str:
        name = self._cells[cell]
        return f"the {name}" if name in (STORE, TARGETS) else f"zone {name}"

    def _deliveries(self, state: State, found: list[Change]) -> None:
        flight = self.flights.values[state[self.flight_at]]
        for position, message in enumerate(flight):
            if position and flight[position - 1] == message:
                continue
            rest = self.flights.number(flight[:position] + flight[position + 1 :])
            operation = self._agents.messages.values[message]
            cell, landed, result = self.landing(state, message)
            at = self.first_cell + cell
            wrote = cell if landed != state[at] else -1
            after = ((at, landed), (self.flight_at, rest))
            found.append(Change(-1, 0, "a message in flight is delivered", None, after, result, operation, wrote))
            gone = ((self.flight_at, rest),)
            found.append(Change(-1, 0, "a message in flight is lost for good", None, gone, None, operation))

    def landing(self, state: State, message: int) -> tuple[int, int, Any]:
        """What a message does upon delivery: the cell that it touches, that cell's number after, the answer."""
        operation = self._agents.messages.values[message]
        cell = 0 if isinstance(operation, Commit) else self._cells.index(operation.zone)
        return cell, *self._landed(state[self.first_cell + cell], message)

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

    def _disasters(self, state: State, found: list[Change]) -> None:
        for number, disaster in enumerate(self._faults.disasters):
            cell = self._cells.index(disaster.cell)
            at = self.first_cell + cell
            after = self._struck_by(number, state[at])
            if after != state[at]:
                found.append(Change(-1, 1, disaster.label, None, ((at, after),), wrote=cell))

    def _struck_by(self, disaster: int, cell: int) -> int:
        found = self._struck.get((disaster, cell))
        if found is None:
            after = self._faults.disasters[disaster].strike(self._agents.cells.values[cell])
            found = self._struck[disaster, cell] = self._agents.cells.number(after)
        return found
