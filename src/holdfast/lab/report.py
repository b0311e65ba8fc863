"""What a search of other people's code hands back: the sentence with its bounds, the story, the tape."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TypeAlias

import msgspec

from holdfast.lab.aio.running import Ended
from holdfast.lab.engines.found import Outcome
from holdfast.lab.tape import Run, Tape, encode_tape

Evidence: TypeAlias = Run | Ended
"""A run in all detail: of actors on the ports, or of asyncio code."""


class Broken(AssertionError):
    """A search found something; the text is the whole report."""

    def __init__(self, report: Report, command: str = "") -> None:
        super().__init__(report.text(command))
        self.report = report


class Report(msgspec.Struct, frozen=True):
    """The end of a search. `note` says what shrinking came to, `evidence` is the run that broke something."""

    outcome: Outcome
    story: str = ""
    tape: Tape | None = None
    note: str = ""
    evidence: Evidence | None = None

    @property
    def broken(self) -> str:
        """What broke; empty if nothing did."""
        return "" if self.outcome.found is None else self.outcome.found.broken

    @property
    def proved(self) -> bool:
        """Whether everything within the bounds was searched, and nothing found."""
        return self.outcome.complete and self.outcome.found is None

    def text(self, command: str = "") -> str:
        """For people; `command` is how to see it again."""
        parts = [self.outcome.sentence()]
        if self.story:
            parts += ["", self.story]
        if self.note:
            parts += ["", self.note]
        if command:
            parts += ["", f"See it again: {command}"]
        return "\n".join(parts)

    def check(self) -> Report:
        """Itself, if nothing was found.

        Raises:
            Broken: with the report.
        """
        if self.outcome.found is not None:
            raise Broken(self)
        return self

    def page(self, command: str = "") -> str:
        """The run that broke something as an HTML page to step through; empty if nothing was found."""
        seed = "" if self.tape is None or self.tape.seed is None else str(self.tape.seed)
        return _page(
            self.evidence, self.outcome.bounds, ("Schedule", self.note), ("Seed", seed), ("Replay it", command)
        )

    def save(self, directory: Path) -> Path | None:
        """Write the tape into a directory, made if need be; None if nothing was found."""
        if self.tape is None:
            return None
        directory.mkdir(parents=True, exist_ok=True)
        name = "".join(c if c.isalnum() or c in "-_" else "-" for c in self.tape.scenario)[-80:].strip("-")
        path = directory / f"{name}-{hashlib.sha256(repr(self.tape).encode()).hexdigest()[:8]}.json"
        path.write_bytes(encode_tape(self.tape))
        return path


def _page(evidence: Evidence | None, searched: str, *facts: tuple[str, str]) -> str:
    # Imported here: who looks at no page should not read its templates and drills.
    from holdfast.lab.pages.runs import run_page
    from holdfast.lab.pages.schedules import schedule_page

    if evidence is None:
        return ""
    every = (("Searched", searched), *facts)
    return run_page(evidence, every) if isinstance(evidence, Run) else schedule_page(evidence, every)


class Replayed(msgspec.Struct, frozen=True):
    """A tape, run again. `misfit` says where the code went another way than the tape: then it proves nothing."""

    broken: str
    story: str
    misfit: str = ""
    evidence: Evidence | None = None

    def page(self, searched: str, command: str = "") -> str:
        """The run as an HTML page; `searched` is the code that it is of."""
        return _page(self.evidence, searched, ("Replay it", command))
