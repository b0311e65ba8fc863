"""A shadow of the installed package in which some files are others: links to all that is the same.

A copy would be read and compiled anew by each process that imports it, which takes longer than most searches need
to kill a mutant. Links share the compiled files; only what is patched, and the folders on the way to it, is real.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

PYC = "__pycache__"


def shadow(package: Path, patched: Mapping[str, str], target: Path) -> None:
    """Make `target` the package with the sources of `patched` (paths relative to it) in place of its own."""
    target.mkdir()
    here = {Path(file).parts[0] for file in patched}
    for entry in package.iterdir():
        if entry.name == PYC:
            _compiled(entry, {Path(f).stem for f in patched if len(Path(f).parts) == 1}, target / PYC)
        elif entry.name not in here:
            (target / entry.name).symlink_to(entry)
        elif entry.is_dir():
            shadow(entry, _below(patched, entry.name), target / entry.name)
        else:
            (target / entry.name).write_text(patched[entry.name], encoding="utf-8")


def _below(patched: Mapping[str, str], folder: str) -> dict[str, str]:
    inside = {file: text for file, text in patched.items() if Path(file).parts[0] == folder}
    return {str(Path(*Path(file).parts[1:])): text for file, text in inside.items()}


def _compiled(cache: Path, stems: set[str], target: Path) -> None:
    """Compiled files but those of patched modules: the sources' ages may not tell them apart."""
    target.mkdir()
    for entry in cache.iterdir():
        if entry.name.partition(".")[0] not in stems:
            (target / entry.name).symlink_to(entry)
