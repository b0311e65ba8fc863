"""Mutants of the shipped code: source patches, applied to a copy of the package, searched by the campaign.

Production has no switch for them. A patch that no longer fits the source is an error: rules move, and the mutant
that guards one must move with it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

import holdfast


class Edit(msgspec.Struct, frozen=True):
    """Replace `old`, which must occur exactly once in `file` (relative to the package), by `new`."""

    file: str
    old: str
    new: str


class Mutant(msgspec.Struct, frozen=True):
    """One wrong version of the code. `killer` are tests that must kill it if the campaign is not meant to."""

    name: str
    rule: str
    edits: tuple[Edit, ...]
    killer: tuple[str, ...] = ()


class Verdict(msgspec.Struct, frozen=True):
    """What became of a mutant. `by` says which check, or which tests; empty if it survived."""

    mutant: Mutant
    by: str
    how: str
    seconds: float

    @property
    def killed(self) -> bool:
        """Whether anything noticed."""
        return bool(self.by)


class PatchError(ValueError):
    """A mutant no longer fits the source."""


def load(path: Path) -> tuple[Mutant, ...]:
    """Mutants of a TOML table (tests/lab/mutants/mutants.toml)."""
    return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8"))["mutant"], tuple[Mutant, ...])


def apply(mutant: Mutant, package: Path) -> None:
    """Patch a copy of the package.

    Raises:
        PatchError: an edit fits nowhere, or in several places.
    """
    for edit in mutant.edits:
        path = package / edit.file
        source = path.read_text(encoding="utf-8")
        count = source.count(edit.old)
        if count != 1:
            raise PatchError(
                f"mutant {mutant.name}: in {edit.file} the text to replace occurs {count} times, not once"
            )
        path.write_text(source.replace(edit.old, edit.new), encoding="utf-8")


def judge(mutant: Mutant, tests: Path | None = None, *, seconds: float = 240.0) -> Verdict:
    """Apply a mutant to a copy and run the campaign, and if it survives and names tests, those.

    `tests` is the repository's root, for mutants that are meant to die in its tests.
    """
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="holdfast-mutant-") as directory:
        copy = Path(directory) / "holdfast"
        shutil.copytree(Path(holdfast.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
        apply(mutant, copy)
        environment = {**os.environ, "PYTHONPATH": directory, "PYTHONDONTWRITEBYTECODE": "1"}
        by, how = _campaign(environment, seconds)
        if not by and mutant.killer and tests is not None:
            by, how = _tests(environment, mutant.killer, tests, seconds)
    return Verdict(mutant, by, how, time.perf_counter() - begun)


def _campaign(environment: dict[str, str], seconds: float) -> tuple[str, str]:
    command = [sys.executable, "-m", "holdfast.lab.campaign_run"]
    try:
        done = subprocess.run(  # noqa: S603  # our own module
            command, env=environment, capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return "campaign", f"it did not end within {seconds:.0f} s"
    if done.returncode == 0:
        return "", ""
    lines = (done.stdout or done.stderr).strip().splitlines()
    return "campaign", lines[-1] if lines else f"exit status {done.returncode}"


def _tests(environment: dict[str, str], tests: Sequence[str], root: Path, seconds: float) -> tuple[str, str]:
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    try:
        done = subprocess.run(  # noqa: S603  # our own tests
            command, env=environment, cwd=root, capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return " ".join(tests), f"they did not end within {seconds:.0f} s"
    failed = [line for line in done.stdout.splitlines() if line.startswith("FAILED")]
    return (" ".join(tests), failed[0]) if done.returncode == 1 and failed else ("", "")


def judge_all(mutants: Sequence[Mutant], tests: Path | None = None) -> Iterator[Verdict]:
    """One verdict after the other."""
    for mutant in mutants:
        yield judge(mutant, tests)
