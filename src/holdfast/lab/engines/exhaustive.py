"""Breadth-first over the learned automata: the shortest witness, a bounded proof, and "no wedge".

States that differ only by swapping interchangeable actors are one. "No wedge" is backward reachability: from
every state that was reached, some converged state must be reachable by steps that are no faults.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from holdfast.lab.engines.found import Found, Outcome
from holdfast.lab.system import State, System
from holdfast.lab.tape import follow


class Limits(msgspec.Struct, frozen=True):
    """Where a search stops without an answer."""

    states: int = 20_000_000
    seconds: float = 600.0


NO_LIMITS = Limits()


class _Graph:
    """States by number in the order of discovery, the edge that found each, and, if asked for, free edges."""

    def __init__(self, start: State, *, edges: bool) -> None:
        self.numbers: dict[State, int] = {start: 0}
        self.states: list[State] = [start]
        self.parents: list[int] = [-1]
        self.edges: list[list[int]] | None = [] if edges else None

    def path(self, number: int) -> list[State]:
        states = []
        while number >= 0:
            states.append(self.states[number])
            number = self.parents[number]
        return states[::-1]


def search(
    system: System,
    *,
    limits: Limits = NO_LIMITS,
    wedge: bool = False,
    keep_terminal: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> Outcome:
    """Search all states. With `wedge`, also that every state can come to converge without further faults."""
    begun = time.perf_counter()
    graph = _Graph(system.canonical(system.start), edges=wedge)
    terminal: set[State] = set()
    steps_taken = 0
    found: Found | None = None
    complete = True
    at = 0
    canonical, numbers, states, parents = system.canonical, graph.numbers, graph.states, graph.parents
    while at < len(states):
        state = states[at]
        steps = system.steps(state)
        steps_taken += len(steps)
        free: list[int] = []
        for step in steps:
            if step.wrote >= 0 or step.after[step.actor] != state[step.actor]:
                broken = system.verdict(state, step)
                if broken:
                    found = _concrete_found(system, [*graph.path(at), canonical(step.after)], broken)
                    break
            after = canonical(step.after)
            number = numbers.get(after)
            if number is None:
                number = numbers[after] = len(states)
                states.append(after)
                parents.append(at)
            if wedge and not step.cost:
                free.append(number)
        if found is not None:
            break
        if keep_terminal and not any(s.after != state for s in steps if not s.cost):
            terminal.add(state)
        if graph.edges is not None:
            graph.edges.append(free)
        at += 1
        if at % 4096 == 0:
            if on_progress is not None:
                on_progress(at, len(states))
            if len(states) > limits.states or time.perf_counter() - begun > limits.seconds:
                complete = False
                break
    if found is None and complete and wedge:
        found = _wedge(system, graph)
    return Outcome(
        engine="exhaustive",
        bounds=system.scenario.bounds,
        units="states",
        count=len(states),
        steps=steps_taken,
        seconds=time.perf_counter() - begun,
        complete=complete and found is None,
        found=found,
        terminal=frozenset(terminal),
    )


def _concrete_found(system: System, path: list[State], broken: str) -> Found:
    """The witness with real actors: the message names the actor that does it there, not its twin."""
    choices = concrete(system, path)
    for state, step in follow(system, choices):
        broken = system.verdict(state, step) or broken
    return Found(broken, choices)


def _wedge(system: System, graph: _Graph) -> Found | None:
    """The first state, in breadth-first order, from which no converged state can be reached without faults."""
    goal = system.scenario.converged
    assert goal is not None, "the scenario does not say what converged means"
    assert graph.edges is not None
    back: list[list[int]] = [[] for _ in graph.states]
    for number, after in enumerate(graph.edges):
        for other in after:
            back[other].append(number)
    good = bytearray(len(graph.states))
    cells = slice(system.first_cell, system.flight_at)
    known: dict[State, bool] = {}
    queue = []
    for number, state in enumerate(graph.states):
        if state[cells] not in known:
            known[state[cells]] = goal(system.view(state))
        if known[state[cells]]:
            good[number] = 1
            queue.append(number)
    while queue:
        for before in back[queue.pop()]:
            if not good[before]:
                good[before] = 1
                queue.append(before)
    stuck = good.find(0)
    if stuck < 0:
        return None
    how = "progress possible: a wedge: from here no sequence of steps without faults leads to a converged state"
    return Found(how, concrete(system, graph.path(stuck)))


def concrete(system: System, path: list[State]) -> tuple[int, ...]:
    """A path of canonical states as choices of the real actors: swaps are undone step by step."""
    choices: list[int] = []
    state = system.start
    for wanted in path[1:]:
        for choice, step in enumerate(system.steps(state)):
            if system.canonical(step.after) == wanted:
                choices.append(choice)
                state = step.after
                break
        else:
            raise AssertionError("a canonical path has no concrete run: interchangeable actors differ")
    return tuple(choices)
