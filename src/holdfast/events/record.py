"""An event as it is stored: what the room said, and what the sink stamped on it. One JSON line each, versioned."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from holdfast.model.identity import Identity
from holdfast.ports.events import Event, Scalar

RECORD_FORMAT = 1
READABLE_FORMATS = frozenset({RECORD_FORMAT})
"""Formats that `parse_line` reads: the present one and (once there is one) the one before."""


class Record(msgspec.Struct, frozen=True):
    """A stored event. `at` is UTC, ISO 8601 with milliseconds; `process` names the process that wrote it.

    `sequence` counts the process's events, so that those of one millisecond keep their order.
    """

    at: str
    process: str
    kind: str
    actor: str
    text: str
    sequence: int = 0
    plan: Identity | None = None
    zone: str = ""
    name: str = ""
    data: dict[str, Scalar] = {}
    format: int = RECORD_FORMAT

    def when(self) -> datetime:
        """`at` as a moment in time."""
        return datetime.fromisoformat(self.at)


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Record)


def stamp(unix_s: float) -> str:
    """UTC, ISO 8601 with milliseconds: `2025-10-20T06:48:12.345Z`."""
    return datetime.fromtimestamp(unix_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def record_of(event: Event, *, unix_s: float, process: str, sequence: int) -> Record:
    """Stamp an event."""
    return Record(
        at=stamp(unix_s),
        process=process,
        kind=event.kind,
        actor=event.actor,
        text=event.text,
        sequence=sequence,
        plan=event.plan,
        zone=event.zone,
        name=event.name,
        data=dict(event.data),
    )


def render_line(record: Record) -> bytes:
    """One line of JSON, with its end of line."""
    return _ENCODER.encode(record) + b"\n"


def parse_line(line: bytes) -> Record | None:
    """A record; None when the line is torn, not ours, or of a format that this version can't read."""
    try:
        record = _DECODER.decode(line)
        record.when()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
        return None
    return record if record.format in READABLE_FORMATS else None
