"""What is wrong with a file, as values: where, what, and what would be right. All of them, not the first."""

from __future__ import annotations

import enum
import re

import msgspec

_SECRET = re.compile(r"(?:secret|password|token)$", re.IGNORECASE)
_PASSWORD = re.compile(r"(?<=://)[^/\s@]*:[^\s\"]*(?=@)")
"""User and password in an address, where neither should stand."""
"""Keys that people take for the place of a secret: their lines are not shown, problems go to logs."""


class Severity(enum.Enum):
    """An error refuses the file; a warning is printed and lived with."""

    ERROR = "error"
    WARNING = "warning"


class Position(msgspec.Struct, frozen=True, order=True):
    """Line and column, both from 1, the column in characters."""

    line: int
    column: int


class Problem(msgspec.Struct, frozen=True):
    """One thing that is wrong. `key` is the dotted path of the key, `fix` says what would be right."""

    path: str
    line: int
    column: int
    key: str
    text: str
    fix: str = ""
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        where = f" ({self.key})" if self.key else ""
        fix = f"; {self.fix}" if self.fix else ""
        return f"{self.path}:{self.line}:{self.column}: {self.severity.value}: {self.text}{where}{fix}"


def has_errors(problems: tuple[Problem, ...]) -> bool:
    """Whether anything refuses the file."""
    return any(p.severity is Severity.ERROR for p in problems)


def render(problems: tuple[Problem, ...], source: str) -> str:
    """Text for a terminal: each problem with its source line and a caret under the place."""
    lines = source.splitlines()
    return "\n".join(_render_one(problem, lines) for problem in problems)


def _render_one(problem: Problem, lines: list[str]) -> str:
    head = f"{problem.path}:{problem.line}:{problem.column}: {problem.severity.value}: {problem.text}"
    if problem.key:
        head += f"\n      key: {problem.key}"
    if 1 <= problem.line <= len(lines) and not _SECRET.search(problem.key):
        # Of the same length, so that the caret keeps its place: what is printed here goes to events too.
        shown = _PASSWORD.sub(lambda found: "*" * len(found[0]), lines[problem.line - 1])
        # A tab under a tab keeps the caret below its character, whatever width the terminal gives to tabs.
        indent = "".join(c if c == "\t" else " " for c in shown[: problem.column - 1])
        head += f"\n{problem.line:>5} | {shown}\n      | {indent}^"
    if problem.fix:
        head += f"\n      fix: {problem.fix}"
    return head


def to_json(problems: tuple[Problem, ...]) -> str:
    """The same for programs: `{"errors": n, "warnings": n, "problems": [...]}`."""
    errors = sum(p.severity is Severity.ERROR for p in problems)
    report = {"errors": errors, "warnings": len(problems) - errors, "problems": problems}
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode()
