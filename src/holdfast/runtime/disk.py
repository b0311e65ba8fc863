"""One actor's disk: a directory of small documents, each replaced atomically and durably.

`Stage` writes `<name>.tmp` and flushes it; `Promote` renames it and flushes the directory, without which the
rename itself may not survive a power cut. Files are for their owner alone (0600, directory 0700).
"""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

from holdfast.ports.disk import DiskFailed, Load, Promote, Stage

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")


class BadName(ValueError):
    """A document's name that could leave the directory: an error of the program, never of the disk."""


class DirectoryDisk:
    """Answers `ports.disk`. Blocking calls run in a thread: a slow disk delays its own actor only."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    async def load(self, op: Load) -> bytes | DiskFailed | None:
        """Read a document; None when there is none."""
        return await asyncio.to_thread(self._load, op.name)

    async def stage(self, op: Stage) -> DiskFailed | None:
        """Write and flush the temporary file."""
        return await asyncio.to_thread(self._stage, op.name, op.data)

    async def promote(self, op: Promote) -> DiskFailed | None:
        """Put the temporary file in place and flush the directory."""
        return await asyncio.to_thread(self._promote, op.name)

    def _load(self, name: str) -> bytes | DiskFailed | None:
        path = self._path(name)
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            return _failed("read", path, error)

    def _stage(self, name: str, data: bytes) -> DiskFailed | None:
        path = self._staged(name)
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            # A left-over of a crash may have other permissions: begin with a new file.
            path.unlink(missing_ok=True)
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            return _failed("write", path, error)
        return None

    def _promote(self, name: str) -> DiskFailed | None:
        path = self._path(name)
        try:
            self._staged(name).replace(path)
            _flush_directory(self.directory)
        except OSError as error:
            return _failed("replace", path, error)
        return None

    def _path(self, name: str) -> Path:
        if _NAME.fullmatch(name) is None or name.endswith(".tmp"):
            raise BadName(f"{name!r} is no document name: 1 to 100 of letters, digits, dot, dash, underscore")
        return self.directory / name

    def _staged(self, name: str) -> Path:
        return self._path(name).with_name(f"{name}.tmp")


def _flush_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _failed(verb: str, path: Path, error: OSError) -> DiskFailed:
    return DiskFailed(f"can't {verb} {path}: {error.strerror or error}")
