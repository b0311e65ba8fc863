"""Events as JSON lines in a directory: one file for each process, written by a thread of its own.

`emit` puts the event in a bounded queue and returns; it never waits for the disk (R16). When the queue is full
or the disk refuses, events are dropped and counted, and the count follows as `events.dropped` once there is
room. Files rotate by size: `<process>.jsonl` becomes `<process>.<n>.jsonl`; the oldest go.
"""

from __future__ import annotations

import logging
import queue
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from holdfast.events.record import Record, record_of, render_line
from holdfast.ports.events import Event

QUEUE_MAX = 10_000
BYTES_MAX = 16 * 1024 * 1024
"""Size at which a file is rotated."""
FILES_KEPT = 8
"""Rotated files kept of each process."""

log = logging.getLogger("holdfast.events")

_PROCESS = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


class JsonLinesSink:
    """Takes events; see the module's text. Also an observer's hook: `then` gets each record (metrics, live view).

    Raises:
        ValueError: for a process name that is no file name.
    """

    def __init__(
        self,
        directory: Path,
        process: str,
        *,
        then: Callable[[Record], None] | None = None,
        queue_max: int = QUEUE_MAX,
        bytes_max: int = BYTES_MAX,
        files_kept: int = FILES_KEPT,
        unix_s: Callable[[], float] = time.time,
    ) -> None:
        if _PROCESS.fullmatch(process) is None:
            raise ValueError(f"process name {process!r}: letters, digits, dash and underscore only, 100 at most")
        self._file = _RotatingFile(directory, process, bytes_max=bytes_max, files_kept=files_kept)
        self._process = process
        self._then = then
        self._unix_s = unix_s
        self._queue: queue.Queue[Record | None] = queue.Queue(maxsize=queue_max)
        self._lock = threading.Lock()
        self._sequence = 0
        self._dropped = 0
        self._closed = False
        self._thread = threading.Thread(target=self._write_all, name="holdfast-events", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """Events dropped and not yet reported."""
        return self._dropped

    def emit(self, event: Event) -> None:
        """Hand over one event; returns at once. From any thread."""
        with self._lock:
            self._sequence += 1
            record = record_of(event, unix_s=self._unix_s(), process=self._process, sequence=self._sequence)
            try:
                if self._closed:
                    raise queue.Full
                self._queue.put_nowait(record)
            except queue.Full:
                self._dropped += 1
        self._tell(record)

    def close(self, *, within_s: float = 5.0) -> None:
        """Write what is queued and stop; waits at most `within_s`."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        try:
            self._queue.put(None, timeout=within_s)
        except queue.Full:
            log.error("events: the writer is stuck; %d events are not on disk", self._queue.qsize())
            return
        self._thread.join(timeout=within_s)

    def _write_all(self) -> None:
        while True:
            batch = [self._queue.get()]
            while len(batch) < 256:
                try:
                    batch.append(self._queue.get_nowait())
                except queue.Empty:
                    break
            records = [record for record in batch if record is not None]
            self._write(records)
            self._report_drops()
            if len(records) < len(batch):
                self._file.close()
                return

    def _write(self, records: list[Record]) -> None:
        lost = self._file.append([render_line(record) for record in records])
        if lost:
            with self._lock:
                self._dropped += lost

    def _report_drops(self) -> None:
        with self._lock:
            dropped, self._dropped = self._dropped, 0
            if not dropped:
                return
            self._sequence += 1
            sequence = self._sequence
        event = Event(
            kind="events.dropped",
            actor="events",
            text=f"{dropped} events were dropped: the queue was full, or the disk refused them",
            data=(("count", dropped),),
        )
        record = record_of(event, unix_s=self._unix_s(), process=self._process, sequence=sequence)
        if self._file.append([render_line(record)]):
            with self._lock:
                self._dropped += dropped
        else:
            self._tell(record)

    def _tell(self, record: Record) -> None:
        """The observer's hook; a fault in it must not reach the actor that emitted."""
        if self._then is None:
            return
        try:
            self._then(record)
        except Exception:
            log.exception("events: the observer failed on %s", record.kind)


class _RotatingFile:
    """The file of one process. A disk that refuses is retried with the next append; nothing raises."""

    def __init__(self, directory: Path, process: str, *, bytes_max: int, files_kept: int) -> None:
        self._directory = directory
        self._process = process
        self._bytes_max = bytes_max
        self._files_kept = files_kept
        self._path = directory / f"{process}.jsonl"
        self._handle: IO[bytes] | None = None
        self._complaint = ""

    def append(self, lines: list[bytes]) -> int:
        """Write whole lines; how many were lost."""
        start = 0
        while start < len(lines):
            try:
                end = self._room(lines, start)
                lost = _lost(lines[start:end], self._open().write(b"".join(lines[start:end])))
            except OSError as error:
                self._complain(str(error))
                self.close()
                return len(lines) - start
            if lost:
                self._complain("the disk took only a part (full?)")
                self.close()
                return len(lines) - end + lost
            start = end
        self._complaint = ""
        return 0

    def _room(self, lines: list[bytes], start: int) -> int:
        """Up to which line the file has room, after rotating it if it is full; always for one at least."""
        size = self._open().tell()
        if size and size + len(lines[start]) > self._bytes_max:
            self._rotate()
            size = 0
        end = start
        while end < len(lines) and (end == start or size + len(lines[end]) <= self._bytes_max):
            size += len(lines[end])
            end += 1
        return end

    def close(self) -> None:
        """Close the file; the next append opens it again."""
        handle, self._handle = self._handle, None
        if handle is not None:
            handle.close()

    def _open(self) -> IO[bytes]:
        if self._handle is None or not self._path.exists():
            self.close()
            self._directory.mkdir(parents=True, exist_ok=True)
            self._handle = self._path.open("ab", buffering=0)
            _end_torn_line(self._path, self._handle)
        return self._handle

    def _rotate(self) -> None:
        self.close()
        numbers = sorted(self._numbers())
        self._path.rename(self._rotated(numbers[-1] + 1 if numbers else 1))
        for number in numbers[: max(0, len(numbers) + 1 - self._files_kept)]:
            self._rotated(number).unlink(missing_ok=True)

    def _numbers(self) -> list[int]:
        middles = (path.name[len(self._process) + 1 : -len(".jsonl")] for path in self._siblings())
        return [int(middle) for middle in middles if middle.isdecimal()]

    def _siblings(self) -> list[Path]:
        return list(self._directory.glob(f"{self._process}.*.jsonl"))

    def _rotated(self, number: int) -> Path:
        return self._directory / f"{self._process}.{number}.jsonl"

    def _complain(self, text: str) -> None:
        if text != self._complaint:
            self._complaint = text
            log.error("events are not written to %s: %s", self._path, text)


def _lost(lines: list[bytes], written: int) -> int:
    """How many lines a short write did not take whole."""
    for index, line in enumerate(lines):
        written -= len(line)
        if written < 0:
            return len(lines) - index
    return 0


def _end_torn_line(path: Path, handle: IO[bytes]) -> None:
    """A killed process may have left half a line: end it, so that our first line is not glued to it."""
    if handle.tell():
        with path.open("rb") as reader:
            reader.seek(-1, 2)
            if reader.read(1) != b"\n":
                handle.write(b"\n")
