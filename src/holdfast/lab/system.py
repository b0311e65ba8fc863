"""A system under test as a transition system: states are tuples of small numbers, steps come in a fixed order.

State: one number per actor (its agent), one per shared cell, the messages in flight, the faults left. The n-th
step of a state is the same step on any machine, so a tape is a list of such n.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import msgspec

from holdfast.lab.actor import Actor, Done, Failed
from holdfast.lab.agents import Agents, Interner
from holdfast.lab.canonical import text
from holdfast.lab.world.faults import Fault, Faults
from holdfast.lab.world.outcomes import STORE, perform
from holdfast.lab.world.store import StoreCell
from holdfast.nameserver.updating import RFC, Quirks
from holdfast.nameserver.zone import Zone
from holdfast.ports.clock import Idle
from holdfast.ports.disk import Promote
from holdfast.ports.dns import Update
from holdfast.ports.operation import Operation
from holdfast.ports.store import Commit

State: TypeAlias = tuple[int, ...]


class View:
    """A state for invariants: values instead of numbers."""

    __slots__ = ("_state", "_system")

    def __init__(self, system: System, state: State) -> None:
        self._system, self._state = system, state

    @property
    def store(self) -> StoreCell:
        """The store's content."""
        cell = self._system.cell(self._state, 0)
        assert isinstance(cell, StoreCell)
        return cell

    @property
    def zones(self) -> dict[str, Zone]:
        """Each zone as its primary holds it."""
        names = self._system.cell_names
        return {name: self._system.cell(self._state, i) for i, name in enumerate(names) if i > 0}

    def ended(self, actor: str) -> Done | Failed | None:
        """How an actor ended; None while it runs."""
        return self._system.agents.ended(self._state[self._system.index(actor)])

    def started(self, actor: str) -> bool:
        """Whether an actor has taken a step."""
        at = self._system.index(actor)
        return self._state[at] != self._system.start[at]

    @property
    def resting(self) -> bool:
        """Whether every actor has ended or rests, and nothing is in flight."""
        return self._system.resting(self._state)


class Step(NamedTuple):
    """One step. `actor` is an index, or -1 for the world's doing; `operation` what it performed or delivered."""

    actor: int
    cost: int
    after: State
    label: str
    result: Any
    operation: Operation[Any] | None
    wrote: int
    """Index of the cell that it changed, -1 for none."""


Check: TypeAlias = Callable[[View, View, "Happened"], str | None]


class Happened(NamedTuple):
    """What an invariant is told of a step: who, with which operation; `by` is an actor's name, flight or fault."""

    by: str
    operation: Operation[Any] | None
    label: str


class Invariant(msgspec.Struct, frozen=True):
    """A property of each step that changes a cell, or ends an observed actor. `check` says what is broken."""

    name: str
    check: Check
    observes: tuple[str, ...] = ()
    """Actors whose progress the check looks at."""


class Scenario(msgspec.Struct, frozen=True):
    """What is searched. `bounds` says in words how large it is: it stands in every report."""

    name: str
    bounds: str
    actors: tuple[Actor, ...]
    store: StoreCell
    zones: tuple[Zone, ...]
    faults: Faults = Faults()
    invariants: tuple[Invariant, ...] = ()
    converged: Callable[[View], bool] | None = None
    """Goal of the wedge search: every state must be able to come to rest in one of these, without faults."""
    quirks: tuple[tuple[str, Quirks], ...] = ()
    hidden: tuple[tuple[type, frozenset[str]], ...] = ()
    """Struct fields that feed only what people are told (`lab.canonical.Hidden`)."""
    sinks: tuple[str, ...] = ()
    """Store prefixes that no rule reads (reports for people): not part of the state."""
    crowded: str = ""
    """The bounds without those that a proof for any number of actors and faults does not have."""
    served: tuple[str, ...] = ()
    """Names that clients ask for, for reports; empty: every name with addresses or an alias."""


