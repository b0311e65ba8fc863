"""Whether the system converges when faults stop, and stays so: I6 under every fair schedule (`engines.fair`).

"Progress possible" says that *some* way leads to a converged state. A loop that never rests, or two actors that
undo each other's work for ever, pass that. Here every fair run without faults has to come to states that are all
converged, in which nobody writes any more and every actor comes to rest again and again. Where no way leads to a
converged state at all nothing is said: that is a wedge, the other property's finding.

A zone's serial rises with each change, so whoever changes a zone for ever never comes back to a state that was
there before, and a search of it never ends: `WRITES_MAX` changes count as for ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from holdfast.lab.engines.fair import Calm, Edge, Part, calm
from holdfast.lab.engines.found import CONVERGES
from holdfast.lab.steps import State
from holdfast.lab.system import System
from holdfast.nameserver.zone import Zone
from holdfast.ports.clock import Idle
from holdfast.ports.probe import NextResults

RESTS = (Idle, NextResults)
"""Operations that come back only after a while: a prober rests until its next results are there."""
WRITES_MAX = 40
"""Changes of one zone in a run. The longest runs of the scenes have 9, with all their faults."""


class Unsettled(NamedTuple):
    """A state, by its number among those that were asked about, and what goes on for ever from there."""

    number: int
    how: str


class Settling:
    """Judges the fair runs from any states of one system."""

    def __init__(self, system: System) -> None:
        goal = system.scenario.converged
        assert goal is not None, "the scenario does not say what converged means"
        self._system, self._goal = system, goal
        self._goals: dict[State, bool] = {}
        self._endless: dict[int, bool] = {}

    def endless(self, state: State) -> bool:
        """Whether a zone has been changed so often that nobody is going to stop."""
        begun = self._system.start
        return any(
            self._changed(state[at], begun[at]) for at in range(self._system.first_cell, self._system.flight_at)
        )

    def _changed(self, cell: int, begun: int) -> bool:
        if cell not in self._endless:
            values = self._system.agents.cells.values
            now, was = values[cell], values[begun]
            zones = isinstance(now, Zone) and isinstance(was, Zone)
            self._endless[cell] = zones and now.serial - was.serial > WRITES_MAX
        return self._endless[cell]

    def unsettled(self, states: Sequence[State]) -> Unsettled | None:
        """The first of these states from which a fair run without faults does not settle; None if all do."""
        for number, state in enumerate(states):
            if self.endless(state):
                return Unsettled(
                    number, f"{CONVERGES}: after {WRITES_MAX} changes of a zone there is no end of them"
                )
        graph = Calm(self._system, states)
        wrong: dict[State, str] = {}
        for part, how in self._wrong(graph):
            wrong.update((self._system.canonical(graph.states[s]), how) for s in part.states)
        if not wrong:
            return None
        for number, state in enumerate(states):
            at = calm(self._system, state)
            if at is not None and (how := wrong.get(self._system.canonical(at), "")):
                return Unsettled(number, f"{CONVERGES}: {how}")
        raise AssertionError("a run that does not settle begins at none of the states that were reached")

    def round(self, state: State) -> tuple[int, ...]:
        """Choices that lead from an unsettled state once around and back to it, by way of what is wrong."""
        if self.endless(state):
            return ()
        graph = Calm(self._system, (state,))
        for part, _ in self._wrong(graph):
            if 0 in part.states:
                return tuple(self._choices(state, graph, _walk(part, self._stations(graph, part))))
        raise AssertionError("the run from this state settles")

    # -- what is wrong --------------------------------------------------------------------------------------

    def _wrong(self, graph: Calm) -> Iterator[tuple[Part, str]]:
        for component in self._hopeful(graph):
            for part in graph.fair_parts(component):
                how = self._unrest(graph, part)
                if how:
                    yield part, how
                else:
                    yield from self._restless(graph, part)

    def _hopeful(self, graph: Calm) -> Iterator[tuple[int, ...]]:
        """Components from which a converged state can be reached."""
        hopeful = bytearray(len(graph.states))
        for component in graph.components():
            ahead = (e.to for s in component for e in graph.edges[s])
            if any(self._converged(graph, s) for s in component) or any(hopeful[to] for to in ahead):
                for s in component:
                    hopeful[s] = 1
                yield component

    def _unrest(self, graph: Calm, part: Part) -> str:
        who = self._names(e for edges in part.edges.values() for e in edges)
        astray = sum(not self._converged(graph, s) for s in part.states)
        if astray == len(part.states):
            return f"{who} can go on for ever, taking fair turns, and never converge"
        if astray:
            return f"{who} can go on for ever, taking fair turns, and leave the converged state again and again"
        writers = self._names(e for edges in part.edges.values() for e in edges if e.writes)
        return f"{writers} can go on writing for ever, though all is converged" if writers else ""

    def _restless(self, graph: Calm, part: Part) -> Iterator[tuple[Part, str]]:
        """Parts in which an actor goes on for ever and never rests."""
        pending = self._system.agents.pending
        rests: dict[int, set[tuple[int, int, int]]] = {}
        for edges in part.edges.values():
            for edge in edges:
                found = rests.setdefault(edge.actor, set())
                if isinstance(pending[edge.place[1]], RESTS):
                    found.add(edge.place)
        for actor, places in rests.items():
            for inner in graph.fair_parts(part.states, frozenset(places)):
                if any(e.actor == actor for edges in inner.edges.values() for e in edges):
                    yield inner, f"{self._system.actors[actor].name} can go on for ever and never come to rest"

    def _converged(self, graph: Calm, number: int) -> bool:
        state = graph.states[number]
        cells = state[self._system.first_cell : self._system.flight_at]
        if cells not in self._goals:
            self._goals[cells] = self._goal(self._system.view(state))
        return self._goals[cells]

    def _names(self, edges: Iterable[Edge]) -> str:
        return " and ".join(self._system.actors[i].name for i in sorted({e.actor for e in edges}))

    # -- a round of it, to be shown -------------------------------------------------------------------------

    def _stations(self, graph: Calm, part: Part) -> list[Edge]:
        """Steps that a round takes: one of each actor, one that writes, one to a state that is not converged."""
        edges = [e for some in part.edges.values() for e in some]
        first = {e.actor: e for e in reversed(edges)}
        writes = [e for e in edges if e.writes][:1]
        astray = [e for e in edges if not self._converged(graph, e.to)][:1]
        return [*astray, *writes, *first.values()]

    def _choices(self, state: State, graph: Calm, walk: Iterable[Edge]) -> Iterator[int]:
        """The steps of the walk as choices of the system, from a state that may have faults left."""
        left_at = self._system.left_at
        for edge in walk:
            wanted = (*graph.states[edge.to][:left_at], state[left_at])
            steps = self._system.steps(state)
            yield next(n for n, s in enumerate(steps) if s.actor == edge.actor and s.after == wanted)
            state = wanted


def _walk(part: Part, stations: list[Edge]) -> list[Edge]:
    """From state 0 over all stations and back, each by the shortest way within the part."""
    walk: list[Edge] = []
    at = 0
    for station in stations:
        if station in walk:
            continue
        source = next(s for s, edges in part.edges.items() if any(e is station for e in edges))
        walk += [*_way(part, at, source), station]
        at = station.to
    return walk + _way(part, at, 0)


def _way(part: Part, begin: int, end: int) -> list[Edge]:
    """The shortest way between two states of a part."""
    came: dict[int, tuple[int, Edge] | None] = {begin: None}
    level = [begin]
    while end not in came:
        later = []
        for at in level:
            for edge in part.edges[at]:
                if edge.to not in came:
                    came[edge.to] = (at, edge)
                    later.append(edge.to)
        level = later
    way: list[Edge] = []
    while (step := came[end]) is not None:
        end = step[0]
        way.append(step[1])
    return way[::-1]
