"""A host's release directory in memory, with the semantics of `runtime.releases`.

Every switch is compared with the truth: the files of a release are what was published up to its generation, and
`current` goes back to an older generation only where a reload failed.
"""

from __future__ import annotations

import msgspec

from holdfast.fleet.delivery.truth import Truth
from holdfast.model.delivery import Host
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.release import Ready, Release, Stage, Switch


class Wrong(msgspec.Struct):
    """What must not happen, counted."""

    files: int = 0
    """A switch to files that are not what was published up to that generation."""
    back: int = 0
    """A switch to an older generation that is no roll-back of one's own failed reload."""
    ready: int = 0
    """Said to be ready, or not, other than `applied >= desired` of what the host has."""

    @property
    def none(self) -> bool:
        """Whether nothing of it happened."""
        return not (self.files or self.back or self.ready)


class Machine:
    """One host's disk; it outlives the host's processes."""

    def __init__(self, host: Host, truth: Truth, wrong: Wrong) -> None:
        self.host = host
        self._truth, self._wrong = truth, wrong
        self._releases: dict[int, tuple[Release, dict[str, bytes]]] = {}
        self.current = 0
        self.loaded = 0
        """The generation that the daemon is known to have taken."""
        self.said_ready: Ready | None = None
        self.refused = 0
        """The newest generation whose reload failed here."""
        self._reload_failed = 0

    def install(self, generation: int) -> None:
        """As if it had followed up to this generation before the world began."""
        files = self._truth.files(self.host, generation)
        self._releases = {generation: (Release(generation, self.host), files)}
        self.current = generation

    def release(self) -> Release:
        """What `current` says of itself."""
        found = self._releases.get(self.current)
        if found is None:
            return Release()
        return msgspec.structs.replace(found[0], loaded=self.loaded == self.current)

    def stage(self, op: Stage) -> None:
        """A release beside the current one, from it and the delivery."""
        delivery = op.delivery
        if self.current == delivery.generation:
            return
        base = {} if delivery.snapshot else dict(self._releases.get(self.current, (None, {}))[1])
        base.update({file.name: file.content for file in delivery.files})
        for name in delivery.gone:
            base.pop(name, None)
        self._releases[delivery.generation] = (Release(delivery.generation, op.host, self.current), base)

    def switch(self, op: Switch) -> CouldNotAsk | None:
        """`current` becomes another release, if it still is the one that was compared with."""
        if self.current != op.over:
            return CouldNotAsk(f"{self.current} is current, not {op.over}: another process was here")
        if op.generation and op.generation not in self._releases:
            return CouldNotAsk(f"release {op.generation} is gone: another process was here")
        if op.generation < self.current and self._reload_failed != self.current:
            self._wrong.back += 1
        self.current = op.generation
        if op.generation and self._releases[op.generation][1] != self._truth.files(self.host, op.generation):
            self._wrong.files += 1
        return None

    def reload(self, generation: int, *, ok: bool) -> None:
        """A reload has ended."""
        self._reload_failed = 0 if ok else generation
        if not ok:
            self.refused = max(self.refused, generation)

    def discard(self, keep: int) -> None:
        """Old releases go."""
        self._releases = {g: found for g, found in self._releases.items() if g in (keep, self.current)}

    def says(self, op: Ready) -> None:
        """What the host says of its readiness, held against what it has."""
        if op.ready != (op.applied >= op.desired) or (op.ready and self.current < op.desired):
            self._wrong.ready += 1
        self.said_ready = op
