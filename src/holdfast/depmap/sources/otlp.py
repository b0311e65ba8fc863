"""OTLP JSON: a line for each export (the collector's file exporter), or one object."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec

from holdfast.depmap.merging import Reading
from holdfast.depmap.sources.faults import Unreadable, Warned
from holdfast.depmap.sources.jaeger import folded, peer
from holdfast.depmap.sources.spans import Folding, Span
from holdfast.depmap.sources.streams import array, items, table, text

LINE_BYTES_MAX = 256 * 1024 * 1024
_PRODUCER, _CONSUMER, _CLIENT = (4, "SPAN_KIND_PRODUCER"), (5, "SPAN_KIND_CONSUMER"), (3, "SPAN_KIND_CLIENT")
_ERROR = (2, "STATUS_CODE_ERROR")


def read_otlp(stream: BinaryIO, path: str) -> Reading:
    """Spans by service. Bad lines and spans are counted; no line at all that is JSON is an `Unreadable`."""
    folding, warned = Folding(), Warned()
    for where, batch in _batches(stream, path, warned):
        attributes = _attributes(table(batch.get("resource")).get("attributes"))
        service = text(attributes.get("service.name"))
        if not service:
            warned.note("spans whose resource has no service.name", where)
            continue
        scopes = array(batch.get("scopeSpans")) or array(batch.get("instrumentationLibrarySpans"))
        for scope in scopes:
            for raw in array(table(scope).get("spans")):
                span = _span(table(raw), service)
                if span is None:
                    warned.note("a span without id", where)
                else:
                    folding.take(span)
    return folded(folding, "otlp", path, warned)


def _batches(stream: BinaryIO, path: str, warned: Warned) -> Iterator[tuple[str, dict[str, Any]]]:
    first = stream.readline(LINE_BYTES_MAX)
    try:
        msgspec.json.decode(first)
        lines = True
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        lines = False
    stream.seek(0)
    if not lines:
        for number, batch in enumerate(items(stream, "resourceSpans.item", path)):
            yield f"{path} resourceSpans[{number}]", table(batch)
        return
    good = 0
    for number, line in enumerate(iter(lambda: stream.readline(LINE_BYTES_MAX), b""), start=1):
        if not line.strip():
            continue
        try:
            export = table(msgspec.json.decode(line))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            warned.note("a line that is no JSON", f"{path}:{number}")
            continue
        good += 1
        for batch in array(export.get("resourceSpans")):
            yield f"{path}:{number}", table(batch)
    if not good:
        raise Unreadable(path, "holds no line of JSON", "")


def _attributes(raw: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for item in array(raw):
        row = table(item)
        value = table(row.get("value"))
        found[text(row.get("key"))] = next(iter(value.values()), None)
    return found


def _span(raw: dict[str, Any], service: str) -> Span | None:
    trace, span, parent = text(raw.get("traceId")), text(raw.get("spanId")), text(raw.get("parentSpanId"))
    if not span:
        return None
    kind = raw.get("kind")
    outgoing = kind in _CLIENT or kind in _PRODUCER
    return Span(
        key=f"{trace}/{span}".encode(),
        parent=f"{trace}/{parent}".encode() if parent else b"",
        service=service,
        ends=_nanoseconds(raw.get("endTimeUnixNano")),
        failed=table(raw.get("status")).get("code") in _ERROR,
        message=kind in _PRODUCER or kind in _CONSUMER,
        peer=peer(_attributes(raw.get("attributes"))) if outgoing else "",
    )


def _nanoseconds(value: Any) -> int:
    if isinstance(value, str) and value.isdecimal() and len(value) < 20:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
