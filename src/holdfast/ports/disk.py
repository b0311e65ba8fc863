"""The local disk of one actor: a few small named documents, replaced atomically.

Saving is two operations so that a crash between the temporary file and the rename can be searched: after
`Stage` alone, `Load` still gives the old document.
"""

from __future__ import annotations

import msgspec

from holdfast.ports.operation import Operation


class DiskFailed(msgspec.Struct, frozen=True):
    """The disk refused (full, read-only); `reason` is for people."""

    reason: str


class Load(Operation[bytes | DiskFailed | None], frozen=True):
    """A document; None when there is none."""

    name: str


class Stage(Operation[DiskFailed | None], frozen=True):
    """Write `<name>.tmp` and flush it to the disk."""

    name: str
    data: bytes


class Promote(Operation[DiskFailed | None], frozen=True):
    """Rename `<name>.tmp` over `<name>` and flush the directory."""

    name: str
