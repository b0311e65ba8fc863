"""Jaeger: traces as its API and UI give them, and its `{parent, child, callCount}` dependencies."""

from __future__ import annotations

from typing import Any, BinaryIO

from holdfast.depmap.merging import Reading, StatedNeed, StatedService
from holdfast.depmap.sources.calls import needs
from holdfast.depmap.sources.faults import Warned
from holdfast.depmap.sources.spans import Folding, Span
from holdfast.depmap.sources.streams import array, items, table, text
from holdfast.depmap.values import Basis, Evidence, Phase


def read_dependencies(stream: BinaryIO, prefix: str, path: str) -> Reading:
    """`/api/dependencies`: who called whom, how often."""
    reading, warned = Reading(source=path, kind="jaeger-dependencies"), Warned()
    for number, item in enumerate(items(stream, prefix, path)):
        row, where = table(item), f"{path}[{number}]"
        of, on = text(row.get("parent")), text(row.get("child"))
        if not of or not on:
            warned.note("a dependency without parent or child", where)
            continue
        count = row.get("callCount", 0)
        says = Evidence(path, where, f"{count:,} calls" if isinstance(count, int) else "calls")
        reading.needs.append(StatedNeed(of, (on,), says, Basis.INFERRED, None, Phase.RUN))
    reading.warnings = warned.lines()
    return reading


def read_traces(stream: BinaryIO, path: str) -> Reading:
    """`/api/traces`, a trace at a time."""
    folding, warned = Folding(), Warned()
    for number, item in enumerate(items(stream, "data.item", path)):
        trace, where = table(item), f"{path} trace {number + 1}"
        processes = {
            key: text(table(value).get("serviceName")) for key, value in table(trace.get("processes")).items()
        }
        for raw in array(trace.get("spans")):
            span = _span(table(raw), processes)
            if span is None:
                warned.note("a span without id or service", where)
            else:
                folding.take(span)
    return folded(folding, "jaeger", path, warned)


def folded(folding: Folding, kind: str, path: str, warned: Warned) -> Reading:
    """What the folding found, as a reading."""
    folding.close()
    says = [
        StatedService(name, Evidence(path, path, f"{count:,} spans"), Basis.INFERRED)
        for name, count in sorted(folding.services.items())
    ]
    return Reading(
        source=path,
        kind=kind,
        services=says,
        needs=needs(folding.calls, path),
        warnings=[*warned.lines(), *folding.warnings(path)],
    )


def _span(raw: dict[str, Any], processes: dict[str, str]) -> Span | None:
    trace, span = text(raw.get("traceID")), text(raw.get("spanID"))
    service = processes.get(text(raw.get("processID"))) or text(table(raw.get("process")).get("serviceName"))
    if not span or not service:
        return None
    parent, follows = _parent(raw)
    tags = {text(table(t).get("key")): table(t).get("value") for t in array(raw.get("tags"))}
    start, duration = raw.get("startTime"), raw.get("duration")
    client = tags.get("span.kind") in ("client", "producer")
    return Span(
        key=f"{trace}/{span}".encode(),
        parent=f"{trace}/{parent}".encode() if parent else b"",
        service=service,
        ends=int(start + duration)
        if isinstance(start, (int, float)) and isinstance(duration, (int, float))
        else 0,
        failed=tags.get("error") in (True, "true") or tags.get("otel.status_code") == "ERROR",
        message=follows or tags.get("span.kind") in ("producer", "consumer"),
        peer=peer(tags) if client else "",
    )


def _parent(raw: dict[str, Any]) -> tuple[str, bool]:
    for reference in array(raw.get("references")):
        row = table(reference)
        if row.get("refType") in ("CHILD_OF", "FOLLOWS_FROM"):
            return text(row.get("spanID")), row.get("refType") == "FOLLOWS_FROM"
    return text(raw.get("parentSpanID")), False


def peer(tags: dict[str, Any]) -> str:
    """The other side of a client span, by the current and the deprecated names of OpenTelemetry."""
    for key in ("service.peer.name", "peer.service", "db.namespace", "db.name", "messaging.destination.name"):
        if text(tags.get(key)):
            return text(tags.get(key))
    system = text(tags.get("db.system.name")) or text(tags.get("db.system"))
    host = text(tags.get("server.address")) or text(tags.get("net.peer.name"))
    return f"{system}@{host}" if system and host else system or host
