"""RFC 2136 section 3 as a pure function: prerequisites, prescan, changes, all or nothing. The rule table:

| part | a message says | otherwise |
|---|---|---|
| zone (3.1) | this zone | NOTAUTH |
| any owner | within the zone | NOTZONE |
| NAME_IN_USE / NAME_ABSENT | some / no RRset at the name | NXDOMAIN / YXDOMAIN |
| RRSET_EXISTS / RRSET_ABSENT | the RRset exists / does not | NXRRSET / YXRRSET |
| RRSET_IS | the whole RRset is exactly this, TTL aside | NXRRSET |

Prerequisites see the records themselves: no wildcard, no alias, and an empty non-terminal is not in use.
What a change may silently not do, NOERROR all the same (facts on DNS fencing; R4 guards against it): a CNAME is
not added beside other data, nor other data beside a CNAME; the apex keeps its SOA and its NS; an SOA that is not
newer is ignored. An update that changed something raises the serial, unless it brought a newer SOA itself.

`Quirks` are the measured differences of real servers, for the laboratory.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import msgspec

from holdfast.model.records import RRset
from holdfast.nameserver.changes import AddRecords, Change, DeleteName, DeleteRecords, ZoneUpdate
from holdfast.nameserver.names import within
from holdfast.nameserver.zone import (
    Node,
    Zone,
    node_of,
    pick,
    serial_after,
    serial_newer,
    soa_serial,
    soa_with_serial,
)
from holdfast.ports.dns import DeleteRRset, Existence, Prerequisite, Rcode, SetRRset, Update

META_TYPES = frozenset({"ANY", "AXFR", "IXFR", "MAILA", "MAILB", "OPT", "TSIG", "TKEY", "NONE", "TYPE0"})
"""Types that no zone holds (RFC 2136 3.4.1.2): FORMERR in a change."""

_SINGLETONS = frozenset({"CNAME", "SOA", "DNAME"})
"""Types with one record per name: adding replaces (RFC 2136 3.4.2.2)."""


class Quirks(msgspec.Struct, frozen=True):
    """How a server differs from the RFC (measured: facts on DNS fencing)."""

    txt_ignores_case: bool = False
    """PowerDNS compares TXT case-insensitively in prerequisites."""
    rrset_records_max: int | None = None
    """BIND: more than 100 records of a type is SERVFAIL, the whole update refused."""
    alias_conflicts_refused: bool = False
    """PowerDNS refuses the whole update where a CNAME would stand beside other data; the others leave the addition
    out and answer NOERROR."""
    serial_moves: bool = True
    """False: PowerDNS with some SOA-EDIT settings: the served serial does not follow updates (R3)."""

    deletions_first: bool = False
    """PowerDNS carries out all deletions of a message before its additions, in whatever order they stand there."""
    same_data_moves_serial: bool = False
    """PowerDNS raises the serial also for a message that writes what was there already."""


RFC = Quirks()
BIND = Quirks(rrset_records_max=100)
KNOT = Quirks()
POWERDNS = Quirks(
    txt_ignores_case=True, alias_conflicts_refused=True, deletions_first=True, same_data_moves_serial=True
)


class Readable(Protocol):
    """What judging an update reads of a zone: a `Zone`, or a draft of one (`keeping`)."""

    origin: str

    def node(self, name: str) -> Node:
        """RRsets at a name."""
        ...

    def rrset(self, name: str, rtype: str) -> RRset | None:
        """Exactly this RRset."""
        ...

    @property
    def soa(self) -> RRset | None:
        """The SOA at the apex."""
        ...


class Decision(msgspec.Struct, frozen=True):
    """What an update comes to. `delta` holds all nodes that differ afterwards, the SOA's among them."""

    rcode: Rcode
    delta: dict[str, Node]
    why: str = ""


def decide(zone: Readable, update: Update | ZoneUpdate, quirks: Quirks = RFC) -> Decision:
    """Judge an update against a zone, without touching it."""
    if update.zone != zone.origin:
        return _refuse(Rcode.NOTAUTH, f"the zone section names {update.zone}, this is {zone.origin}")
    refusal = _check_prerequisites(zone, update.prerequisites, quirks) or _prescan(zone, update.changes)
    if refusal is not None:
        return refusal
    edit = _Edit(zone)
    for change in _deletions_first(update.changes) if quirks.deletions_first else update.changes:
        edit.make(change)
    return edit.finish(quirks)


