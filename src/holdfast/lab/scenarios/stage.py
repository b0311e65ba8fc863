"""A scene that begins in the middle: what zone, store and disks hold is said, not waited for.

A search that must first lose a fence, publish a plan and cut an enactor off spends its time on getting there.
Here the scene is set at once (a fence already missing, a disk already behind), and only the rule's own race is
searched.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from holdfast.enactor.loop import enact
from holdfast.enactor.memory import MEMORY_FILE, Memory
from holdfast.enactor.settings import EnactorSettings
from holdfast.enactor.shelf import PLAN_FILE
from holdfast.lab.actor import Actor
from holdfast.lab.alphabet import KEYS, SCOPE, ZONE, configuration, stored
from holdfast.lab.invariants import agrees, ghost_owner, live_is_pinned, monotone, never_empty
from holdfast.lab.library import Library
from holdfast.lab.production import TELLING, publisher
from holdfast.lab.system import Invariant, Scenario, View
from holdfast.lab.world.faults import Fault, Faults
from holdfast.lab.world.store import StoreCell, store_of
from holdfast.model.codec import encode
from holdfast.model.configuration import StoredConfiguration
from holdfast.model.directives import Directives, Word
from holdfast.model.fence import Fence, fence_owner
from holdfast.model.freeze import Freeze
from holdfast.model.identity import Identity
from holdfast.model.plan import Plan
from holdfast.model.records import NameRecords, RRset
from holdfast.nameserver.zone import Zone
from holdfast.providers.dialect import Dialect
from holdfast.providers.rendering import render
from holdfast.providers.rfc2136 import Rfc2136Provider

SILENCE = frozenset({Fault.UNANSWERED, Fault.PARTITION})
"""Reads come back with nothing, once, or until the actor is no longer cut off."""
CALM = Faults()
PLAIN = Dialect(name="plain", serial_by_construction=True)
"""A server whose serial needs no proof: the proof's moves would be most of what a small scene searches."""
WRITES = frozenset({Fault.LOST_REPLY, Fault.DELAYED, Fault.REFUSED, Fault.UNANSWERED})
WORDS = Directives(revision=1, retired=(Word(f"c.{ZONE}", "people", "lab"),))

Zones = Callable[[Zone], Zone]


def providers(*, dialect: Dialect = PLAIN, transfer: bool = True) -> dict[str, Rfc2136Provider]:
    """The zone's provider, fresh as after a start. `transfer`: it reads data by zone transfer, one step."""
    return {ZONE: Rfc2136Provider(ZONE, dialect, transfer_from=1 if transfer else None)}


class Disk(msgspec.Struct, frozen=True):
    """What an enactor's disk holds at the beginning."""

    plan: Plan | None
    memory: Memory = Memory()

    def files(self) -> tuple[tuple[str, bytes], ...]:
        """As documents."""
        held = () if self.plan is None else ((PLAN_FILE, encode(self.plan)),)
        return (*held, (MEMORY_FILE, encode(self.memory)))


def shown(records: NameRecords) -> tuple[RRset, ...]:
    """A name as the lab's zone shows it."""
    return render(records, weights=False)


def zone_of(plan: Plan, *, fence: Fence | None = None, changed: Zones | None = None) -> Zone:
    """A zone with this plan's data and fence, or another fence; then changed further."""
    at = Fence(plan.identity, writer="enactor") if fence is None else fence
    rrsets = [
        RRset(ZONE, "SOA", 60, (f"ns.{ZONE} hostmaster.{ZONE} 1 60 60 60 5",)),
        RRset(fence_owner(SCOPE, ZONE), "TXT", 5, (at.rdata(),)),
        *(rrset for section in plan.sections for name in section.names for rrset in shown(name)),
    ]
    zone = Zone.of(ZONE, rrsets)
    return zone if changed is None else changed(zone)


