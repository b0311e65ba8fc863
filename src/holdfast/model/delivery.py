"""Configuration documents for hosts, as values: what is published, what a host asks for and is given.

A *document* is a file for all hosts, or for those of a role, of a group, or one. Every change of any document has
a *generation* of its own, numbered through over the whole scope; a host that has applied generation g has exactly
what was published up to g. So one number says how far a host is, and "newest wins" is a comparison of numbers.

Beside the number stands a *digest* of all that a host has or should have by it. The number alone does not say for
whom: a host that changed its role may be at the right number with another role's files, and so may one whose
service lost its history and gave the same numbers again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Final, TypeAlias

import msgspec

_NAME: Final = re.compile(r"(?!\.)[A-Za-z0-9._-]{1,128}(?:/(?!\.)[A-Za-z0-9._-]{1,128}){0,7}")
_WORD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
CONTENT_BYTES_MAX: Final = 512 * 1024
"""A document has to fit one store transaction with room to spare."""


class Host(msgspec.Struct, frozen=True):
    """A host that takes configuration."""

    name: str
    role: str = ""
    group: str = ""
    """Hosts that should not wait for those of another group: a zone, a tenant."""

    @property
    def selectors(self) -> tuple[str, ...]:
        """Selectors that mean this host, the most special first."""
        found = [f"host/{self.name}"]
        found += [f"group/{self.group}"] if self.group else []
        found += [f"role/{self.role}"] if self.role else []
        return (*found, "all")


class Version(msgspec.Struct, frozen=True):
    """How far a host is, or should be. An empty digest says nothing: it is not known, or from before digests."""

    generation: int = 0
    digest: str = ""


def digest_of(files: Iterable[tuple[str, int, bytes]]) -> str:
    """Digest of all files of a host: (name, mode, SHA-256 of the content) of each, in any order."""
    found = hashlib.sha256()
    for name, mode, content in sorted(files):
        found.update(f"{name}\0{mode:o}\0".encode() + content)
    return found.hexdigest()[:32]


class Document(msgspec.Struct, frozen=True):
    """A file as it lies in the store. `deleted` ones stay, so that hosts hear of it however late they ask."""

    selector: str
    name: str
    generation: int
    content: bytes = b""
    mode: int = 0o644
    deleted: bool = False
    format: int = 1


class Counter(msgspec.Struct, frozen=True):
    """The newest generation of a scope. Hosts below `floor` are sent everything.

    The floor rises when a store is found to have been restored: hosts know generations then that it does not.
    """

    generation: int = 0
    floor: int = 0
    history: str = ""
    """Digest of all that was written before, in order: the same number of another history is another counter,
    though its entry may have the same revision in a restored store.
    """
    format: int = 1

    def then(self, document: Document) -> Counter:
        """The counter that is written with a document of the next generation."""
        wrote = f"{self.history}\0{document.selector}\0{document.name}\0{document.mode:o}\0{document.deleted}\0"
        history = hashlib.sha256(wrote.encode() + hashlib.sha256(document.content).digest()).hexdigest()[:16]
        return Counter(document.generation, self.floor, history)


class Publish(msgspec.Struct, frozen=True, tag_field="call", tag="publish"):
    """A new version of a document. `expect` is the generation that it replaces (0: none; None: whatever)."""

    selector: str
    name: str
    content: bytes = b""
    mode: int = 0o644
    deleted: bool = False
    expect: int | None = None


class Poll(msgspec.Struct, frozen=True, tag_field="call", tag="poll"):
    """A host says what it has applied, and what it refused and why, and asks for what is newer."""

    host: Host
    applied: int
    refused: int = 0
    why: str = ""
    told: int = -1
    """What the host heard last that is desired of it; -1: nothing yet. Anything else is answered at once."""
    digest: str = ""
    """Of what it has applied; empty: it does not say."""
    refused_digest: str = ""

    @property
    def has(self) -> Version:
        """What it has applied."""
        return Version(self.applied, self.digest)

    @property
    def against(self) -> Version:
        """The newest that it refused."""
        return Version(self.refused, self.refused_digest)


class Status(msgspec.Struct, frozen=True, tag_field="call", tag="status"):
    """Who is how far."""


Ask: TypeAlias = Publish | Poll | Status


class Published(msgspec.Struct, frozen=True, tag_field="result", tag="published"):
    """It is in the store."""

    generation: int


class Superseded(msgspec.Struct, frozen=True, tag_field="result", tag="superseded"):
    """Somebody published this document in between: nothing was written. `generation` is theirs."""

    generation: int


class File(msgspec.Struct, frozen=True):
    """A file of a delivery."""

    name: str
    content: bytes
    mode: int


class Delivery(msgspec.Struct, frozen=True, tag_field="result", tag="delivery"):
    """What brings a host to `generation`: on top of what it has, or, as a `snapshot`, in its place."""

    generation: int
    files: tuple[File, ...] = ()
    gone: tuple[str, ...] = ()
    snapshot: bool = False
    digest: str = ""
    """Of all that the host has then; empty: not known, and not compared."""

    @property
    def version(self) -> Version:
        """Where it leads to."""
        return Version(self.generation, self.digest)


class Current(msgspec.Struct, frozen=True, tag_field="result", tag="current"):
    """Nothing for this host now. `generation` is what is desired of it: it is ready when it has applied that."""

    generation: int
    digest: str = ""


class TryLater(msgspec.Struct, frozen=True, tag_field="result", tag="try_later"):
    """Not now. `desired` is what a host should have, if it was a host that asked."""

    after_s: float
    why: str
    desired: int = 0
    digest: str = ""


class Invalid(msgspec.Struct, frozen=True, tag_field="result", tag="invalid"):
    """The call can never succeed as it is."""

    why: str


class Lag(msgspec.Struct, frozen=True):
    """One host as the service sees it."""

    host: Host
    applied: int
    desired: int
    ready: bool
    waits_s: float
    refused: int = 0
    why: str = ""
    """Why it refused, or what keeps it from applying."""
    quarantined: bool = False


class Standing(msgspec.Struct, frozen=True, tag_field="result", tag="standing"):
    """All hosts that asked lately, those that are not ready first."""

    generation: int
    hosts: tuple[Lag, ...]


Result: TypeAlias = Published | Superseded | Delivery | Current | TryLater | Invalid | Standing


PATH: Final = "/v1/config"
TIMEOUT_MAX_S: Final = 60.0


class Request(msgspec.Struct, frozen=True):
    """A call as it goes over HTTP: `POST /v1/config`; contents are base64. The answer is a `Result`."""

    ask: Ask
    timeout_s: float = 30.0


def ready(applied: Version, desired: Version) -> bool:
    """The warm-up gate: a host is ready exactly when it has applied what is desired of it, or what is newer.

    The same number with another digest is something else: of another role, or of a history that is lost.
    """
    if applied.generation != desired.generation:
        return applied.generation > desired.generation
    return not (applied.digest and desired.digest) or applied.digest == desired.digest


def problem(ask: Ask) -> str:
    """What is wrong with a call; empty if nothing is."""
    if isinstance(ask, Publish):
        return _document_problem(ask)
    if isinstance(ask, Poll):
        words = [ask.host.name, *(word for word in (ask.host.role, ask.host.group) if word)]
        bad = [word for word in words if not _WORD.fullmatch(word)]
        if bad:
            return f"`{bad[0][:80]}` is no host, role or group: 1 to 63 of A-Z, a-z, 0-9, dot, dash, underscore"
        if ask.applied < 0 or ask.refused < 0:
            return "generations are numbers from 0 on"
    return ""


def _document_problem(ask: Publish) -> str:
    kind, _, name = ask.selector.partition("/")
    if ask.selector != "all" and (kind not in ("role", "group", "host") or not _WORD.fullmatch(name)):
        return f"`{ask.selector[:80]}` selects no hosts: it is all, role/NAME, group/NAME or host/NAME"
    if not _NAME.fullmatch(ask.name):
        return f"`{ask.name[:80]}` is no file name: a relative path of A-Z, a-z, 0-9, dot, dash, underscore"
    if len(ask.content) > CONTENT_BYTES_MAX:
        return f"{len(ask.content)} bytes of content, {CONTENT_BYTES_MAX} allowed"
    if not 0 <= ask.mode <= 0o777:
        return f"mode {ask.mode:o} is none from 0 to 777"
    return ""
