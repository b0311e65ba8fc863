"""The invariants I1-I6 and I9 of docs/protocol.md as functions of the world that anybody could observe.

They look at the zones, the store and who has ended, never into an actor: so a rule that is broken inside and
mended before anybody could see it is no finding, and an invariant cannot be fooled by the code that it judges.
"""

from __future__ import annotations

from collections.abc import Callable

from holdfast.lab.actor import Done
from holdfast.lab.library import Library
from holdfast.lab.system import Happened, Invariant, View
from holdfast.model.fence import GENERATION_JUMP_MAX, Fence, fence_owner, parse_fence
from holdfast.model.freeze import Selector
from holdfast.model.identity import NOTHING, Identity
from holdfast.model.keys import Keys
from holdfast.model.plan import Inputs
from holdfast.model.records import NameRecords, RRset, Tenure
from holdfast.nameserver.zone import Zone

FAMILIES = ("A", "AAAA")
Render = Callable[[NameRecords], tuple[RRset, ...]]


def fence_in(zone: Zone, scope: str) -> Fence | None:
    """The zone's fence; None when it is missing or unreadable."""
    rrset = zone.rrset(fence_owner(scope, zone.origin), "TXT")
    if rrset is None or len(rrset.rdatas) != 1:
        return None
    return parse_fence(rrset.rdatas[0].strip('"'))


def ghost_owner(zone: str) -> str:
    """Where a disaster that takes the fence keeps what it last said: a note for these invariants only."""
    return f"ghost.{zone}"


def crest_owner(zone: str) -> str:
    """Where a disaster that brings an older fence back notes the highest one that was up, for I3."""
    return f"crest.{zone}"


def last_fence(zone: Zone, scope: str) -> Fence | None:
    """The zone's fence, or what it said before somebody took it away."""
    return _highest(fence_in(zone, scope), _noted(zone, ghost_owner(zone.origin)))


def highest_fence(zone: Zone, scope: str) -> Fence | None:
    """The highest fence that a writer ever put up in the zone."""
    return _highest(last_fence(zone, scope), _noted(zone, crest_owner(zone.origin)))


def _noted(zone: Zone, owner: str) -> Fence | None:
    note = zone.rrset(owner, "TXT")
    return None if note is None else parse_fence(note.rdatas[0].strip('"'))


_JUMP = GENERATION_JUMP_MAX


def _highest(*fences: Fence | None) -> Fence | None:
    # A jump of 10^6 generations or incarnations is damage, not a plan (R3).
    found = [f for f in fences if f is not None and max(f.identity.generation, f.identity.incarnation) < _JUMP]
    return max(found, key=lambda f: f.identity, default=None)


VANDAL = "vandal"
"""An actor of this name stands for the world outside, as a fault does: what it does is nobody's breach."""


def by_fault(step: Happened) -> bool:
    """Whether the world itself did it, no actor under test."""
    return step.by in ("fault", VANDAL)


def monotone(library: Library, render: Render) -> Invariant:
    """I1: a readable fence never goes down or away, and data that land are those of the plan that it names."""
    scope = library.keys.scope

    def check(before: View, after: View, step: Happened) -> str | None:
        if by_fault(step):
            return None
        library.take(after.store)
        for name, zone in after.zones.items():
            broken = _fence_fell(before.zones[name], zone, scope) or _older_data(before.zones[name], zone)
            if broken:
                return f"{broken}, written by {step.by}"
        return None

    def _older_data(was: Zone, now: Zone) -> str | None:
        fence = fence_in(now, scope)
        names = None if fence is None else library.names(fence.identity)
        if was is now or names is None:
            return None
        for owner, records in names.items():
            if records.zone != now.origin:
                continue
            wanted = {r.rtype: r.rdatas for r in render(records)}
            for family in FAMILIES:
                old, new = was.rrset(owner, family), now.rrset(owner, family)
                if new is not None and old != new and new.rdatas != wanted.get(family):
                    assert fence is not None
                    return f"{owner} {family} became {new.rdatas}, the fence names {fence.identity} with {wanted}"
        return None

    return Invariant("I1 monotone", check)