def without_fence(said: Fence) -> Zones:
    """The fence is gone; the note for the invariants keeps what it said."""

    def change(zone: Zone) -> Zone:
        return noted(said)(zone.changed({fence_owner(SCOPE, ZONE): ()}))

    return change


def noted(said: Fence) -> Zones:
    """A note, for the invariants only, of what a fence said before the scene began."""
    owner = ghost_owner(ZONE)
    return lambda zone: zone.changed({owner: (RRset(owner, "TXT", 5, (said.rdata(),)),)})


def without_name(label: str) -> Zones:
    """Somebody has emptied a name."""
    return lambda zone: zone.changed({f"{label}.{ZONE}": ()})


def with_node(label: str, *rrsets: tuple[str, str]) -> Zones:
    """Somebody has put other records at a name, as (type, data)."""
    owner = f"{label}.{ZONE}"
    return lambda zone: zone.changed({owner: tuple(RRset(owner, t, 60, (d,)) for t, d in sorted(rrsets))})


def then(*changes: Zones) -> Zones:
    """One change after the other."""

    def change(zone: Zone) -> Zone:
        for one in changes:
            zone = one(zone)
        return zone

    return change


def documents(
    plans: tuple[Plan, ...],
    *,
    newest: Identity | None = None,
    freezes: tuple[Freeze, ...] = (),
    words: Directives = WORDS,
    config: StoredConfiguration | None = None,
) -> StoreCell:
    """A store with these plans, the last of them the newest."""
    pointed = newest or plans[-1].identity
    return store_of(
        [
            (KEYS.config, encode(config or configuration())),
            (KEYS.words, encode(words)),
            (KEYS.incarnation, encode(pointed.incarnation)),
            *(entry for plan in plans for entry in stored(plan)),
            (KEYS.newest, encode(pointed)),
            *((KEYS.freeze(f.id), encode(f)) for f in freezes),
        ]
    )


def enactors(disks: tuple[Disk, ...], *, dialect: Dialect = PLAIN, transfer: bool = True) -> tuple[Actor, ...]:
    """Shipped enactors with these disks; otherwise equal, so that they are interchangeable."""

    def start() -> Any:
        settings = EnactorSettings(scope=SCOPE, enactor="enactor", ask_servers=False)
        return enact(settings, providers(dialect=dialect, transfer=transfer))

    return tuple(
        Actor(f"enactor-{chr(97 + i)}", "enactor", start, disk=disk.files()) for i, disk in enumerate(disks)
    )


def scene(
    *,
    bounds: str,
    zone: Zone,
    store: StoreCell,
    disks: tuple[Disk, ...],
    upcoming: tuple[Plan, ...] = (),
    faults: Faults = CALM,
    extra: tuple[Actor, ...] = (),
    invariants: tuple[Invariant, ...] = (),
    goal: Callable[[Library], Callable[[View], bool]] | None = None,
    reports: bool = False,
    transfer: bool = True,
    dialect: Dialect = PLAIN,
) -> Scenario:
    """Enactors with these disks before this zone and store; plans of `upcoming` are published at any time."""
    library = Library(KEYS)
    library.take(store)
    actors = enactors(disks, dialect=dialect, transfer=transfer)
    publishing = (Actor("publisher", "publisher", lambda: publisher(upcoming), environment=True),)
    return Scenario(
        name="scene",
        bounds=f"{bounds}; {len(disks)} enactors, {len(upcoming)} plans to come, {faults.total} faults",
        actors=(*(publishing if upcoming else ()), *actors, *extra),
        store=store,
        zones=(zone,),
        faults=faults,
        invariants=(monotone(library, shown), never_empty(library), live_is_pinned(library), *invariants),
        converged=agrees(library, shown) if goal is None else goal(library),
        # What enactors tell people is part of the state only where a scene asks whether it is true.
        sinks=() if reports else (KEYS.enactors,),
        hidden=() if reports else TELLING,
    )
