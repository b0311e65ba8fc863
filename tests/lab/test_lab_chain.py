"""The chain that ships, all loops at once: nothing breaks, and every loop does its part."""

from __future__ import annotations

import pytest

from holdfast.lab import chain
from holdfast.lab.engines.sampling import run_schedule, sample
from holdfast.lab.production import DISASTERS, KEYS, ZONE, fence_of
from holdfast.lab.system import System
from holdfast.lab.world.faults import ALL_FAULTS, Faults


@pytest.mark.parametrize("schedules", [300, pytest.param(300_000, marks=pytest.mark.soak)])
def test_nothing_breaks_in_sampled_schedules(schedules: int, rotating_seed: int) -> None:
    """Two faults strike a planner, three enactors, clean-up and a freeze: every property holds."""
    for seed in (0, rotating_seed):
        outcome = sample(System(chain.scenario(enactors=3, faults=2)), seed=seed, schedules=schedules, seconds=600)
        assert outcome.found is None
        assert outcome.count == schedules
        assert "2 faults" in outcome.bounds
        assert "1 freeze" in outcome.bounds


@pytest.mark.soak
def test_nothing_breaks_under_every_fault_there_is(rotating_seed: int) -> None:
    """Partitions, lost disks and disasters too."""
    faults = Faults(2, kinds=ALL_FAULTS, disasters=DISASTERS)
    outcome = sample(System(chain.scenario(faults=faults)), seed=rotating_seed, seconds=300)
    assert outcome.found is None


def test_every_loop_does_its_part() -> None:
    """In some schedule the planner's fourth plan is in DNS and the first cleaned up; what is frozen is thawed."""
    system = System(chain.scenario())
    generations, kept, frozen = set[int](), set[bool](), set[bool]()
    for number in range(60):
        run, broken = run_schedule(system, 0, number)
        assert broken is None
        view = system.view(tuple(run.state))
        fence = fence_of(view.zones[ZONE])
        assert fence is not None
        generations.add(fence.identity.generation)
        frozen.add(bool(fence.freezes))
        kept.add(view.store.get(KEYS.plan(1)) is not None)
    assert 4 in generations
    assert False in kept
    assert frozen == {False}
