"""The whole answer as one value: what a terminal, a page, JSON and a comparison are made from."""

from __future__ import annotations

import msgspec

from holdfast.depmap.blackstart import BlackStart, Rise, black_start
from holdfast.depmap.causes import Cause, causes
from holdfast.depmap.compiled import compiled
from holdfast.depmap.findings import Finding, findings
from holdfast.depmap.singles import Singles
from holdfast.depmap.values import Coverage, Map

NAMED_MAX = 50
"""Single points named for one service in the report; the count is always whole."""


class Row(msgspec.Struct, frozen=True):
    """A service: how much falls with it, and what it falls with."""

    name: str
    kind: str
    blast: int
    """Services that fall with it, itself not counted."""
    blast_weight: float
    points: int
    """Its single points of failure."""
    serves_s: float | None
    """When it serves again after everything was down; None if never."""


class Report(msgspec.Struct, frozen=True):
    """`rows` are ranked by the weight that falls with them."""

    services: int
    dependencies: int
    hard: int
    assumed: int
    """Hard only because nothing says otherwise."""
    rows: tuple[Row, ...]
    causes: tuple[Cause, ...]
    findings: tuple[Finding, ...]
    recovery_s: float
    critical_path: tuple[Rise, ...]
    stuck: tuple[str, ...]
    coverage: tuple[Coverage, ...]


class Answers:
    """A map with everything that was computed of it, for those who ask more than the report says."""

    def __init__(self, of: Map) -> None:
        self.map = of
        self.running = Singles(compiled(of))
        self.started: BlackStart = black_start(of)

    def blast(self, name: str) -> list[str]:
        """Names of the services that fall with `name`, in the order of falling."""
        on = self.running.on
        return [on.names[n] for n in on.falls([on.index[name]])[1:]]

    def falls(self, names: list[str]) -> list[str]:
        """What is down when all of `names` are, without these, in the order of falling."""
        on = self.running.on
        return [on.names[n] for n in on.falls(on.index[name] for name in names)[len(set(names)) :]]

    def points(self, name: str) -> list[str]:
        """The single points of failure of `name`, those with the largest blast first."""
        on = self.running.on
        found = self.running.single_points(on.index[name])
        radii = self.running.radii()
        return [on.names[n] for n in sorted(found, key=lambda n: (-radii[n], on.names[n]))]

    def report(self) -> Report:
        """Everything, ranked."""
        of, running = self.map, self.running
        weights = [service.weight for service in of.services]
        radii, heavy, points = running.radii(), running.radii(weights), running.taker_counts()
        serves = {rise.name: rise.serves_s for rise in self.started.order}
        rows = [
            Row(s.name, s.kind, int(radii[n]), heavy[n], points[n], serves.get(s.name))
            for n, s in enumerate(of.services)
        ]
        hard = [need for need in of.needs if need.hard]
        return Report(
            services=len(of.services),
            dependencies=len(of.needs),
            hard=len(hard),
            assumed=sum(need.basis.value == "assumed" for need in hard),
            rows=tuple(sorted(rows, key=lambda row: (-row.blast_weight, -row.blast, row.name))),
            causes=causes(of, running.on),
            findings=findings(of, running, self.started),
            recovery_s=self.started.order[-1].serves_s if self.started.order else 0.0,
            critical_path=self.started.critical_path(),
            stuck=self.started.stuck,
            coverage=of.coverage,
        )
