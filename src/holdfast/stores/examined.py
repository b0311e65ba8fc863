"""What an examination of a store comes to: each thing that was looked at, whether it is good or not."""

from __future__ import annotations

import enum
import time
from collections.abc import Awaitable, Callable
from typing import Protocol, runtime_checkable

import msgspec

from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.store import Commit, Committed, Lost


class Verdict(enum.Enum):
    """How what was looked at is. Only `BAD` makes the store unfit."""

    GOOD = "good"
    DOUBTFUL = "doubtful"
    BAD = "bad"


class Examined(msgspec.Struct, frozen=True):
    """One thing that was looked at; `advice` is what to do about it, empty if nothing."""

    what: str
    verdict: Verdict
    text: str
    advice: str = ""


@runtime_checkable
class Examinable(Protocol):
    """A store that can say how it is."""

    async def examine(self) -> tuple[Examined, ...]:
        """Look at everything; changes nothing but that an empty place may become an empty store."""
        ...


def unreachable(answer: CouldNotAsk) -> Examined:
    """It does not answer, or refuses us."""
    return Examined("answers", Verdict.BAD, answer.reason)


async def round_trip(commit: Callable[[Commit], Awaitable[Committed | Lost | CouldNotAsk]]) -> Examined:
    """The time of a transaction that compares and writes nothing."""
    began = time.perf_counter()
    answer = await commit(Commit())
    took_ms = (time.perf_counter() - began) * 1000
    if isinstance(answer, CouldNotAsk):
        return unreachable(answer)
    return Examined("answers", Verdict.GOOD, f"a transaction without writes took {took_ms:.1f} ms")