def apply(zone: Zone, update: Update | ZoneUpdate, quirks: Quirks = RFC) -> tuple[Zone, Rcode]:
    """The zone after an update, and the response; the very same zone when it was refused or changed nothing."""
    decision = decide(zone, update, quirks)
    return zone.changed(decision.delta), decision.rcode


def _refuse(rcode: Rcode, why: str) -> Decision:
    return Decision(rcode, {}, why)


# -- prerequisites (3.2) ------------------------------------------------------------------------------------


def _check_prerequisites(
    zone: Readable, prerequisites: tuple[Prerequisite, ...], quirks: Quirks
) -> Decision | None:
    values: dict[tuple[str, str], set[str]] = {}
    for p in prerequisites:
        if not within(p.name, zone.origin):
            return _refuse(Rcode.NOTZONE, f"prerequisite on {p.name}, outside {zone.origin}")
        if p.existence is Existence.RRSET_IS:
            # One RRset may come in several parts; the comparison is with all of them together (3.2.3).
            values.setdefault((p.name, p.rtype), set()).update(p.rdatas)
            continue
        refusal = _check_existence(zone, p)
        if refusal is not None:
            return refusal
    for (name, rtype), rdatas in values.items():
        if rtype in META_TYPES or not rdatas:
            return _refuse(Rcode.FORMERR, f"prerequisite compares {name} {rtype} with no data")
        if not _same_data(zone.rrset(name, rtype), rdatas, quirks):
            return _refuse(Rcode.NXRRSET, f"{name} {rtype} is not what the prerequisite says")
    return None


def _check_existence(zone: Readable, p: Prerequisite) -> Decision | None:
    in_use = bool(zone.node(p.name))
    exists = zone.rrset(p.name, p.rtype) is not None
    match p.existence:
        case Existence.NAME_IN_USE if not in_use:
            return _refuse(Rcode.NXDOMAIN, f"{p.name} is not in use")
        case Existence.NAME_ABSENT if in_use:
            return _refuse(Rcode.YXDOMAIN, f"{p.name} is in use")
        case Existence.RRSET_EXISTS if not exists:
            return _refuse(Rcode.NXRRSET, f"{p.name} {p.rtype} does not exist")
        case Existence.RRSET_ABSENT if exists:
            return _refuse(Rcode.YXRRSET, f"{p.name} {p.rtype} exists")
        case _:
            return None


def _same_data(rrset: RRset | None, rdatas: set[str], quirks: Quirks) -> bool:
    if rrset is None:
        return False
    if quirks.txt_ignores_case and rrset.rtype == "TXT":
        return {r.lower() for r in rrset.rdatas} == {r.lower() for r in rdatas}
    return set(rrset.rdatas) == rdatas


# -- changes (3.4) ------------------------------------------------------------------------------------------


def _prescan(zone: Readable, changes: tuple[Change, ...]) -> Decision | None:
    for change in changes:
        name, rtype = _subject(change)
        if not within(name, zone.origin):
            return _refuse(Rcode.NOTZONE, f"change of {name}, outside {zone.origin}")
        if rtype in META_TYPES:
            return _refuse(Rcode.FORMERR, f"no zone holds records of type {rtype}")
    return None


def _subject(change: Change) -> tuple[str, str]:
    match change:
        case SetRRset(rrset=rrset) | AddRecords(rrset=rrset):
            return rrset.name, rrset.rtype
        case DeleteRRset(name=name, rtype=rtype) | DeleteRecords(name=name, rtype=rtype):
            return name, rtype
        case DeleteName(name=name):
            return name, ""


def _deletions_first(changes: tuple[Change, ...]) -> tuple[Change, ...]:
    """The same in another order; replacing an RRset is a deletion and an addition."""
    deletions: list[Change] = []
    additions: list[Change] = []
    for change in changes:
        match change:
            case SetRRset(rrset=rrset):
                deletions.append(DeleteRRset(rrset.name, rrset.rtype))
                additions.append(AddRecords(rrset))
            case AddRecords():
                additions.append(change)
            case _:
                deletions.append(change)
    return (*deletions, *additions)


