"""Secrets from files: one that others can reach is refused before it is read."""

from __future__ import annotations

import stat
from pathlib import Path


class NotPrivate(ValueError):
    """The file can't be read, or others can reach it; the text says which and what to do, never what is in it."""


def read_private(path: Path) -> str:
    """The text of a file that only its owner can reach.

    Raises:
        NotPrivate: it is missing, unreadable, not UTF-8, or of a mode that lets others in.
    """
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            raise NotPrivate(f"{path} has mode {mode:04o}, others can reach the secret; run: chmod 600 {path}")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise NotPrivate(f"can't read {path}: {error}") from error
    except UnicodeDecodeError as error:
        raise NotPrivate(f"can't read {path}: it is not UTF-8 (byte {error.start})") from error
