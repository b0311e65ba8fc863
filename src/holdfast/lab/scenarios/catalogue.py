"""All scenes, for the campaign: the cheap ones first."""

from __future__ import annotations

from holdfast.lab.checks import Check
from holdfast.lab.scenarios import cleaning, fences, foreign, freezes, mad, planners

SCENES: tuple[Check, ...] = (
    *mad.CHECKS,
    *fences.CHECKS,
    *freezes.CHECKS,
    *foreign.CHECKS,
    *cleaning.CHECKS,
    *planners.CHECKS,
)
