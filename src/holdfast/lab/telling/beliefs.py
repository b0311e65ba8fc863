"""What each actor has read, and what of it has grown old: the reason of most races, said at the write.

An actor believes what it read last, until it writes there itself. Its beliefs end with a crash, and when it rests
with nothing to do: then it looks at everything anew. A read of a whole zone renews all that it believed of it.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import msgspec

from holdfast.lab.invariants import ghost_owner
from holdfast.lab.steps import Step
from holdfast.lab.system import System
from holdfast.lab.telling.words import document_text, key_text, rdatas_text
from holdfast.lab.world.store import StoreCell
from holdfast.lab.world.targets import Targets
from holdfast.nameserver.zone import Zone
from holdfast.ports.clock import Idle, Rest
from holdfast.ports.dns import Answer, Ask, SetRRset, Transfer, Update, ZoneContent
from holdfast.ports.operation import CouldNotAsk, Operation
from holdfast.ports.store import Commit, Entry, Get, GetMany

Topic: TypeAlias = tuple[str, str, str]
"""Cell, and key or owner and type."""
STORE = "store"


class _Belief(NamedTuple):
    value: Any
    step: int


class Stale(msgspec.Struct, frozen=True):
    """A belief that no longer holds: what was read when, what it has become, by which step (0: unknown)."""

    what: str
    was: str
    read_at: int
    now: str
    changed_at: int

    def text(self) -> str:
        """In one line."""
        since = f"since step {self.changed_at} it is" if self.changed_at else "it is now"
        return f"{self.what} was {self.was} at step {self.read_at}; {since} {self.now}"


class Beliefs:
    """The beliefs of all actors along one run."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._of: dict[int, dict[Topic, _Belief]] = {}
        self._changed: dict[Topic, int] = {}

    def stale(self, actor: int, cells: dict[str, Any]) -> tuple[Stale, ...]:
        """What the actor believes and is no longer so, oldest first."""
        found = []
        for topic, belief in self._of.get(actor, {}).items():
            now = _value(cells, topic)
            if now != belief.value:
                was, is_now = _text(topic, belief.value), _text(topic, now)
                found.append(Stale(_name(topic), was, belief.step, is_now, self._changed.get(topic, 0)))
        return tuple(sorted(found, key=lambda s: s.read_at))

    def take(self, number: int, step: Step, before: dict[str, Any], after: dict[str, Any]) -> None:
        """Learn from a step."""
        for name, cell in after.items():
            if cell is not before[name]:
                for topic in _differing(name, before[name], cell):
                    self._changed[topic] = number
        if step.actor < 0:
            return
        mine = self._of.setdefault(step.actor, {})
        operation = step.operation
        if operation is None:
            if "crashes" in step.label:
                mine.clear()
            return
        if isinstance(operation, Idle):
            if operation.rest is Rest.POLL:
                mine.clear()
        elif not isinstance(step.result, CouldNotAsk):
            for topic in _read(operation, step.result, mine):
                mine[topic] = _Belief(_value(after, topic), number)
            for topic in _wrote(operation):
                mine.pop(topic, None)


def _read(operation: Operation[Any], result: Any, mine: dict[Topic, _Belief]) -> list[Topic]:
    match operation:
        case Get(key=key):
            return [(STORE, key, "")]
        case GetMany(keys=keys):
            return [(STORE, key, "") for key in keys]
        case Ask(zone=zone, name=name, rtype=rtype) if isinstance(result, Answer) and rtype != "SOA":
            return [(zone, name, rtype)]
        case Transfer(zone=zone) if isinstance(result, ZoneContent):
            read = [(zone, r.name, r.rtype) for r in result.rrsets if r.rtype != "SOA"]
            return [*read, *(topic for topic in mine if topic[0] == zone)]
        case _:
            return []


def _wrote(operation: Operation[Any]) -> list[Topic]:
    match operation:
        case Commit(puts=puts, deletes=deletes):
            return [(STORE, key, "") for key in (*(p.key for p in puts), *deletes)]
        case Update(zone=zone, changes=changes):
            return [
                (zone, c.rrset.name, c.rrset.rtype) if isinstance(c, SetRRset) else (zone, c.name, c.rtype)
                for c in changes
            ]
        case _:
            return []


def _value(cells: dict[str, Any], topic: Topic) -> Any:
    cell = cells[topic[0]]
    if isinstance(cell, StoreCell):
        return cell.get(topic[1])
    assert isinstance(cell, Zone)
    rrset = cell.rrset(topic[1], topic[2])
    return None if rrset is None else rrset.rdatas


def _text(topic: Topic, value: Any) -> str:
    return document_text(value) if topic[0] == STORE else rdatas_text(topic[2], value)


def _name(topic: Topic) -> str:
    return key_text(topic[1]) if topic[0] == STORE else f"{topic[1]} {topic[2]}"


def _differing(name: str, before: Any, after: Any) -> list[Topic]:
    """Topics of a cell that differ."""
    if isinstance(after, StoreCell):
        old, new = (_entries(c) for c in (before, after))
        return [(STORE, key, "") for key in {**old, **new} if old.get(key) != new.get(key)]
    if isinstance(after, Targets):
        return []  # nobody reads these as a document; a prober's opinion grows old as its observations do
    return [(name, owner, rtype) for owner, rtype, _, _ in changed_rrsets(before, after)]


def _entries(cell: StoreCell) -> dict[str, Entry]:
    return {e.key: e for e in cell.entries}


def changed_rrsets(
    before: Zone, after: Zone
) -> list[tuple[str, str, tuple[str, ...] | None, tuple[str, ...] | None]]:
    """Owner, type, data before and after of each RRset that differs; the serial left out."""
    found = []
    for owner in sorted({*before.names, *after.names}):
        if before.node(owner) == after.node(owner):
            continue
        if owner == ghost_owner(after.origin):
            continue  # a note for the invariants, not a record that anybody could see
        old, new = ({r.rtype: r.rdatas for r in zone.node(owner)} for zone in (before, after))
        found += [
            (owner, t, old.get(t), new.get(t))
            for t in sorted({*old, *new})
            if old.get(t) != new.get(t) and t != "SOA"
        ]
    return found
