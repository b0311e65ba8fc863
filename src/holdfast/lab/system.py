"""A system under test as a transition system: states are tuples of small numbers, steps come in a fixed order.

State: one number per actor (its agent), one per shared cell, the messages in flight, the faults left. The n-th
step of a state is the same step on any machine, so a tape is a list of such n.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import msgspec

from holdfast.lab.actor import Actor, Done, Failed
from holdfast.lab.agents import Agents
from holdfast.lab.outside import Outside
from holdfast.lab.steps import State, Step
from holdfast.lab.world.faults import Fault, Faults
from holdfast.lab.world.outcomes import STORE
from holdfast.lab.world.own import Seldom
from holdfast.lab.world.store import StoreCell
from holdfast.lab.world.targets import TARGETS, Targets
from holdfast.nameserver.updating import Quirks
from holdfast.nameserver.zone import Zone
from holdfast.ports.clock import Idle
from holdfast.ports.operation import Operation


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
        return {n: self._system.cell(self._state, i) for i, n in enumerate(names) if n not in (STORE, TARGETS)}

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
    targets: Targets | None = None
    """What probers look at; None: every probe may come to anything."""
    seldom: Seldom = ()
    """Prefixes of timers, and how often such may fire in an actor's life. Belongs to the bounds."""
    rewritten: tuple[str, ...] = ()
    """Store prefixes of documents that are written without a condition, so that nothing bounds how often."""
    served: tuple[str, ...] = ()
    """Names that clients ask for, for reports; empty: every name with addresses or an alias."""


class System:
    """A scenario, compiled. Grows its tables as it is searched; several engines may share one."""

    def __init__(self, scenario: Scenario, *, merge: bool = True) -> None:
        self.scenario = scenario
        self.actors = scenario.actors
        probed = () if scenario.targets is None else ((TARGETS, scenario.targets),)
        self.cell_names = (STORE, *(z.origin for z in scenario.zones), *(name for name, _ in probed))
        quirks = dict(scenario.quirks)
        self.agents = Agents(
            scenario.actors,
            scenario.faults,
            cells=self.cell_names,
            quirks=quirks,
            sinks=scenario.sinks,
            merge=merge,
            hidden=dict(scenario.hidden),
            seldom=scenario.seldom,
        )
        self._indexes = {a.name: i for i, a in enumerate(self.actors)}
        self._waits = [tuple(self._indexes[w] for w in a.waits_for) for a in self.actors]
        self.outside = Outside(
            scenario.actors,
            scenario.faults,
            self.agents,
            cells=self.cell_names,
            quirks=quirks,
            sinks=scenario.sinks,
        )
        self.first_cell, self.flight_at = self.outside.first_cell, self.outside.flight_at
        self.left_at = self.outside.left_at
        self.launched, self.landing = self.outside.launched, self.outside.landing
        self._flights = self.outside.flights
        cells = (scenario.store, *scenario.zones, *(cell for _, cell in probed))
        self.start: State = (
            *self.agents.start,
            *(self.agents.cells.number(c) for c in cells),
            self._flights.number(()),
            scenario.faults.total,
        )
        self._verdicts: dict[Any, str | None] = {}
        self._observed = tuple(sorted({self._indexes[o] for i in scenario.invariants for o in i.observes}))
        kinds: dict[str, list[int]] = {}
        for i, a in enumerate(self.actors):
            kinds.setdefault(a.kind, []).append(i)
        faults = scenario.faults
        self.lasting = faults.allows(Fault.PARTITION) or faults.allows(Fault.DISK_FULL)
        """Whether there are faults that last until they are healed: a step of the world that costs nothing."""
        self.kept: dict[str, Any] = {}
        """What engines keep with the system: tables of their own, by the engine's name."""
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

    def step_at(self, state: State, at: int) -> Step | None:
        """The step number `at` of those that `steps` lists, and no more than must be known to count up to it."""
        found: list[Step] = []
        for i in range(self.first_cell):
            if not (self._waits[i] and self.barred(state, i)):
                self._actor_steps(state, i, state[self.left_at], found)
            if at < len(found):
                return found[at] if at >= 0 else None
        changes = self.outside.changes(state)
        rest = at - len(found)
        return self.outside.step(state, changes[rest]) if 0 <= rest < len(changes) else None

    def world_steps(self, state: State) -> list[Step]:
        """Those that no actor takes: faults upon actors, messages in flight, disasters."""
        return self.outside.steps(state)

    def world_step(self, state: State, at: Callable[[int], int]) -> Step | None:
        """The one of the world's steps that `at` chooses among so many, alone carried out; None: there is none."""
        changes = self.outside.changes(state)
        return self.outside.step(state, changes[at(len(changes))]) if changes else None

    def steps_of(self, state: State, actor: int) -> list[Step]:
        """The steps of one actor alone."""
        found: list[Step] = []
        self._actor_steps(state, actor, state[self.left_at], found)
        return found

    def waits(self, actor: int) -> bool:
        """Whether an actor's start depends on others."""
        return bool(self._waits[actor])

    @property
    def waiting(self) -> tuple[tuple[int, tuple[int, ...]], ...]:
        """Actors that wait for others to end, each with these."""
        return tuple((i, waits) for i, waits in enumerate(self._waits) if waits)

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
            moves = agents.moves(agent, before) if left else agents.free_moves(agent, before)
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
