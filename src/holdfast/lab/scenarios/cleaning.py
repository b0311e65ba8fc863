"""Scenes of clean-up and of publication: what is deleted, what never, and what a crash leaves (R7, R14, I3)."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from holdfast.documents.plans import publish_plan, read_newest
from holdfast.documents.reading import Document
from holdfast.enactor.cleanup import clean_up
from holdfast.lab.actor import Actor
from holdfast.lab.alphabet import KEYS, SCOPE, TWO_ZONES, ZONE, make_plans, name_of, next_plan, zone_at
from holdfast.lab.checks import Check, everything
from holdfast.lab.disasters import JUMPED, restored_store
from holdfast.lab.invariants import live_is_pinned
from holdfast.lab.library import Library
from holdfast.lab.scenarios.properties import newest_monotone, unstruck
from holdfast.lab.scenarios.stage import (
    CALM,
    PLAIN,
    SILENCE,
    Disk,
    documents,
    scene,
    zone_of,
)
from holdfast.lab.system import Happened, Invariant, Scenario, View
from holdfast.lab.world.faults import Disaster, Fault, Faults
from holdfast.lab.world.store import StoreCell
from holdfast.model.fence import fence_owner
from holdfast.model.keys import generation_of
from holdfast.model.plan import Plan
from holdfast.model.records import RRset
from holdfast.ports.clock import Idle, Rest
from holdfast.ports.store import Committed, Compare, Entry
from holdfast.providers.rfc2136 import Rfc2136Provider

OTHER = TWO_ZONES[0]


def cleaner(zones: tuple[str, ...], keep: int) -> Actor:
    """The shipped clean-up over these zones."""
    return Actor(
        "cleaner",
        "cleaner",
        lambda: clean_up(SCOPE, {z: Rfc2136Provider(z, PLAIN) for z in zones}, actor="cleaner", keep=keep),
    )


def keeps_newest(count: int) -> Invariant:
    """R7 (as I3): the newest K plans stay, whatever the fences say."""

    def check(before: View, after: View, step: Happened) -> str | None:
        if before.store is after.store:
            return None
        heads = sorted(before.store.keys(KEYS.plans))[-count:]
        gone = [generation_of(k) for k in heads if k not in after.store.keys(KEYS.plans)]
        return f"{step.by} deleted plan {gone[0]}, one of the newest {count}" if gone else None

    return Invariant("I3 live is pinned", unstruck(check))


def nothing_deleted(why: str) -> Invariant:
    """R7 (as I3): clean-up deletes nothing at all."""

    def check(before: View, after: View, step: Happened) -> str | None:
        gone = {e.key for e in before.store.entries} - {e.key for e in after.store.entries}
        return f"{step.by} deleted {min(gone)}, though {why}" if gone else None

    return Invariant("I3 live is pinned", unstruck(check))


def chunks_are_their_plans() -> Invariant:
    """R14 (as I3): no chunk is shared between plans, so none is ever overwritten by other bytes."""

    def check(before: View, after: View, step: Happened) -> str | None:
        was = {e.key: e.value for e in before.store.entries if e.key.startswith(KEYS.all_chunks)}
        other = [e.key for e in after.store.entries if was.get(e.key, e.value) != e.value]
        return f"{step.by} overwrote {other[0]}, another plan's chunk" if other else None

    return Invariant("I3 live is pinned", unstruck(check))


def no_pieces() -> Invariant:
    """R7 (as I3): a plan goes head first, so that a reader finds it gone and never in pieces."""

    def pieces(store: StoreCell) -> frozenset[int]:
        heads = {generation_of(k) for k in store.keys(KEYS.plans)}
        return frozenset(heads - {generation_of(k) for k in store.keys(KEYS.all_chunks)})

    def check(before: View, after: View, step: Happened) -> str | None:
        if before.store is after.store:
            return None
        torn = pieces(after.store) - pieces(before.store)
        return f"{step.by} left plan {min(torn)} in pieces: a head without its chunks" if torn else None

    return Invariant("I3 live is pinned", unstruck(check))


def _scene(
    bounds: str,
    *,
    fences: tuple[int, int],
    stored: int = 3,
    keep: int = 1,
    served: tuple[str, ...] = TWO_ZONES,
    struck: str = "",
    extra: tuple[tuple[str, bytes], ...] = (),
    faults: Faults = CALM,
    tidy: bool = False,
    holds: str = "",
) -> Scenario:
    """Two zones at these fences, a store with these plans, and clean-up alone."""
    plans = make_plans(3, TWO_ZONES)
    zones = tuple(zone_at(plans[at - 1], z) for at, z in zip(fences, TWO_ZONES, strict=True))
    if struck:
        owner = fence_owner(SCOPE, OTHER)
        zones = (zones[0].changed({owner: (RRset(owner, "TXT", 5, (struck,)),)}), zones[1])
    cell = documents(plans[:stored])
    more = tuple(Entry(key=k, value=v, revision=1) for k, v in extra)
    cell = StoreCell(tuple(sorted((*cell.entries, *more), key=lambda e: e.key)), cell.graves)
    library = Library(KEYS)
    library.take(cell)
    return Scenario(
        name="clean-up scene",
        bounds=f"{bounds}; 2 zones, {stored} plans, {faults.total} faults",
        actors=(cleaner(served, keep),),
        store=cell,
        zones=zones,
        faults=faults,
        invariants=(
            live_is_pinned(library),
            keeps_newest(keep),
            no_pieces(),
            *((nothing_deleted(holds),) if holds else ()),
        ),
        converged=_tidied(min(fences), keep) if tidy else None,
    )


def _tidied(lowest: int, keep: int) -> Callable[[View], bool]:
    """Converged: nothing below the lowest fence is left but the newest K."""

    def check(view: View) -> bool:
        heads = {generation_of(k) for k in view.store.keys(KEYS.plans)}
        chunks = {generation_of(k) for k in view.store.keys(KEYS.all_chunks)}
        kept = sorted(heads)[-keep:]
        return all(g >= lowest or g in kept for g in heads | chunks)

    return check


def lowest_of_all() -> Scenario:
    """One zone is at plan 3, the other at plan 1: plan 2 lies between, and stays."""
    return _scene("fences at 1 and 3", fences=(1, 3))


def tidies() -> Scenario:
    """Both zones are at plan 3; the chunks of a planner that lost its race at generation 2 lie about."""
    loser = KEYS.chunk(2, "d" * 32, 0)
    return _scene("fences at 3 and 3, orphaned chunks", fences=(3, 3), extra=((loser, b"{}"),), tidy=True)


def keeps_two() -> Scenario:
    """Both zones are at plan 3, two plans are to be kept."""
    return _scene("fences at 3 and 3, two plans kept", fences=(3, 3), keep=2)


def unreadable() -> Scenario:
    """One zone's fence is garbled: nothing is deleted."""
    return _scene("a garbled fence", fences=(2, 3), struck='"garbled"', holds="a fence is garbled")


