"""What each file on this machine was last applied as: one small JSON in the state directory (R10).

Keyed by the file's absolute path. Losing it is safe: `up` then runs the store's document, and `apply` says
`NotMine` until a person uses `--force` or the contents are equal.
"""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
from pathlib import Path

import msgspec

from holdfast.config.apply import LastApplied

FILE_NAME = "applied.json"


class _Remembered(msgspec.Struct, frozen=True):
    files: dict[str, LastApplied]
    format: int = 1


def origin_of(path: str | Path) -> str:
    """Origin that names a file and its machine, for `StoredConfiguration.origin`."""
    return f"{socket.gethostname()}:{Path(path).absolute()}"


def recall(state: str | Path, path: str | Path) -> LastApplied | None:
    """What a file was last applied as; None if never, or if the memory is lost or unreadable."""
    return _read(Path(state)).files.get(_key(path))


def remember(state: str | Path, path: str | Path, last: LastApplied) -> str:
    """Keep what a file was applied as, atomically. Answers with a warning for people, or empty."""
    directory = Path(state)
    files = {**_read(directory).files, _key(path): last}
    data = msgspec.json.format(msgspec.json.encode(_Remembered(files=dict(sorted(files.items())))), indent=2)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        write_atomically(directory / FILE_NAME, data, mode=0o644)
    except OSError as error:
        return f"{directory / FILE_NAME} cannot be written ({error.strerror}): the next apply will ask for --force"
    return ""


def write_atomically(path: Path, data: bytes, *, mode: int) -> None:
    """Replace a file so that a reader, or a crash, sees the old content or the new one.

    Raises:
        OSError: the disk refused; the old content is still there.
    """
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _key(path: str | Path) -> str:
    return str(Path(path).resolve())


def _read(directory: Path) -> _Remembered:
    try:
        return msgspec.json.decode((directory / FILE_NAME).read_bytes(), type=_Remembered)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Remembered(files={})
