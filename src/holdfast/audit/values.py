"""What an audit says: findings with check, gap and act, and what could not be read."""

from __future__ import annotations

import enum
import hashlib
import re

import msgspec


class Tier(enum.Enum):
    """How strong the evidence is that this is a race and that it does harm. Each finding lists its evidence."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


RANK = {Tier.HIGH: 0, Tier.MEDIUM: 1, Tier.LOW: 2}


class Dependence(enum.Enum):
    """How the act hangs on the check."""

    CONTROL = "control"
    """The check decides whether the act happens."""
    DATA = "data"
    """What the check read is written by the act."""


class Place(msgspec.Struct, frozen=True, order=True):
    """Where in which file; line and column count from 1. `text` is the source there, on one line."""

    file: str
    line: int
    column: int
    text: str


class Finding(msgspec.Struct, frozen=True):
    """One stale check.

    `file` is as the user named it, `module` the dotted name for imports, `function` the qualified name in it.
    `path` is what was checked: an access path such as `self.a[k]`, or a row of an external store.
    `gap` is where others get in; none for HF008. `fingerprint` stays the same when lines move.
    """

    rule: str
    tier: Tier
    file: str
    module: str
    function: str
    path: str
    check: Place
    gap: Place | None
    act: Place
    dependence: Dependence
    why: str
    fix: str
    evidence: tuple[str, ...]
    fingerprint: str


class Unread(msgspec.Struct, frozen=True, order=True):
    """A file that was not audited. `line` is 0 where the reason has none."""

    file: str
    line: int
    reason: str


class Comment(msgspec.Struct, frozen=True, order=True):
    """One suppression. `line` is where it stands, `target` the line that it speaks of; both count from 1."""

    file: str
    line: int
    target: int
    rules: tuple[str, ...]
    reason: str

    @property
    def problem(self) -> str:
        """Why it suppresses nothing; empty if it does."""
        if not self.rules or not all(re.fullmatch(r"HF\d{3}", rule) for rule in self.rules):
            return "name the rules it is about: `# holdfast: ignore[HF001] reason`"
        if not self.reason:
            return "say why the finding is accepted, after the bracket"
        return ""


class Report(msgspec.Struct, frozen=True):
    """All findings, strongest first within a file; and how much was looked at. `comments` are all suppressions."""

    findings: tuple[Finding, ...]
    unread: tuple[Unread, ...]
    files: int
    lines: int
    functions: int
    comments: tuple[Comment, ...] = ()


def fingerprint(rule: str, module: str, function: str, path: str, texts: tuple[str, ...], ordinal: int) -> str:
    """Stays when lines move or white space changes; `ordinal` tells equal ones in one function apart."""
    squeezed = ["".join(text.split()) for text in texts]
    key = "\0".join((rule, module, function, path, *squeezed, str(ordinal)))
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:16]
