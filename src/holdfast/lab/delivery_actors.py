"""Runs of propagation's shipped loops in the laboratory: a service, and a host with its disk and daemon."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Final, TypeAlias

from holdfast.lab.lease_world import frozen
from holdfast.model.delivery import Host, Result
from holdfast.ports.delivery import Call, NextCalls
from holdfast.ports.operation import Loop, Operation
from holdfast.ports.release import (
    AskNewer,
    Release,
)
from holdfast.propagation.agent import config_loop
from holdfast.propagation.desk import DeliverySettings
from holdfast.propagation.loop import delivery_loop

HOST: Final = Host("h", "api")

Files: TypeAlias = tuple[tuple[str, bytes], ...]


class ServiceRun:
    """A run of the service's loop, and what has come in."""

    def __init__(self) -> None:
        self.loop: Loop[Any] = delivery_loop("lab", DeliverySettings())
        self.pending: Operation[Any] = self.loop.send(None)
        self.calls: list[Call] = []
        self.seen_s = -1.0
        self.since: list[str] = []
        """What it was answered since it last looked at its inbox."""

    def send(self, result: Any) -> None:
        """Answer what it waits for."""
        self.since.append(repr(result))
        self.pending = self.loop.send(result)
        if isinstance(self.pending, NextCalls):
            self.since = []

    def key(self) -> Hashable:
        """What two equal states share."""
        local = self.loop.cr_frame.f_locals  # type: ignore[attr-defined]
        return (repr(self.pending), tuple(self.since), frozen(local.get("desk")), frozen(local.get("store")))


class HostRun:
    """A host: its loop, its disk, and its daemon."""

    def __init__(self) -> None:
        self.releases: dict[int, tuple[Release, Files]] = {}
        self.current = 0
        self.daemon: tuple[int, Files] = (0, ())
        self.loaded = 0
        self.call = 0
        """The number of its last question: answers to earlier ones find nobody."""
        self.undoes = False
        """The last reload failed: the next switch goes back."""
        self.start()

    def start(self) -> None:
        """A new process on the same disk."""
        self.loop: Loop[Any] = config_loop(HOST)
        self.pending: Operation[Any] = self.loop.send(None)
        self.since: list[str] = []
        self.reply: Result | None = None
        self.asked = False

    def send(self, result: Any) -> None:
        """Answer what it waits for."""
        self.since.append(repr(result))
        self.pending = self.loop.send(result)
        if isinstance(self.pending, AskNewer):
            self.since = []

    def files(self) -> Files:
        """What is current."""
        return self.releases[self.current][1] if self.current else ()

    def key(self) -> Hashable:
        """What two equal states share."""
        disk = tuple(sorted(self.releases.items(), key=lambda item: item[0]))
        mine = (self.current, self.daemon, self.loaded, self.undoes, repr(self.reply), self.asked)
        return (repr(self.pending), tuple(self.since), repr(disk), mine)
