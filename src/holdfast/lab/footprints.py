"""What an operation reads and writes, by key: two operations of different actors are dependent if they meet.

DNS names meet their ancestors and descendants too (a name's existence shows in those above it), except the apex,
which always exists. A wildcard counts as the name above it. Two updates that both raise the serial commute.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

from holdfast.lab.world.targets import TARGETS, Turn
from holdfast.ports.dns import Ask, AskMany, DeleteRRset, Servers, SetRRset, Transfer, Update
from holdfast.ports.operation import Operation
from holdfast.ports.probe import NextResults
from holdfast.ports.store import Commit, Get, GetMany, Range

EVERYTHING = "*"


class Footprint(NamedTuple):
    """Keys read and written in one cell. A store key ending in `*` is a prefix; a zone's `#` is its serial."""

    cell: str
    reads: frozenset[str]
    writes: frozenset[str]


NOTHING = Footprint("", frozenset(), frozenset())


@functools.cache
def footprint(operation: Operation[Any]) -> Footprint:
    """The operation's footprint; private operations have none."""
    match operation:
        case Get(key=key):
            return Footprint("store", frozenset((key,)), frozenset())
        case GetMany(keys=keys):
            return Footprint("store", frozenset(keys), frozenset())
        case Range(prefix=prefix):
            return Footprint("store", frozenset((prefix + "*",)), frozenset())
        case Commit(compares=compares, puts=puts, deletes=deletes):
            writes = frozenset((*(p.key for p in puts), *deletes))
            return Footprint("store", frozenset(c.key for c in compares), writes)
        case Ask(zone=zone, name=name, rtype=rtype):
            return Footprint(zone, frozenset(("#",) if rtype == "SOA" else (name,)), frozenset())
        case AskMany(zone=zone, questions=questions):
            return Footprint(zone, frozenset(name for name, _ in questions), frozenset())
        case Transfer(zone=zone) | Servers(zone=zone):
            return Footprint(zone, frozenset((EVERYTHING,)), frozenset())
        case Update():
            return _update(operation)
        case NextResults():
            return Footprint(TARGETS, frozenset((TARGETS,)), frozenset())
        case Turn():
            return Footprint(TARGETS, frozenset(), frozenset((TARGETS,)))
        case _:
            return NOTHING


def _update(update: Update) -> Footprint:
    reads = {"#" if p.rtype == "SOA" else p.name for p in update.prerequisites}
    writes = {_changed(c).removeprefix("*.") for c in update.changes}
    if writes:
        writes.add("#")
    # What it writes it reads as well: whether a CNAME may be added depends on what is there.
    return Footprint(update.zone, frozenset(reads), frozenset(writes))


def _changed(change: SetRRset | DeleteRRset) -> str:
    return change.rrset.name if isinstance(change, SetRRset) else change.name


@functools.cache
def dependent(a: Footprint, b: Footprint) -> bool:
    """Whether the order of the two may matter."""
    if not a.cell or a.cell != b.cell:
        return False
    return (
        _meet(a.writes, b.reads, a.cell)
        or _meet(b.writes, a.reads, a.cell)
        or _meet(a.writes - {"#"}, b.writes - {"#"}, a.cell)
    )


def _meet(writes: frozenset[str], others: frozenset[str], cell: str) -> bool:
    if cell == TARGETS:
        return not writes.isdisjoint(others)
    if cell == "store":
        return any(k == o or (o.endswith("*") and k.startswith(o[:-1])) for k in writes for o in others)
    return any(
        o == EVERYTHING or k == o or (cell not in (k, o) and (k.endswith("." + o) or o.endswith("." + k)))
        for k in writes
        for o in others
    )
