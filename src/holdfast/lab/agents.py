"""Agents: an actor's local state and its private world, interned to one number; and the moves that it has.

Numbers keep the search to look-ups. `rows[agent]` maps the number of the shared cell that the agent's pending
operation touches to its moves there; it fills as the search meets new pairs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from holdfast.lab.actor import Actor, Done, Failed, UnansweredError
from holdfast.lab.automaton import Automaton, Pending, describe
from holdfast.lab.canonical import NOTHING_HIDDEN, Hidden
from holdfast.lab.world.faults import Fault, Faults
from holdfast.lab.world.outcomes import cell_of, outcomes
from holdfast.lab.world.own import Own, Seldom, chosen, private, restarted
from holdfast.lab.world.targets import probings
from holdfast.nameserver.updating import RFC, Quirks
from holdfast.ports.clock import Idle
from holdfast.ports.disk import Promote
from holdfast.ports.dns import Ask, AskMany
from holdfast.ports.operation import CouldNotAsk, Operation
from holdfast.ports.probe import NextResults

PRIVATE_MAX = 10_000
"""Private operations in a row, after which a loop counts as spinning without ever asking anybody."""


class Move(NamedTuple):
    """One thing that an agent may do next. `cell` is the touched cell's number afterwards, `flies` a message's."""

    cost: int
    agent: int
    cell: int
    flies: int
    label: str
    result: Any


class Way(NamedTuple):
    """One way that an agent's operation may go, before the code has been run on it."""

    cost: int
    label: str
    result: Any
    own: Own
    cell: int
    flies: int


class Options:
    """The ways an agent's operation may go while its cell has a certain value; the first `free` cost nothing."""

    __slots__ = ("agent", "agents", "free", "moves", "ways")

    def __init__(self, agents: Agents, agent: int, ways: list[Way]) -> None:
        self.agents, self.agent = agents, agent
        self.ways = sorted(ways, key=lambda w: w.cost)
        self.free = sum(not w.cost for w in ways)
        self.moves: list[Move | None] = [None] * len(ways)

    def take(self, at: int) -> Move:
        """The move that one way is: what the code does upon it is found out by running it, once."""
        found = self.moves[at]
        if found is None:
            way = self.ways[at]
            after = self.agents.answered(self.agent, way)
            found = self.moves[at] = Move(way.cost, after, way.cell, way.flies, way.label, way.result)
        return found


class Interner:
    """Values to numbers and back; number 0 is the first value."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._numbers: dict[Any, int] = {}

    def number(self, value: Any) -> int:
        """The value's number, a new one if it was not seen before."""
        found = self._numbers.get(value)
        if found is None:
            found = self._numbers[value] = len(self.values)
            self.values.append(value)
        return found


class AgentKey(NamedTuple):
    """What an agent is."""

    program: int
    local: int
    own: Own


