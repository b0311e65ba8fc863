"""The scenes: each small, each searched whole, and nothing of what they state is broken in the shipped loops."""

from __future__ import annotations

import pytest

from holdfast.lab.checks import Check, Terms
from holdfast.lab.engines.expand import Expander
from holdfast.lab.production import scenario
from holdfast.lab.scenarios.catalogue import LARGE, SCENES
from holdfast.lab.system import System
from holdfast.lab.world.faults import Fault, Faults


@pytest.mark.parametrize("check", SCENES, ids=lambda c: c.name)
def test_the_scene_is_proved(check: Check) -> None:
    """All its states were seen, and no property is broken."""
    outcome = check.run(Terms())
    assert outcome.found is None, outcome.sentence()
    assert outcome.complete, outcome.sentence()


@pytest.mark.soak
@pytest.mark.parametrize("check", LARGE, ids=lambda c: c.name)
def test_the_large_scene_is_proved(check: Check) -> None:
    """The same for those that take minutes."""
    outcome = check.run(Terms(share=5.0))
    assert outcome.complete, outcome.sentence()


def test_a_partition_that_took_the_last_fault_still_heals() -> None:
    """Healing costs no fault: both ways of listing steps have it."""
    kinds = frozenset({Fault.PARTITION})
    system = System(scenario(plans=1, enactors=1, faults=Faults(1, kinds=kinds)))
    cut = next(s for s in system.steps(system.start) if "is cut from" in s.label)
    assert cut.after[system.left_at] == 0
    listed = {system.canonical(s.after) for s in system.steps(cut.after)}
    assert system.canonical(system.start)[: system.left_at] in {s[: system.left_at] for s in listed}
    assert {after for after, _ in Expander(system)(cut.after)} == listed
