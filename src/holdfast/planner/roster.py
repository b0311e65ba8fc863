"""Which names a plan holds and how each stands to the configuration (design decision 7), before any address moves.

    configured   word      in the parent          in the plan
    yes          any       any                    MANAGED; an old `retire` says nothing about a name put back
    no           retire    yes                    RETIRED: a tombstone without addresses
    no           release   yes                    not in the plan; DNS keeps what it has
    no           -         MANAGED, ORPHANED      ORPHANED, exactly as it was
    no           -         RETIRED                RETIRED: only `release` ends a tombstone
    no           any       no                     not in the plan

Under a rollback (R13) the older plan's records stand in for the configuration; names that it does not know keep
what they have.

A *draft* is a name with its new tenure, group and TTL and still its parent's addresses. Drafts that share a
pool, the parent's addresses and what is wanted form a *cohort*: they move alike, so rules look at cohorts and
never at names, of which there may be 427,000.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from holdfast.model.configuration import Configuration, EndpointConfig
from holdfast.model.directives import Directives
from holdfast.model.plan import Plan
from holdfast.model.records import NameRecords, Tenure, Weighted
from holdfast.planner.capacity import Pool
from holdfast.planner.sections import order

Addresses = tuple[Weighted, ...]


class Cohort(msgspec.Struct, frozen=True):
    """Names of one pool that hold the same addresses; `wanted` is None unless a rollback says it."""

    held: Addresses
    """What the parent serves there, A and AAAA together."""
    positions: tuple[int, ...]
    wanted: Addresses | None = None


class Roster(msgspec.Struct, frozen=True):
    """All names of the plan to be, as drafts, sorted; and the cohorts of each pool."""

    drafts: tuple[NameRecords, ...]
    pools: dict[Pool, tuple[Cohort, ...]]


def roster(
    configuration: Configuration, directives: Directives, parent: Plan | None, rollback: Plan | None
) -> Roster:
    """Names, tenures and cohorts."""
    held = _by_key(parent)
    drafts = dict(_standing(held, configuration, directives))
    wanted = None if rollback is None else _wanted(rollback, directives)
    if wanted is None:
        drafts.update((key, _draft(e.ttl, e.group, key, held.get(key))) for key, e in _endpoints(configuration))
    else:
        drafts.update((key, held[key]) for key, _ in _endpoints(configuration) if key in held)
        drafts.update((key, _draft(r.ttl, r.group, key, held.get(key))) for key, r in wanted.items())
    ordered = tuple(drafts[key] for key in sorted(drafts))
    return Roster(drafts=ordered, pools=_cohorts(ordered, wanted))


def _wanted(rollback: Plan, directives: Directives) -> dict[tuple[str, str], NameRecords]:
    """What an older plan says of the names that no later word has retired or released."""
    gone = {word.subject for word in (*directives.retired, *directives.released)}
    return {
        key: records
        for key, records in _by_key(rollback).items()
        if records.tenure is not Tenure.RETIRED and key[1] not in gone
    }


def _by_key(plan: Plan | None) -> dict[tuple[str, str], NameRecords]:
    return {} if plan is None else {order(r): r for section in plan.sections for r in section.names}


def _endpoints(configuration: Configuration) -> Iterable[tuple[tuple[str, str], EndpointConfig]]:
    # Endpoints come sorted by name; kept so within zones, sorting the plan's names is one pass, not n log n.
    return (((e.zone, e.name), e) for e in sorted(configuration.endpoints, key=lambda e: e.zone))


def _draft(ttl: int, group: str, key: tuple[str, str], before: NameRecords | None) -> NameRecords:
    """A managed name with its parent's addresses; the parent's own object when nothing differs."""
    if before is None:
        return NameRecords(name=key[1], zone=key[0], ttl=ttl, a=(), aaaa=(), group=group)
    if before.ttl == ttl and before.group == group and before.tenure is Tenure.MANAGED:
        return before
    return msgspec.structs.replace(before, ttl=ttl, group=group, tenure=Tenure.MANAGED)


def _standing(
    held: Mapping[tuple[str, str], NameRecords], configuration: Configuration, directives: Directives
) -> Iterable[tuple[tuple[str, str], NameRecords]]:
    """The parent's names that the configuration does not have, with their tenure by the table above."""
    if not held:
        return
    configured = {(e.zone, e.name) for e in configuration.endpoints}
    retired = {word.subject for word in directives.retired}
    released = {word.subject for word in directives.released}
    for key, records in held.items():
        if key in configured or key[1] in released:
            continue
        if key[1] in retired:
            yield key, _with_tenure(msgspec.structs.replace(records, a=(), aaaa=()), Tenure.RETIRED)
        elif records.tenure is Tenure.RETIRED:
            yield key, records
        else:
            yield key, _with_tenure(records, Tenure.ORPHANED)


def _with_tenure(records: NameRecords, tenure: Tenure) -> NameRecords:
    return records if records.tenure is tenure else msgspec.structs.replace(records, tenure=tenure)


def _cohorts(
    drafts: tuple[NameRecords, ...], wanted: Mapping[tuple[str, str], NameRecords] | None
) -> dict[Pool, tuple[Cohort, ...]]:
    grouped: dict[Pool, dict[tuple[Addresses, Addresses, Addresses | None], list[int]]] = {}
    for at, d in enumerate(drafts):
        if d.tenure is not Tenure.MANAGED or (wanted is not None and (d.zone, d.name) not in wanted):
            continue
        old = None if wanted is None else wanted[d.zone, d.name]
        key = (d.a, d.aaaa, None if old is None else (*old.a, *old.aaaa))
        grouped.setdefault((d.zone, d.group), {}).setdefault(key, []).append(at)
    return {
        pool: tuple(
            Cohort(held=(*a, *aaaa), positions=tuple(at), wanted=want) for (a, aaaa, want), at in cohorts.items()
        )
        for pool, cohorts in grouped.items()
    }