class Agents:
    """All agents of a system. Actors of one kind share a program."""

    def __init__(
        self,
        actors: tuple[Actor, ...],
        faults: Faults,
        *,
        cells: tuple[str, ...],
        quirks: dict[str, Quirks],
        sinks: tuple[str, ...],
        merge: bool = True,
        hidden: Hidden = NOTHING_HIDDEN,
        seldom: Seldom = (),
    ) -> None:
        self._seldom = seldom
        self.faults, self._quirks, self._sinks = faults, quirks, sinks
        self.messages, self.cells = Interner(), Interner()
        self._cell_numbers = {name: i for i, name in enumerate(cells)}
        self._keys: dict[AgentKey, int] = {}
        self.keys: list[AgentKey] = []
        self.pending: list[Pending] = []
        """The pending operation as it touches the world: one question of an `AskMany` at a time."""
        self.touches: list[int] = []
        """Index of the cell that it touches, -1 for none."""
        self.rows: list[dict[int, tuple[Move, ...]]] = []
        self.choices: list[dict[int, Options]] = []
        """The same as `rows`, but each move is found out only when it is taken: for engines that take few."""
        self._free: dict[tuple[int, int], tuple[Move, ...]] = {}
        self.alive: list[bool] = []
        self.idle: list[bool] = []
        """Whether the agent still runs, and whether it rests."""
        self.programs: list[Automaton] = []
        self._crash = faults.allows(Fault.CRASH)
        kinds: dict[str, int] = {}
        self._environment: set[int] = set()
        self.program_of: list[int] = []
        for actor in actors:
            if actor.kind not in kinds:
                kinds[actor.kind] = len(self.programs)
                self.programs.append(Automaton(actor.kind, actor.start, merge=merge, hidden=hidden))
            self.program_of.append(kinds[actor.kind])
            if actor.environment:
                self._environment.add(kinds[actor.kind])
        self.start = tuple(
            self._settle(p, 0, Own(disk=tuple(sorted(a.disk))))
            for p, a in zip(self.program_of, actors, strict=True)
        )
        self._crashed: dict[int, int] = {}

    def stops(self, pending: Operation[Any]) -> bool:
        """Whether a private operation is a step by itself: the crash point before a rename."""
        return self._crash and isinstance(pending, Promote)

    # -- interning ------------------------------------------------------------------------------------------

    def _settle(self, program: int, local: int, own: Own) -> int:
        """The agent after all private operations that can be done at once."""
        automaton = self.programs[program]
        for _ in range(PRIVATE_MAX):
            pending = automaton.pending[local]
            if not isinstance(pending, Operation) or self.stops(pending):
                return self._number(program, local, own)
            done = private(own, pending, program, self._sinks)
            if done is None:
                return self._number(program, local, own)
            result, own = done
            local = automaton.step(local, result)
        return self._number(program, local, own)

    def _number(self, program: int, local: int, own: Own) -> int:
        key = AgentKey(program, local, own)
        found = self._keys.get(key)
        if found is None:
            found = self._keys[key] = len(self.keys)
            pending = self.programs[program].pending[local]
            if isinstance(pending, AskMany) and pending.questions:
                name, rtype = pending.questions[len(own.answers)]
                pending = Ask(pending.zone, name, rtype)
            self.keys.append(key)
            self.pending.append(pending)
            cell = cell_of(pending) if isinstance(pending, Operation) else ""
            # A cell that this world has not is nobody's: what is asked of it is a matter of chance, or unanswered.
            self.touches.append(self._cell_numbers.get(cell, -1))
            self.rows.append({})
            self.choices.append({})
            self.alive.append(isinstance(pending, Operation))
            self.idle.append(isinstance(pending, Idle))
        return found

    # -- what an agent may do -------------------------------------------------------------------------------

    def moves(self, agent: int, cell: int) -> tuple[Move, ...]:
        """Moves of an agent while the cell that it touches has this number (-1: it touches none)."""
        found = self.rows[agent].get(cell)
        if found is None:
            found = self.rows[agent][cell] = self._compute(agent, cell)
        return found

    def calm_moves(self, agent: int, cell: int) -> list[Move]:
        """Those that are no fault: the real code is not run on the others."""
        options = self.options(agent, cell)
        return [options.take(at) for at in range(options.free)]

    def free_moves(self, agent: int, cell: int) -> tuple[Move, ...]:
        """The beginning of `moves`, up to the first that costs something: for when no faults are left."""
        found = self._free.get((agent, cell))
        if found is None:
            found = self._free[agent, cell] = _distinct(self.calm_moves(agent, cell))
        return found

    def options(self, agent: int, cell: int) -> Options:
        """What the moves of an agent would be, none of them run yet."""
        found = self.choices[agent].get(cell)
        if found is None:
            found = self.choices[agent][cell] = Options(self, agent, self._ways(agent, cell))
        return found

    def _compute(self, agent: int, cell: int) -> tuple[Move, ...]:
        options = self.options(agent, cell)
        return _distinct([options.take(at) for at in range(len(options.ways))])

    def _ways(self, agent: int, cell: int) -> list[Way]:
        key, pending = self.keys[agent], self.pending[agent]
        if not isinstance(pending, Operation):
            return []
        if cell < 0:
            return self._alone(key, pending)
        name = cell_of(pending)
        cut = next((how for where, how in sorted(key.own.cuts) if self._cell_numbers[name] == where), "")
        faults = Faults() if key.program in self._environment else self.faults
        value = self.cells.values[cell]
        if isinstance(pending, NextResults):
            seen = probings(value, key.own.watched, faults, cut=bool(cut))
            return [Way(cost, label, results, key.own, cell, -1) for cost, label, results in seen]
        found = outcomes(
            value,
            pending,
            faults,
            quirks=self._quirks.get(name, RFC),
            sinks=self._sinks,
            cut=cut,
        )
        number, flies = self.cells.number, self.messages.number
        return [
            Way(o.cost, o.label, o.result, key.own, number(o.cell), -1 if o.flies is None else flies(o.flies))
            for o in found
        ]

    def _alone(self, key: AgentKey, pending: Operation[Any]) -> list[Way]:
        done = private(key.own, pending, key.program, self._sinks)  # a `Promote` that waited for its crash point
        if done is not None:
            return [Way(0, "", done[0], done[1], -1, -1)]
        choices = chosen(key.own, pending, self._seldom)
        if choices is None:
            raise UnansweredError(
                f"{self.programs[key.program].kind}: the laboratory has no answer for {describe(pending)}: answer"
                " operations of your own in lab/world/own.py (private) or lab/world/outcomes.py (shared)"
            )
        return [Way(0, label, result, own, -1, -1) for label, result, own in choices]

    def _on(self, key: AgentKey, result: Any, own: Own) -> int:
        return self._settle(key.program, self.programs[key.program].step(key.local, result), own)

    def answered(self, agent: int, way: Way) -> int:
        """The agent after its operation went this way: the real code runs, unless it has before."""
        key = self.keys[agent]
        pending = self.programs[key.program].pending[key.local]
        if isinstance(pending, AskMany) and pending.questions:
            answers = with_answer(pending, way.own.answers, way.result)
            if len(answers) < len(pending.questions):
                return self._number(key.program, key.local, msgspec.structs.replace(way.own, answers=answers))
            return self._on(key, answers, msgspec.structs.replace(way.own, answers=()))
        return self._on(key, way.result, way.own)

    # -- what may happen to an agent ------------------------------------------------------------------------

    def crashed(self, agent: int) -> int:
        """The agent after a crash and a restart."""
        found = self._crashed.get(agent)
        if found is None:
            key = self.keys[agent]
            found = self._crashed[agent] = self._settle(key.program, 0, restarted(key.own))
        return found

    def blank(self, agent: int) -> int:
        """The agent after it was started anew on an empty disk."""
        key = self.keys[agent]
        return self._settle(key.program, 0, msgspec.structs.replace(restarted(key.own), disk=(), full=False))

    def with_disk(self, agent: int, *, full: bool) -> int:
        """The agent with a disk that takes nothing more, or takes writes again."""
        key = self.keys[agent]
        return self._number(key.program, key.local, msgspec.structs.replace(key.own, full=full))

    def with_cuts(
        self, agent: int, change: Callable[[frozenset[tuple[int, str]]], frozenset[tuple[int, str]]]
    ) -> int:
        """The agent with other cuts from the world."""
        key = self.keys[agent]
        return self._number(key.program, key.local, msgspec.structs.replace(key.own, cuts=change(key.own.cuts)))

    def ended(self, agent: int) -> Done | Failed | None:
        """How the agent's coroutine ended; None while it runs."""
        pending = self.pending[agent]
        return None if isinstance(pending, Operation) else pending

    def close(self) -> None:
        """Close all suspended coroutines."""
        for program in self.programs:
            program.close()


def with_answer(asked: AskMany, answers: tuple[Any, ...], answer: Any) -> tuple[Any, ...]:
    """Answers so far; they come over one connection, so after one that did not come no other does."""
    if isinstance(answer, CouldNotAsk):
        return (*answers, *(answer for _ in range(len(asked.questions) - len(answers))))
    return (*answers, answer)


def _distinct(moves: list[Move]) -> tuple[Move, ...]:
    """Without those that come to the same; the first, cheapest label stays."""
    seen: set[tuple[int, int, int]] = set()
    found: list[Move] = []
    for move in sorted(moves, key=lambda m: m.cost):
        if move[1:4] not in seen:
            seen.add(move[1:4])
            found.append(move)
    return tuple(found)
