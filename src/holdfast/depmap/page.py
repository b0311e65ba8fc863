"""A map as one self-contained page: search, choose a service, see what it takes down and why.

The page computes the failure closure itself, so that a person can let several services fail together; a test in a
browser holds its counts against the report's.
"""

from __future__ import annotations

import html

from holdfast.depmap.report import Answers
from holdfast.depmap.values import Need, Service
from holdfast.webpage.filling import as_json, filled

EVIDENCE_SHOWN = 3


def to_page(of: Answers) -> str:
    """The page's text."""
    found = of.report()
    place = {service.name: number for number, service in enumerate(of.map.services)}
    serves = {rise.name: rise.serves_s for rise in of.started.order}
    points = of.running.taker_counts()
    radii = of.running.radii()
    data = {
        "services": [
            _service(s, int(radii[n]), points[n], serves.get(s.name)) for n, s in enumerate(of.map.services)
        ],
        "needs": [_need(need, place) for need in of.map.needs],
        "findings": [{"kind": f.kind.value, "about": f.about, "says": f.says} for f in found.findings],
    }
    needs = "dependency" if found.dependencies == 1 else "dependencies"
    many = f"{found.services:,} services, {found.dependencies:,} {needs}"
    sources = ", ".join(c.source for c in found.coverage)
    return filled(
        "holdfast.depmap.pages",
        "map",
        {
            "TITLE": html.escape(f"Map: {many}"),
            "LEAD": html.escape(f"{many}, {found.hard:,} of them hard. From {sources}."),
            "DATA": as_json(data),
        },
        styles=["map"],
        scripts=["map"],
    )


def _service(of: Service, blast: int, points: int, serves_s: float | None) -> dict[str, object]:
    about = {
        "kind": of.kind if of.kind != "service" else "",
        "plane": of.plane.value if of.plane.value != "data" else "",
        "owner": of.owner,
        "region": of.region,
        "code": of.code,
        "config": of.config,
        "kept by": of.kept_by,
    }
    return {
        "name": of.name,
        "weight": of.weight,
        "blast": blast,
        "points": points,
        "serves": serves_s,
        "about": {key: value for key, value in about.items() if value},
    }


def _need(of: Need, place: dict[str, int]) -> list[object]:
    """of, on, at least, hard, phase, basis, evidence."""
    says = [f"{e.where}: {e.says}" for e in of.evidence[:EVIDENCE_SHOWN]]
    on = [place[name] for name in of.on]
    return [place[of.of], on, of.at_least, of.hard, of.phase.value, of.basis.value, says]
