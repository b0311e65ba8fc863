"""Further invariants of the observed world, each a sentence of docs/protocol.md, for scenes in which they hold.

Those of `lab.invariants` hold everywhere. These say more, and so need a scene that grants it: no disaster that
strikes the data, one message that holds all, a server that was not restored.
"""

from __future__ import annotations

from collections.abc import Callable

from holdfast.lab.alphabet import KEYS
from holdfast.lab.invariants import FAMILIES, by_fault, fence_in
from holdfast.lab.library import Library
from holdfast.lab.scenarios.stage import shown
from holdfast.lab.system import Happened, Invariant, View
from holdfast.lab.world.store import StoreCell
from holdfast.model.codec import decode
from holdfast.model.fence import parse_fence
from holdfast.model.identity import NOTHING, Identity
from holdfast.model.keys import Keys
from holdfast.model.records import NameRecords
from holdfast.model.report import EnactorReport, ZoneProgress
from holdfast.nameserver.zone import Zone
from holdfast.ports.dns import SetRRset, Update

Judge = Callable[[View, View, Happened], str | None]


def unstruck(judge: Judge) -> Judge:
    """The same, but what the world itself did is no one's fault."""
    return lambda before, after, step: None if by_fault(step) else judge(before, after, step)


def disagreement(zone: Zone, names: dict[str, NameRecords]) -> str:
    """The first name of a plan whose data in the zone are not the plan's; empty if all agree."""
    for owner, records in names.items():
        wanted = {r.rtype: r for r in shown(records)}
        for family in FAMILIES:
            found = zone.rrset(owner, family)
            if records.zone == zone.origin and found != wanted.get(family):
                return f"{owner} {family} is {None if found is None else found.rdatas}"
    return ""


def raise_is_whole() -> Invariant:
    """I1 where one message holds all: the message that raises the fence leaves no name at another plan's data.

    Fence before data (R2), both in one message (R0): else a name keeps an older plan's data under a newer fence.
    """
    library = Library(KEYS)

    def check(before: View, after: View, step: Happened) -> str | None:
        library.take(after.store)
        for origin, zone in after.zones.items():
            old, new = fence_in(before.zones[origin], KEYS.scope), fence_in(zone, KEYS.scope)
            if new is None or old is None or old.identity >= new.identity:
                continue
            names = library.names(new.identity)
            differs = "" if names is None else disagreement(zone, names)
            if differs:
                return f"{step.by} raised the fence to {new.identity}, but {differs}"
        return None

    return Invariant("I1 monotone", unstruck(check))


def fills_only_empty() -> Invariant:
    """R3 with the store out: where no fence is, and none is put up, only names without an address get one."""

    def check(before: View, after: View, step: Happened) -> str | None:
        for origin, zone in after.zones.items():
            was = before.zones[origin]
            if fence_in(was, KEYS.scope) is not None or fence_in(zone, KEYS.scope) is not None:
                continue
            for owner in was.names:
                served = any(was.rrset(owner, family) for family in FAMILIES)
                if served and was.node(owner) != zone.node(owner):
                    return f"{step.by} changed {owner}, which was not empty, without a fence"
        return None

    return Invariant("I1 monotone", unstruck(check))


def never_written(what: str) -> Invariant:
    """No step of an actor under test changes a zone."""

    def check(before: View, after: View, step: Happened) -> str | None:
        return f"{step.by} wrote, though {what}" if before.zones != after.zones else None

    return Invariant("I1 monotone", unstruck(check))


def newest_monotone(keys: Keys) -> Invariant:
    """I1 in the store: its newest plan is never put below what it was, nor below what a fence names."""

    def newest(store: StoreCell) -> Identity:
        data = store.get(keys.newest)
        return NOTHING if data is None else decode(data, Identity)

    def check(before: View, after: View, step: Happened) -> str | None:
        if before.store is after.store or newest(after.store) == newest(before.store):
            return None
        fences = [f.identity for z in before.zones.values() if (f := fence_in(z, keys.scope)) is not None]
        least = max((newest(before.store), *fences))
        if newest(after.store) < least:
            return f"{step.by} made {newest(after.store)} the newest plan below {least}"
        return _same_incarnation(before.store, after.store, fences, step)

    def _same_incarnation(was: StoreCell, now: StoreCell, fences: list[Identity], step: Happened) -> str | None:
        data = now.get(keys.incarnation)
        if was.get(keys.incarnation) is not None or data is None or not fences:
            return None
        number = decode(data, int)
        highest = max(f.incarnation for f in fences)
        return f"{step.by} began incarnation {number}, a fence has {highest}" if number <= highest else None

    return Invariant("I1 monotone", unstruck(check))


def sent_is_written() -> Invariant:
    """R4: what a server takes of a message it takes whole; nothing is ignored beside what is applied.

    Where an address is silently dropped, the fence has moved on without the data that it stands for.
    """

    def check(before: View, after: View, step: Happened) -> str | None:
        sent = step.operation
        if not isinstance(sent, Update):
            return None
        was, now = before.zones[sent.zone], after.zones[sent.zone]
        if was is now or was == now:
            return None
        for change in sent.changes:
            if isinstance(change, SetRRset) and now.rrset(change.rrset.name, change.rrset.rtype) != change.rrset:
                return f"{step.by} wrote {change.rrset.name} {change.rrset.rtype}, and the server ignored it"
        return None

    return Invariant("I1 monotone", unstruck(check))


def no_false_report(note: str) -> Invariant:
    """R4: whoever reports a zone as converged has seen it agree, unless it was struck after the raise."""
    library = Library(KEYS)

    def check(before: View, after: View, step: Happened) -> str | None:
        library.take(after.store)
        if before.store is after.store:
            return None
        for key in after.store.keys(KEYS.enactors):
            data = after.store.get(key)
            if data is None or data == before.store.get(key):
                continue
            for zone in decode(data, EnactorReport).zones:
                broken = _false(after.zones[zone.zone], zone)
                if broken:
                    return f"{step.by} reports {zone.zone} as {zone.state} at {zone.fence}, but {broken}"
        return None

    def _false(zone: Zone, said: ZoneProgress) -> str:
        struck = zone.rrset(note, "TXT")
        under = None if struck is None else parse_fence(struck.rdatas[0].strip('"'))
        names = None if said.fence is None else library.names(said.fence)
        if said.state != "converged" or said.fence is None or names is None:
            return ""
        before_raise = under is None or under.identity < said.fence
        return disagreement(zone, names) if before_raise else ""

    return Invariant("I1 monotone", unstruck(check))
