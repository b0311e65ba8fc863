"""Agents: what an actor may do next, and what the laboratory says when it has no answer."""

from __future__ import annotations

import pytest

from holdfast.lab.actor import Actor, UnansweredError
from holdfast.lab.agents import Agents
from holdfast.lab.world.faults import Faults
from holdfast.ports.operation import Operation


class Telepathy(Operation[str], frozen=True):
    """An operation that no world has."""

    of: str


def test_an_operation_without_an_answer_is_told_with_actor_and_operation() -> None:
    """Whoever brings an operation of his own learns who asked for it, and where answers are kept."""

    async def seer() -> str:
        return await Telepathy("the planner")

    agents = Agents((Actor("eve", "seer", seer),), Faults(), cells=("store",), quirks={}, sinks=())
    with pytest.raises(UnansweredError, match=r"seer: .* no answer for .*Telepathy\(of='the planner'\)"):
        agents.moves(agents.start[0], -1)
    agents.close()
