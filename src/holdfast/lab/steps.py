"""Steps: what takes a system from one state to the next."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

from holdfast.ports.operation import Operation

State: TypeAlias = tuple[int, ...]
"""One number per actor (its agent), one per shared cell, the messages in flight, the faults left."""


class Step(NamedTuple):
    """One step. `actor` is an index, or -1 for the world's doing; `operation` what it performed or delivered."""

    actor: int
    cost: int
    after: State
    label: str
    result: Any
    operation: Operation[Any] | None
    wrote: int
    """Index of the cell that it changed, -1 for none."""
