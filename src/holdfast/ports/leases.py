"""The lease service's window on its callers, and on time: what came in, what is written, what is answered.

Writes are *submitted* and their results come in like calls do: renewals, which need no store, never wait for one
that hangs. Time comes with each input and is never asked for, so a loop in the laboratory sees virtual time.
"""

from __future__ import annotations

import msgspec

from holdfast.model.lease import Ask, Result
from holdfast.ports.operation import CouldNotAsk, Operation
from holdfast.ports.store import Commit, Committed, Lost


class Call(msgspec.Struct, frozen=True):
    """One call. `id` names it in the reply; after `timeout_s` from when it came in its caller has gone."""

    id: int
    ask: Ask
    timeout_s: float


class Written(msgspec.Struct, frozen=True):
    """What became of a submitted commit."""

    ticket: int
    result: Committed | Lost | CouldNotAsk


class Inbound(msgspec.Struct, frozen=True):
    """What came in. `now_s`: monotonic; for `idle_s` before it the loop waited, and for `read_s` before that
    others took calls in. `chance`: uniform in [0, 1).
    """

    now_s: float
    idle_s: float
    chance: float
    calls: tuple[Call, ...] = ()
    written: tuple[Written, ...] = ()
    read_s: float = 0.0


class NextInbound(Operation[Inbound], frozen=True):
    """What has come in since the last time; waits for something, at most `within_s`."""

    within_s: float


class Submit(Operation[None], frozen=True):
    """Begin a commit. Its result comes with a later `Inbound`; several run side by side, in no order."""

    ticket: int
    commit: Commit


class Reply(Operation[None], frozen=True):
    """Answer calls, by id. A caller that has gone is no error."""

    results: tuple[tuple[int, Result], ...]
