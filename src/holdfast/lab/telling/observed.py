"""What anybody could observe after a step: each zone's fence, the answers for each name, the store, the wire."""

from __future__ import annotations

import enum
from typing import Any

import msgspec

from holdfast.lab.invariants import fence_in, ghost_owner
from holdfast.lab.library import Library
from holdfast.lab.steps import State
from holdfast.lab.system import System
from holdfast.lab.telling.words import document_text, fence_text, intended, rdatas_text
from holdfast.model.keys import Keys
from holdfast.model.records import Tenure
from holdfast.nameserver.lookup import lookup
from holdfast.nameserver.zone import Zone
from holdfast.ports.dns import Update
from holdfast.ports.operation import Operation

FENCE_PREFIX = "_holdfast-"
FAMILIES = ("A", "AAAA")
HOPS_MAX = 4


class Served(enum.Enum):
    """How a name stands."""

    ANSWERS = "answers"
    RETIRED = "retired"
    EMPTY = "NOTHING"
    """It had addresses, and nobody retired it: the outage."""


class Name(msgspec.Struct, frozen=True):
    """A name as a client gets it. `via` is the alias's target, if it is one."""

    name: str
    addresses: tuple[str, ...]
    served: Served
    via: str = ""

    def text(self) -> str:
        """In one line."""
        found = " ".join(self.addresses) if self.addresses else self.served.value
        return f"{self.name}: {found}{f' (an alias of {self.via})' if self.via else ''}"


class ZoneSeen(msgspec.Struct, frozen=True):
    """A zone as its primary holds it. `fence` is empty for designs without one."""

    zone: str
    fence: str
    names: tuple[Name, ...]
    records: tuple[tuple[str, str], ...]
    """Owner and type, and data, of every RRset."""


class World(msgspec.Struct, frozen=True):
    """All of it. `flight`: messages that have outlived their senders."""

    zones: tuple[ZoneSeen, ...]
    documents: tuple[tuple[str, str], ...]
    flight: tuple[str, ...]


class Observer:
    """Looks at the states of one run, in order: it remembers which names have had addresses."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._had: dict[str, dict[str, None]] = {}
        self._scopes: dict[str, str] = {}
        self._libraries: dict[str, Library] = {}
        self._known: dict[tuple[tuple[int, ...], int], World] = {}
        for zone in system.view(system.start).zones.values():
            for owner in sorted(zone.names):
                if owner.startswith(FENCE_PREFIX):
                    scope = owner.removesuffix(f".{zone.origin}").removeprefix(FENCE_PREFIX)
                    self._scopes[zone.origin] = scope
                    self._libraries.setdefault(scope, Library(Keys(scope)))

    def see(self, state: State) -> World:
        """The world in a state."""
        key = (state[self._system.first_cell : self._system.left_at], sum(map(len, self._had.values())))
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._look(state)
        return found

    def _look(self, state: State) -> World:
        view = self._system.view(state)
        for library in self._libraries.values():
            library.take(view.store)
        return World(
            zones=tuple(self._zone(z) for z in view.zones.values()),
            documents=tuple((e.key, document_text(e.value)) for e in view.store.entries),
            flight=tuple(message_text(m) for m in self._system.flight(state)),
        )

    def _zone(self, zone: Zone) -> ZoneSeen:
        names = self._had.setdefault(zone.origin, {})
        for name in self._asked_for(zone):
            names.setdefault(name)
        records = tuple(
            (f"{owner} {r.rtype}", rdatas_text(r.rtype, r.rdatas))
            for owner in sorted(zone.names)
            if owner != ghost_owner(zone.origin)
            for r in zone.node(owner)
        )
        return ZoneSeen(zone.origin, self._fence(zone), tuple(self._name(zone, n) for n in sorted(names)), records)

    def _asked_for(self, zone: Zone) -> list[str]:
        """Names that clients ask for: those that the scenario lists, or all with addresses or an alias."""
        listed = [n for n in self._system.scenario.served if n == zone.origin or n.endswith(f".{zone.origin}")]
        return listed or [n for n in zone.names if any(zone.rrset(n, t) for t in (*FAMILIES, "CNAME"))]

    def _fence(self, zone: Zone) -> str:
        scope = self._scopes.get(zone.origin)
        if scope is None:
            return ""
        fence = fence_in(zone, scope)
        if fence is not None:
            return fence_text(fence)
        there = zone.rrset(f"{FENCE_PREFIX}{scope}.{zone.origin}", "TXT")
        return "the fence is MISSING" if there is None else f"the fence is UNREADABLE: {' '.join(there.rdatas)}"

    def _name(self, zone: Zone, name: str) -> Name:
        owner, via = name, ""
        for _ in range(HOPS_MAX):
            alias = zone.rrset(owner, "CNAME")
            if alias is None:
                break
            owner = via = alias.rdatas[0]
        found = [lookup(zone, owner, family).rrset for family in FAMILIES]
        addresses = tuple(a for r in found if r is not None for a in r.rdatas)
        return Name(name, addresses, Served.ANSWERS if addresses else self._missing(zone, name), via)

    def _missing(self, zone: Zone, name: str) -> Served:
        scope = self._scopes.get(zone.origin)
        fence = None if scope is None else fence_in(zone, scope)
        if scope is not None and fence is not None:
            names = self._libraries[scope].names(fence.identity) or {}
            if name in names and names[name].tenure is Tenure.RETIRED:
                return Served.RETIRED
        return Served.EMPTY


def message_text(message: Operation[Any]) -> str:
    """A message in flight."""
    to = f"zone {message.zone}" if isinstance(message, Update) else "the store"
    return f"to {to}: {', '.join(intended(message))}"
