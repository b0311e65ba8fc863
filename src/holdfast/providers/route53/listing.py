"""Reading a hosted zone by its API: a walk over the names that are asked for, page by page.

A list can begin at any name, and is sorted; so a page answers for every name between its first and its last. The
walk asks from the first name that has no answer yet: few names far apart cost a request each, many that lie
together one for 300 record sets, and all of a zone never more than the zone has pages.

A list shows what was accepted, PENDING changes included, and what is stored: wildcards answer for nothing here.
Its pages are no snapshot. The fence is read before the data (R2), and the batch is judged by the fence.
"""

from __future__ import annotations

from typing import Final

from holdfast.model.fence import fence_owner
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.provider import FenceAbsent, FenceReading, FenceUnreadable, Offender
from holdfast.ports.route53 import ListRecordSets, RecordSet, Start
from holdfast.providers.reading import alias_text, interpret_fence
from holdfast.providers.route53.names import position
from holdfast.providers.route53.sets import ADDRESS_TYPES

FENCE_TTL_S: Final = 5
PAGE_MAX: Final = 300
ITEMS_A_NAME: Final = 8
"""Record sets that a name may be expected to have: a short list costs less than a full page."""


async def sets_at(zone: str, names: tuple[str, ...]) -> tuple[RecordSet, ...] | CouldNotAsk:
    """Every record set at these names, in the order of the list."""
    wanted = sorted(frozenset(names), key=position)
    found: list[RecordSet] = []
    items = min(PAGE_MAX, ITEMS_A_NAME * len(wanted))
    start = Start(wanted[0]) if wanted else None
    while start is not None:
        page = await ListRecordSets(zone, start, items)
        if isinstance(page, CouldNotAsk):
            return page
        asked = frozenset(wanted)
        found.extend(s for s in page.sets if s.name in asked)
        if page.following is None:
            break
        reached = position(page.following.name)
        wanted = [name for name in wanted if position(name) >= reached]
        start = _next(wanted, page.following)
    return tuple(found)


def _next(wanted: list[str], following: Start) -> Start | None:
    """Where to go on: within a name that the page broke off, else at the next that has no answer."""
    if not wanted:
        return None
    return following if wanted[0] == following.name else Start(wanted[0])


async def fence_sets(zone: str, scope: str) -> tuple[RecordSet, ...] | CouldNotAsk:
    """The TXT record sets at the fence's owner: one, none, or (several policies) damage."""
    owner = fence_owner(scope, zone)
    page = await ListRecordSets(zone, Start(owner, "TXT"), 3)
    if isinstance(page, CouldNotAsk):
        return page
    return tuple(s for s in page.sets if (s.name, s.rtype) == (owner, "TXT"))


def read_as_fence(sets: tuple[RecordSet, ...]) -> FenceReading:
    """The fence that these sets are. One that could not be pinned exactly as holdfast writes it is unreadable."""
    if not sets:
        return FenceAbsent()
    rdatas = tuple(sorted(value for s in sets for value in s.values))
    one = sets[0]
    if len(sets) > 1 or one.identifier or one.other:
        return FenceUnreadable(
            rdatas, f"{len(sets)} record sets with a routing policy where one simple is expected"
        )
    if one.ttl != FENCE_TTL_S:
        return FenceUnreadable(rdatas, f"its TTL is {one.ttl} s, holdfast writes {FENCE_TTL_S} s")
    return interpret_fence(rdatas)


def ancestors(name: str, zone: str) -> tuple[str, ...]:
    """Names between a name and its zone's apex, where a delegation would hide it."""
    found: list[str] = []
    while name != zone and name.endswith(f".{zone}"):
        name = name.partition(".")[2]
        if name != zone:
            found.append(name)
    return tuple(found)


def with_ancestors(names: tuple[str, ...], zone: str) -> tuple[str, ...]:
    """The names, and what lies above them in the zone."""
    return tuple(dict.fromkeys(n for name in names for n in (name, *ancestors(name, zone))))


def offenders_of(zone: str, names: tuple[str, ...], sets: tuple[RecordSet, ...]) -> tuple[Offender, ...]:
    """R4: names that can't be written, by what the zone holds at them and above them."""
    why: dict[str, str] = {}
    for s in sets:
        if s.rtype == "CNAME":
            why[s.name] = alias_text(s.values[0].removesuffix(".")) if s.values else f"is {s.other or 'a CNAME'}"
        elif s.rtype in ADDRESS_TYPES and s.other:
            why[s.name] = f"{s.rtype} is {s.other}, which holdfast does not keep"
    cuts = frozenset(s.name for s in sets if s.rtype == "NS" and s.name != zone)
    for name in names:
        if cuts and not cuts.isdisjoint((name, *ancestors(name, zone))):
            why[name] = "is at or below a delegation (it has NS records)"
    return tuple(Offender(name, why[name]) for name in sorted(frozenset(names)) if name in why)
