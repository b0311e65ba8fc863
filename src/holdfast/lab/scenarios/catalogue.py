"""All scenes, for the campaign: the cheap ones first."""

from __future__ import annotations

from holdfast.lab.checks import Check
from holdfast.lab.scenarios import fences, foreign, freezes, planners

SCENES: tuple[Check, ...] = (*fences.CHECKS, *freezes.CHECKS, *foreign.CHECKS, *planners.CHECKS)
