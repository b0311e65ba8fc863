"""What a zone's DNS data must change to agree with a plan: pure, one pass over the names, only what differs (R1).

Group mates stand beside each other, so that a message carries a group together where it fits. An owner that is
an alias is left out and reported (R4), and a frozen name is left out whatever its state (R17).
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from holdfast.enactor.order import FrozenPart
from holdfast.model.fence import Fence
from holdfast.model.freeze import Freeze
from holdfast.model.plan import Plan
from holdfast.model.records import NameRecords, RRset, Tenure
from holdfast.ports.provider import Offender, RRsetChange, ZoneRRsets


class Coverage(msgspec.Struct, frozen=True):
    """The freezes that bear on one zone: those whose scope is known, and whether anything unknown is in force."""

    freezes: tuple[Freeze, ...] = ()
    everything: str = ""
    """Why the whole zone counts as frozen; empty if it does not."""

    def covers(self, zone: str, name: str) -> bool:
        """Whether a write to `name` is forbidden."""
        return bool(self.everything) or any(f.selector.covers(zone, name) for f in self.freezes)

    @property
    def part(self) -> FrozenPart:
        """How much of the zone is frozen, for the order table."""
        if self.everything:
            return FrozenPart.WHOLE
        return FrozenPart.SOME if self.freezes else FrozenPart.NOTHING

    def __str__(self) -> str:
        return self.everything or ", ".join(f"{f.id} ({f.selector}, by {f.by}: {f.reason})" for f in self.freezes)


def coverage(zone: str, fence: Fence | None, known: tuple[Freeze, ...], in_force: frozenset[str]) -> Coverage:
    """What is frozen in a zone (R8).

    In force are the ids in the fence and those that the store lists (`in_force`), though they may not have
    reached the fence yet. An id that nobody can explain covers everything; so does `all`.
    """
    documents = {f.id: f for f in known}
    ids = in_force if fence is None else in_force | frozenset(fence.freezes)
    unknown = sorted(i for i in ids if i not in documents)
    if fence is not None and fence.freeze_all:
        return Coverage(everything="the fence lists more freezes than it can name: everything is frozen")
    if unknown:
        return Coverage(
            everything=f"freeze {', '.join(unknown)} is in force and not explained: everything is frozen"
        )
    bearing = tuple(documents[i] for i in sorted(ids) if documents[i].selector.covers_zone(zone))
    whole = next((f for f in bearing if f.selector.name == "*"), None)
    everything = "" if whole is None else f"freeze {whole.id} ({whole.selector}, by {whole.by}: {whole.reason})"
    return Coverage(freezes=bearing, everything=everything)


def names_of(plan: Plan, zone: str) -> tuple[NameRecords, ...]:
    """The plan's names in a zone, group mates together."""
    found = [n for section in plan.sections for n in section.names if n.zone == zone]
    found.sort(key=_by_group)
    return tuple(found)


def _by_group(name: NameRecords) -> tuple[str, str]:
    return name.group, name.name


class Difference(msgspec.Struct, frozen=True):
    """What to write in a zone, and what was left out of it."""

    changes: tuple[RRsetChange, ...]
    frozen: tuple[str, ...] = ()
    """Names that differ but are covered by a freeze."""
    aliases: tuple[Offender, ...] = ()
    """Owners that cannot be written because they are a CNAME."""


def difference(
    names: tuple[NameRecords, ...],
    seen: ZoneRRsets,
    *,
    render: Callable[[NameRecords], tuple[RRset, ...]],
    managed_types: tuple[str, ...],
    frozen: Coverage,
    only_empty: bool = False,
) -> Difference:
    """Changes that bring `seen` to the plan. `only_empty` keeps to names that have no address at all (R3)."""
    present = {(r.name, r.rtype): r for r in seen.rrsets}
    aliases = {o.name: o for o in seen.aliases}
    changes: list[RRsetChange] = []
    held: list[str] = []
    offenders: list[Offender] = []
    for records in names:
        if only_empty and not _is_empty(records, present):
            continue
        differing = _differing(records, present, render(records), managed_types)
        if not differing:
            continue
        if frozen.covers(records.zone, records.name):
            held.append(records.name)
        elif records.name in aliases:
            offenders.append(aliases[records.name])
        else:
            changes.extend(differing)
    return Difference(changes=tuple(changes), frozen=tuple(held), aliases=tuple(offenders))


def _is_empty(records: NameRecords, present: dict[tuple[str, str], RRset]) -> bool:
    """Whether a name that should have addresses has none in DNS; weights that were left behind are none."""
    return records.tenure is not Tenure.RETIRED and not any((records.name, t) in present for t in ("A", "AAAA"))


def _differing(
    records: NameRecords,
    present: dict[tuple[str, str], RRset],
    wanted: tuple[RRset, ...],
    managed_types: tuple[str, ...],
) -> list[RRsetChange]:
    """One name's changes; types that the plan does not want are removed."""
    after = {r.rtype: r for r in wanted}
    return [
        RRsetChange(name=records.name, rtype=t, before=present.get((records.name, t)), after=after.get(t))
        for t in managed_types
        if present.get((records.name, t)) != after.get(t)
    ]
