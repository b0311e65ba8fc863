"""The messages of etcd's JSON gateway (v3): bytes in base64, 64-bit numbers as text, empty fields left out."""

from __future__ import annotations

from base64 import b64encode
from typing import Any, Final, TypeAlias

import msgspec

from holdfast.stores.etcd_layout import Span

Json: TypeAlias = dict[str, Any]


class Header(msgspec.Struct, frozen=True):
    """etcd's own revision as of an answer: a snapshot that can be asked for again."""

    revision: int = 0


class Kv(msgspec.Struct, frozen=True):
    """A key and its value."""

    key: bytes = b""
    value: bytes = b""
    mod_revision: int = 0


class RangeAnswer(msgspec.Struct, frozen=True):
    """What a range found."""

    header: Header = Header()
    kvs: tuple[Kv, ...] = ()


class OperationAnswer(msgspec.Struct, frozen=True):
    """One operation of a transaction; only ranges are read."""

    response_range: RangeAnswer = RangeAnswer()


class TransactionAnswer(msgspec.Struct, frozen=True):
    """Which branch was taken, and what it found."""

    header: Header = Header()
    succeeded: bool = False
    responses: tuple[OperationAnswer, ...] = ()


class TokenAnswer(msgspec.Struct, frozen=True):
    """A session's token."""

    token: str = ""


class WatchEvent(msgspec.Struct, frozen=True):
    """One key that was put or deleted."""

    kv: Kv = Kv()


class WatchResult(msgspec.Struct, frozen=True):
    """Events of one or more revisions; or the watch was made, or ended by the server."""

    events: tuple[WatchEvent, ...] = ()
    created: bool = False
    canceled: bool = False


class WatchLine(msgspec.Struct, frozen=True):
    """One line of a watch."""

    result: WatchResult | None = None


class StatusHeader(msgspec.Struct, frozen=True):
    """Who answers."""

    member_id: int = 0


class StatusAnswer(msgspec.Struct, frozen=True):
    """How a member sees itself and its cluster; sizes in bytes."""

    header: StatusHeader = StatusHeader()
    version: str = ""
    db_size: int = msgspec.field(default=0, name="dbSize")
    leader: int = 0
    errors: tuple[str, ...] = ()


class Fault(msgspec.Struct, frozen=True):
    """An error: gRPC's code and its text."""

    code: int = 0
    message: str = ""
    error: str = ""


RANGE_ANSWER: Final = msgspec.json.Decoder(RangeAnswer, strict=False)
TRANSACTION_ANSWER: Final = msgspec.json.Decoder(TransactionAnswer, strict=False)
TOKEN_ANSWER: Final = msgspec.json.Decoder(TokenAnswer, strict=False)
WATCH_LINE: Final = msgspec.json.Decoder(WatchLine, strict=False)
STATUS_ANSWER: Final = msgspec.json.Decoder(StatusAnswer, strict=False)
FAULT: Final = msgspec.json.Decoder(Fault, strict=False)


def text(value: bytes) -> str:
    """Bytes as they stand in JSON."""
    return b64encode(value).decode("ascii")


def range_of(span: Span, **options: Any) -> Json:
    """Read a span. Options: `limit`, `keys_only`, `sort_order`, `revision`."""
    return {"key": text(span.start), "range_end": text(span.end), **options}


def key_of(name: bytes, **options: Any) -> Json:
    """Read one key."""
    return {"key": text(name), **options}


def delete_of(span: Span) -> Json:
    """Delete a span."""
    return {"request_delete_range": {"key": text(span.start), "range_end": text(span.end)}}


def put_of(name: bytes, value: bytes) -> Json:
    """Write a key."""
    return {"request_put": {"key": text(name), "value": text(value)}}


def exists(name: bytes) -> Json:
    """Compare: the key is there."""
    return {"key": text(name), "target": "CREATE", "result": "GREATER", "create_revision": "0"}


def nothing_in(span: Span) -> Json:
    """Compare: no key of the span is there."""
    return {
        "key": text(span.start),
        "range_end": text(span.end),
        "target": "CREATE",
        "result": "EQUAL",
        "create_revision": "0",
    }


def has_value(name: bytes, value: bytes) -> Json:
    """Compare: the key has exactly this value."""
    return {"key": text(name), "target": "VALUE", "result": "EQUAL", "value": text(value)}


def is_absent(name: bytes) -> Json:
    """Compare: the key is not there."""
    return {"key": text(name), "target": "CREATE", "result": "EQUAL", "create_revision": "0"}
