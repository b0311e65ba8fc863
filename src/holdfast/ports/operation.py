"""The base of all operations, and how a coroutine performs one: `result = await Get(key)`."""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from typing import Any, Generic, TypeAlias, TypeVar

import msgspec

R = TypeVar("R")
T = TypeVar("T")


class Operation(msgspec.Struct, Generic[R], frozen=True):
    """Something asked of the outside. Awaiting it yields the operation itself to whoever drives the coroutine.

    The driver answers with `send(result)`; it never throws into the coroutine except to cancel it.
    """

    def __await__(self) -> Generator[Operation[Any], R, R]:
        result: R = yield self
        return result


class CouldNotAsk(msgspec.Struct, frozen=True):
    """The question did not come through, or its answer did not come back.

    Different from a refusal: nothing is known, and if it was a write it may have happened
    (`maybe_applied`), or may *still* happen: a message in flight outlives its sender.
    """

    reason: str
    maybe_applied: bool = False


Loop: TypeAlias = Coroutine[Operation[Any], Any, T]
"""A coroutine that awaits only operations."""
