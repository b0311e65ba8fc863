"""One zone's situation: which freezes are in force when there is no fence to say so."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.enactor.memory import Memory
from holdfast.enactor.order import Action, FrozenPart
from holdfast.enactor.sight import OUT, Sight
from holdfast.enactor.situation import situate
from holdfast.model.fence import Fence
from holdfast.model.identity import Identity
from holdfast.ports.provider import FenceFound, FenceUnreadable

PLAN = Identity(1, 2, "a" * 32)
BROKEN = FenceUnreadable(('"garbled"',), "not a fence's text")


@pytest.mark.parametrize("fence", [Fence(PLAN, freezes=("abcdef",)), Fence(PLAN, freeze_all=True)])
def test_a_freeze_that_was_only_seen_in_the_fence_outlives_it_while_the_store_is_out(fence: Fence) -> None:
    """Found by the laboratory: seen in the fence but never explained, then the fence garbled, the store out."""
    memory = Memory().with_fence("z.test", fence)
    situation = situate("z.test", BROKEN, PLAN, memory, OUT)
    assert situation.frozen.part is FrozenPart.WHOLE
    assert situation.frozen.covers("z.test", "a.z.test")


def test_the_store_says_which_of_them_were_thawed() -> None:
    """With the store back, a freeze that it does not list is no longer in force."""
    memory = Memory().with_fence("z.test", Fence(PLAN, freezes=("abcdef",)))
    situation = situate("z.test", BROKEN, PLAN, memory, Sight(reachable=True, newest=PLAN))
    assert situation.frozen.part is FrozenPart.NOTHING


@pytest.mark.parametrize("freezes", [{"freezes": ("abcdef",)}, {"freeze_all": True}])
def test_a_freeze_on_a_fence_that_jumped_is_in_force(freezes: dict[str, Any]) -> None:
    """Found by the laboratory: the fence jumped, was frozen and acknowledged; the repair wrote data."""
    jumped = FenceFound(Fence(Identity(1, 10**9, "f" * 32), **freezes))
    situation = situate("z.test", jumped, PLAN, Memory(), Sight(reachable=True, newest=PLAN))
    assert situation.action is Action.REPAIR
    assert situation.frozen.part is FrozenPart.WHOLE
