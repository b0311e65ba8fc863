"""A host's release directory in memory, with the semantics of `runtime.releases`.

Every switch is compared with the truth: the files of a release are what was published up to its generation, and
`current` goes back to an older generation only where a reload failed, or the host has another role.
"""

from __future__ import annotations

import hashlib

import msgspec

from holdfast.fleet.delivery.truth import Truth
from holdfast.model.delivery import Host, digest_of
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.release import Differs, Ready, Release, Stage, Staged, Switch


class Wrong(msgspec.Struct):
    """What must not happen, counted."""

    files: int = 0
    """A switch to files that are not what was published up to that generation."""
    back: int = 0
    """A switch to an older generation that is no roll-back of one's own failed reload."""
    ready: int = 0
    """Said to be ready with less than is desired, or with what was made for another role."""

    @property
    def none(self) -> bool:
        """Whether nothing of it happened."""
        return not (self.files or self.back or self.ready)


class Machine:
    """One host's disk; it outlives the host's processes."""

    def __init__(self, host: Host, truth: Truth, wrong: Wrong) -> None:
        self.host = host
        """Who it is now: another role may come."""
        self._truth, self._wrong = truth, wrong
        self._releases: dict[str, tuple[Release, dict[str, bytes]]] = {}
        self._staged = 0
        self.linked = ""
        self.loaded = ""
        """The release that the daemon is known to have taken."""
        self.said_ready: Ready | None = None
        self.refused = 0
        """The newest generation whose reload failed here."""
        self._reload_failed = ""

    @property
    def current(self) -> int:
        """The generation that is current, of whoever the host was then."""
        return self.release().generation

    @property
    def is_its_own(self) -> bool:
        """Whether what is current was made for who the host is now."""
        return self.release().host == self.host

    def install(self, generation: int) -> None:
        """As if it had followed up to this generation before the world began."""
        files = self._truth.files(self.host, generation)
        self.linked = self._lay(Release("", generation, self.host, _digest(files)), files)

    def _lay(self, release: Release, files: dict[str, bytes]) -> str:
        self._staged += 1
        name = f"{release.generation}.{self._staged}"
        self._releases[name] = (msgspec.structs.replace(release, name=name), files)
        return name

    def release(self) -> Release:
        """What `current` says of itself."""
        found = self._releases.get(self.linked)
        if found is None:
            return Release()
        return msgspec.structs.replace(found[0], loaded=self.loaded == self.linked)

    def stage(self, op: Stage) -> Staged | Differs:
        """A release beside the current one, from it and the delivery."""
        delivery = op.delivery
        base = {} if delivery.snapshot else dict(self._releases.get(self.linked, (None, {}))[1])
        base.update({file.name: file.content for file in delivery.files})
        for name in delivery.gone:
            base.pop(name, None)
        digest = _digest(base)
        if delivery.digest not in ("", digest):
            return Differs("not what the service takes it for")
        return Staged(self._lay(Release("", delivery.generation, op.host, digest, self.release().name), base))

    def switch(self, op: Switch) -> CouldNotAsk | None:
        """`current` becomes another release, if it still is the one that was compared with."""
        if self.linked != op.over:
            return CouldNotAsk(f"{self.linked} is current, not {op.over}: another process was here")
        if op.release and op.release not in self._releases:
            return CouldNotAsk(f"release {op.release} is gone: another process was here")
        was = self.release()
        if op.release and not op.undoes:
            made, files = self._releases[op.release]
            self._releases[op.release] = (msgspec.structs.replace(made, before=op.over), files)
        self.linked = op.release
        now = self.release()
        back = now.generation < was.generation and now.host == was.host
        if back and self._reload_failed != was.name:
            self._wrong.back += 1
        if op.release and self._releases[op.release][1] != self._truth.files(now.host, now.generation):
            self._wrong.files += 1
        return None

    def reload(self, release: str, *, ok: bool) -> None:
        """A reload has ended."""
        self._reload_failed = "" if ok else release
        if not ok and release in self._releases:
            self.refused = max(self.refused, self._releases[release][0].generation)

    def can_run(self, release: str, *, reload: bool) -> bool:
        """Whether a command can be run there: it has not been removed, and a reload is of what is current."""
        return self.linked == release if reload else release in self._releases

    def discard(self) -> None:
        """Old releases go."""
        kept = (self.linked, self.release().before)
        self._releases = {name: found for name, found in self._releases.items() if name in kept}

    def says(self, op: Ready) -> None:
        """What the host says of its readiness, held against what it has."""
        if op.ready and (op.applied < op.desired or self.current < op.desired or not self.is_its_own):
            self._wrong.ready += 1
        self.said_ready = op


def _digest(files: dict[str, bytes]) -> str:
    return digest_of((name, 0o644, hashlib.sha256(content).digest()) for name, content in files.items())