def jumped() -> Scenario:
    """One zone's fence has jumped by 10^9 generations: that says nothing about what it holds."""
    return _scene("a fence that jumped", fences=(2, 3), struck=JUMPED, holds="a fence has jumped")


def silent() -> Scenario:
    """One zone, or the store, does not answer: nothing is deleted."""
    return _scene("fences at 1 and 3, a silence", fences=(1, 3), faults=Faults(1, kinds=SILENCE))


def unserved() -> Scenario:
    """Nobody here serves one of the newest plan's zones: its fence is not known."""
    return _scene("a zone without a provider", fences=(2, 3), served=(ZONE,), holds="a zone's fence is not known")


def restored() -> Scenario:
    """A fence above the store's newest plan: the store was restored, its plans may be what `adopt` starts from."""
    return _scene(
        "a fence above the store's newest plan",
        fences=(3, 3),
        stored=2,
        keep=1,
        holds="the store has lost its newest plan",
    )


async def publishing(plans: tuple[Plan, ...]) -> None:
    """A publisher that can crash: after a start it looks what is there, and goes on."""
    for plan in plans:
        while True:
            newest = await read_newest(KEYS)
            if isinstance(newest, Document):
                if newest.value.generation >= plan.identity.generation:
                    break
                done = await publish_plan(KEYS, plan, (Compare(KEYS.newest, newest.revision),))
                if isinstance(done, Committed):
                    break
            await Idle(Rest.RETRY)


def interrupted() -> Scenario:
    """The publisher crashes anywhere, or a commit of its goes wrong: every plan that has a head is whole (R14)."""
    first, *rest = make_plans(3)
    kinds = frozenset({Fault.CRASH, Fault.LOST_REPLY, Fault.DELAYED, Fault.REFUSED})
    found = scene(
        bounds="a publisher that crashes",
        zone=zone_of(first),
        store=documents((first,)),
        disks=(Disk(first),),
        faults=Faults(1, kinds=kinds),
        extra=(Actor("publisher", "publisher", lambda: publishing(tuple(rest))),),
        invariants=(newest_monotone(KEYS), no_pieces()),
    )
    return msgspec.structs.replace(found, name="publication scene")


def restored_between() -> Scenario:
    """An older copy of the store comes back between a plan's chunks and its head (R14)."""
    first, second = make_plans(2)
    cell = documents((first,))
    comes = Disaster("store", "the store is restored from an old copy", restored_store(cell))
    return scene(
        bounds="a store restored while a plan is published",
        zone=zone_of(first),
        store=cell,
        disks=(Disk(first),),
        faults=Faults(1, kinds=frozenset({Fault.DISASTER}), disasters=(comes,)),
        extra=(Actor("publisher", "publisher", lambda: publishing((second,)), environment=True),),
    )


def rivals() -> Scenario:
    """Two planners make the same generation at once: neither overwrites the other's chunks (R14)."""
    first = make_plans(1)[0]
    mine, theirs = (next_plan(first, (name_of("a", (address,)),)) for address in ("10.0.0.1", "10.0.0.2"))
    return scene(
        bounds="two plans of one generation",
        zone=zone_of(first),
        store=documents((first,)),
        disks=(Disk(first),),
        extra=(
            Actor("publisher-a", "publisher-a", lambda: publishing((mine,)), environment=True),
            Actor("publisher-b", "publisher-b", lambda: publishing((theirs,)), environment=True),
        ),
        invariants=(newest_monotone(KEYS), chunks_are_their_plans()),
    )


CHECKS: tuple[Check, ...] = (
    everything("clean-up: the lowest of all zones", lowest_of_all),
    everything("clean-up: an unreadable fence", unreadable),
    everything("clean-up: a fence that jumped", jumped),
    everything("clean-up: a zone that nobody serves", unserved),
    everything("clean-up: a restored store", restored),
    everything("clean-up: two plans kept", keeps_two),
    everything("clean-up: chunks of a lost race", tidies, wedge=True),
    everything("clean-up: a silence", silent),
    everything("publication: a crash", interrupted, wedge=True),
    everything("publication: a store restored meanwhile", restored_between, wedge=True),
    everything("publication: two of one generation", rivals, wedge=True),
)
