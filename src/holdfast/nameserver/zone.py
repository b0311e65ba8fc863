"""A zone's content as a value: what the look-up and the update engine read, and the laboratory's DNS state.

A zone maps owner names to nodes, a node being the tuple of its RRsets sorted by type. Nodes are immutable, so
cloning a zone copies one dictionary of references. Two zones are equal when they hold the same RRsets, the
serial included. `below` counts the names under each name: that is how an empty non-terminal is known
(RFC 4592 section 2.2.2), without a search.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from holdfast.model.records import RRset
from holdfast.nameserver.names import ancestors, within
from holdfast.ports.dns import ZoneContent

Node: TypeAlias = tuple[RRset, ...]
"""RRsets of one owner name, sorted by type; empty only where there is no name."""

Delta: TypeAlias = Mapping[str, Node]
"""New nodes by owner name; an empty node is a name that goes."""

NO_NODE: Final[Node] = ()

SERIAL_MODULUS: Final = 2**32


class Zone:
    """One zone. Treat as immutable; only its sole owner (the embedded server) may call `absorb`."""

    __slots__ = ("_below", "_hash", "_nodes", "origin")

    def __init__(self, origin: str, nodes: dict[str, Node], below: dict[str, int]) -> None:
        self.origin = origin
        self._nodes = nodes
        self._below = below
        self._hash: int | None = None

    @classmethod
    def of(cls, origin: str, rrsets: Iterable[RRset]) -> Zone:
        """A zone from canonical RRsets, one per owner and type, all within `origin`."""
        found: dict[str, dict[str, RRset]] = {}
        for rrset in rrsets:
            assert within(rrset.name, origin), (rrset.name, origin)
            found.setdefault(rrset.name, {})[rrset.rtype] = rrset
        zone = cls(origin, {}, {})
        zone.absorb({name: node_of(types) for name, types in found.items()})
        return zone

    def node(self, name: str) -> Node:
        """RRsets at a name, or `NO_NODE`."""
        return self._nodes.get(name, NO_NODE)

    def rrset(self, name: str, rtype: str) -> RRset | None:
        """Exactly this RRset, without wildcards or aliases."""
        return pick(self._nodes.get(name, NO_NODE), rtype)

    def exists(self, name: str) -> bool:
        """Whether the name exists: with records, or as an empty non-terminal."""
        return name in self._nodes or name in self._below

    @property
    def soa(self) -> RRset | None:
        """The SOA at the apex."""
        return self.rrset(self.origin, "SOA")

    @property
    def serial(self) -> int:
        """Serial of the SOA; 0 when there is none."""
        soa = self.soa
        return 0 if soa is None else soa_serial(soa.rdatas[0])

    @property
    def names(self) -> Iterable[str]:
        """Owner names that have records."""
        return self._nodes.keys()

    def content(self) -> ZoneContent:
        """The whole zone, sorted by (name, type): what a transfer shows."""
        rrsets = tuple(rrset for name in sorted(self._nodes) for rrset in self._nodes[name])
        return ZoneContent(serial=self.serial, rrsets=rrsets)

    def changed(self, delta: Delta) -> Zone:
        """A new zone with these nodes replaced."""
        if not delta:
            return self
        zone = Zone(self.origin, dict(self._nodes), dict(self._below))
        zone.absorb(delta)
        return zone

    def absorb(self, delta: Delta) -> None:
        """Replace nodes in place: O(changes), for the one owner of a large zone."""
        self._hash = None
        for name, node in delta.items():
            had = name in self._nodes
            if node:
                self._nodes[name] = node
            elif had:
                del self._nodes[name]
            if had != bool(node):
                self._count_above(name, 1 if node else -1)

    def _count_above(self, name: str, step: int) -> None:
        for above in ancestors(name, self.origin):
            count = self._below.get(above, 0) + step
            if count:
                self._below[above] = count
            else:
                del self._below[above]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Zone) and self.origin == other.origin and self._nodes == other._nodes

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash((self.origin, frozenset(self._nodes.items())))
        return self._hash

    def __repr__(self) -> str:
        return f"Zone({self.origin!r}, serial={self.serial}, names={len(self._nodes)})"


def pick(node: Node, rtype: str) -> RRset | None:
    """The RRset of a type in a node."""
    for rrset in node:
        if rrset.rtype == rtype:
            return rrset
    return None


def node_of(types: Mapping[str, RRset]) -> Node:
    """A node from its RRsets by type."""
    return tuple(types[rtype] for rtype in sorted(types))


def soa_serial(rdata: str) -> int:
    """Serial in an SOA's presentation form."""
    return int(rdata.split(" ", 3)[2])


def soa_minimum(rdata: str) -> int:
    """Negative TTL in an SOA's presentation form (RFC 2308 section 4)."""
    return int(rdata.rsplit(" ", 1)[1])


def soa_with_serial(rdata: str, serial: int) -> str:
    """The SOA's presentation form with another serial."""
    mname, rname, _, rest = rdata.split(" ", 3)
    return f"{mname} {rname} {serial} {rest}"


def serial_after(serial: int) -> int:
    """The next serial (RFC 1982); 0 is skipped, which RFC 2136 section 7.11 advises."""
    return (serial + 1) % SERIAL_MODULUS or 1


def serial_newer(serial: int, than: int) -> bool:
    """Whether a serial is newer by serial arithmetic (RFC 1982 section 3.2)."""
    return 0 < (serial - than) % SERIAL_MODULUS < SERIAL_MODULUS // 2
