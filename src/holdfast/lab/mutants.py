"""Mutants of the shipped code: source patches, applied to a shadow of the package, searched by the campaign.

Production has no switch for them. A patch that no longer fits the source is an error: rules move, and the mutant
that guards one must move with it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path

import msgspec

import holdfast
from holdfast.lab.campaign_run import BROKEN, Finding
from holdfast.lab.shadow import shadow

PACKAGE = Path(holdfast.__file__).parent


class Edit(msgspec.Struct, frozen=True):
    """Replace `old`, which must occur exactly once in `file` (relative to the package), by `new`."""

    file: str
    old: str
    new: str


class Mutant(msgspec.Struct, frozen=True):
    """One wrong version of the code."""

    name: str
    rule: str
    edits: tuple[Edit, ...]
    check: str = ""
    """The check of the campaign that is known to kill it, run before the others."""
    killer: tuple[str, ...] = ()
    """Tests that must kill it if the campaign is not meant to."""
    only: str = ""
    """The property that notices it when no other does."""
    why: str = ""
    """Why the campaign does not kill it, where it does not."""


class Verdict(msgspec.Struct, frozen=True):
    """What became of a mutant. `by` is `campaign`, or the tests that noticed; empty if it survived."""

    mutant: Mutant
    by: str
    how: str
    seconds: float
    finding: Finding | None = None
    """What the campaign found, if it was the campaign."""

    @property
    def name(self) -> str:
        """The mutant's name."""
        return self.mutant.name

    @property
    def rule(self) -> str:
        """The rule that it breaks."""
        return self.mutant.rule

    @property
    def killed(self) -> bool:
        """Whether anything noticed."""
        return bool(self.by)


class Standing(msgspec.Struct, frozen=True):
    """Whether a mutant is the one that only its property (`Mutant.only`) notices."""

    mutant: Mutant
    alone: Finding | None
    """What that property finds by itself, in the check that the mutant names."""
    others: Finding | None
    """What all other properties find together, in every check."""
    seconds: float

    @property
    def holds(self) -> bool:
        """Noticed by this property, and by no other."""
        found = self.alone is not None and self.alone.broken.startswith(self.mutant.only)
        return found and self.others is None


class PatchError(ValueError):
    """A mutant no longer fits the source."""


def load(path: Path) -> tuple[Mutant, ...]:
    """Mutants of a TOML table (tests/lab/mutants/mutants.toml)."""
    return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8"))["mutant"], tuple[Mutant, ...])


def patched(mutant: Mutant, package: Path = PACKAGE) -> dict[str, str]:
    """The sources that a mutant changes, changed.

    Raises:
        PatchError: an edit fits nowhere, or in several places.
    """
    sources: dict[str, str] = {}
    for edit in mutant.edits:
        source = sources.get(edit.file) or (package / edit.file).read_text(encoding="utf-8")
        count = source.count(edit.old)
        if count != 1:
            raise PatchError(
                f"mutant {mutant.name}: in {edit.file} the text to replace occurs {count} times, not once"
            )
        sources[edit.file] = source.replace(edit.old, edit.new)
    return sources


@contextmanager
def mutated(mutant: Mutant) -> Iterator[dict[str, str]]:
    """The environment of a process that imports the package with the mutant in it."""
    with tempfile.TemporaryDirectory(prefix="holdfast-mutant-") as directory:
        shadow(PACKAGE, patched(mutant), Path(directory) / "holdfast")
        yield {**os.environ, "PYTHONPATH": directory, "PYTHONDONTWRITEBYTECODE": "1"}


def judge(mutant: Mutant, tests: Path | None = None, *, seconds: float = 240.0) -> Verdict:
    """Run the campaign on a mutant, or, where it names no check but tests, those; if it survives, the other.

    `tests` is the repository's root, for mutants that are meant to die in its tests.
    """
    begun = time.perf_counter()
    with mutated(mutant) as environment:
        by, how, finding = "", "", None
        if mutant.killer and tests is not None and not mutant.check:
            by, how = _tests(environment, mutant.killer, tests, seconds)
        if not by:
            by, how, finding = _campaign(environment, mutant.check, seconds)
    return Verdict(mutant, by, how, time.perf_counter() - begun, finding)


