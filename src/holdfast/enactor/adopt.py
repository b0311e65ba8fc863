"""`adopt`: a person's word when the store *and* every enactor's disk are lost ("Words", I6).

What DNS serves at the configured names becomes a plan, above every fence: its incarnation is one higher than the
highest that a fence names, so that whatever the lost history still has in flight stays below. The plan changes
nothing in DNS. It has no parent and no ledger: "with the ledger lost, zero for one window" (R11) is for the
planner, which goes on from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from holdfast.documents.freezes import freeze_id_of, read_freezes
from holdfast.documents.plans import Chunks, commit_with, write_chunks
from holdfast.documents.reading import Garbled, absent, interpret
from holdfast.enactor.carried import only_in_fences
from holdfast.enactor.reseed import highest_fence
from holdfast.model.codec import encode, seal, section_ref
from holdfast.model.configuration import Configuration, EndpointConfig, GroupConfig, StoredConfiguration
from holdfast.model.freeze import Freeze
from holdfast.model.identity import NOTHING, Identity
from holdfast.model.keys import Keys
from holdfast.model.plan import Inputs, Plan, PlanHead, Reason, Section
from holdfast.model.records import NameRecords, RRset, Weighted
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.provider import FenceReading, ZoneProvider
from holdfast.ports.signing import SignsPlans, signed
from holdfast.ports.store import ABSENT, Commit, Committed, Compare, Entry, GetMany, Put

SECTION_NAMES: Final = 512
FOREIGN_WEIGHT: Final = 100
"""Of an address that DNS serves and the configuration does not know: kept, at the default weight."""


class Adopted(msgspec.Struct, frozen=True):
    """The plan that was made, and names that DNS does not have at all (they wait for the planner).

    `freezes` are ids that only fences still carried: they stay in force, and cover everything.
    """

    identity: Identity
    names: int
    empty: tuple[str, ...]
    freezes: tuple[str, ...] = ()


async def adopt(
    scope: str,
    providers: Mapping[str, ZoneProvider],
    *,
    actor: str,
    by: str,
    reason: str,
    signs: SignsPlans | None = None,
) -> Adopted | str:
    """Make what DNS serves the newest plan; or why not."""
    keys = Keys(scope)
    entries = await GetMany((keys.newest, keys.incarnation, keys.config, keys.words))
    if isinstance(entries, CouldNotAsk):
        return f"the store is out: {entries.reason}"
    stored = None if entries[2] is None else interpret(entries[2], StoredConfiguration)
    if stored is None or isinstance(stored, Garbled):
        return "the store has no configuration that can be read: `apply` it first, it says which names to look at"
    highest = _newest(entries[0])
    listed = await read_freezes(keys)
    if isinstance(listed, CouldNotAsk):
        return f"the store is out: {listed.reason}"
    names: tuple[NameRecords, ...] = ()
    readings: tuple[FenceReading, ...] = ()
    for zone in stored.value.configuration.zones:
        provider = providers.get(zone.name)
        if provider is None:
            return f"no provider is set up here for zone {zone.name}"
        found = await _zone(provider, scope, stored.value.configuration)
        if isinstance(found, str):
            return found
        reading, records = found
        readings = (*readings, reading)
        names = (*names, *records)
    highest = max(highest, highest_fence(readings))
    plan = signed(_plan(scope, actor, by, reason, highest, entries[1], stored.value, names), signs)
    if not plan.sections:
        return "DNS has no address at any configured name: nothing to adopt, start the planner instead"
    freezes = only_in_fences(readings, frozenset(freeze_id_of(keys, d.key) for d in listed))
    return await _publish(keys, plan, entries, stored.value.configuration, freezes)


def _newest(entry: Entry | None) -> Identity:
    """The store's own newest plan: the adopted one must stand above it too."""
    document = None if entry is None else interpret(entry, Identity)
    return NOTHING if document is None or isinstance(document, Garbled) else document.value


