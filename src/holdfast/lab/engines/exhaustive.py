"""Breadth-first over the learned automata: the shortest witness, a bounded proof, and "no wedge".

States that differ only by swapping interchangeable actors are one. "No wedge" is backward reachability: from
every state that was reached, some converged state must be reachable by steps that are no faults.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable

import msgspec

from holdfast.lab.engines.calm import no_collection
from holdfast.lab.engines.expand import Expander
from holdfast.lab.engines.found import PROGRESS, Found, Outcome
from holdfast.lab.engines.quiet import Quiet
from holdfast.lab.engines.settling import Settling
from holdfast.lab.steps import State
from holdfast.lab.system import System
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
        self.parents = array("l", [-1])
        self.edges: list[array[int]] | None = [] if edges else None

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
    settle: bool = False,
    keep_terminal: bool = False,
    reduce: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> Outcome:
    """Search all states. With `wedge`, also that every state can come to converge without further faults; with
    `settle`, that it does under a fair schedule, and stays (`engines.settling`).

    `reduce` leaves out interleavings that can't matter (`engines.quiet`): the witness may not be the shortest.
    """
    begun = time.perf_counter()
    while True:
        quiet = Quiet(system, system.observed) if reduce else None
        with no_collection():
            outcome = _search(
                system,
                limits,
                begun,
                quiet,
                wedge=wedge,
                settle=settle,
                keep_terminal=keep_terminal,
                on_progress=on_progress,
            )
        if quiet is None or not outcome.complete or quiet.stands():
            return outcome


def _search(
    system: System,
    limits: Limits,
    begun: float,
    quiet: Quiet | None,
    *,
    wedge: bool,
    settle: bool,
    keep_terminal: bool,
    on_progress: Callable[[int, int], None] | None,
) -> Outcome:
    graph = _Graph(system.canonical(system.start), edges=wedge)
    terminal: set[State] = set()
    steps_taken = 0
    found: Found | None = None
    complete = True
    at = 0
    expand = Expander(system)
    settling = Settling(system) if settle else None
    canonical, numbers, states, parents, edges = (
        expand.canonical, graph.numbers, graph.states, graph.parents, graph.edges
    )  # fmt: skip
    while at < len(states):
        state = states[at]
        alone = -1 if quiet is None else quiet.alone(state)
        after = [] if alone < 0 else [(canonical(s.after), s.cost) for s in system.steps_of(state, alone)]
        if alone < 0 or any(a in numbers for a, _ in after):
            after = expand(state)
        steps_taken += len(after)
        free: list[int] = []
        for one, cost in after:
            number = numbers.get(one)
            if number is None:
                number = numbers[one] = len(states)
                states.append(one)
                parents.append(at)
            if wedge and not cost:
                free.append(number)
        if expand.broken:
            found = found_on(system, [*graph.path(at), after[-1][0]])
            break
        if keep_terminal and not any(a != state for a, cost in after if not cost):
            terminal.add(state)
        if edges is not None:
            edges.append(array("L", free))
        at += 1
        if settling is not None and at % 512 == 0 and settling.endless(states[-1]):
            break
        if at % 4096 == 0:
            if on_progress is not None:
                on_progress(at, len(states))
            if len(states) > limits.states or time.perf_counter() - begun > limits.seconds:
                complete = False
                break
    if found is None and complete and wedge and at == len(states):
        found = _wedge(system, graph)
    if found is None and complete and settling is not None:
        found = _unsettled(system, graph, settling)
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


def found_on(system: System, path: list[State]) -> Found:
    """The witness with real actors: the message names the actor that does it there, not its twin."""
    choices = concrete(system, path)
    broken = ""
    for state, step in follow(system, choices):
        broken = system.verdict(state, step) or broken
    return Found(broken, choices)


def _wedge(system: System, graph: _Graph) -> Found | None:
    """The first state, in breadth-first order, from which no converged state can be reached without faults."""
    goal = system.scenario.converged
    assert goal is not None, "the scenario does not say what converged means"
    assert graph.edges is not None
    back = [array("L") for _ in graph.states]
    for number, after in enumerate(graph.edges):
        for other in after:
            if other != number:
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
    return None if stuck < 0 else wedged(system, graph.path(stuck))


def wedged(system: System, path: list[State]) -> Found:
    """The way to a state that has none to a converged one."""
    how = f"{PROGRESS}: a wedge: from here no sequence of steps without faults leads to a converged state"
    return Found(how, concrete(system, path))


def _unsettled(system: System, graph: _Graph, settling: Settling) -> Found | None:
    """The first state, in breadth-first order, from which a fair run does not settle; then once around."""
    found = settling.unsettled(graph.states)
    if found is None:
        return None
    choices = concrete(system, graph.path(found.number))
    *_, last = (system.start, *(step.after for _, step in follow(system, choices)))
    return Found(found.how, (*choices, *settling.round(last)))


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
