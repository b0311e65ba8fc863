"""A host's own side of configuration: releases on disk, one of them current, and two commands.

A *release* is a directory with all files of one generation; `current` is a link to one. So a generation is there
as a whole or not at all, whatever is read while it changes, and the old one stays to go back to.
"""

from __future__ import annotations

import enum

import msgspec

from holdfast.model.delivery import Delivery, Host, Result
from holdfast.ports.operation import CouldNotAsk, Operation


class Release(msgspec.Struct, frozen=True):
    """What a release directory holds, as it says itself. `host` is whom it was made for."""

    generation: int = 0
    host: Host = Host("")
    before: int | None = None
    """What was current when it was made: to go back to. None: made by a version that did not say."""
    loaded: bool = False
    """Whether the daemon was told of it, and took it."""


class Command(enum.Enum):
    """The commands that a user names for a host."""

    VALIDATE = "validate"
    RELOAD = "reload"


class Ran(msgspec.Struct, frozen=True):
    """What became of a command: `output` is the end of what it printed."""

    ok: bool
    output: str = ""


class CurrentRelease(Operation[Release], frozen=True):
    """The current release; generation 0 if there is none that can be read."""


class Stage(Operation[CouldNotAsk | None], frozen=True):
    """Write a release beside the current one, durable, from it and a delivery (a snapshot stands alone)."""

    delivery: Delivery
    host: Host


class Run(Operation[Ran], frozen=True):
    """Run a command on the release of a generation. A command that nobody named has run well."""

    command: Command
    generation: int


class Switch(Operation[CouldNotAsk | None], frozen=True):
    """Make a release current, in one step, if `over` still is: compared at the write, other processes kept out.
    0: none is.

    The loop has looked before, but it may have been paused since, and a successor may have gone on: its older
    release would come back.
    """

    generation: int
    over: int


class Loaded(Operation[CouldNotAsk | None], frozen=True):
    """Remember, durably, that the daemon has taken this generation."""

    generation: int


class Discard(Operation[None], frozen=True):
    """Remove releases but this and the current one."""

    keep: int


class AskNewer(Operation[Result | CouldNotAsk], frozen=True):
    """Ask the service what is newer; it answers when there is something, or after a while that there is not."""

    host: Host
    applied: int
    refused: int
    why: str
    told: int = -1


class Ready(Operation[None], frozen=True):
    """Say whether this host has applied what is desired of it, for whoever gates on it."""

    ready: bool
    applied: int
    desired: int
