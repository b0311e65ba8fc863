"""What a thaw would let out: the newest plan against what DNS serves now, at the names that the freeze covers."""

from __future__ import annotations

from collections.abc import Mapping

from holdfast.documents.freezes import read_freezes
from holdfast.documents.plans import read_newest_plan
from holdfast.documents.reading import Document, Garbled
from holdfast.model.freeze import Freeze, Selector
from holdfast.model.keys import Keys
from holdfast.model.records import NameRecords
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.provider import RRsetChange, ZoneProvider, ZoneRRsets


async def preview(
    scope: str, providers: Mapping[str, ZoneProvider], freeze_id: str
) -> tuple[RRsetChange, ...] | CouldNotAsk:
    """Changes that the newest plan makes at covered names, before and after. An unknown id covers everything."""
    keys = Keys(scope)
    freezes = await read_freezes(keys)
    if isinstance(freezes, CouldNotAsk):
        return freezes
    plan = await read_newest_plan(keys)
    if isinstance(plan, CouldNotAsk) or plan is None:
        return plan or ()
    selector = _selector(freezes, freeze_id)
    changes: tuple[RRsetChange, ...] = ()
    for zone, provider in sorted(providers.items()):
        names = tuple(
            n for s in plan.sections for n in s.names if n.zone == zone and selector.covers(zone, n.name)
        )
        seen = await provider.read_rrsets(tuple(n.name for n in names)) if names else ZoneRRsets(())
        if isinstance(seen, CouldNotAsk):
            return seen
        changes = (*changes, *_differing(provider, names, seen))
    return changes


def _selector(freezes: tuple[Document[Freeze] | Garbled, ...], freeze_id: str) -> Selector:
    found = [f.value for f in freezes if isinstance(f, Document) and f.value.id == freeze_id]
    return found[0].selector if found else Selector()


def _differing(
    provider: ZoneProvider, names: tuple[NameRecords, ...], seen: ZoneRRsets
) -> tuple[RRsetChange, ...]:
    present = {(r.name, r.rtype): r for r in seen.rrsets}
    wanted = {(r.name, r.rtype): r for n in names for r in provider.render(n)}
    return tuple(
        RRsetChange(n.name, t, present.get((n.name, t)), wanted.get((n.name, t)))
        for n in names
        for t in provider.managed_types
        if present.get((n.name, t)) != wanted.get((n.name, t))
    )
