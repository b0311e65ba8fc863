"""Fair cycles of the part of a system in which nothing goes wrong any more: what may go on for ever.

A schedule is *fair* if every actor that can go on goes on again and again; if an operation that is done over and
over from the same place, with the same cell before it, comes in time to all that it can come to (a running timer
fires, a hint arrives and does not arrive); and if messages in flight land or are lost, and cuts heal. So a loop
that only stays away from its goal because chance is always against it is no finding; one that stays away because
of the order in which actors take turns is.

States: those without faults left to spend, messages in flight or cuts, since under a fair schedule all those are
gone after a while and nothing brings them back. A run that never ends stays, from some step on, in a strongly
connected part of that graph; parts that no fair schedule can stay in are taken apart until none is left (Emerson
and Lei). Rejected: one round-robin run of each state. It is quick, and it does not see two actors that undo each
other's work only when they take turns unevenly.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeAlias

from holdfast.lab.steps import State
from holdfast.lab.system import System

Place: TypeAlias = tuple[int, int, int]
"""An actor, its agent, and the number of the cell that it touches (-1: none): where an operation is done from."""


class Edge(NamedTuple):
    """A step that is no fault: which of the operation's free ways it is, and whether it changes a cell."""

    to: int
    place: Place
    way: int
    writes: bool

    @property
    def actor(self) -> int:
        """Index of the actor that takes it."""
        return self.place[0]


class Part(NamedTuple):
    """A strongly connected part in which a fair schedule can stay for ever, visiting all of it."""

    states: tuple[int, ...]
    edges: dict[int, list[Edge]]


Barred: TypeAlias = frozenset[Place]
NOTHING_BARRED: Barred = frozenset()


class Calm:
    """The graph of all states that can be reached, nothing going wrong, from those that are given."""

    def __init__(self, system: System, states: Iterable[State]) -> None:
        self.system = system
        self.states: list[State] = []
        self.numbers: dict[State, int] = {}
        self.edges: list[list[Edge]] = []
        for state in states:
            self._number(calm(system, state))
        while len(self.edges) < len(self.states):
            self.edges.append(list(self._steps(self.states[len(self.edges)])))

    def _number(self, state: State | None) -> int:
        if state is None:
            return -1
        found = self.numbers.get(state)
        if found is None:
            found = self.numbers[state] = len(self.states)
            self.states.append(state)
        return found

    def _steps(self, state: State) -> Iterator[Edge]:
        system, agents = self.system, self.system.agents
        for i in range(system.first_cell):
            if not self.enabled(state, i):
                continue
            place = _place(system, state, i)
            at = system.first_cell + agents.touches[state[i]]
            for way, move in enumerate(agents.calm_moves(state[i], place[2])):
                after = list(state)
                after[i] = move.agent
                writes = place[2] >= 0 and move.cell != place[2]
                if writes:
                    after[at] = move.cell
                yield Edge(self._number(tuple(after)), place, way, writes)

    def enabled(self, state: State, actor: int) -> bool:
        """Whether an actor can go on."""
        system = self.system
        return system.agents.alive[state[actor]] and not (system.waits(actor) and system.barred(state, actor))

    # -- parts ----------------------------------------------------------------------------------------------

    def components(self) -> list[tuple[int, ...]]:
        """All strongly connected components: those that lead nowhere else come first."""
        return list(_components(range(len(self.states)), self.edges, NOTHING_BARRED))

    def fair_parts(self, states: tuple[int, ...], barred: Barred = NOTHING_BARRED) -> Iterator[Part]:
        """Parts of these states in which a fair schedule can stay without doing anything from a barred place."""
        todo = [(states, barred)]
        while todo:
            some, barred = todo.pop()
            for component in _components(some, self.edges, barred):
                part = self._part(component, barred)
                if not any(part.edges.values()) or self._starves(part):
                    continue
                unfinished = self._unfinished(part)
                if unfinished:
                    todo.append((component, barred | unfinished))
                else:
                    yield part

    def _part(self, component: tuple[int, ...], barred: Barred) -> Part:
        inside = frozenset(component)
        edges = {s: [e for e in self.edges[s] if e.to in inside and e.place not in barred] for s in component}
        return Part(component, edges)

    def _starves(self, part: Part) -> bool:
        """Whether some actor could always go on here, and never does."""
        going = {e.actor for edges in part.edges.values() for e in edges}
        waiting = set(range(self.system.first_cell)) - going
        return any(all(self.enabled(self.states[s], i) for s in part.states) for i in waiting)

    def _unfinished(self, part: Part) -> Barred:
        """Places from which an operation is done here of which one way leads out: chance will take it."""
        taken: dict[Place, set[int]] = {}
        for edges in part.edges.values():
            for edge in edges:
                taken.setdefault(edge.place, set()).add(edge.way)
        agents = self.system.agents
        return frozenset(p for p, ways in taken.items() if len(ways) < agents.options(p[1], p[2]).free)


def calm(system: System, state: State) -> State | None:
    """The state with no fault left to spend; None while a message is in flight, or an actor is cut off."""
    keys = system.agents.keys
    own = (keys[agent].own for agent in state[: system.first_cell])
    if state[system.flight_at] != system.start[system.flight_at] or any(o.cuts or o.full for o in own):
        return None
    return (*state[: system.left_at], 0)


def _place(system: System, state: State, actor: int) -> Place:
    touches = system.agents.touches[state[actor]]
    return actor, state[actor], state[system.first_cell + touches] if touches >= 0 else -1


def _components(states: Iterable[int], edges: list[list[Edge]], barred: Barred) -> Iterator[tuple[int, ...]]:
    """Strongly connected components of these states (Tarjan, without recursion)."""
    inside = states if isinstance(states, range) else frozenset(states)
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    stands: dict[int, int] = {}
    closed: set[int] = set()

    def enter(state: int) -> tuple[int, Iterator[Edge]]:
        index[state] = low[state] = len(index)
        stands[state] = len(stack)
        stack.append(state)
        return state, iter(edges[state])

    for root in states:
        if root in index:
            continue
        work = [enter(root)]
        while work:
            at, further = work[-1]
            for edge in further:
                to = edge.to
                if to not in inside or to in closed or edge.place in barred:
                    continue
                if to not in index:
                    work.append(enter(to))
                    break
                low[at] = min(low[at], index[to])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[at])
                if low[at] == index[at]:
                    found = stack[stands[at] :]
                    del stack[stands[at] :]
                    closed.update(found)
                    yield tuple(found)
