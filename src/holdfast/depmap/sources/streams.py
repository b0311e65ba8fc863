"""JSON too large to hold: items of an array, one by one, with errors that name the place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from holdfast.depmap.sources.faults import Unreadable


def items(stream: BinaryIO, prefix: str, path: str) -> Iterator[Any]:
    """Every item at `prefix` (ijson's notation, such as `data.item`); a fault is raised after what was good."""
    try:
        import ijson
    except ImportError:
        raise Unreadable(path, "traces need ijson", "pip install 'holdfast[map]'") from None
    try:
        yield from ijson.items(stream, prefix, use_float=True)
    except (ijson.JSONError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise Unreadable(
            path, f"is no complete JSON: {str(error).splitlines()[0][:120]}", "is it cut off?"
        ) from None


def table(value: Any) -> dict[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def array(value: Any) -> list[Any]:
    """The value if it is an array, else an empty one."""
    return value if isinstance(value, list) else []


def text(value: Any) -> str:
    """The value if it is a text, else an empty one."""
    return value if isinstance(value, str) else ""
