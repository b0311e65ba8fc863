"""Reading one TOML table key by key: types, ranges, and what to say when something else stands there.

A `Table` never stops at a fault: it notes a problem and answers with the default, so that one pass over a file
finds everything that is wrong with it.
"""

from __future__ import annotations

import difflib
import enum
import re
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from holdfast.config.problems import Position, Problem, Severity
from holdfast.config.source import Path, Source, dotted

E = TypeVar("E", bound=enum.Enum)
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h)")
_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
DURATION_S_MAX = 30 * 86400.0
"""Longer than a month is a slip of the unit, whatever the key."""


class Notes:
    """Problems found so far in one source."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._problems: list[Problem] = []

    def value(self, path: Path, text: str, fix: str = "", severity: Severity = Severity.ERROR) -> None:
        """Something is wrong with the value at `path`."""
        self._add(self.source.places.value(path), path, text, fix, severity)

    def key(self, path: Path, text: str, fix: str = "", severity: Severity = Severity.ERROR) -> None:
        """Something is wrong with the key at `path`, or it is missing there."""
        self._add(self.source.places.key(path), path, text, fix, severity)

    def _add(self, at: Position, path: Path, text: str, fix: str, severity: Severity) -> None:
        self._problems.append(Problem(self.source.path, at.line, at.column, dotted(path), text, fix, severity))

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All, in the order of the file, without repeats."""
        unique = dict.fromkeys(self._problems)
        return tuple(sorted(unique, key=lambda p: (p.line, p.column, p.key, p.text)))


def nearest(word: str, known: Iterable[str]) -> str:
    """Text "did you mean ..." for a word that is none of `known`; all of them when none is near."""
    choices = sorted(known)
    near = difflib.get_close_matches(word.lower(), choices, n=1, cutoff=0.6)
    return f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(choices)}"


class Table:
    """One table; each key is asked for once, and `close` reports those that nobody asked for."""

    def __init__(self, notes: Notes, path: Path, values: dict[str, Any]) -> None:
        self.notes = notes
        self.path = path
        self._values = values
        self._asked: set[str] = set()

    def at(self, key: str) -> Path:
        """Path of a key of this table."""
        return (*self.path, key)

    def has(self, key: str) -> bool:
        """Whether the key is given."""
        self._asked.add(key)
        return key in self._values

    def close(self) -> None:
        """Report unknown keys."""
        for key in self._values:
            if key not in self._asked:
                self.notes.key(self.at(key), f"unknown key `{key}`", nearest(key, self._asked))

    def _wrong(self, key: str, wanted: str) -> None:
        value = self._values[key]
        self.notes.value(self.at(key), f"`{key}` is {_described(value)}", f"it should be {wanted}")

    def _missing(self, key: str, wanted: str) -> None:
        self.notes.key(self.path, f"`{key}` is missing", f"add `{key}`: {wanted}")

    def text(self, key: str, default: str | None, *, wanted: str = "text in quotes") -> str:
        """A string; required if `default` is None."""
        if not self.has(key):
            if default is None:
                self._missing(key, wanted)
            return default or ""
        value = self._values[key]
        if not isinstance(value, str) or (default is None and not value):
            self._wrong(key, wanted)
            return default or ""
        return value

    def integer(self, key: str, default: int, *, least: int, most: int) -> int:
        """A whole number in a closed range."""
        if not self.has(key):
            return default
        value = self._values[key]
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            self._wrong(key, f"a whole number from {least} to {most}")
            return default
        return value

    def number(self, key: str, default: float, *, least: float, most: float, wanted: str) -> float:
        """A number in a closed range."""
        if not self.has(key):
            return default
        value = self._values[key]
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not least <= value <= most:
            self._wrong(key, wanted)
            return default
        return float(value)

    def share(self, key: str, default: float) -> float:
        """A number from 0 to 1."""
        return self.number(key, default, least=0, most=1, wanted="a share from 0 to 1, such as 0.25")

    def duration_s(self, key: str, default: float) -> float:
        """A duration above 0: "500ms", "10s", "5m", "1h", or a number of seconds."""
        if not self.has(key):
            return default
        seconds = _seconds(self._values[key])
        if seconds is None or not 0 < seconds <= DURATION_S_MAX:
            self._wrong(key, 'a duration above 0 and up to 720h, such as "500ms", "10s" or "5m"')
            return default
        return seconds

    def boolean(self, key: str, default: bool) -> bool:
        """True or false."""
        if not self.has(key):
            return default
        value = self._values[key]
        if not isinstance(value, bool):
            self._wrong(key, "true or false, without quotes")
            return default
        return value

    def choice(self, key: str, kind: type[E], default: E | None) -> E | None:
        """One word of an enumeration; required if `default` is None."""
        words = [str(member.value) for member in kind]
        if not self.has(key):
            if default is None:
                self._missing(key, f"one of {', '.join(words)}")
            return default
        value = self._values[key]
        if isinstance(value, str) and value in words:
            return kind(value)
        self.notes.value(self.at(key), f"`{key}` is {_described(value)}", nearest(str(value), words))
        return default

    def texts(self, key: str, default: Sequence[str] = ()) -> tuple[str, ...]:
        """A list of strings."""
        if not self.has(key):
            return tuple(default)
        value = self._values[key]
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self._wrong(key, 'a list of texts, such as ["one", "two"]')
            return tuple(default)
        return tuple(value)

    def integers(self, key: str, default: tuple[int, ...], *, least: int, most: int) -> tuple[int, ...]:
        """A list of whole numbers in a closed range, not empty."""
        if not self.has(key):
            return default
        value = self._values[key]
        if not isinstance(value, list) or not value or not all(_within(item, least, most) for item in value):
            self._wrong(key, f"a list of whole numbers from {least} to {most}, such as [200, 204]")
            return default
        return tuple(sorted(set(value)))

    def holds_table(self, key: str) -> bool:
        """Whether a table stands at this key; asks for it."""
        return self.has(key) and isinstance(self._values[key], dict)

    def table(self, key: str) -> Table | None:
        """A sub-table, if given."""
        if not self.has(key):
            return None
        value = self._values[key]
        if not isinstance(value, dict):
            self._wrong(key, f"a table: [{dotted(self.at(key))}]")
            return None
        return Table(self.notes, self.at(key), value)

    def tables(self, key: str) -> tuple[Table, ...]:
        """An array of tables, `[[key]]`; empty if not given."""
        if not self.has(key):
            return ()
        value = self._values[key]
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self._wrong(key, f"an array of tables, each begun with [[{key}]]")
            return ()
        return tuple(Table(self.notes, (*self.at(key), i), item) for i, item in enumerate(value))


def _within(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _seconds(value: object) -> float | None:
    if isinstance(value, str):
        found = _DURATION.fullmatch(value.strip())
        return None if found is None else float(found[1]) * _UNIT_S[found[2]]
    if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= DURATION_S_MAX:
        return float(value)
    return None


def _described(value: object) -> str:
    """A value for a message: what kind of thing it is and, if short, itself."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    shown = f"{value!r}" if not isinstance(value, bool) else str(value).lower()
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
