"""Three ways to search the shipped loops end in the same states: merged automata, unmerged histories, and DPOR.

Runs must end for DPOR, and the shipped loops never do: each actor is stopped before a rest, here the first or
second. So the configurations are small, and nothing of the loops is left out or changed.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Generator
from typing import Any

import msgspec
import pytest

from holdfast.lab import planning, production
from holdfast.lab.actor import Actor
from holdfast.lab.engines.dpor import explore
from holdfast.lab.engines.exhaustive import search
from holdfast.lab.specimens import first_fix, group_fences, paused_planner
from holdfast.lab.system import Scenario, System
from holdfast.lab.world.faults import Fault, Faults
from holdfast.ports.clock import Idle

REDUCED = Faults(1, kinds=frozenset({Fault.LOST_REPLY, Fault.UNANSWERED, Fault.REFUSED}))
"""Faults that DPOR reduces."""


@types.coroutine
def _stopped(running: Any, rests: int) -> Generator[Any, Any, Any]:
    """The coroutine, until it would rest once more than that."""
    answer = None
    while True:
        try:
            asked = running.send(answer)
        except StopIteration as stop:
            return stop.value
        if isinstance(asked, Idle):
            if rests == 0:
                running.close()
                return "rests"
            rests -= 1
        answer = yield asked


def _bounded(scenario: Scenario, rests: int) -> Scenario:
    def stopped(actor: Actor) -> Actor:
        return msgspec.structs.replace(actor, start=lambda: _stopped(actor.start(), rests))

    actors = tuple(stopped(actor) for actor in scenario.actors)
    return msgspec.structs.replace(scenario, actors=actors, invariants=(), converged=None)


def _ends(system: System, terminal: frozenset[tuple[int, ...]]) -> frozenset[object]:
    """Terminal states as values: numbers differ from system to system."""
    return frozenset((v := system.view(s)).store.entries + tuple(v.zones.values()) for s in terminal)


CONFIGURATIONS: dict[str, tuple[int, Callable[[], Scenario]]] = {
    "one enactor": (0, lambda: production.scenario(plans=2, enactors=1, transfer=True)),
    "one enactor that goes around twice": (1, lambda: production.scenario(plans=2, enactors=1, transfer=True)),
    "one enactor that asks name by name": (0, lambda: production.scenario(plans=2, enactors=1)),
    "three plans": (1, lambda: production.scenario(plans=3, enactors=1, transfer=True)),
    "two enactors": (0, lambda: production.scenario(plans=2, enactors=2, transfer=True)),
    "a fault": (0, lambda: production.scenario(plans=2, enactors=1, transfer=True, faults=REDUCED)),
    "a freeze": (0, lambda: production.with_freeze(plans=2, enactors=1, transfer=True)),
    "a freeze and its thaw": (
        0,
        lambda: production.with_freeze(plans=2, enactors=1, transfer=True, thaw_after=True),
    ),
    "clean-up": (0, lambda: production.with_cleaner(plans=2, enactors=1)),
    "clean-up that goes around twice": (1, lambda: production.with_cleaner(plans=2, enactors=1)),
    "a planner and an enactor": (0, lambda: planning.scenario(planners=1, script=(1,))),
    "two planners": (0, lambda: planning.scenario(planners=2, script=(1,), enactors=0)),
    "the first fix": (1, lambda: first_fix.scenario(plans=2, enactors=2, endpoints=1)),
    "fences per group": (1, lambda: group_fences.scenario(enactors=2)),
    "planners that read late": (0, lambda: paused_planner.scenario(planners=2, revisions=2)),
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_engines_agree_on_where_the_shipped_loops_end(name: str) -> None:
    """The same stores and zones at the end of all runs, whichever engine finds them."""
    rests, build = CONFIGURATIONS[name]
    ends = []
    for merge in (True, False):
        system = System(_bounded(build(), rests), merge=merge)
        system.twins = ()
        outcome = search(system, keep_terminal=True)
        assert outcome.complete
        ends.append(_ends(system, outcome.terminal))
    system = System(_bounded(build(), rests))
    outcome = explore(system, keep_terminal=True)
    assert outcome.complete
    ends.append(_ends(system, outcome.terminal))
    assert ends[0] == ends[1] == ends[2]
    assert ends[0]
