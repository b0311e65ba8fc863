"""Scenes of other people's data in the zone, and of what a server then silently does (R4, R5)."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from holdfast.lab.alphabet import SCOPE, ZONE, make_plans, name_of, next_plan
from holdfast.lab.checks import Check, everything
from holdfast.lab.invariants import FAMILIES, fence_in
from holdfast.lab.library import Library
from holdfast.lab.scenarios.properties import no_false_report, sent_is_written, unstruck
from holdfast.lab.scenarios.stage import (
    PLAIN,
    WRITES,
    Disk,
    documents,
    scene,
    shown,
    with_node,
    without_name,
    zone_of,
)
from holdfast.lab.system import Happened, Invariant, Scenario, View
from holdfast.lab.world.faults import Disaster, Fault, Faults
from holdfast.model.fence import fence_owner
from holdfast.model.records import RRset
from holdfast.nameserver.zone import Zone

ALIAS = ("CNAME", f"elsewhere.{ZONE}")
CUT = ("NS", f"ns.elsewhere.{ZONE}")
HERE = f"c.{ZONE}"
STRUCK = f"struck.{ZONE}"


def untouched(owner: str) -> Invariant:
    """R4: what somebody else holds at a name stays exactly as it is."""

    def check(before: View, after: View, step: Happened) -> str | None:
        was, now = before.zones[ZONE].node(owner), after.zones[ZONE].node(owner)
        foreign_here = any(r.rtype in ("CNAME", "NS") for r in was)
        return f"{step.by} changed {owner}, which is somebody else's" if foreign_here and was != now else None

    return Invariant("I1 monotone", unstruck(check))


def but_here(library: Library) -> Callable[[View], bool]:
    """Converged but for the name that can't be written: the offender holds nothing else up (R4)."""

    def check(view: View) -> bool:
        library.take(view.store)
        newest = library.newest(view.store)
        fence, zone = fence_in(view.zones[ZONE], SCOPE), view.zones[ZONE]
        names = None if newest is None else library.names(newest)
        if fence is None or fence.identity != newest or names is None:
            return False
        wanted = {(r.name, r.rtype): r for n in names.values() for r in shown(n)}
        free = [owner for owner in names if not any(r.rtype in ("CNAME", "NS") for r in zone.node(owner))]
        return all(zone.rrset(o, f) == wanted.get((o, f)) for o in free for f in FAMILIES)

    return check


def taken(*records: tuple[str, str], transfer: bool = True) -> Scenario:
    """Plan 2 creates `c`, where somebody else already has an alias, or a delegation."""
    one, two = make_plans(2)
    return scene(
        bounds=f"a foreign {records[0][0]} where a name is created{'' if transfer else ', data by questions'}",
        zone=zone_of(one, changed=with_node("c", *records)),
        store=documents((one, two)),
        disks=(Disk(one),),
        transfer=transfer,
        invariants=(untouched(HERE), sent_is_written()),
        goal=but_here,
    )


def taken_meanwhile(*records: tuple[str, str]) -> Scenario:
    """The same, but somebody else comes at any time: between the look and the write as well."""
    one, two = make_plans(2)

    def strike(zone: Zone) -> Zone:
        return zone if zone.node(HERE) else with_node("c", *records)(zone)

    comes = Disaster(ZONE, f"somebody puts a {records[0][0]} at c", strike)
    return scene(
        bounds=f"a foreign {records[0][0]} that comes at any time",
        zone=zone_of(one),
        store=documents((one, two)),
        disks=(Disk(one),),
        faults=Faults(1, kinds=frozenset({Fault.DISASTER}), disasters=(comes,)),
        invariants=(untouched(HERE), sent_is_written()),
        goal=but_here,
    )


def reported() -> Scenario:
    """Somebody else strikes at any time, and what the enactor reports then is true (R4)."""
    one, two = make_plans(2)

    def strike(zone: Zone) -> Zone:
        if zone.node(STRUCK):
            return zone
        fence = zone.node(fence_owner(SCOPE, ZONE))
        note = tuple(RRset(STRUCK, r.rtype, r.ttl, r.rdatas) for r in fence)
        return with_node("a", ALIAS)(zone).changed({STRUCK: note})

    struck = Disaster(ZONE, "somebody makes a an alias", strike)
    return scene(
        bounds=f"{struck.label}, and a report",
        zone=zone_of(one),
        store=documents((one, two)),
        disks=(Disk(one),),
        faults=Faults(1, kinds=frozenset({Fault.DISASTER}), disasters=(struck,)),
        invariants=(no_false_report(STRUCK),),
        goal=but_here,
        reports=True,
    )


def too_many_records() -> Scenario:
    """The server takes one record of a type, a name wants two: that name is left out, the others go on (R4)."""
    one = next_plan(None, (name_of("a", ("10.0.0.1",)), name_of("b", ("10.0.0.1",))))
    names = (name_of("a", ("10.0.0.2",)), name_of("b", ("10.0.0.1",)), name_of("c", ("10.0.0.1", "10.0.0.2")))
    two = next_plan(one, names)

    def others(library: Library) -> Callable[[View], bool]:
        def check(view: View) -> bool:
            fence = fence_in(view.zones[ZONE], SCOPE)
            moved = view.zones[ZONE].rrset(f"a.{ZONE}", "A")
            return fence is not None and fence.identity == two.identity and moved == shown(names[0])[0]

        return check

    return scene(
        bounds="a name with more records than the server takes",
        zone=zone_of(one),
        store=documents((one, two)),
        disks=(Disk(one),),
        dialect=msgspec.structs.replace(PLAIN, rdatas_max=1),
        goal=others,
    )


def lost_answers() -> Scenario:
    """One message is lost, late, refused, or its answer is lost: all is done in the end (R5)."""
    first, *rest = make_plans(3)
    return scene(
        bounds="3 plans, one message that goes wrong",
        zone=zone_of(first),
        store=documents((first,)),
        disks=(Disk(first),),
        upcoming=tuple(rest),
        faults=Faults(1, kinds=WRITES),
    )


def healing_lost() -> Scenario:
    """A name is emptied, and what heals it goes wrong: the fence is mine all the time, the data are not (R5)."""
    one = make_plans(1)[0]
    return scene(
        bounds="a name emptied under an equal fence, one message that goes wrong, and a report",
        zone=zone_of(one, changed=without_name("b")),
        store=documents((one,)),
        disks=(Disk(one),),
        faults=Faults(1, kinds=WRITES),
        invariants=(no_false_report(STRUCK),),
        reports=True,
    )


CHECKS: tuple[Check, ...] = (
    everything("a foreign alias", lambda: taken(ALIAS), wedge=True),
    everything("a foreign alias, by questions", lambda: taken(ALIAS, transfer=False), wedge=True),
    everything("a delegation", lambda: taken(CUT), wedge=True),
    everything("a delegation, by questions", lambda: taken(CUT, transfer=False), wedge=True),
    everything("an alias that comes meanwhile", lambda: taken_meanwhile(ALIAS), wedge=True),
    everything("a delegation that comes meanwhile", lambda: taken_meanwhile(CUT), wedge=True),
    everything("a report after an alias", reported),
    everything("a report after a lost message", healing_lost),
    everything("a name too large for the server", too_many_records, wedge=True),
    everything("one message goes wrong", lost_answers, wedge=True),
)
