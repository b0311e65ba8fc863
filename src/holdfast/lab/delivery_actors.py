"""Runs of propagation's shipped loops in the laboratory: services, a host's disk and daemon, its processes."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from typing import Any, Final, TypeAlias

import msgspec

from holdfast.lab.lease_service import frozen
from holdfast.model.delivery import Host, Result, digest_of
from holdfast.ports.clock import Arm, Disarm, Fired, Idle
from holdfast.ports.delivery import Call, NextCalls
from holdfast.ports.operation import CouldNotAsk, Loop, Operation
from holdfast.ports.release import (
    AskNewer,
    Command,
    CurrentRelease,
    Differs,
    Discard,
    Loaded,
    Ran,
    Ready,
    Release,
    Run,
    Stage,
    Staged,
    Switch,
)
from holdfast.propagation.agent import config_loop
from holdfast.propagation.desk import DeliverySettings
from holdfast.propagation.loop import delivery_loop

ROLES: Final = ("api", "web")
BROKEN: Final = b"broken"
"""Validation refuses it."""
UNLOADABLE: Final = b"unloadable"
"""It validates, and the daemon does not take it."""

Files: TypeAlias = tuple[tuple[str, bytes], ...]


class ServiceRun:
    """A run of the service's loop, and what has come in."""

    def __init__(self, settings: DeliverySettings) -> None:
        self._settings = settings
        self.start()

    def start(self) -> None:
        """A new process: it knows nothing."""
        self.loop: Loop[Any] = delivery_loop("lab", self._settings)
        self.pending: Operation[Any] = self.loop.send(None)
        self.calls: list[Call] = []
        self.seen_s = -1.0
        self.since: list[str] = []
        """What it was answered since it last looked at its inbox."""
        self._key: Hashable = None

    def send(self, result: Any) -> None:
        """Answer what it waits for."""
        self.since.append(repr(result))
        self.pending, self._key = self.loop.send(result), None
        if isinstance(self.pending, NextCalls):
            self.since = []

    def key(self) -> Hashable:
        """What two equal states share."""
        if self._key is None:
            local = self.loop.cr_frame.f_locals  # type: ignore[attr-defined]
            known = (frozen(local.get("desk")), frozen(local.get("store")))
            self._key = (repr(self.pending), tuple(self.since), known)
        return (self._key, tuple(map(repr, self.calls)))