def judge_all(mutants: Sequence[Mutant], tests: Path | None = None, *, jobs: int = 1) -> Iterator[Verdict]:
    """Verdicts as they come, `jobs` mutants at a time."""
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        pending = [pool.submit(judge, mutant, tests) for mutant in mutants]
        try:
            for done in as_completed(pending):
                yield done.result()
        finally:
            pool.shutdown(cancel_futures=True)


def untouched(mutants: Sequence[Mutant], *, whole: bool = False, seconds: float = 1800.0) -> Finding | None:
    """What the checks that these mutants name find in the code as it is: one that breaks there kills nothing.

    With `whole`, every check of the campaign.

    Raises:
        CampaignError: the search failed.
    """
    checks = {} if whole else dict.fromkeys(m.check for m in mutants if m.check)
    if not checks and not whole:
        return None
    arguments = [word for check in checks for word in ("--check", check)]
    return _found(_run({**os.environ}, arguments, seconds))


def searched(mutant: Mutant, *arguments: str, seconds: float = 240.0) -> Finding | None:
    """What `holdfast.lab.campaign_run` with these arguments finds in the mutant.

    Raises:
        CampaignError: it failed.
        subprocess.TimeoutExpired: it did not end.
    """
    with mutated(mutant) as environment:
        return _found(_run(environment, arguments, seconds))


def standing(mutant: Mutant, *, seconds: float = 1800.0) -> Standing:
    """Search the mutant for its property alone, and the whole campaign for all the others.

    Raises:
        CampaignError: a search failed.
        subprocess.TimeoutExpired: one did not end.
    """
    begun = time.perf_counter()
    alone = searched(mutant, "--check", mutant.check, "--only", mutant.only, seconds=seconds)
    others = searched(mutant, "--without", mutant.only, seconds=seconds)
    return Standing(mutant, alone, others, time.perf_counter() - begun)


class CampaignError(RuntimeError):
    """The campaign itself failed; the text is its last line."""


def _found(done: subprocess.CompletedProcess[str]) -> Finding | None:
    if done.returncode == 0:
        return None
    if done.returncode == BROKEN:
        return msgspec.json.decode(done.stdout.splitlines()[-1], type=Finding)
    lines = done.stderr.strip().splitlines()
    raise CampaignError(lines[-1] if lines else f"exit status {done.returncode}")


def _campaign(environment: dict[str, str], first: str, seconds: float) -> tuple[str, str, Finding | None]:
    try:
        found = _found(_run(environment, ("--first", first) if first else (), seconds))
    except subprocess.TimeoutExpired:
        return "", f"the campaign did not end within {seconds:.0f} s", None
    except CampaignError as error:
        return "", f"the campaign itself failed: {error}", None
    return ("", "", None) if found is None else ("campaign", f"{found.check}: {found.broken}", found)


def _run(
    environment: dict[str, str], arguments: Sequence[str], seconds: float
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "holdfast.lab.campaign_run", *arguments]
    return subprocess.run(  # noqa: S603  # our own module
        command, env=environment, capture_output=True, text=True, timeout=seconds, check=False
    )


def _tests(environment: dict[str, str], tests: Sequence[str], root: Path, seconds: float) -> tuple[str, str]:
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    try:
        done = subprocess.run(  # noqa: S603  # our own tests
            command, env=environment, cwd=root, capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return "", f"its tests did not end within {seconds:.0f} s"
    failed = [line for line in done.stdout.splitlines() if line.startswith("FAILED")]
    return (
        (" ".join(tests), failed[0])
        if done.returncode == 1 and failed
        else ("", f"its tests pass: {' '.join(tests)}")
    )
