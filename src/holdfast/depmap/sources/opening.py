"""Which kind of source a file is, and reading it. `kind:path` says it; else the name and the first bytes do."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from holdfast.depmap.merging import Reading
from holdfast.depmap.sources.backstage import read_backstage
from holdfast.depmap.sources.compose import read_compose
from holdfast.depmap.sources.faults import Unreadable
from holdfast.depmap.sources.graphviz import read_dot
from holdfast.depmap.sources.jaeger import read_dependencies, read_traces
from holdfast.depmap.sources.otlp import read_otlp
from holdfast.depmap.sources.own import read_own
from holdfast.depmap.sources.saved import read_saved
from holdfast.depmap.sources.scope import read_scope
from holdfast.depmap.sources.service_graph import read_service_graph
from holdfast.depmap.sources.table import read_csv

TEXT_BYTES_MAX = 256 * 1024 * 1024
HEAD_BYTES = 65_536

TEXTS: dict[str, Callable[[str, str], Reading]] = {
    "map": read_own,
    "holdfast": read_scope,
    "csv": read_csv,
    "dot": read_dot,
    "compose": read_compose,
    "backstage": read_backstage,
    "service-graph": read_service_graph,
}
STREAMS: dict[str, Callable[[BinaryIO, str], Reading]] = {
    "otlp": read_otlp,
    "jaeger": read_traces,
    "jaeger-dependencies": lambda stream, path: read_dependencies(stream, _prefix(stream), path),
    "saved": lambda stream, path: read_saved(stream.read(), path),
}
KINDS = (*TEXTS, *STREAMS)


def read(source: str) -> Reading:
    """Read one source. Raises `Unreadable`; never anything else for what a file is or holds."""
    kind, path = _split(source)
    try:
        with Path(path).open("rb") as stream:
            head = stream.read(HEAD_BYTES)
            stream.seek(0)
            kind = kind or _detected(path, head)
            if kind in STREAMS:
                return STREAMS[kind](stream, path)
            data = stream.read(TEXT_BYTES_MAX + 1)
    except OSError as error:
        raise Unreadable(path, f"cannot be read: {error.strerror}", "check the path and its permissions") from None
    if len(data) > TEXT_BYTES_MAX:
        raise Unreadable(path, f"is larger than {TEXT_BYTES_MAX // 2**20} MiB", "only traces may be")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise Unreadable(f"{path}:{line}", f"is not UTF-8 (byte {error.start})", "save it as UTF-8") from None
    try:
        return TEXTS[kind](text, path)
    except RecursionError:
        raise Unreadable(path, "is nested too deeply to be read", "") from None


def _split(source: str) -> tuple[str, str]:
    kind, colon, path = source.partition(":")
    if not colon or Path(source).exists():
        return "", source
    if kind not in KINDS:
        if "/" in kind or "." in kind:
            return "", source
        raise Unreadable(source, f"there is no kind of source {kind!r}", f"known: {', '.join(KINDS)}")
    return kind, path


def _detected(path: str, head: bytes) -> str:
    """The kind, by what can only stand in a file of it."""
    name, suffix = Path(path).name.lower(), Path(path).suffix.lower()
    text = head.decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    if suffix in (".dot", ".gv") or re.match(r"(strict\s+)?(di)?graph\b", text):
        return "dot"
    if text.startswith(("{", "[")) and suffix != ".toml":
        return _json_kind(path, text)
    if suffix == ".toml":
        return "holdfast" if re.search(r"(?m)^\s*(scope\s*=|\[\[(zone|endpoint)\]\])", text) else "map"
    if suffix in (".csv", ".tsv"):
        return "csv"
    if suffix in (".yml", ".yaml"):
        return "backstage" if "backstage.io/" in text or "catalog-info" in name else "compose"
    if "service_graph_request" in text:
        return "service-graph"
    raise Unreadable(
        path, "is of no kind that the name or the content tells", f"say it: KIND:{path}, of {', '.join(KINDS)}"
    )


def _json_kind(path: str, text: str) -> str:
    for sign, kind in (
        ('"holdfast-map/', "saved"),
        ('"resourceSpans"', "otlp"),
        ('"callCount"', "jaeger-dependencies"),
        ('"spans"', "jaeger"),
        ('"traceID"', "jaeger"),
        ('"parent"', "jaeger-dependencies"),
    ):
        if sign in text:
            return kind
    raise Unreadable(path, "is JSON of no known kind", f"say it: KIND:{path}, of {', '.join(KINDS)}")


def _prefix(stream: BinaryIO) -> str:
    """Dependencies come as an array, or as the `data` of an answer of Jaeger's API."""
    first = stream.read(HEAD_BYTES).lstrip()[:1]
    stream.seek(0)
    return "item" if first == b"[" else "data.item"
