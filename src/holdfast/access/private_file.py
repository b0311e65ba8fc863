"""Secrets from files: one that others can reach is refused before it is read. The one place that reads them.

What systemd passes with `LoadCredential=` lies in a directory that only the unit can enter, and its files may show
a group's read bit: that is the mask of the access control entry by which the unit's user reads them. So there, and
only there, that bit is no reason to refuse.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

OTHERS: Final = 0o077
OTHERS_OF_A_CREDENTIAL: Final = 0o037
SECRET_BYTES_MAX: Final = 1024 * 1024
"""A secret is short. Who names a device or a log by mistake gets an answer, not an endless read."""


class NotPrivate(ValueError):
    """The file can't be read, or others can reach it; the text says which and what to do, never what is in it."""


def read_private(path: Path) -> str:
    """The text of a file that only its owner can reach.

    Raises:
        NotPrivate: it is missing, unreadable, no file, not UTF-8, or of a mode that lets others in.
    """
    try:
        # Not blocking: a named pipe would wait for a writer. And looked at once open: a path may be swapped.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            _check(path, os.fstat(file.fileno()))
            return file.read(SECRET_BYTES_MAX + 1).decode("utf-8")
    except OSError as error:
        raise NotPrivate(f"can't read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        # Without the cause: its text shows the bytes around the fault.
        raise NotPrivate(f"can't read {path}: it is not UTF-8 (byte {error.start})") from None


def read_token(path: Path) -> str:
    """One line of text that is shown to a service, such as a token: without the line's end.

    Raises:
        NotPrivate: as `read_private`; or there is nothing in it, or more than one line of plain characters.
    """
    found = read_private(path).strip()
    if not found:
        raise NotPrivate(f"{path} is empty")
    if not (found.isascii() and found.isprintable()):
        raise NotPrivate(f"{path} holds more than one line of plain characters: it is no token")
    return found


def check_private(path: Path) -> None:
    """Refuse a file as `read_private` does, for those that a library reads itself (TLS keys).

    Raises:
        NotPrivate: as `read_private`.
    """
    read_private(path)


def _check(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise NotPrivate(f"{path} is no file: a secret is read from a file of its own")
    mode = stat.S_IMODE(found.st_mode)
    if mode & (OTHERS_OF_A_CREDENTIAL if _is_credential(path) else OTHERS):
        raise NotPrivate(f"{path} has mode {mode:04o}, others can reach the secret; run: chmod 600 {path}")
    if found.st_size > SECRET_BYTES_MAX:
        raise NotPrivate(f"{path} has {found.st_size} bytes, no secret has more than {SECRET_BYTES_MAX}")


def _is_credential(path: Path) -> bool:
    """Whether systemd put it there for this unit."""
    directory = os.environ.get("CREDENTIALS_DIRECTORY", "")
    return bool(directory) and path.resolve().is_relative_to(Path(directory).resolve())
