"""What a storm came to: convergence after each change, measured afterwards from what the watcher saw.

A change is one (name, backend) pair whose wanted presence flips. It is converged when the watcher first sees the
answer agree. Its clock starts at the latest of these:

    the change itself
    the end of the last moment in between in which nobody could have acted: not both probers running (the quorum
    is two), no planner running, or no enactor running
    the release from a limit that the planner's events name: window or hold-down, counted on the planner that ran
    long enough to see it end (a killed planner begins its timers anew, R11)

    the thaw of a freeze that covers the name

Changes that flip back before they converged are superseded and only counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec
from storm_file import ADDRESS, GROUPS_OF, HOLD_DOWN_S, WINDOW_S
from storm_schedule import ENACTORS, PLANNERS, PROBERS
from storm_watcher import Move

from holdfast.events.record import Record, parse_line

Seen = dict[str, list[tuple[float, frozenset[str]]]]


class Change(msgspec.Struct, frozen=True):
    """A pair that flips, at a moment in Unix seconds."""

    at_s: float
    name: str
    backend: str
    present: bool
    cause: str


class Outage(msgspec.Struct, frozen=True):
    """A process that could not act. A kill forgets timers, a stop does not."""

    process: str
    from_s: float
    to_s: float
    killed: bool


class Frozen(msgspec.Struct, frozen=True):
    """A freeze: acknowledged, then the thaw was ordered, then it was done. `name` is empty for all names."""

    name: str
    acknowledged_s: float
    ordered_s: float
    thawed_s: float

    def covers(self, name: str) -> bool:
        """Whether writes to the name were forbidden."""
        return self.name in ("", name)


class Measured(msgspec.Struct, frozen=True):
    """A converged change: seconds from the change, and from its release; what held it in between."""

    change: Change
    raw_s: float
    since_release_s: float
    held: tuple[str, ...]


class Convergence(msgspec.Struct, frozen=True):
    """All changes of a storm."""

    measured: tuple[Measured, ...]
    superseded: int
    never: tuple[Change, ...]


def read_events(directory: Path) -> tuple[Record, ...]:
    """Every event of every process, by time."""
    found = [
        record
        for path in sorted(directory.glob("*.jsonl"))
        for line in path.read_bytes().splitlines()
        if (record := parse_line(line)) is not None
    ]
    return tuple(sorted(found, key=lambda r: r.at))


def frozen_breaches(frozen: Sequence[Frozen], moves: Sequence[Move]) -> tuple[str, ...]:
    """Moves that certainly fell between the acknowledgement of a freeze and the order to thaw it (I5)."""
    return tuple(
        f"I5: frozen ({freeze.name or 'all'}) from {freeze.acknowledged_s:.3f} to {freeze.ordered_s:.3f}, and"
        f" {move.subject} moved between {move.from_s:.3f} and {move.seen_s:.3f}: {move.text}"
        for freeze in frozen
        for move in moves
        if freeze.acknowledged_s <= move.from_s and move.seen_s <= freeze.ordered_s
        if not freeze.name or move.subject == freeze.name
    )


def converge(
    changes: Sequence[Change],
    seen: Seen,
    outages: Sequence[Outage],
    events: Sequence[Record],
    frozen: Sequence[Frozen] = (),
) -> Convergence:
    """Measure every change."""
    measured: list[Measured] = []
    never: list[Change] = []
    superseded = 0
    later: dict[tuple[str, str], float] = {}
    holds = _holds(events)
    for change in sorted(changes, key=lambda c: c.at_s, reverse=True):
        pair = (change.name, change.backend)
        ended_s = later.get(pair, float("inf"))
        later[pair] = change.at_s
        at_s = _agreed_s(change, seen[change.name])
        if at_s > ended_s:
            superseded += 1
        elif at_s == float("inf"):
            never.append(change)
        else:
            measured.append(_measure(change, at_s, outages, _holds_on(change, holds), frozen))
    return Convergence(tuple(reversed(measured)), superseded, tuple(never))


def _agreed_s(change: Change, history: Sequence[tuple[float, frozenset[str]]]) -> float:
    """When the answer agreed first, not before the change."""
    address = ADDRESS[change.backend]
    for index, (from_s, addresses) in enumerate(history):
        until_s = history[index + 1][0] if index + 1 < len(history) else float("inf")
        if until_s > change.at_s and (address in addresses) == change.present:
            return max(from_s, change.at_s)
    return float("inf")


def _measure(
    change: Change,
    at_s: float,
    outages: Sequence[Outage],
    holds: Sequence[tuple[float, str, float]],
    frozen: Sequence[Frozen],
) -> Measured:
    able_s = max((end for end in unable_ends(outages) if change.at_s < end < at_s), default=change.at_s)
    limited = [(said_s, text, limit_s) for said_s, text, limit_s in holds if change.at_s <= said_s < at_s]
    release_s = max((_released_s(said_s, limit_s, outages) for said_s, _, limit_s in limited), default=0.0)
    over = [f for f in frozen if f.covers(change.name) and change.at_s < f.thawed_s and f.acknowledged_s < at_s]
    start_s = max(change.at_s, able_s, release_s, *(f.thawed_s for f in over))
    held = tuple(sorted({*(text for _, text, _ in limited), *("freeze" for _ in over)}))
    return Measured(change, at_s - change.at_s, max(0.0, at_s - start_s), held)


def unable_ends(outages: Sequence[Outage]) -> tuple[float, ...]:
    """Moments at which the roles became able to act again."""
    roles: tuple[tuple[tuple[str, ...], Callable[[Iterable[bool]], bool]], ...] = (
        (tuple(f"prober-{p}" for p in PROBERS), any),
        (PLANNERS, all),
        (ENACTORS, all),
    )
    ends: list[float] = []
    for members, unable in roles:
        for outage in outages:
            if outage.process in members:
                # Just before its end: whether the role as a whole could not act.
                at_s = outage.to_s - 0.001
                if unable(_out(member, at_s, outages) for member in members):
                    ends.append(outage.to_s)
    return tuple(ends)


def _out(process: str, at_s: float, outages: Sequence[Outage]) -> bool:
    return any(o.process == process and o.from_s <= at_s < o.to_s for o in outages)


def _released_s(said_s: float, limit_s: float, outages: Sequence[Outage]) -> float:
    """When some planner has run its timer to the end and is awake."""
    return min(_planner_release_s(planner, said_s, limit_s, outages) for planner in PLANNERS)


def _planner_release_s(planner: str, said_s: float, limit_s: float, outages: Sequence[Outage]) -> float:
    own = sorted((o for o in outages if o.process == planner), key=lambda o: o.from_s)
    ready_s = said_s + limit_s
    for outage in own:
        if outage.to_s <= said_s or outage.from_s >= ready_s:
            continue
        ready_s = outage.to_s + limit_s if outage.killed else max(ready_s, outage.to_s)
    return ready_s


def _holds_on(change: Change, holds: dict[str, list[tuple[float, str, float]]]) -> list[tuple[float, str, float]]:
    """Those of the target in the groups that the name may use."""
    return [hold for group in GROUPS_OF[change.name] for hold in holds[f"{group}/{change.backend}"]]


def _holds(events: Iterable[Record]) -> dict[str, list[tuple[float, str, float]]]:
    """By target: when a limit in time was said to hold it, the rule, and how long the limit lasts.

    A planner that starts again repeats what it finds held: the same text counts once.
    """
    found: dict[str, list[tuple[float, str, float]]] = defaultdict(list)
    said: set[str] = set()
    for record in events:
        rule, limit_s = _limit(record)
        subject = str(record.data.get("subject") or "")
        key = f"{record.kind} {record.text}"
        if rule and key not in said:
            said.add(key)
            found[subject.partition(" ")[0]].append((record.when().timestamp(), rule, limit_s))
    return found


def _limit(record: Record) -> tuple[str, float]:
    if record.kind == "change.refused" and record.data.get("rule") == "velocity":
        return "velocity", WINDOW_S
    if record.kind == "change.refused" and record.data.get("rule") == "hold-down":
        return "hold-down", HOLD_DOWN_S
    return "", 0.0


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of them does not exceed; 0 without values."""
    ordered = sorted(values)
    return ordered[max(0, -(-int(share * 1000) * len(ordered) // 1000) - 1)] if ordered else 0.0
