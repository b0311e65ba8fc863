"""How a source says that it can't be read."""

from __future__ import annotations

import msgspec


class Unreadable(Exception):
    """A source as a whole is of no use. `where` is file and line, `fix` what would help."""

    def __init__(self, where: str, what: str, fix: str) -> None:
        super().__init__(f"{where}: {what}; {fix}" if fix else f"{where}: {what}")
        self.where = where
        self.what = what
        self.fix = fix


class Warned(msgspec.Struct):
    """Warnings counted by kind, so that a million bad spans make one line."""

    first: dict[str, str] = {}
    counts: dict[str, int] = {}

    def note(self, what: str, where: str) -> None:
        """One more of this kind; the first place is remembered."""
        self.first.setdefault(what, where)
        self.counts[what] = self.counts.get(what, 0) + 1

    def lines(self) -> list[str]:
        """`what` with place and count."""
        return [
            f"{self.first[what]}: {what}" + (f" ({count:,} times)" if count > 1 else "")
            for what, count in self.counts.items()
        ]
