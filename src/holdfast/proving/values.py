"""What is to be proved, and what came of it."""

from __future__ import annotations

import enum

import msgspec


class Task(msgspec.Struct, frozen=True):
    """A finding as a child process gets it: files absolute, `root` the folder that imports start from."""

    rule: str
    root: str
    module: str
    function: str
    path: str
    check: tuple[str, int]
    gap: tuple[str, int] | None
    act: tuple[str, int]
    seconds: float = 5.0


class Answer(enum.Enum):
    """What an attempt showed."""

    PROVEN = "proven"
    """A schedule was found in which somebody acts on a check that another made stale."""
    GUARDED = "guarded"
    """The act was reached, and in every schedule that was run the check still held."""
    NOT_REACHED = "not reached"
    """Nobody came to the act: it can't be imported or made, or takes another way with what it was given."""


class Proof(msgspec.Struct, frozen=True):
    """What came of a finding. `said` is one line, `story` the schedule, `test` the test that shows it."""

    answer: Answer
    said: str
    story: str = ""
    test: str = ""
