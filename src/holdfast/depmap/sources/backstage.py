"""Backstage's `catalog-info.yaml`: entities that depend on entities, and APIs between them."""

from __future__ import annotations

import re
from typing import Any

from holdfast.depmap.merging import Reading, StatedNeed, StatedService
from holdfast.depmap.sources.documents import read_documents, table, texts
from holdfast.depmap.sources.faults import Unreadable, Warned
from holdfast.depmap.values import Basis, Evidence

_REFERENCE = re.compile(r"(?:(?P<kind>[^:/]+):)?(?:(?P<space>[^:/]+)/)?(?P<name>[^:/]+)")
_KINDS = ("component", "resource", "system", "api")


def read_backstage(text: str, path: str) -> Reading:
    """Strength is not said in this format. A component that consumes an API depends on whatever provides it."""
    reading, warned = Reading(source=path, kind="backstage"), Warned()
    providers: dict[str, list[str]] = {}
    consumers: list[tuple[str, str, str]] = []
    known = 0
    for line, document in read_documents(text, path):
        entity, where = table(document), f"{path}:{line}"
        kind = str(entity.get("kind", "")).lower()
        name, spec = table(entity.get("metadata")).get("name"), table(entity.get("spec"))
        if not isinstance(name, str) or kind not in _KINDS:
            if kind not in ("location", "group", "user", "domain", "template") and document is not None:
                warned.note(f"an entity of kind {kind[:40]!r} without use here, or without a name", where)
            continue
        known += 1
        if kind != "api":
            _entity(name, kind, spec, where, reading, warned)
        for api in texts(spec.get("providesApis")):
            providers.setdefault(_name(api), []).append(name)
        consumers += [(name, _name(api), where) for api in texts(spec.get("consumesApis"))]
    if not known:
        raise Unreadable(path, "holds no Backstage component, resource, system or API", "")
    for of, api, where in consumers:
        if api not in providers:
            warned.note(f"nothing here provides the API {api!r}", where)
        for on in providers.get(api, ()):
            says = Evidence(path, where, f"{of} consumes {api}, which {on} provides")
            reading.needs.append(StatedNeed(of, (on,), says))
    reading.warnings = warned.lines()
    return reading


def _name(reference: str) -> str:
    found = _REFERENCE.fullmatch(reference.strip())
    return found["name"] if found else reference.strip()


def _entity(name: str, kind: str, spec: dict[str, Any], where: str, reading: Reading, warned: Warned) -> None:
    owner, type_ = spec.get("owner"), spec.get("type")
    reading.services.append(
        StatedService(
            name,
            Evidence(reading.source, where, f"{kind} {name}"),
            kind=type_ if isinstance(type_, str) and type_ else kind,
            owner=_name(owner) if isinstance(owner, str) else None,
        )
    )
    for key, turned in (("dependsOn", False), ("dependencyOf", True)):
        value = spec.get(key)
        if value is not None and not isinstance(value, (list, str)):
            warned.note(f"{key} is no list", where)
        for reference in texts(value):
            of, on = (_name(reference), name) if turned else (name, _name(reference))
            says = Evidence(reading.source, where, f"{key} {reference}")
            reading.needs.append(StatedNeed(of, (on,), says, Basis.DECLARED))
