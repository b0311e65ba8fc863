"""Common causes: what many services share, and which therefore takes them down together.

"All regions run enactor 3" is one bug away from one failure. Every shared code version, configuration version,
owner and region, and every automation that keeps something and can do it wrongly, is an event of its
own here: all that have it fail at once, and the closure says what falls with them.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from holdfast.depmap.compiled import Compiled, closure
from holdfast.depmap.values import Map, Service

ATTRIBUTES = ("code", "config", "owner", "region", "kept_by")


class Cause(msgspec.Struct, frozen=True):
    """A shared attribute, who has it, and how many services fall if all of them fail at once."""

    attribute: str
    value: str
    members: tuple[str, ...]
    falls: int
    weight: float


def shared(services: Iterable[Service]) -> dict[tuple[str, str], list[Service]]:
    """Services by attribute and value: at least two that share one, or what one automation keeps."""
    found: dict[tuple[str, str], list[Service]] = {}
    for service in services:
        for attribute in ATTRIBUTES:
            value = getattr(service, attribute)
            if value:
                found.setdefault((attribute, value), []).append(service)
    return {key: members for key, members in found.items() if len(members) > 1 or key[0] == "kept_by"}


def causes(of: Map, on: Compiled) -> tuple[Cause, ...]:
    """All common causes, the heaviest first."""
    dependents, memberships = on.dependents(), on.groups_by_member()
    weights = [service.weight for service in of.services]
    found = []
    for (attribute, value), members in shared(of.services).items():
        fallen = closure(dependents, memberships, on.groups, [on.index[m.name] for m in members])
        names = tuple(m.name for m in members)
        found.append(Cause(attribute, value, names, len(fallen), sum(weights[f] for f in fallen)))
    return tuple(sorted(found, key=lambda c: (-c.weight, -c.falls, c.attribute, c.value)))
