"""Two maps compared, for a pull request: what falls by one failure now that did not before."""

from __future__ import annotations

import msgspec

from holdfast.depmap.findings import Finding
from holdfast.depmap.report import Answers


class NewPoint(msgspec.Struct, frozen=True):
    """`of` falls with `point` alone now."""

    of: str
    point: str


class Difference(msgspec.Struct, frozen=True):
    """What the new map has that the old one had not, and the other way round. Renamed services count as both."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    new_points: tuple[NewPoint, ...]
    gone_points: tuple[NewPoint, ...]
    new_findings: tuple[Finding, ...]
    gone_findings: tuple[Finding, ...]

    @property
    def worse(self) -> bool:
        """Whether a gate should stop it."""
        return bool(self.new_points or self.new_findings)


def difference(old: Answers, new: Answers) -> Difference:
    """Single points between services of both maps, and all findings."""
    before = {s.name for s in old.map.services}
    after = {s.name for s in new.map.services}
    had, has = _points(old), _points(new)
    found_before = {f.key: f for f in old.report().findings}
    found_after = {f.key: f for f in new.report().findings}
    return Difference(
        added=tuple(sorted(after - before)),
        removed=tuple(sorted(before - after)),
        new_points=_only(has, had, {s for s in after if s in before}),
        gone_points=_only(had, has, {s for s in before if s in after}),
        new_findings=tuple(f for key, f in found_after.items() if key not in found_before),
        gone_findings=tuple(f for key, f in found_before.items() if key not in found_after),
    )


def _points(of: Answers) -> dict[str, set[str]]:
    on = of.running.on
    return {name: {on.names[n] for n in of.running.single_points(at)} for at, name in enumerate(on.names)}


def _only(one: dict[str, set[str]], other: dict[str, set[str]], services: set[str]) -> tuple[NewPoint, ...]:
    """Points of services that both maps have; a point may be a new service, that is often the news."""
    return tuple(NewPoint(s, p) for s in sorted(services) for p in sorted(one[s] - other[s]))
