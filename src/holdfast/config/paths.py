"""Paths that a file names: relative ones count from a directory, credentials of systemd from where it put them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

CREDENTIALS: Final = "$CREDENTIALS_DIRECTORY/"
"""How a file names what a unit was given by `LoadCredential=`: the directory is another for each unit."""


def placed(base: str | Path, written: str) -> str:
    """The absolute path; empty stays empty. Outside of such a unit the words stay, and nothing is there."""
    if not written:
        return ""
    directory = os.environ.get("CREDENTIALS_DIRECTORY", "")
    if directory and written.startswith(CREDENTIALS):
        return str(Path(directory) / written.removeprefix(CREDENTIALS))
    return str(Path(base) / written)
