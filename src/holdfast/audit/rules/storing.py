"""What HF003 and HF004 share: which stale reading of a store an operation hangs on."""

from __future__ import annotations

import re

from holdfast.audit.flow.events import Stored, View
from holdfast.audit.flow.state import Check, Gap, Reading
from holdfast.audit.tables.stores import StoreOp

DUPLICATES = re.compile(
    r"Integrity|Duplicate|UniqueViolation|AlreadyExists|FileExists|Conflict|ConditionalCheck|ClientError|ApiException"
    r"|ResourceExists|Exists|OptimisticLock|StaleData|WatchError|DatabaseError|OperationalError|PreconditionFailed"
)
_WORD = re.compile(r"[A-Za-z_]\w+")


def handles_duplicates(event: Stored) -> bool:
    """The store's own refusal is caught: then the store decides, not the stale check."""
    return any(DUPLICATES.search(name) for name in event.handled)


def same_thing(read: StoreOp, act: StoreOp) -> bool:
    """Whether both are about the same row, as far as the source tells."""
    if read.store != act.store or read.resource != act.resource:
        return False
    if not read.key or not act.key or act.verb == "create":
        return bool(read.resource) or (bool(read.key) and read.key == act.key)
    return read.key == act.key


def checked(view: View, act: StoreOp) -> list[tuple[Check, StoreOp, Gap | None]]:
    """Checks on readings of the same thing, unless a lock that was held then is held still."""
    found = []
    for check in view.state.checks:
        read = check.reading.op
        if (
            isinstance(read, StoreOp)
            and not read.locking
            and same_thing(read, act)
            and not _kept(view, check.reading)
        ):
            found.append((check, read, view.state.gaps.get(check.reading)))
    return found


def derived(view: View, event: Stored) -> list[tuple[Reading, StoreOp, Gap | None]]:
    """Readings of the same thing that what is written derives from."""
    found = []
    for reading in event.value.all:
        read = reading.op
        if (
            isinstance(read, StoreOp)
            and not read.locking
            and same_thing(read, event.op)
            and not _kept(view, reading)
        ):
            found.append((reading, read, view.state.gaps.get(reading)))
    return found


def _kept(view: View, reading: Reading) -> bool:
    return bool(view.state.guards.get(reading, frozenset()) & view.state.held)


def thing(op: StoreOp) -> str:
    """For people: `sql users`, `redis client[key]`."""
    return " ".join(op.path.text.split())