class Disk:
    """A host's releases, which of them is current, and what its daemon runs."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.releases: dict[str, tuple[Release, Files]] = {}
        self.current = ""
        self.daemon: tuple[str, Files] = ("", ())
        """Name and files of the release that it runs."""
        self.loaded = ""
        self.undoes = ""
        """The release whose reload failed last: the switch that goes back from it is no step back."""
        self.broken = ""

    def key(self) -> Hashable:
        """What two equal states share."""
        disk = repr(sorted(self.releases.items(), key=lambda item: item[0]))
        return (disk, self.current, self.daemon, self.loaded, self.undoes)

    def release(self) -> Release:
        """What `current` says of itself."""
        found = self.releases.get(self.current)
        return (
            Release() if found is None else msgspec.structs.replace(found[0], loaded=self.loaded == self.current)
        )

    def files(self) -> Files:
        """What is current."""
        return self.releases[self.current][1] if self.current in self.releases else ()

    def stage(self, op: Stage, process: int) -> Staged | Differs:
        """A release beside the current one. No two processes lay out the same."""
        delivery = op.delivery
        files = {} if delivery.snapshot else dict(self.files())
        for name in delivery.gone:
            files.pop(name, None)
        files |= {file.name: file.content for file in delivery.files}
        digest = digest_of((name, 0o644, hashlib.sha256(content).digest()) for name, content in files.items())
        if delivery.digest not in ("", digest):
            return Differs("it is not what the service takes it for")
        name = f"{delivery.generation}-{op.host.role}-{digest[:4]}-{process}"
        if name == self.current:
            name += "-again"
        made = Release(name, delivery.generation, op.host, digest, self.current)
        self.releases[name] = (made, tuple(sorted(files.items())))
        return Staged(name)

    def run(self, op: Run) -> Ran | CouldNotAsk:
        """A command. The daemon reads what is current when it is told to."""
        if op.release not in self.releases or (op.command is Command.RELOAD and op.release != self.current):
            return CouldNotAsk("another process was here")
        files = self.releases[op.release][1]
        contents = [content for _, content in files]
        if op.command is Command.VALIDATE:
            return Ran(BROKEN not in contents, "broken")
        if UNLOADABLE in contents:
            self.undoes = op.release
            return Ran(False, "unloadable")
        self.daemon, self.undoes = (op.release, files), ""
        return Ran(True)

    def switch(self, op: Switch) -> CouldNotAsk | None:
        """Compared at the write."""
        if op.over != self.current:
            return CouldNotAsk(f"{self.current} is current, and not {op.over}")
        if op.release and op.release not in self.releases:
            return CouldNotAsk(f"{op.release} is gone")
        was = self.release()
        if op.release and not op.undoes:
            made, files = self.releases[op.release]
            self.releases[op.release] = (msgspec.structs.replace(made, before=op.over), files)
        self.current = op.release
        now = self.release()
        if now.generation < was.generation and now.host in (was.host, Host("")) and self.undoes != was.name:
            self.broken = f"newest wins at the write: the host goes from {was.generation} back to {now.generation}"
        if BROKEN in (content for _, content in self.files()):
            self.broken = "a broken document is never current"
        return None

    def discard(self) -> None:
        """Old releases go."""
        kept = (self.current, self.release().before)
        self.releases = {name: found for name, found in self.releases.items() if name in kept}


class Follower:
    """A process on a disk."""

    def __init__(self, disk: Disk, number: int, role: str) -> None:
        self.disk, self.number = disk, number
        self.calls = 0
        """The number of its last question: answers to earlier ones find nobody."""
        self.old = False
        """Another one runs by now: it goes on with what it was about, and ends when it would ask."""
        self.start(role)

    @property
    def call(self) -> int:
        """Id of its last question, of no other process."""
        return 10 * self.calls + self.number + 1

    def start(self, role: str) -> None:
        """A new process on the same disk."""
        self.host = Host(self.disk.name, role)
        self.loop: Loop[Any] = config_loop(self.host)
        self.pending: Operation[Any] = self.loop.send(None)
        self.since: list[str] = []
        self.reply: Result | None = None
        self.asked = False
        self.saw = (Release(), "")
        """What was current, and what the daemon ran, when it last looked."""

    @property
    def over(self) -> bool:
        """It has ended."""
        return self.old and isinstance(self.pending, AskNewer)

    def send(self, result: Any) -> None:
        """Answer what it waits for."""
        self.since.append(repr(result))
        self.pending = self.loop.send(result)
        if isinstance(self.pending, AskNewer):
            self.since = []

    def key(self) -> Hashable:
        """What two equal states share."""
        if self.over:
            return ()
        mine = (self.number, self.host.role, self.old, repr(self.reply), self.asked, repr(self.saw))
        return (repr(self.pending), tuple(self.since), mine)

    def acts(self) -> None:
        """One step that is no question to the service."""
        self.send(self._do(self.pending))

    def _do(self, operation: Operation[Any]) -> Any:
        disk = self.disk
        match operation:
            case CurrentRelease():
                self.saw = (disk.release(), disk.daemon[0])
                return disk.release()
            case Loaded():
                disk.loaded = operation.release
            case Stage():
                return disk.stage(operation, self.number)
            case Run():
                return disk.run(operation)
            case Switch():
                return disk.switch(operation)
            case Discard():
                disk.discard()
            case Ready():
                self._ready(operation)
            case Fired(timers=timers):
                return frozenset(timers)
            case _:
                assert isinstance(operation, Arm | Disarm | Idle), operation
                return False
        return None

    def _ready(self, said: Ready) -> None:
        """Held against what it saw when it looked: what another process does after that it can't know."""
        release, daemon = self.saw
        if said.ready and not (
            said.applied >= said.desired and daemon == release.name and release.host in (self.host, Host(""))
        ):
            self.disk.broken = (
                f"ready means served: {self.host.name} of role {self.host.role} says so at {said.applied} of"
                f" {said.desired}; {release.name or 'nothing'} is current, its daemon runs {daemon or 'nothing'}"
            )
