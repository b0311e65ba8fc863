"""How the planner asks health for its verdicts: rules handed in by the composition root, so that the two rooms
do not import each other.

Two pure steps, because rooms read no clock: `timers` says which named timers matter in this situation; the
planner's loop arms them and asks which have fired; `judge` decides.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from holdfast.model.configuration import Configuration
from holdfast.model.observation import Observations, Verdicts


class Timer(msgspec.Struct, frozen=True, order=True):
    """A named timer and its duration (`ports.clock.Arm`)."""

    name: str
    after_s: float


class HealthRules(Protocol):
    """Verdicts from observations; implemented by `holdfast.health.judge`."""

    def timers(
        self, configuration: Configuration, observations: tuple[Observations, ...], serving: frozenset[str]
    ) -> tuple[Timer, ...]:
        """Timers that matter now (staleness of observers, hold-downs), sorted by name.

        `serving` are the target keys that the parent plan has in (weight above 0).
        """
        ...

    def judge(
        self,
        configuration: Configuration,
        observations: tuple[Observations, ...],
        serving: frozenset[str],
        fired: frozenset[str],
    ) -> Verdicts:
        """One verdict for each configured target, sorted; `fired` are the names of timers that have."""
        ...
