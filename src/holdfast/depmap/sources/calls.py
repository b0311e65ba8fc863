"""From calls to dependencies: who called whom, and what the calls say about strength.

A call proves an edge and little else. It is taken for soft when the evidence says so: it goes through a message,
the called side ends after its caller, or callers mostly succeed although the called side failed. It is taken for
hard when callers mostly fail with it. Otherwise its strength stays open, which a map reads as hard, and says so.
"""

from __future__ import annotations

import msgspec

from holdfast.depmap.merging import StatedNeed
from holdfast.depmap.values import Basis, Evidence, Phase

CALLS_MIN = 5
"""Fewer calls than this show nothing about how long they last."""
FAILURES_MIN = 5
"""Fewer failures than this show nothing about what they do to callers."""
SHARE = 0.8


class Calls(msgspec.Struct):
    """Counts for one pair of services."""

    calls: int = 0
    failed: int = 0
    """Calls whose called side failed."""
    carried: int = 0
    """Failed calls whose caller failed too."""
    outlived: int = 0
    """Calls whose called side ended after its caller."""
    messages: int = 0
    """Calls through a queue, or marked as following from, not as part of."""


def verdict(of: Calls) -> tuple[bool | None, str]:
    """Hard, soft or open, and why, in words."""
    seen = f"{of.calls:,} call{'' if of.calls == 1 else 's'}"
    if of.messages and of.messages >= SHARE * of.calls:
        return False, f"{seen}, {of.messages:,} by message"
    if of.failed >= FAILURES_MIN:
        share = of.carried / of.failed
        if share >= SHARE:
            return True, f"{seen}; {of.carried:,} of {of.failed:,} failures failed the caller"
        if share <= 1 - SHARE:
            return False, f"{seen}; the caller survived {of.failed - of.carried:,} of {of.failed:,} failures"
    if of.calls >= CALLS_MIN and of.outlived >= SHARE * of.calls:
        return False, f"{seen}, {of.outlived:,} ended after their caller"
    return None, seen


def needs(calls: dict[tuple[str, str], Calls], source: str) -> list[StatedNeed]:
    """A statement for each pair, sorted."""
    found = []
    for (of, on), counts in sorted(calls.items()):
        hard, why = verdict(counts)
        found.append(StatedNeed(of, (on,), Evidence(source, source, why), Basis.INFERRED, hard, Phase.RUN))
    return found
