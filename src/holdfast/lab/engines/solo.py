"""No wedge, for any number of actors: from wherever one may be, it can bring the world to converge alone.

Backward from the converged worlds over the steps of one of the crowd and of the actors outside of it, none of
them a fault: a pair that is never reached is stranded. Its fellows are taken as paused for ever, so a pair is
stranded too if it can only go on with their help; that is why a finding here is a suspicion.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from holdfast.lab.engines.modular import Crowd

Back = dict[int, list[int]]


def stranded(crowd: Crowd) -> str:
    """What is stranded, in words; empty if nothing is."""
    good = _good(crowd)
    for world, agents in enumerate(crowd.agents):
        for agent in agents.keys() - good[world]:
            pending = crowd.system.agents.pending[agent]
            kind = crowd.system.actors[crowd.slot].kind
            what = type(pending).__name__
            return f"progress possible: a wedge: one {kind} alone, about to do {what}, can't converge"
    return ""


def _good(crowd: Crowd) -> list[set[int]]:
    """For each world the agents that can converge alone from there."""
    system = crowd.system
    goal = system.scenario.converged
    assert goal is not None, "the scenario does not say what converged means"
    near, far = {key: _near_back(crowd, key) for key in crowd.tables}, _far_back(crowd)
    single: Back = defaultdict(list)
    for world, after in crowd.alone:
        single[after].append(world)
    good: list[set[int]] = [set() for _ in crowd.worlds]
    todo: list[tuple[int, int]] = []
    for world, state in enumerate(crowd.worlds):
        if goal(system.view(state)):
            good[world] = set(crowd.agents[world])
            todo += [(world, agent) for agent in good[world]]
    keys = [_keys(crowd, world) for world in range(len(crowd.worlds))]
    while todo:
        world, agent = todo.pop()
        before = [(world, a) for key in keys[world] for a in near[key].get(agent, ())]
        before += far.get((world, agent), ())
        before += [(w, agent) for w in single.get(world, ())]
        for pair in before:
            at, one = pair
            if one not in good[at] and one in crowd.agents[at]:
                good[at].add(one)
                todo.append(pair)
    return good


def _keys(crowd: Crowd, world: int) -> list[tuple[int, int]]:
    """Tables that hold in a world: those of its cells, and that of agents which touch none."""
    cells = crowd.worlds[world][crowd.system.first_cell : crowd.system.flight_at]
    return [key for key in (*enumerate(cells), (-1, -1)) if key in crowd.tables]


def _near_back(crowd: Crowd, key: tuple[int, int]) -> Back:
    """By agent: those that may become it, nothing going wrong, while the cell stays."""
    back: Back = defaultdict(list)
    for agent in crowd.tables[key]:
        for move in crowd.system.agents.calm_moves(agent, key[1]):
            if move.cell in (key[1], -1):
                back[move.agent].append(agent)
    return back


def _far_back(crowd: Crowd) -> dict[tuple[int, int], list[tuple[int, int]]]:
    """By world and agent: the pairs from which one step of the agent, no fault, leads there."""
    first, touches = crowd.system.first_cell, crowd.system.agents.touches
    back: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for key in crowd.tables:
        far = {
            agent: moves
            for agent in crowd.tables[key]
            if (moves := [m for m in crowd.system.agents.calm_moves(agent, key[1]) if m.cell not in (key[1], -1)])
        }
        for world, state in enumerate(crowd.worlds):
            if key[0] >= 0 and state[first + key[0]] == key[1]:
                for agent in far.keys() & crowd.agents[world].keys():
                    assert touches[agent] == key[0]
                    for move in far[agent]:
                        after = list(state)
                        after[first + key[0]] = move.cell
                        back[crowd.numbers[tuple(after)], move.agent].append((world, agent))
    return back
