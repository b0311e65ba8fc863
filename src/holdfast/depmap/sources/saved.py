"""A map that `holdfast map` wrote as JSON: to compare with a later one, and to merge parts made elsewhere."""

from __future__ import annotations

import msgspec

from holdfast.depmap.merging import Reading, StatedNeed, StatedService
from holdfast.depmap.sources.faults import Unreadable
from holdfast.depmap.values import Basis, Evidence, Map

FORMAT = "holdfast-map/1"


class Saved(msgspec.Struct, frozen=True):
    """The file: a format and a map."""

    format: str
    map: Map


def read_saved(data: bytes, path: str) -> Reading:
    """Read it back. Its statements keep their evidence's first entry and their basis."""
    try:
        saved = msgspec.json.decode(data, type=Saved)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(
            path, f"is no saved map: {error}", "write one with `holdfast map report ... --save`"
        ) from None
    if saved.format != FORMAT:
        raise Unreadable(path, f"has format {saved.format!r}", f"this holdfast reads {FORMAT}")
    reading = Reading(source=path, kind="saved")
    for one in saved.map.services:
        reading.services.append(
            StatedService(
                name=one.name,
                evidence=_first(one.evidence, path),
                basis=Basis.DECLARED,
                kind=one.kind,
                weight=one.weight,
                plane=one.plane,
                owner=one.owner or None,
                region=one.region or None,
                code=one.code or None,
                config=one.config or None,
                kept_by=one.kept_by or None,
                start_s=one.start_s,
                fails=one.fails,
            )
        )
    for need in saved.map.needs:
        hard = None if need.basis is Basis.ASSUMED else need.hard
        reading.needs.append(
            StatedNeed(
                need.of,
                need.on,
                _first(need.evidence, path),
                need.basis,
                hard,
                need.phase,
                need.at_least,
                need.group,
            )
        )
    return reading


def _first(evidence: tuple[Evidence, ...], path: str) -> Evidence:
    return evidence[0] if evidence else Evidence(path, path, "")


def to_saved(of: Map) -> bytes:
    """The file's content."""
    return msgspec.json.format(msgspec.json.encode(Saved(FORMAT, of)), indent=1) + b"\n"
