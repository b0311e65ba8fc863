"""What a search of other people's code hands back: the sentence with its bounds, the story, the tape."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from holdfast.lab.engines.found import Outcome
from holdfast.lab.tape import Tape, encode_tape


class Broken(AssertionError):
    """A search found something; the text is the whole report."""

    def __init__(self, report: Report, command: str = "") -> None:
        super().__init__(report.text(command))
        self.report = report


class Report(msgspec.Struct, frozen=True):
    """The end of a search. `note` says what shrinking came to."""

    outcome: Outcome
    story: str = ""
    tape: Tape | None = None
    note: str = ""

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

    def save(self, directory: Path) -> Path | None:
        """Write the tape into a directory, made if need be; None if nothing was found."""
        if self.tape is None:
            return None
        directory.mkdir(parents=True, exist_ok=True)
        name = "".join(c if c.isalnum() or c in "-_" else "-" for c in self.tape.scenario)[-80:].strip("-")
        path = directory / f"{name}-{hashlib.sha256(repr(self.tape).encode()).hexdigest()[:8]}.json"
        path.write_bytes(encode_tape(self.tape))
        return path


class Replayed(msgspec.Struct, frozen=True):
    """A tape, run again. `misfit` says where the code went another way than the tape: then it proves nothing."""

    broken: str
    story: str
    misfit: str = ""
