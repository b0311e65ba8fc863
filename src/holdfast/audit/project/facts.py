"""What a caller has to know of a function."""

from __future__ import annotations

import msgspec

from holdfast.audit.values import Place

Parts = tuple[str, ...]
"""An access path as seen by its function: `("self", ".x")`, or a global's name."""


class WriteFact(msgspec.Struct, frozen=True):
    """A write that a function does. `how` as in `events.Write`."""

    how: str
    place: Place


class CallFacts(msgspec.Struct, frozen=True):
    """Of one function, its own calls included.

    `early` is written before it first gives way, `late` after; both without a look at the same path since. `looks`
    are paths that it tests itself: what it then does to them is its own affair.
    """

    coroutine: bool = False
    suspends: bool = True
    early: tuple[tuple[Parts, WriteFact], ...] = ()
    late: tuple[tuple[Parts, WriteFact], ...] = ()
    looks: tuple[Parts, ...] = ()
    unfenced: str = ""
    """A store that it writes without a condition on a version, in words; empty if none."""
