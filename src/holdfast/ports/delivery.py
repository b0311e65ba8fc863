"""The propagation service's window on its callers, and on time, which comes with each input."""

from __future__ import annotations

import msgspec

from holdfast.model.delivery import Ask, Result
from holdfast.ports.operation import Operation


class Call(msgspec.Struct, frozen=True):
    """One call. `id` names it in the reply; after `timeout_s` from when it came in its caller has gone."""

    id: int
    ask: Ask
    timeout_s: float


class Inbound(msgspec.Struct, frozen=True):
    """What came in. `now_s` is monotonic; `chance` uniform in [0, 1)."""

    now_s: float
    chance: float
    calls: tuple[Call, ...] = ()


class NextCalls(Operation[Inbound], frozen=True):
    """What has come in since the last time; waits for something, at most `within_s`."""

    within_s: float


class Answer(Operation[None], frozen=True):
    """Answer calls, by id. A caller that has gone is no error."""

    results: tuple[tuple[int, Result], ...]
