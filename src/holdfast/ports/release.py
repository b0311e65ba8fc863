"""A host's own side of configuration: releases on disk, one of them current, and two commands.

A *release* is a directory with all files of one generation; `current` is a link to one. So a generation is there
as a whole or not at all, whatever is read while it changes, and the old one stays to go back to.

A release is told by its *name*, which no two of a directory share, and never by its generation: that number says
neither for which role the files are, nor which process laid them out.
"""

from __future__ import annotations

import enum

import msgspec

from holdfast.model.delivery import Delivery, Host, Poll, Result, Version
from holdfast.ports.operation import CouldNotAsk, Operation


class Release(msgspec.Struct, frozen=True):
    """A release as it says of itself. `host` is whom it was made for."""

    name: str = ""
    """Empty: there is none."""
    generation: int = 0
    host: Host = Host("")
    digest: str = ""
    """Of its files; empty: made by a version that did not say."""
    before: str | None = None
    """What was current before it: to go back to. None: made by a version that did not say."""
    loaded: bool = False
    """Whether the daemon was told of it, and took it."""

    @property
    def version(self) -> Version:
        """How far a host is with it."""
        return Version(self.generation, self.digest)


class Staged(msgspec.Struct, frozen=True):
    """A release lies beside the current one, whole."""

    name: str


class Differs(msgspec.Struct, frozen=True):
    """What would come out is not what the service means: the host has not what the service takes it for."""

    reason: str


class Command(enum.Enum):
    """The commands that a user names for a host."""

    VALIDATE = "validate"
    RELOAD = "reload"


class Ran(msgspec.Struct, frozen=True):
    """What became of a command: `output` is the end of what it printed."""

    ok: bool
    output: str = ""


class CurrentRelease(Operation[Release], frozen=True):
    """The current release; one without a name if there is none that can be read."""


class Stage(Operation[Staged | Differs | CouldNotAsk], frozen=True):
    """Write a release beside the current one, durable, from it and a delivery (a snapshot stands alone).

    Its files are compared with the delivery's digest. Nothing that lies there is written over: another process may
    be about to make it current.
    """

    delivery: Delivery
    host: Host


class Run(Operation[Ran | CouldNotAsk], frozen=True):
    """Run a command on a release. A command that nobody named has run well.

    `CouldNotAsk`: the release is gone, or, for a reload, not current any more: another process was here, and the
    release is neither good nor bad by that.
    """

    command: Command
    release: str


class Switch(Operation[CouldNotAsk | None], frozen=True):
    """Make a release current, in one step, if `over` still is: compared at the write, other processes kept out.
    Empty: none is.

    The loop has looked before, but it may have been paused since, and a successor may have gone on: its older
    release would come back. What is switched to remembers `over` as the one before it, but when it `undoes`.
    """

    release: str
    over: str
    undoes: bool = False
    """Back to the one before: the daemon did not take this one."""


class Loaded(Operation[CouldNotAsk | None], frozen=True):
    """Remember, durably, that the daemon has taken this release."""

    release: str


class Discard(Operation[None], frozen=True):
    """Remove releases but the current one and the one before it: who is between switch and reload goes back to
    that, and it may be another process than the one that removes.
    """


class AskNewer(Operation[Result | CouldNotAsk], frozen=True):
    """Ask the service what is newer; it answers when there is something, or after a while that there is not."""

    poll: Poll


class Ready(Operation[None], frozen=True):
    """Say whether this host has applied what is desired of it, for whoever gates on it; `why` if it has not."""

    ready: bool
    applied: int
    desired: int
    why: str = ""
