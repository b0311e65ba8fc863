"""A tape is a run: the same trace each time, on tables with any history, under any order of Python's hashes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from holdfast.lab import chain, planning, production
from holdfast.lab.commands import load_tape, system_of
from holdfast.lab.designs import Size
from holdfast.lab.engines.chance import Draws
from holdfast.lab.engines.sampling import sample
from holdfast.lab.specimens import october
from holdfast.lab.system import Scenario, System
from holdfast.lab.tape import TapeMismatchError, follow, replay
from holdfast.lab.world.faults import ALL_FAULTS, Faults

WORST = Faults(2, kinds=ALL_FAULTS, disasters=production.DISASTERS)
BUILDS: tuple[Callable[[], Scenario], ...] = (
    partial(october.scenario, faults=2),
    partial(production.scenario, plans=2, enactors=2, faults=WORST, transfer=True),
    partial(production.with_freeze, plans=2, faults=2, transfer=True, thaw_after=True, faulty=True),
    partial(production.with_cleaner, plans=2, faults=2),
    partial(planning.scenario, planners=1, faults=1),
    partial(chain.scenario, faults=2),
)
STEPS = 60


class Recording(NamedTuple):
    """A system and the choices of one of its runs."""

    build: Callable[[], System]
    choices: tuple[int, ...]


def _random(build: Callable[[], Scenario], seed: int) -> Recording:
    """A run that takes any step there is: faults are as frequent as they can be."""
    system, chance = System(build()), Draws(seed, 0)
    state, choices = system.start, list[int]()
    for _ in range(STEPS):
        steps = system.steps(state)
        choices.append(int(chance.random() * len(steps)))
        state = steps[choices[-1]].after
    return Recording(lambda: System(build()), tuple(choices))


def _kept() -> list[Recording]:
    """Those of the regression corpus."""
    tapes = [load_tape(path) for path in sorted((Path(__file__).parent / "tapes").glob("*.json"))]
    return [
        Recording(partial(system_of, t.scenario, Size(**{k: int(v) for k, v in t.options.items()})), t.choices)
        for t in tapes
    ]


@pytest.mark.parametrize("times", [3, pytest.param(100, marks=pytest.mark.soak)])
def test_twenty_tapes_replay_alike_each_time(times: int, rotating_seed: int) -> None:
    """Half of the replays begin with empty tables, half go on with those of the replay before."""
    kept = _kept()
    random = [_random(BUILDS[i % len(BUILDS)], rotating_seed + i) for i in range(20 - len(kept))]
    assert len(kept) + len(random) == 20
    for build, choices in [*kept, *random]:
        used = build()
        systems = (build() if turn % 2 else used for turn in range(times))
        assert len({replay(system, choices).trace for system in systems}) == 1


def test_a_tape_is_followed_step_by_step_as_steps_lists_them() -> None:
    """Counting no further than needed takes the same steps as listing all of them."""
    for number, build in enumerate(BUILDS):
        recording = _random(build, number)
        system, lazy = recording.build(), recording.build()
        state = system.start
        for choice, (_, step) in zip(recording.choices, follow(lazy, recording.choices), strict=True):
            taken = system.steps(state)[choice]
            assert (taken.actor, taken.label, taken.result) == (step.actor, step.label, step.result)
            state = taken.after
        assert len(lazy.agents.keys) <= len(system.agents.keys)


@pytest.mark.parametrize("choice", [-1, 10_000])
def test_a_choice_that_is_no_step_is_refused(choice: int) -> None:
    """With the number of the step and how many choices there are."""
    with pytest.raises(TapeMismatchError, match=rf"step 3 asks for choice {choice}, of \d+ there"):
        list(follow(System(october.scenario()), (0, 0, choice)))


PROGRAM = """
from holdfast.lab import chain, production
from holdfast.lab.engines.sampling import sample
from holdfast.lab.specimens import october
from holdfast.lab.system import System
from holdfast.lab.tape import replay
from holdfast.lab.engines.sampling import run_schedule
from holdfast.lab.engines.schedule import as_choices

outcome = sample(System(october.scenario(faults=2)), seed=11)
print(outcome.count, replay(System(october.scenario(faults=2)), outcome.found.choices).trace)
for build in (lambda: chain.scenario(faults=2), lambda: production.scenario(plans=2, faults=2, transfer=True)):
    system = System(build())
    for number in range(3):
        run, _ = run_schedule(system, 7, number)
        print(replay(System(build()), as_choices(system, run.taken)).trace)
"""


def test_hashes_in_another_order_change_no_trace() -> None:
    """What Python's random string hashes order differently (sets, say) must decide nothing."""
    told = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(told) == 1
    assert len(told.pop().split()) == 8


def test_a_sampled_find_is_the_same_on_tables_with_a_history() -> None:
    """What was learned before changes neither which schedule breaks nor how."""
    used = System(october.scenario())
    sample(used, seed=1)
    fresh, again = sample(System(october.scenario()), seed=2), sample(used, seed=2)
    assert fresh.found is not None
    assert (fresh.found, fresh.count) == (again.found, again.count)