def _fence_fell(was: Zone, now: Zone, scope: str) -> str | None:
    if was is now:
        return None
    old, new = last_fence(was, scope), fence_in(now, scope)
    if old is None or old == new or fence_in(was, scope) == new:
        return None
    if new is not None and new.identity == NOTHING and fence_in(was, scope) is None:
        return None  # R8: a freeze puts a fence at generation 0 where there is none
    if new is None:
        return f"the fence of {now.origin} went away (it was at {old.identity})"
    if new.identity < old.identity:
        return f"the fence of {now.origin} fell from {old.identity} to {new.identity}"
    return None


def never_empty(library: Library) -> Invariant:
    """I2 with R12: no write leaves a name without a family that it had, unless a plan retires the name."""
    scope = library.keys.scope

    def check(before: View, after: View, step: Happened) -> str | None:
        if by_fault(step):
            return None
        library.take(after.store)
        for origin, now in after.zones.items():
            was = before.zones[origin]
            if was is now:
                continue
            for owner in was.names:
                for family in FAMILIES:
                    had, has = was.rrset(owner, family), now.rrset(owner, family)
                    if had is not None and has is None and not _retired(now, owner):
                        return f"{owner} lost all its {family} records, by {step.by}"
        return None

    def _retired(zone: Zone, owner: str) -> bool:
        fence = fence_in(zone, scope)
        names = None if fence is None else library.names(fence.identity)
        return names is not None and owner in names and names[owner].tenure is Tenure.RETIRED

    return Invariant("I2 never empty", check)


def live_is_pinned(library: Library) -> Invariant:
    """I3: a plan that any fence names, or that lies above one, is not deleted from the store."""
    scope = library.keys.scope

    def check(before: View, after: View, step: Happened) -> str | None:
        if by_fault(step) or before.store is after.store:
            return None
        gone = set(library.take(before.store)) - set(library.take(after.store))
        if not gone:
            return None
        # A fence that was destroyed or set back after the look does not make what lay below it live again.
        fences = [highest_fence(z, scope) for z in after.zones.values()]
        lowest = min((NOTHING if f is None else f.identity) for f in fences)
        live = sorted(i for i in gone if i >= lowest)
        return f"{step.by} deleted plan {live[0]}, the lowest fence is {lowest}" if live else None

    return Invariant("I3 live is pinned", check)


def velocity(allowed: dict[str, int]) -> Invariant:
    """I4 at the point of writing: no message takes more addresses out of a zone than the budget allows at once."""

    def check(before: View, after: View, step: Happened) -> str | None:
        if by_fault(step):
            return None
        for origin, most in allowed.items():
            was, now = serving(before.zones[origin]), serving(after.zones[origin])
            if len(was - now) > most:
                return (
                    f"{step.by} took {len(was - now)} of {len(was)} addresses out of {origin}, allowed is {most}"
                )
        return None

    return Invariant("I4 velocity", check)


def serving(zone: Zone) -> frozenset[str]:
    """Addresses that the zone serves."""
    return frozenset(
        a for owner in zone.names for family in FAMILIES if (r := zone.rrset(owner, family)) for a in r.rdatas
    )


