"""What is known of the days, by the operator ([P]) or by sources that quote it ([S]); docs/facts/october-2025.md.

Seconds since the cause began. Everything else is assumed (`assumed`).
"""

from __future__ import annotations

from typing import Final

import msgspec


class Phase(msgspec.Struct, frozen=True):
    """A part of the historical day."""

    label: str
    from_s: float
    to_s: float
    source: str


class Script(msgspec.Struct, frozen=True):
    """A day. `names` says whether the cause was an emptied name, whose absence resolvers keep in mind."""

    name: str
    title: str
    clock: str
    """Time of day at second 0."""
    cause_s: float
    help_s: float
    """When people began to throttle."""
    until_s: float
    names: bool
    history: tuple[Phase, ...]


def _at(hours: int, minutes: int, *, begins: tuple[int, int]) -> float:
    """Seconds from the beginning to a time of the following day."""
    return ((hours * 60 + minutes) - (begins[0] * 60 + begins[1])) % 1440 * 60.0


def _phase(label: str, begin: float, end: float, source: str) -> Phase:
    return Phase(label, begin, end, source)


def _october() -> Script:
    def at(hours: int, minutes: int) -> float:
        return _at(hours, minutes, begins=(23, 48))

    return Script(
        name="october-2025",
        title="20 October 2025",
        clock="23:48 PDT",
        cause_s=157 * 60.0,
        help_s=at(4, 14),
        until_s=at(14, 48),
        names=True,
        history=(
            _phase("the name has no addresses", 0.0, at(2, 25), "P"),
            _phase("leases: run out, then collapse", at(2, 25), at(4, 14), "S"),
            _phase("leases: throttled, hosts restarted", at(4, 14), at(5, 28), "S"),
            _phase("configuration backlog", at(5, 28), at(10, 36), "S"),
            _phase("health checks flap", at(5, 30), at(14, 9), "P"),
            _phase("launches fail or are throttled", 0.0, at(13, 50), "S"),
        ),
    )


def _metadata() -> Script:
    def at(hours: int, minutes: int) -> float:
        return _at(hours, minutes, begins=(2, 19))

    return Script(
        name="metadata-2015",
        title="20 September 2015",
        clock="02:19 PDT (the minute is assumed)",
        cause_s=at(2, 30),
        help_s=at(5, 6),
        until_s=at(9, 0),
        names=False,
        history=(
            _phase("network fault", 0.0, at(2, 30), "end assumed"),
            _phase("memberships lost, about 55 % errors", at(2, 37), at(5, 6), "S"),
            _phase("requests paused, capacity added", at(5, 6), at(7, 10), "S"),
        ),
    )


OCTOBER: Final = _october()
METADATA: Final = _metadata()
SCRIPTS: Final = {script.name: script for script in (OCTOBER, METADATA)}
