"""What Route 53 takes at a name: weights up to 255, and so many targets."""

from __future__ import annotations

from typing import Final

from holdfast.config.sections import PlacedEndpoint, PlacedGroup, PlacedZone
from holdfast.config.tables import Notes
from holdfast.model.configuration import Answers

WEIGHT_MAX: Final = 255
TARGETS_MAX: Final = {Answers.SIMPLE: 400, Answers.MULTIVALUE: 100, Answers.WEIGHTED: 100}


def check_route53(
    zones: tuple[PlacedZone, ...],
    groups: tuple[PlacedGroup, ...],
    endpoints: tuple[PlacedEndpoint, ...],
    notes: Notes,
) -> None:
    """Note what a group has that the hosted zones which show it can't take."""
    settings = {z.value.name: z.value.route53 for z in zones if z.value.route53 is not None}
    shown: dict[str, set[Answers]] = {}
    for endpoint in endpoints:
        route53 = settings.get(endpoint.value.zone)
        if route53 is not None:
            shown.setdefault(endpoint.value.group, set()).add(route53.answers)
    for group in groups:
        answers = shown.get(group.value.name, set())
        count = len(group.value.targets)
        most = min((TARGETS_MAX[a] for a in answers), default=count)
        if count > most:
            text = f"{count} targets, but Route 53 takes {most} of a name in this form of answers"
            notes.key(group.path, text, "several groups and names, or another `answers`")
        if Answers.WEIGHTED in answers:
            _weights(group, notes)


def _weights(group: PlacedGroup, notes: Notes) -> None:
    for target, path in zip(group.value.targets, group.targets, strict=True):
        if target.weight > WEIGHT_MAX:
            text = f"weight {target.weight}, but Route 53 takes weights up to {WEIGHT_MAX}"
            notes.value((*path, "weight"), text, "divide all weights of the group")
