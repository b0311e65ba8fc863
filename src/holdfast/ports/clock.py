"""Time without timestamps: named timers that may have fired, and the one place where a loop rests.

Deadlines are opaque, so that equal situations at different times are equal states for a search. Durations
come from settings and are constant per timer name's meaning; jitter lives in the adapter.
"""

from __future__ import annotations

import enum

from holdfast.ports.operation import Operation


class Arm(Operation[None], frozen=True):
    """Start a timer by name, unless it runs or has fired already: the first start counts.

    Monotonic clock of this process: a restart forgets all timers, which is what R11 asks for.
    """

    timer: str
    after_s: float


class Fired(Operation[frozenset[str]], frozen=True):
    """Which of these timers have fired. A timer that was never armed has not."""

    timers: tuple[str, ...]


class Disarm(Operation[None], frozen=True):
    """Forget timers, running or fired."""

    timers: tuple[str, ...]


class Now(Operation[int], frozen=True):
    """Unix time in seconds. Only for the service's thaw timer (`killswitch.timer`), which acts for a person who
    named a time of day; no rule of the chain may ask it, for a clock that jumps must not move a plan.
    """


class Rest(enum.Enum):
    """Why a loop rests; the adapter holds the durations."""

    POLL = "poll"
    """Nothing to do: until a hint, or the polling interval."""
    RETRY = "retry"
    """Something could not be done: jittered exponential backoff by `attempt`; hints wait for its base."""
    TURN = "turn"
    """Lost a turn to another writer: a short jitter."""


class Idle(Operation[bool], frozen=True):
    """Rest. True if a hint under one of `hints` (key prefixes of the store) woke us; `attempt` saturates at 8."""

    rest: Rest
    hints: tuple[str, ...] = ()
    attempt: int = 0


ATTEMPT_MAX = 8
