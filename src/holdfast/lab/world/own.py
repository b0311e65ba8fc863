"""What belongs to one actor alone: its disk, its timers, its cuts from the world; and the operations on them.

Private operations touch nothing that another actor sees, so they happen in one go with the step before them.
The exception is `Promote` while a crash is possible: the crash point between temporary file and rename.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any, TypeAlias

import msgspec

from holdfast.ports.clock import Arm, Disarm, Fired, Idle, Now
from holdfast.ports.disk import DiskFailed, Load, Promote, Stage
from holdfast.ports.events import Emit
from holdfast.ports.operation import Operation
from holdfast.ports.probe import NextResults, ProbeResult, ProbeTarget, Watch
from holdfast.ports.random import NewId
from holdfast.ports.store import Commit, Committed

FULL = DiskFailed("no space left on the device")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Own(msgspec.Struct, frozen=True):
    """Private state. `timers`: name and whether it has fired; `answers`: those of a half-done `AskMany`."""

    disk: tuple[tuple[str, bytes], ...] = ()
    staged: tuple[tuple[str, bytes], ...] = ()
    timers: tuple[tuple[str, bool], ...] = ()
    ids: int = 0
    cuts: frozenset[tuple[int, str]] = frozenset()
    full: bool = False
    """Whether its disk takes nothing more."""
    answers: tuple[Any, ...] = ()
    watched: tuple[ProbeTarget, ...] = ()
    firings: tuple[tuple[str, int], ...] = ()
    """How often timers fired that may do so only so often, by their prefix."""


def restarted(own: Own) -> Own:
    """After a crash only the disk is left (and the network stays as it is)."""
    return Own(disk=own.disk, ids=own.ids, cuts=own.cuts, full=own.full, firings=own.firings)


def private(own: Own, operation: Operation[Any], seat: int, sinks: tuple[str, ...] = ()) -> tuple[Any, Own] | None:
    """Result and new state of a private operation; None if it is not one, or is a matter of choice.

    `seat` tells actors of different kinds apart in the ids that they draw. A report that goes to a sink only (no
    rule reads it) is private as well, and always arrives.
    """
    match operation:
        case Load(name=name):
            return dict(own.disk).get(name), own
        case Stage() if own.full:
            return FULL, own
        case Stage(name=name, data=data):
            return None, msgspec.structs.replace(own, staged=_put(own.staged, name, data))
        case Promote(name=name):
            data = dict(own.staged)[name]
            left = tuple(pair for pair in own.staged if pair[0] != name)
            return None, msgspec.structs.replace(own, disk=_put(own.disk, name, data), staged=left)
        case Arm(timer=timer):
            if timer in dict(own.timers):
                return None, own
            return None, msgspec.structs.replace(own, timers=tuple(sorted((*own.timers, (timer, False)))))
        case Disarm(timers=timers):
            return None, msgspec.structs.replace(own, timers=tuple(t for t in own.timers if t[0] not in timers))
        case Emit():
            return None, own
        case Commit(compares=(), puts=puts, deletes=()) if sinks and all(p.key.startswith(sinks) for p in puts):
            return Committed(1), own
        case NewId():
            fresh = f"{_LETTERS[seat % 26] * 3}{_LETTERS[own.ids // 26 % 26]}{_LETTERS[own.ids % 26]}a"
            return fresh, msgspec.structs.replace(own, ids=own.ids + 1)
        case Watch(targets=targets):
            return None, msgspec.structs.replace(own, watched=targets)
        case _:
            return None


Seldom: TypeAlias = tuple[tuple[str, int], ...]
"""Prefixes of timers that fire only so often in an actor's life: a bound of the search, stated with it."""


def chosen(own: Own, operation: Operation[Any], seldom: Seldom = ()) -> list[tuple[str, Any, Own]] | None:
    """Outcomes, as (label, result, state), of an operation that only chance decides; None for any other."""
    match operation:
        case Idle(hints=hints):
            rests: list[tuple[str, Any, Own]] = [("rests", False, own)]
            return [*rests, ("is woken by a hint", True, own)] if hints else rests
        case Now():
            return [("early", 0, own), ("late", 2**40, own)]
        case Fired(timers=timers):
            return _firings(own, timers, seldom)
        case NextResults():
            found: list[tuple[str, Any, Own]] = [("nothing within the heartbeat", (), own)]
            for target in own.watched:
                for ok in (True, False):
                    result = ProbeResult(target=target.target, ok=ok, reason="answered" if ok else "refused")
                    found.append((f"{target.target} {'answers' if ok else 'fails'}", (result,), own))
            return found
        case _:
            return None


def _firings(own: Own, asked: tuple[str, ...], seldom: Seldom) -> list[tuple[str, Any, Own]]:
    """A running timer may have fired at any time: each subset is a choice (of more than three: none, one, all)."""
    state = dict(own.timers)
    fired = frozenset(t for t in asked if state.get(t))
    waiting = tuple(sorted(t for t in asked if state.get(t) is False))
    sizes = range(len(waiting) + 1) if len(waiting) <= 3 else (0, 1, len(waiting))
    found: list[tuple[str, Any, Own]] = []
    for size in sizes:
        for subset in combinations(waiting, size):
            firings = _counted(own.firings, subset, seldom)
            if firings is None:
                continue
            timers = tuple((t, on or t in subset) for t, on in own.timers)
            label = f"fires {', '.join(subset)}" if subset else "no timer has fired"
            after = msgspec.structs.replace(own, timers=timers, firings=firings)
            found.append((label, fired | frozenset(subset), after))
    return found


def _counted(
    firings: tuple[tuple[str, int], ...], fire: tuple[str, ...], seldom: Seldom
) -> tuple[tuple[str, int], ...] | None:
    """The counts after these timers fired; None if one of them may not any more."""
    counts = dict(firings)
    for prefix, most in seldom:
        counts[prefix] = counts.get(prefix, 0) + sum(t.startswith(prefix) for t in fire)
        if counts[prefix] > most:
            return None
    return tuple(sorted((prefix, count) for prefix, count in counts.items() if count))


def _put(pairs: tuple[tuple[str, bytes], ...], name: str, data: bytes) -> tuple[tuple[str, bytes], ...]:
    return tuple(sorted((*(p for p in pairs if p[0] != name), (name, data))))