class System:
    """A scenario, compiled. Grows its tables as it is searched; several engines may share one."""

    def __init__(self, scenario: Scenario, *, merge: bool = True) -> None:
        self.scenario = scenario
        self.actors = scenario.actors
        self.cell_names = (STORE, *(z.origin for z in scenario.zones))
        self._quirks = dict(scenario.quirks)
        self.agents = Agents(
            scenario.actors,
            scenario.faults,
            cells=self.cell_names,
            quirks=self._quirks,
            sinks=scenario.sinks,
            merge=merge,
            hidden=dict(scenario.hidden),
        )
        self._flights = Interner()
        self._indexes = {a.name: i for i, a in enumerate(self.actors)}
        self._waits = [tuple(self._indexes[w] for w in a.waits_for) for a in self.actors]
        n = len(self.actors)
        self.first_cell, self.flight_at, self.left_at = n, n + len(self.cell_names), n + len(self.cell_names) + 1
        cells = (scenario.store, *scenario.zones)
        self.start: State = (
            *self.agents.start,
            *(self.agents.cells.number(c) for c in cells),
            self._flights.number(()),
            scenario.faults.total,
        )
        self._launches: dict[tuple[int, int], int] = {}
        self._landings: dict[tuple[int, int], tuple[int, Any]] = {}
        self._struck: dict[tuple[int, int], int] = {}
        self._verdicts: dict[Any, str | None] = {}
        self._observed = tuple(sorted({self._indexes[o] for i in scenario.invariants for o in i.observes}))
        kinds: dict[str, list[int]] = {}
        for i, a in enumerate(self.actors):
            kinds.setdefault(a.kind, []).append(i)
        faults = scenario.faults
        self._disks = faults.allows(Fault.DISK_LOST) or faults.allows(Fault.DISK_FULL)
        self.lasting = faults.allows(Fault.PARTITION) or faults.allows(Fault.DISK_FULL)
        """Whether there are faults that last until they are healed: a step of the world that costs nothing."""
        self.twins = tuple(tuple(v) for v in kinds.values() if len(v) > 1)
        """Indexes of actors that may be swapped."""

    # -- looking --------------------------------------------------------------------------------------------

    def index(self, actor: str) -> int:
        """Index of an actor."""
        return self._indexes[actor]

    def cell(self, state: State, index: int) -> Any:
        """A cell's value."""
        return self.agents.cells.values[state[self.first_cell + index]]

    def view(self, state: State) -> View:
        """The state for invariants."""
        return View(self, state)

    def pending(self, state: State, actor: int) -> Operation[Any] | Done | Failed:
        """What an actor is about to do."""
        return self.agents.pending[state[actor]]

    def flight(self, state: State) -> tuple[Operation[Any], ...]:
        """Messages in flight."""
        return tuple(self.agents.messages.values[m] for m in self._flights.values[state[self.flight_at]])

    def resting(self, state: State) -> bool:
        """Whether all actors have ended or rest, with nothing in flight."""
        pending = self.agents.pending
        if self._flights.values[state[self.flight_at]]:
            return False
        return all(
            isinstance(pending[state[i]], Idle | Done | Failed) or self.barred(state, i)
            for i in range(self.first_cell)
        )

    def rests(self, state: State, actor: int) -> bool:
        """Whether an actor rests."""
        return isinstance(self.agents.pending[state[actor]], Idle)

    def barred(self, state: State, actor: int) -> bool:
        """Whether an actor waits for others to end."""
        return any(self.agents.ended(state[w]) is None for w in self._waits[actor])

    def canonical(self, state: State) -> State:
        """The same state with interchangeable actors in order."""
        if not self.twins:
            return state
        found = list(state)
        for group in self.twins:
            for at, agent in zip(group, sorted(state[i] for i in group), strict=True):
                found[at] = agent
        return tuple(found)

    # -- stepping -------------------------------------------------------------------------------------------

    def steps(self, state: State) -> list[Step]:
        """All steps, in their fixed order: each actor's, then faults upon actors, messages, disasters."""
        found: list[Step] = []
        left = state[self.left_at]
        for i in range(self.first_cell):
            if not (self._waits[i] and self.barred(state, i)):
                self._actor_steps(state, i, left, found)
        found.extend(self.world_steps(state))
        return found

    def world_steps(self, state: State) -> list[Step]:
        """Those that no actor takes: faults upon actors, messages in flight, disasters."""
        found: list[Step] = []
        left = state[self.left_at]
        if left and self.scenario.faults.allows(Fault.CRASH):
            self._crashes(state, found)
        if self._disks:
            self._disk_faults(state, left, found)
        if self.scenario.faults.allows(Fault.PARTITION):
            self._partitions(state, left, found)
        if self._flights.values[state[self.flight_at]]:
            self._deliveries(state, found)
        if left and self.scenario.faults.allows(Fault.DISASTER):
            self._disasters(state, found)
        return found

    def steps_of(self, state: State, actor: int) -> list[Step]:
        """The steps of one actor alone."""
        found: list[Step] = []
        self._actor_steps(state, actor, state[self.left_at], found)
        return found

    def waits(self, actor: int) -> bool:
        """Whether an actor's start depends on others."""
        return bool(self._waits[actor])

    @property
    def observed(self) -> frozenset[int]:
        """Actors that some invariant looks at."""
        return frozenset(self._observed)

    def _actor_steps(self, state: State, i: int, left: int, found: list[Step]) -> None:
        agents = self.agents
        agent = state[i]
        touches = agents.touches[agent]
        at = self.first_cell + touches
        before = state[at] if touches >= 0 else -1
        moves = agents.rows[agent].get(before)
        if moves is None:
            moves = agents.moves(agent, before)
        if not moves:
            return
        operation = agents.pending[agent]
        assert isinstance(operation, Operation)
        for move in moves:
            cost = move.cost
            if cost > left:
                break
            after = list(state)
            after[i] = move.agent
            wrote = -1
            if touches >= 0 and move.cell != before:
                after[at] = move.cell
                wrote = touches
            if move.flies >= 0:
                flight = self.launched(state[self.flight_at], move.flies)
                if flight < 0:
                    continue
                after[self.flight_at] = flight
            if cost:
                after[self.left_at] = left - cost
            found.append(Step(i, cost, tuple(after), move.label, move.result, operation, wrote))

    def _crashes(self, state: State, found: list[Step]) -> None:
        for i, actor in enumerate(self.actors):
            agent = state[i]
            after = self.agents.crashed(agent) if actor.crashes and not actor.environment else agent
            pending = self.agents.pending[agent]
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
                flight = self.launched(state[self.flight_at], self.agents.messages.number(pending))
                if flight >= 0:
                    spent = {**spent, self.flight_at: flight}
                    label = "crashes and restarts, its message still in flight"
                    found.append(Step(i, 1, _with(state, spent), label, None, None, -1))

    def _disk_faults(self, state: State, left: int, found: list[Step]) -> None:
        faults = self.scenario.faults
        for i, actor in enumerate(self.actors):
            agent = state[i]
            own = self.agents.keys[agent].own
            pending = self.agents.pending[agent]
            if actor.environment or not isinstance(pending, Operation) or isinstance(pending, Promote):
                continue
            if own.full:
                healed = {i: self.agents.with_disk(agent, full=False)}
                found.append(Step(i, 0, _with(state, healed), "has room on its disk again", None, None, -1))
            if left and own.disk and faults.allows(Fault.DISK_LOST):
                spent = {i: self.agents.blank(agent), self.left_at: left - 1}
                found.append(Step(i, 1, _with(state, spent), "loses its disk and restarts", None, None, -1))
            if left and own.disk and not own.full and faults.allows(Fault.DISK_FULL):
                spent = {i: self.agents.with_disk(agent, full=True), self.left_at: left - 1}
                found.append(Step(i, 1, _with(state, spent), "has no room left on its disk", None, None, -1))

    def _partitions(self, state: State, left: int, found: list[Step]) -> None:
        for i in range(self.first_cell):
            agent = state[i]
            if not isinstance(self.agents.pending[agent], Operation) or isinstance(
                self.agents.pending[agent], Promote
            ):
                continue
            cuts = self.agents.keys[agent].own.cuts
            for cut in sorted(cuts):
                healed = self.agents.with_cuts(agent, lambda c, cut=cut: c - {cut})  # type: ignore[misc]
                found.append(
                    Step(i, 0, _with(state, {i: healed}), f"reaches {self._name(cut[0])} again", None, None, -1)
                )
            if left and not cuts:
                for cell in range(len(self.cell_names)):
                    for how in ("requests", "answers"):
                        after = self.agents.with_cuts(agent, lambda c, x=(cell, how): c | {x})  # type: ignore[misc]
                        spent = {i: after, self.left_at: left - 1}
                        label = f"is cut from {self._name(cell)} ({how} lost)"
                        found.append(Step(i, 1, _with(state, spent), label, None, None, -1))

    def _name(self, cell: int) -> str:
        return "the store" if cell == 0 else f"zone {self.cell_names[cell]}"

    def _deliveries(self, state: State, found: list[Step]) -> None:
        flight = self._flights.values[state[self.flight_at]]
        for position, message in enumerate(flight):
            if position and flight[position - 1] == message:
                continue
            rest = self._flights.number(flight[:position] + flight[position + 1 :])
            operation = self.agents.messages.values[message]
            cell = 0 if isinstance(operation, Commit) else self.cell_names.index(operation.zone)
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
            operation = self.agents.messages.values[message]
            zone = getattr(operation, "zone", "")
            result, after = perform(
                self.agents.cells.values[cell],
                operation,
                quirks=self._quirks.get(zone, RFC),
                sinks=self.scenario.sinks,
            )
            found = self._landings[cell, message] = (self.agents.cells.number(after), result)
        return found

    def launched(self, flight: int, message: int) -> int:
        """The flight with one message more; -1 if it is full."""
        found = self._launches.get((flight, message))
        if found is None:
            values = self.agents.messages.values
            flying = self._flights.values[flight]
            if len(flying) >= self.scenario.faults.in_flight:
                found = -1
            else:
                found = self._flights.number(tuple(sorted((*flying, message), key=lambda m: text(values[m]))))
            self._launches[flight, message] = found
        return found

    def _disasters(self, state: State, found: list[Step]) -> None:
        for number, disaster in enumerate(self.scenario.faults.disasters):
            cell = self.cell_names.index(disaster.cell)
            at = self.first_cell + cell
            after = self._struck_by(number, state[at])
            if after != state[at]:
                changed = {at: after, self.left_at: state[self.left_at] - 1}
                found.append(Step(-1, 1, _with(state, changed), disaster.label, None, None, cell))

    def _struck_by(self, disaster: int, cell: int) -> int:
        found = self._struck.get((disaster, cell))
        if found is None:
            after = self.scenario.faults.disasters[disaster].strike(self.agents.cells.values[cell])
            found = self._struck[disaster, cell] = self.agents.cells.number(after)
        return found

    # -- judging --------------------------------------------------------------------------------------------

    def verdict(self, state: State, step: Step) -> str | None:
        """What the step broke, as `name: how`; None if nothing. A coroutine that raised is always broken."""
        if step.actor >= 0:
            ended = self.agents.ended(step.after[step.actor])
            if isinstance(ended, Failed):
                return f"raised: {self.actors[step.actor].name}: {ended.error}"
        if step.wrote < 0 and not self._told(state, step):
            return None
        cells = slice(self.first_cell, self.flight_at)
        key = (
            state[cells],
            step.after[cells],
            step.actor,
            step.operation is None,
            tuple(state[i] for i in self._observed),
            tuple(step.after[i] for i in self._observed),
        )
        if key not in self._verdicts:
            self._verdicts[key] = self._judge(state, step)
        return self._verdicts[key]

    def _told(self, state: State, step: Step) -> bool:
        """Whether an actor that an invariant observes ends with this step: what it says then is judged too."""
        i = step.actor
        return i in self._observed and self.agents.alive[state[i]] and not self.agents.alive[step.after[i]]

    def _judge(self, state: State, step: Step) -> str | None:
        by = self.actors[step.actor].name if step.actor >= 0 else "flight" if step.operation else "fault"
        happened = Happened(by, step.operation, step.label)
        before, after = self.view(state), self.view(step.after)
        for invariant in self.scenario.invariants:
            broken = invariant.check(before, after, happened)
            if broken:
                return f"{invariant.name}: {broken}"
        return None

    def close(self) -> None:
        """Close all suspended coroutines."""
        self.agents.close()


def _with(state: State, changes: dict[int, int]) -> State:
    found = list(state)
    for at, value in changes.items():
        found[at] = value
    return tuple(found)
