"""A baseline: what was found when a team began, so that only new findings fail a build.

Entries are known by fingerprint, which stays when lines move. The rest of an entry is for the people who read the
file.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import msgspec

from holdfast.audit.values import Finding

VERSION = 1


class Entry(msgspec.Struct, frozen=True, order=True):
    """One accepted finding."""

    file: str
    rule: str
    function: str
    path: str
    fingerprint: str


class Baseline(msgspec.Struct, frozen=True, dict=True):
    """All accepted findings of a project."""

    version: int
    entries: tuple[Entry, ...]

    @functools.cached_property
    def fingerprints(self) -> frozenset[str]:
        """Of all entries."""
        return frozenset(entry.fingerprint for entry in self.entries)


class BadBaseline(Exception):
    """A file that is no baseline; the text says what to do."""


def of(findings: Sequence[Finding]) -> Baseline:
    """The baseline that accepts these."""
    return Baseline(
        VERSION, tuple(sorted(Entry(f.file, f.rule, f.function, f.path, f.fingerprint) for f in findings))
    )


def read(path: Path) -> Baseline:
    """Read a baseline.

    Raises:
        BadBaseline: the file is missing, can't be read, or is no baseline of this version.
    """
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Baseline)
    except OSError as error:
        raise BadBaseline(
            f"{path}: {error.strerror}; `holdfast audit PATH... --baseline {path} --update-baseline` writes one"
        ) from error
    except msgspec.MsgspecError as error:
        raise BadBaseline(f"{path} is no baseline of holdfast audit: {error}") from error
    if found.version != VERSION:
        raise BadBaseline(
            f"{path} is a baseline of version {found.version}; this holdfast reads version {VERSION}"
        )
    return found


def write(path: Path, baseline: Baseline) -> None:
    """Write it whole or not at all, one entry a line group so that reviews show what was added.

    Raises:
        OSError: it can't be written.
    """
    part = path.with_name(path.name + ".part")
    part.write_bytes(msgspec.json.format(msgspec.json.encode(baseline), indent=1) + b"\n")
    part.replace(path)
