"""One zone's data on disk: a snapshot and an append-only journal, flushed before anybody is answered (R15).

Each record is `magic, length, CRC of the payload, CRC of those three`, then the payload. Records carry a
sequence number; those that the snapshot already has are skipped, so a crash between "new snapshot" and "new
journal" harms nothing. One group of updates is one record: a torn write concerns the last record only.

Reading tells a torn tail from damage. A record that the file ends within, or a rest of zeros, was never
acknowledged: it is cut off. Anything else unreadable *was* acknowledged: what stands before it is kept, the
file is put aside, and the caller is told, who raises the serial and says so loudly. Refusing to start was the
alternative: it would empty every name (I2) to protect data that the enactors write again anyway (I6).
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote

import msgspec

from holdfast.model.records import RRset
from holdfast.nameserver.zone import Delta, Node, Zone

_MAGIC: Final = b"HFZ1"
_HEAD: Final = struct.Struct("!4sII")
_HEAD_BYTES: Final = _HEAD.size + 4
COMPACT_BYTES_MIN: Final = 8 * 2**20
"""A journal below this is never worth a new snapshot; above, when it is twice the snapshot."""


class _StoredRRset(msgspec.Struct, frozen=True, array_like=True):
    rtype: str
    ttl: int
    rdatas: tuple[str, ...]


class _StoredNode(msgspec.Struct, frozen=True, array_like=True):
    name: str
    rrsets: tuple[_StoredRRset, ...]


class _Entry(msgspec.Struct, frozen=True, array_like=True):
    sequence: int
    nodes: tuple[_StoredNode, ...]


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(_Entry)


class Loaded(msgspec.Struct, frozen=True):
    """What was on disk. `zone` None: nothing. `damage`: a sentence on acknowledged data that can't be read."""

    zone: Zone | None
    damage: str = ""


class Journal:
    """The files of one zone. Not safe for concurrent calls: its one owner calls one after the other."""

    def __init__(self, directory: Path, origin: str) -> None:
        self._directory = directory / quote(origin, safe="")
        self._origin = origin
        self._sequence = 0
        self._size = 0
        self._snapshot_size = 0
        self._file: int | None = None

    @property
    def _snapshot(self) -> Path:
        return self._directory / "snapshot"

    @property
    def _journal(self) -> Path:
        return self._directory / "journal"

    def load(self) -> Loaded:
        """Read the zone and open the journal for appending.

        Raises:
            OSError: the disk refuses.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        flush_directory(self._directory.parent)
        damage: list[str] = []
        zone: Zone | None = None
        for entry in self._entries(self._snapshot, damage):
            zone = Zone(self._origin, {}, {})
            self._take(zone, entry)
        self._snapshot_size = _size(self._snapshot)
        for entry in self._entries(self._journal, damage):
            if entry.sequence > self._sequence:
                zone = zone or Zone(self._origin, {}, {})
                self._take(zone, entry)
        self._open()
        return Loaded(zone, "; ".join(damage))

    def _take(self, zone: Zone, entry: _Entry) -> None:
        zone.absorb({node.name: _node(node) for node in entry.nodes})
        self._sequence = entry.sequence

    def _entries(self, path: Path, damage: list[str]) -> Iterator[_Entry]:
        data = path.read_bytes() if path.exists() else b""
        at = 0
        while at < len(data):
            entry, end = _read(data, at)
            if entry is None:
                if end is None:
                    damage.append(_put_aside(path, at))
                else:
                    os.truncate(path, at)
                return
            yield entry
            at = end or len(data)

    def _open(self) -> None:
        self._file = os.open(self._journal, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        os.fsync(self._file)
        flush_directory(self._directory)
        self._size = os.fstat(self._file).st_size

    def append(self, delta: Delta) -> None:
        """Write one record and flush it to the disk.

        Raises:
            OSError: not durable. If the journal could not be cut back to where it was, or the flush itself
                failed, the journal is closed, and every later call fails: what the disk holds is unknown then.
        """
        if self._file is None:
            raise OSError("the journal was closed after an earlier failure of the disk")
        record = _record(self._sequence + 1, delta.items())
        try:
            _write_all(self._file, record)
        except OSError:
            self._cut_back()
            raise
        try:
            os.fsync(self._file)
        except OSError:
            # After a failed flush the kernel may drop the pages and call the next flush a success.
            self.close()
            raise
        self._sequence += 1
        self._size += len(record)

    def _cut_back(self) -> None:
        assert self._file is not None
        try:
            os.ftruncate(self._file, self._size)
        except OSError:
            self.close()

    @property
    def wants_compaction(self) -> bool:
        """Whether a new snapshot pays."""
        return self._file is not None and self._size > max(COMPACT_BYTES_MIN, 2 * self._snapshot_size)

    def compact(self, zone: Zone) -> None:
        """A new snapshot of the zone as it is, then an empty journal.

        Raises:
            OSError: the disk refuses; the old files hold.
        """
        record = _record(self._sequence, ((name, zone.node(name)) for name in zone.names))
        _replace(self._snapshot, record)
        self._snapshot_size = len(record)
        _replace(self._journal, b"")
        self.close()
        self._open()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _read(data: bytes, at: int) -> tuple[_Entry | None, int | None]:
    """A record and its end; no record and an end: a torn tail; neither: damage."""
    start = at + _HEAD_BYTES
    if start > len(data) or not data[at:].strip(b"\0"):
        return None, at
    magic, length, checksum = _HEAD.unpack_from(data, at)
    sound = zlib.crc32(data[at : at + _HEAD.size]) == int.from_bytes(data[start - 4 : start], "big")
    if magic != _MAGIC or not sound:
        return None, None
    end = start + length
    payload = data[start:end]
    if len(payload) == length and zlib.crc32(payload) == checksum:
        try:
            return _DECODER.decode(payload), end
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None, None
    return None, at if end >= len(data) else None


def _record(sequence: int, nodes: Iterable[tuple[str, Node]]) -> bytes:
    stored = tuple(
        _StoredNode(name, tuple(_StoredRRset(r.rtype, r.ttl, r.rdatas) for r in node)) for name, node in nodes
    )
    payload = _ENCODER.encode(_Entry(sequence, stored))
    head = _HEAD.pack(_MAGIC, len(payload), zlib.crc32(payload))
    return head + zlib.crc32(head).to_bytes(4, "big") + payload


def _node(stored: _StoredNode) -> Node:
    return tuple(RRset(stored.name, r.rtype, r.ttl, r.rdatas) for r in stored.rrsets)


def _put_aside(path: Path, at: int) -> str:
    aside = path.with_name(f"{path.name}.damaged")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.damaged-{number}")
    path.rename(aside)
    return f"{path} is damaged at byte {at}; what stood before it is served, the file is kept as {aside}"


def _replace(path: Path, data: bytes) -> None:
    temporary = path.with_name(f"{path.name}.tmp")
    file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        _write_all(file, data)
        os.fsync(file)
    finally:
        os.close(file)
    temporary.replace(path)
    flush_directory(path.parent)


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def flush_directory(directory: Path) -> None:
    """Make names in a directory durable."""
    file = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
