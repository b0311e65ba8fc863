"""Whether a way leads on from one state: what confirms a wedge that a tape ends in."""

from __future__ import annotations

from holdfast.lab.steps import State
from holdfast.lab.system import System

STATES_MAX = 200_000


def way_on(system: System, state: State, *, states_max: int = STATES_MAX) -> bool | None:
    """Whether steps without faults lead from here to a converged state; None if `states_max` ended the search."""
    goal = system.scenario.converged
    assert goal is not None, "the scenario does not say what converged means"
    begin = system.canonical(state)
    seen, level = {begin}, [begin]
    while level:
        later = []
        for at in level:
            if goal(system.view(at)):
                return True
            after = {system.canonical(s.after) for s in system.steps(at) if not s.cost}
            later += sorted(after - seen)
            seen |= after
        if len(seen) > states_max:
            return None
        level = later
    return False