class _Edit:
    """A draft of the nodes that an update touches."""

    def __init__(self, zone: Readable) -> None:
        self._zone = zone
        self._nodes: dict[str, dict[str, RRset]] = {}
        self._ignored = ""
        self._added = False

    def make(self, change: Change) -> None:
        match change:
            case SetRRset(rrset=rrset):
                self._delete_rrset(rrset.name, rrset.rtype)
                self._add(rrset)
            case DeleteRRset(name=name, rtype=rtype):
                self._delete_rrset(name, rtype)
            case AddRecords(rrset=rrset):
                self._add(rrset)
            case DeleteName(name=name):
                for rtype in tuple(self._node(name)):
                    self._delete_rrset(name, rtype)
            case DeleteRecords():
                self._delete_records(change)

    def _node(self, name: str) -> dict[str, RRset]:
        node = self._nodes.get(name)
        if node is None:
            node = self._nodes[name] = {rrset.rtype: rrset for rrset in self._zone.node(name)}
        return node

    def _add(self, rrset: RRset) -> None:
        node = self._node(rrset.name)
        if node.keys() - {"CNAME"} if rrset.rtype == "CNAME" else "CNAME" in node:
            self._ignored = f"{rrset.name}: a CNAME would stand beside other data"
            return
        if rrset.rtype == "SOA" and not self._newer_soa(node.get("SOA"), rrset):
            return
        old = node.get(rrset.rtype)
        if old is None or rrset.rtype in _SINGLETONS:
            rdatas = rrset.rdatas[-1:] if rrset.rtype in _SINGLETONS else rrset.rdatas
        else:
            rdatas = tuple(sorted({*old.rdatas, *rrset.rdatas}))
        node[rrset.rtype] = RRset(rrset.name, rrset.rtype, rrset.ttl, rdatas)
        self._added = True

    def _newer_soa(self, old: RRset | None, new: RRset) -> bool:
        return old is not None and serial_newer(soa_serial(new.rdatas[-1]), soa_serial(old.rdatas[0]))

    def _delete_rrset(self, name: str, rtype: str) -> None:
        if not (name == self._zone.origin and rtype in ("SOA", "NS")):
            self._node(name).pop(rtype, None)

    def _delete_records(self, change: DeleteRecords) -> None:
        node = self._node(change.name)
        old = node.get(change.rtype)
        if old is None or change.rtype == "SOA":
            return
        gone = set(change.rdatas)
        left = tuple(rdata for rdata in old.rdatas if rdata not in gone)
        if left:
            node[change.rtype] = RRset(old.name, old.rtype, old.ttl, left)
        elif change.rtype == "NS" and change.name == self._zone.origin:
            # 3.4.2.4: the last NS of the apex stays; the records go one after the other.
            node["NS"] = RRset(old.name, old.rtype, old.ttl, old.rdatas[-1:])
        else:
            del node[change.rtype]

    def finish(self, quirks: Quirks) -> Decision:
        """What the draft changes, with the serial raised; nothing at all when a limit is broken."""
        if self._ignored and quirks.alias_conflicts_refused:
            return _refuse(Rcode.REFUSED, self._ignored)
        delta = dict(self._changed())
        for name, node in delta.items():
            for rrset in node:
                if quirks.rrset_records_max is not None and len(rrset.rdatas) > quirks.rrset_records_max:
                    return _refuse(
                        Rcode.SERVFAIL,
                        f"{name} {rrset.rtype} would hold {len(rrset.rdatas)} > {quirks.rrset_records_max}",
                    )
        moves = delta or (self._added and quirks.same_data_moves_serial)
        if moves and quirks.serial_moves:
            _raise_serial(self._zone, delta)
        return Decision(Rcode.NOERROR, delta)

    def _changed(self) -> Iterator[tuple[str, Node]]:
        for name, types in self._nodes.items():
            node = node_of(types)
            if node != self._zone.node(name):
                yield name, node


def _raise_serial(zone: Readable, delta: dict[str, Node]) -> None:
    """The SOA's serial up by one, unless the update has raised it itself (RFC 2136 section 3.6)."""
    old = zone.soa
    node = delta.get(zone.origin, zone.node(zone.origin))
    soa = pick(node, "SOA")
    if soa is None or old is None or soa.rdatas != old.rdatas:
        return
    serial = serial_after(soa_serial(soa.rdatas[0]))
    raised = RRset(soa.name, "SOA", soa.ttl, (soa_with_serial(soa.rdatas[0], serial),))
    delta[zone.origin] = tuple(raised if rrset is soa else rrset for rrset in node)
