"""All scenes, for the campaign: the cheap ones first."""

from __future__ import annotations

from holdfast.lab.checks import Check
from holdfast.lab.scenarios import acts, cleaning, fences, foreign, freezes, health, mad, planners, removals

SCENES: tuple[Check, ...] = (
    *mad.CHECKS,
    *removals.CHECKS,
    *fences.CHECKS,
    *freezes.CHECKS,
    *foreign.CHECKS,
    *cleaning.CHECKS,
    *planners.CHECKS,
    *acts.CHECKS,
    *health.CHECKS,
)
LARGE: tuple[Check, ...] = (*acts.LARGE, *health.LARGE)
"""Too large for every change and every mutant: `make soak`."""
