"""The calmest run there is within the learned tables: what shrinking falls back on where its runs leave too much.

Delta debugging only ever makes the found run simpler, and may end where no single step makes it calmer. This
looks for another run instead: breadth-first by preemptions over (state, actor that went last), where going on with
the same actor costs nothing. It is a search, not a run along a plan: it looks steps up in the tables, and executes
the code only on what they do not hold yet. Bounded by states, not by time, so that one seed gives one story,
however busy the machine is.
"""

from __future__ import annotations

from holdfast.lab.engines.found import Found
from holdfast.lab.steps import State
from holdfast.lab.system import System
from holdfast.lab.tape import follow

STATES_MAX = 400_000


def faults_in(system: System, found: Found) -> int:
    """How many faults a run has."""
    return sum(step.cost for _, step in follow(system, found.choices))


def calmest_run(system: System, found: Found, faults: int, *, states_max: int = STATES_MAX) -> Found | None:
    """The same breakage with the fewest preemptions and then steps, if the tables reach it within `states_max`.

    Breadth-first by preemptions: a state is (world, actor that ran last), going on with that actor costs nothing.
    With no more than so many faults.
    """
    name = found.broken.split(":")[0]
    spare = system.start[system.left_at] - faults
    parents: dict[tuple[State, int], tuple[State, int, int] | None] = {(system.start, -1): None}
    levels = {_key(system, system.start, -1): 0}
    depth = 0
    worse: Found | None = None
    level, later = [(system.start, -1)], list[tuple[State, int]]()
    expanded: set[object] = set()
    while level and len(levels) < states_max:
        for node in level:
            state, last = node
            key = _key(system, state, last)
            if key in expanded:
                continue
            expanded.add(key)
            able = last >= 0 and system.agents.alive[state[last]] and not system.rests(state, last)
            for choice, step in enumerate(system.steps(state)):
                if step.after[system.left_at] < spare:
                    continue
                after = (step.after, step.actor if step.actor >= 0 else last)
                broken = system.verdict(state, step)
                preempts = able and step.actor not in (last, -1)
                if broken and broken.split(":")[0] == name:
                    calm = Found(broken, (*_way(parents, node), choice))
                    if not preempts:
                        return calm
                    worse = worse or calm
                key = _key(system, *after)
                if levels.get(key, depth + 2) <= depth + preempts:
                    continue
                levels[key] = depth + preempts
                parents[after] = (state, last, choice)
                (later if preempts else level).append(after)
        if worse is not None:
            return worse
        level, later, depth = later, [], depth + 1
    return None


def _key(system: System, state: State, last: int) -> object:
    """The node with interchangeable actors in order; which of them ran last is kept."""
    groups = tuple(tuple(sorted((state[i], i == last) for i in group)) for group in system.twins)
    twins = {i for group in system.twins for i in group}
    rest = tuple(n for i, n in enumerate(state) if i not in twins)
    return rest, groups, last if last not in twins else -2


def _way(
    parents: dict[tuple[State, int], tuple[State, int, int] | None], node: tuple[State, int]
) -> tuple[int, ...]:
    choices: list[int] = []
    while (parent := parents[node]) is not None:
        choices.append(parent[2])
        node = parent[:2]
    return tuple(reversed(choices))
