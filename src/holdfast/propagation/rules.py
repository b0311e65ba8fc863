"""How changes wait and in which order they go out to hosts. Pure; times are handed in.

| rule | |
|---|---|
| newest wins  | of a key only the highest generation waits; it keeps the place in time of the first |
| cancel       | a delete of what was never sent cancels the pending create: nothing goes out |
| order        | create > update > delete; each 60 s of waiting lifts a change by one class, so nothing starves |
| fair         | within a class groups take turns: a group with a million changes can't hold up another's one |
| admission    | upstream work at drain rate x clamp(1 - age of the oldest / 300 s): none behind 300 s |
| snapshot     | above 30 % dirty one whole snapshot is cheaper and sooner than its changes |
| quarantine   | a host that never caught up in so many attempts is tried ever more seldom, and holds nobody up |

Figures: facts on leases and overload, "Knobs and defaults". A create goes first because a host without its first
document serves nothing; a delete goes last because what it removes only costs room.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

AGEING_S: Final = 60.0
BACKLOG_MOST_S: Final = 300.0
SNAPSHOT_SHARE: Final = 0.3
QUARANTINE_AFTER: Final = 5
QUARANTINE_FIRST_S: Final = 30.0
QUARANTINE_MOST_S: Final = 600.0


class Kind(enum.IntEnum):
    """What a change does at the host; the lower goes first."""

    CREATE = 0
    UPDATE = 1
    DELETE = 2


class Change(msgspec.Struct, frozen=True):
    """A change of one document at one host, as it waits."""

    key: str
    group: str
    kind: Kind
    generation: int
    since_s: float
    """When the host first fell behind by it: a later change of the same key does not set it back in the line."""
    sent: bool = False
    """Whether the host may know something of this key already."""


def merged(waiting: Change | None, new: Change) -> Change | None:
    """What waits for a key after one more change of it; None: nothing, the two cancel each other."""
    if waiting is None:
        return new
    if new.generation <= waiting.generation:
        return waiting
    if new.kind is Kind.DELETE and waiting.kind is Kind.CREATE and not waiting.sent:
        return None
    kind = _kind(waiting, new)
    return msgspec.structs.replace(
        new, kind=kind, since_s=min(waiting.since_s, new.since_s), sent=waiting.sent or new.sent
    )


def _kind(waiting: Change, new: Change) -> Kind:
    """An update of what the host has not yet is still a create; a create of what it still has is an update."""
    if new.kind is Kind.UPDATE and waiting.kind is Kind.CREATE:
        return Kind.CREATE
    if new.kind is Kind.CREATE and waiting.kind is Kind.DELETE:
        return Kind.UPDATE
    return new.kind


def rank(change: Change, *, now_s: float) -> int:
    """Its class after ageing; the lowest goes first, and may be below every create's."""
    return int(change.kind) - int(max(0.0, now_s - change.since_s) / AGEING_S)


def order(changes: Iterable[Change], *, served: Mapping[str, int], now_s: float) -> list[Change]:
    """The order in which changes go out. `served`: how many each group has had lately (missing: none).

    By class, then in turns between groups (who had least first), then oldest first.
    """
    turns = dict(served)
    placed: list[tuple[int, int, float, str, Change]] = []
    for change in sorted(changes, key=lambda c: (rank(c, now_s=now_s), c.since_s, c.key)):
        turn = turns.get(change.group, 0)
        turns[change.group] = turn + 1
        placed.append((rank(change, now_s=now_s), turn, change.since_s, change.key, change))
    return [place[-1] for place in sorted(placed, key=lambda place: place[:-1])]


def admitted_per_s(*, drain_per_s: float, oldest_s: float) -> float:
    """How much upstream work may come in a second, with a backlog whose oldest change has waited so long."""
    return drain_per_s * min(1.0, max(0.0, 1 - oldest_s / BACKLOG_MOST_S))


def snapshot_instead(*, dirty: int, documents: int) -> bool:
    """Whether a host that lacks `dirty` of its `documents` is sent all of them at once."""
    return dirty > SNAPSHOT_SHARE * documents


def ready(*, applied: int, desired: int) -> bool:
    """Whether a host has applied what it should: the gate in front of health, for hosts that never served."""
    return applied >= desired


def quarantine_s(failures: int) -> float:
    """How long a host rests after so many attempts in a row that it did not catch up; 0: it is not quarantined."""
    if failures < QUARANTINE_AFTER:
        return 0.0
    return min(QUARANTINE_MOST_S, QUARANTINE_FIRST_S * 2.0 ** min(failures - QUARANTINE_AFTER, 30))