async def _zone(
    provider: ZoneProvider, scope: str, configuration: Configuration
) -> tuple[FenceReading, tuple[NameRecords, ...]] | str:
    """The zone's fence, and what it serves at the configured names."""
    reading = await provider.read_fence(scope)
    if isinstance(reading, CouldNotAsk):
        return f"the fence of zone {provider.zone} can't be read: {reading.reason}"
    here = tuple(e for e in configuration.endpoints if e.zone == provider.zone)
    seen = await provider.read_rrsets(tuple(e.name for e in here))
    if isinstance(seen, CouldNotAsk):
        return f"zone {provider.zone} can't be read: {seen.reason}"
    present = {(r.name, r.rtype): r for r in seen.rrsets}
    groups = {g.name: g for g in configuration.groups}
    records = tuple(as_served(e, groups[e.group], present) for e in here)
    return reading, tuple(r for r in records if r.a or r.aaaa)


def as_served(
    endpoint: EndpointConfig, group: GroupConfig, present: Mapping[tuple[str, str], RRset]
) -> NameRecords:
    """A name as DNS has it: what it serves with its configured weight, the other targets with weight 0."""

    def family(rtype: str, configured: Mapping[str, int]) -> tuple[Weighted, ...]:
        rrset = present.get((endpoint.name, rtype))
        if rrset is None:
            return ()
        serving = {a: configured.get(a, 0) or FOREIGN_WEIGHT for a in rrset.rdatas}
        return tuple(sorted(Weighted(a, serving.get(a, 0)) for a in {*serving, *configured}))

    return NameRecords(
        name=endpoint.name,
        zone=endpoint.zone,
        ttl=endpoint.ttl,
        a=family("A", {t.a: t.weight for t in group.targets if t.a}),
        aaaa=family("AAAA", {t.aaaa: t.weight for t in group.targets if t.aaaa}),
        group=endpoint.group,
    )


def _plan(
    scope: str,
    actor: str,
    by: str,
    reason: str,
    highest: Identity,
    incarnation: Entry | None,
    stored: StoredConfiguration,
    names: tuple[NameRecords, ...],
) -> Plan:
    own = None if incarnation is None else interpret(incarnation, int)
    known = 0 if own is None or isinstance(own, Garbled) else own.value
    ordered = sorted(names, key=lambda n: (n.zone, n.name))
    sections = tuple(Section(tuple(ordered[i : i + SECTION_NAMES])) for i in range(0, len(ordered), SECTION_NAMES))
    head = PlanHead(
        scope=scope,
        incarnation=max(highest.incarnation, known) + 1,
        generation=highest.generation + 1,
        parent=None,
        zones=tuple(sorted(z.name for z in stored.configuration.zones)),
        inputs=Inputs(configuration_revision=stored.revision, directives_revision=0, observations=()),
        sections=tuple(section_ref(s) for s in sections),
        reasons=(Reason("adopted", scope, f"adopted from DNS by {by}: {reason}"),),
        planner=actor,
    )
    return seal(head, sections)


async def _publish(
    keys: Keys,
    plan: Plan,
    entries: tuple[Entry | None, ...],
    configuration: Configuration,
    freezes: tuple[Freeze, ...],
) -> Adopted | str:
    chunks = await write_chunks(keys, plan)
    if not isinstance(chunks, Chunks):
        return "the store did not take the plan; nothing was adopted, try again"
    compares = tuple(
        Compare(key, ABSENT if entry is None else entry.revision)
        for key, entry in zip((keys.newest, keys.incarnation, keys.config), entries, strict=False)
    )
    puts = (
        Put(keys.plan(plan.identity.generation), encode(plan.head)),
        Put(keys.newest, encode(plan.identity)),
        Put(keys.incarnation, encode(plan.identity.incarnation)),
        *(Put(keys.freeze(f.id), encode(f)) for f in freezes),
    )
    compares = (*compares, *(absent(keys.freeze(f.id)) for f in freezes))
    done = await commit_with(chunks, Commit(compares=compares, puts=puts))
    if not isinstance(done, Committed):
        return "the store changed meanwhile (or did not answer); look at `status`, and try again"
    held = {n.name for s in plan.sections for n in s.names}
    empty = tuple(sorted(e.name for e in configuration.endpoints if e.name not in held))
    return Adopted(plan.identity, len(held), empty, tuple(f.id for f in freezes))