def freeze_holds(
    keys: Keys, *, freezer: str, thawer: str, selector: Selector, acknowledged: Callable[[object], bool]
) -> Invariant:
    """I5: from the acknowledgement with which `freezer` ended until `thawer` begins, no data change.

    Fences and the serial's proof (owners that begin with `_holdfast`) are no data.
    """

    def check(before: View, after: View, step: Happened) -> str | None:
        if by_fault(step):
            return None
        dropped = _dropped(before, after, step)
        if dropped:
            return dropped
        untrue = _untrue(before, after)
        if untrue:
            return untrue
        ended = before.ended(freezer)
        if not isinstance(ended, Done) or not acknowledged(ended.result):
            return None
        if thawer and before.started(thawer):
            return None
        for origin, now in after.zones.items():
            was = before.zones[origin]
            if was is now:
                continue
            for owner in {*was.names, *now.names}:
                if owner == origin or owner.startswith("_holdfast") or not selector.covers(origin, owner):
                    continue
                if was.node(owner) != now.node(owner):
                    return f"{step.by} wrote {owner}, which an acknowledged freeze covers"
        return None

    def _untrue(before: View, after: View) -> str:
        """An acknowledgement while a covered zone's fence carries no freeze (R8)."""
        ended = after.ended(freezer)
        if before.ended(freezer) is not None or not isinstance(ended, Done) or not acknowledged(ended.result):
            return ""
        if thawer and before.started(thawer):
            return ""
        for origin, zone in after.zones.items():
            said = (fence_in(zone, keys.scope), last_fence(zone, keys.scope))
            if selector.covers_zone(origin) and not any(f is not None and f.frozen for f in said):
                return f"{freezer} says that the freeze holds, but the fence of {origin} carries none"
        return ""

    def _dropped(before: View, after: View, step: Happened) -> str:
        """A fence that goes on without an id that it carried, though nobody thawed (R0, R8)."""
        if step.by in (thawer, "flight"):
            return ""
        for origin, now in after.zones.items():
            old, new = fence_in(before.zones[origin], keys.scope), fence_in(now, keys.scope)
            if old is not None and new is not None and not new.freeze_all and set(old.freezes) - set(new.freezes):
                return f"{step.by} wrote a fence without freeze {', '.join(old.freezes)}, which was in force"
        return ""

    observes = (freezer, thawer) if thawer else (freezer,)
    return Invariant("I5 freeze holds", check, observes=observes)


def inputs_monotone(keys: Keys) -> Invariant:
    """I9: a plan's inputs are not older than its parent's (R10)."""
    library = Library(keys)

    def check(before: View, after: View, step: Happened) -> str | None:
        if by_fault(step) or before.store is after.store:
            return None
        for identity in set(library.take(after.store)) - set(library.take(before.store)):
            broken = _older_inputs(identity)
            if broken:
                return f"{broken}, published by {step.by}"
        return None

    def _older_inputs(identity: Identity) -> str | None:
        head = library.head(identity)
        parent = None if head is None or head.parent is None else library.head(head.parent)
        if head is None or parent is None:
            return None
        older = older_input(head.inputs, parent.inputs)
        return f"plan {identity} is made from {older} than its parent {head.parent}" if older else None

    return Invariant("I9 inputs monotone", check)


def older_input(mine: Inputs, parents: Inputs) -> str:
    """Which input is older than the parent's; empty if none is."""
    if mine.configuration_revision < parents.configuration_revision:
        return f"older configuration ({mine.configuration_revision} < {parents.configuration_revision})"
    if mine.directives_revision < parents.directives_revision:
        return f"older words ({mine.directives_revision} < {parents.directives_revision})"
    theirs = {o.observer: o.revision for o in parents.observations}
    for seen in mine.observations:
        if seen.revision < theirs.get(seen.observer, 0):
            return f"older observations of {seen.observer} ({seen.revision} < {theirs[seen.observer]})"
    return ""


def agrees(library: Library, render: Render) -> Callable[[View], bool]:
    """Converged (I6): every zone's fence names the newest plan, and its data are that plan's."""
    scope = library.keys.scope

    def check(view: View) -> bool:
        library.take(view.store)
        newest = library.newest(view.store)
        names = None if newest is None else library.names(newest)
        if names is None:
            return False
        for origin, zone in view.zones.items():
            fence = fence_in(zone, scope)
            if fence is None or fence.identity != newest:
                return False
            for owner, records in names.items():
                if records.zone == origin:
                    wanted = {r.rtype: r for r in render(records)}
                    if zone.rrset(owner, "CNAME") is not None:
                        continue  # a foreign alias is a person's to remove: told, never forced (R4)
                    if any(zone.rrset(owner, f) != wanted.get(f) for f in FAMILIES):
                        return False
        return True

    return check
