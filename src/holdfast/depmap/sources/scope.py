"""Holdfast's own configuration: names need targets, and what keeps them needs servers and a store."""

from __future__ import annotations

import ipaddress

from holdfast.config.loading import read_text
from holdfast.config.problems import render
from holdfast.config.settings import Loaded
from holdfast.depmap.merging import Reading, StatedNeed, StatedService
from holdfast.depmap.sources.faults import Unreadable
from holdfast.depmap.values import Basis, Evidence, Phase, Plane
from holdfast.model.configuration import Configuration


def read_scope(text: str, path: str) -> Reading:
    """The chain of one scope. Raises `Unreadable` with what `holdfast check` would say."""
    loaded = read_text(text, path)
    if not isinstance(loaded, Loaded):
        raise Unreadable(path, "is refused", render(loaded.problems, loaded.text))
    of = loaded.configuration
    keeper = f"holdfast {of.scope}"
    store = f"store of {of.scope}"
    reading = Reading(source=path, kind="holdfast")
    _service(reading, keeper, "dns automation", Plane.CONTROL)
    _service(reading, store, "store", Plane.CONTROL)
    # Enactors go on from their disks when the store is out, and cannot take a new plan: needed to start only.
    _need(reading, keeper, (store,), Phase.BOOT)
    _zones(reading, of, keeper)
    _endpoints(reading, of, keeper)
    return reading


def _service(reading: Reading, name: str, kind: str, plane: Plane = Plane.DATA, **given: str) -> None:
    evidence = Evidence(reading.source, reading.source, f"{kind} {name}")
    reading.services.append(StatedService(name, evidence, kind=kind, plane=plane, **given))  # type: ignore[arg-type]


def _need(
    reading: Reading, of: str, on: tuple[str, ...], phase: Phase, at_least: int = 1, group: str = ""
) -> None:
    evidence = Evidence(reading.source, reading.source, group or f"{of} -> {on[0]}")
    reading.needs.append(StatedNeed(of, on, evidence, Basis.DECLARED, True, phase, at_least, group))


def _zones(reading: Reading, of: Configuration, keeper: str) -> None:
    for zone in of.zones:
        server = _server(zone.server)
        _service(reading, f"zone {zone.name}", "zone", kept_by=keeper)
        _service(reading, server, "dns server")
        _need(reading, f"zone {zone.name}", (server,), Phase.BOTH)
        _need(reading, keeper, (server,), Phase.RUN)


def _server(address: str) -> str:
    """A server by name stays that name: if it is one that holdfast keeps, the map must show it."""
    host = address.rsplit(":", 1)[0].strip("[]")
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host.rstrip(".")
    return f"server {address}"


def _endpoints(reading: Reading, of: Configuration, keeper: str) -> None:
    groups = {group.name: group for group in of.groups}
    for endpoint in of.endpoints:
        _service(reading, endpoint.name, "dns name", kept_by=keeper)
        _need(reading, endpoint.name, (f"zone {endpoint.zone}",), Phase.BOTH)
        targets = groups[endpoint.group].targets
        names = tuple(f"{endpoint.group}/{target.name}" for target in targets)
        for name, target in zip(names, targets, strict=True):
            _service(reading, name, "target", region=target.label)
        # One target left answers; how much capacity that is, is the floor's matter.
        _need(reading, endpoint.name, names, Phase.RUN, 1, f"1 of {len(names)} targets")
