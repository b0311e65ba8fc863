"""The kill switch: stop all writing to a scope, a zone or names, never serving (R8).

    freeze:  the order to the store (if it is up) -> every covered zone's fence carries the id -> acknowledged
    thaw:    every zone's fence loses the id -> the store forgets it

From the acknowledgement on, each message of any enactor, however old, pins a fence that no longer exists, and the
DNS server refuses it (I5). A freeze of some zones only is "partial", and says which, and why; running it again
with the same id goes on where it stopped. With the store out the fences are frozen all the same: an id that
nobody can explain covers everything, which is the safe side.

Thaw goes the other way round, so that no fence is left with an id that the store can no longer explain. It takes
one id away: another person's freeze of the same names stays.

A freeze whose time comes while it is still being ordered meets its own thaw. Each looks once more after its last
write, the freeze whether the store still has it, the thaw whether a fence has got it since: whoever is later sees
the other, and the id is gone from both.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final

import msgspec

from holdfast.documents.freezes import forget_freeze, read_freezes, record_freeze
from holdfast.documents.reading import Garbled
from holdfast.killswitch.fences import ZoneOutcome, change_fence
from holdfast.model.fence import Fence
from holdfast.model.freeze import Freeze, Selector
from holdfast.model.identity import NOTHING
from holdfast.model.keys import Keys
from holdfast.ports.events import Emit, Event
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.provider import ZoneProvider
from holdfast.ports.random import NewId
from holdfast.ports.store import Committed, Entry, Get, GetMany, Lost

ID_TRIES: Final = 5
LOST_MEANWHILE: Final = (
    "the store was lost while it was being ordered, and the order with it: freeze again with this id"
)


class Outcome(msgspec.Struct, frozen=True):
    """What came of a freeze or a thaw. `store` says why the store does not follow; empty if all is well."""

    id: str
    zones: tuple[ZoneOutcome, ...]
    store: str = ""

    @property
    def complete(self) -> bool:
        """Whether every covered zone's fence is as wanted: for a freeze, the acknowledgement."""
        return bool(self.zones) and all(z.done for z in self.zones)

    @property
    def text(self) -> str:
        """One sentence for people."""
        done = sum(z.done for z in self.zones)
        if not self.zones:
            return "no zone of this scope is covered"
        if self.complete:
            return f"all {done} zones"
        missing = "; ".join(f"{z.zone}: {z.text}" for z in self.zones if not z.done)
        return f"{done} of {len(self.zones)} zones; missing: {missing}"


async def freeze(
    scope: str,
    providers: Mapping[str, ZoneProvider],
    *,
    actor: str,
    selector: Selector,
    reason: str,
    by: str,
    until_s: int | None = None,
    again: str = "",
) -> Outcome:
    """Freeze what the selector covers. `actor` is a writer id (`is_writer_id`); `again` goes on with an id."""
    covered = tuple(p for zone, p in sorted(providers.items()) if selector.covers_zone(zone))
    if not covered:
        return Outcome(id=again, zones=(), store="nothing was ordered")
    history = await Get(Keys(scope).incarnation)
    order, trouble = await _order(Keys(scope), selector, reason, by, until_s, again)
    await Emit(Event("freeze.set", actor, f"freeze {order.id} of {selector} ordered by {by}: {reason}"))
    zones: tuple[ZoneOutcome, ...] = ()
    known = await _known(Keys(scope))
    for provider in covered:
        others = () if known is None else tuple(f for f in known if f.selector.covers_zone(provider.zone))
        ids = frozenset({order.id, *(f.id for f in others)})

        def adding(fence: Fence, ids: frozenset[str] = ids) -> Fence:
            # A fence that is put up anew must carry what else is in force (R3); in an old one that is no news.
            return msgspec.structs.replace(fence, freezes=tuple(sorted(ids.union(fence.freezes))))

        zones = (*zones, await change_fence(provider, scope, actor, adding, create=_anew(actor, known)))
    if not trouble:
        kept = await _kept(Keys(scope), order.id, history)
        if kept is Kept.THAWED:
            return await _withdrawn(scope, providers, actor, order.id, by)
        trouble = LOST_MEANWHILE if kept is Kept.LOST else ""
    outcome = Outcome(order.id, zones, trouble)
    kind = "freeze.acknowledged" if outcome.complete else "freeze.partial"
    late = f" ({trouble})" if trouble else ""
    await Emit(Event(kind, actor, f"freeze {order.id} of {selector} holds in {outcome.text}{late}"))
    return outcome


class Kept(enum.Enum):
    """What became of the order in the store by the time all fences were written."""

    YES = "yes, or the store does not say"
    THAWED = "thawed"
    LOST = "lost with the store"


async def _kept(keys: Keys, freeze_id: str, history: Entry | CouldNotAsk | None) -> Kept:
    """A store that begins anew, or has since, lost the order and thawed nothing: the fences keep the id (I5).

    `history` is the store's incarnation as it was before the order: another one, or none, is another history.
    """
    found = await GetMany((keys.freeze(freeze_id), keys.incarnation))
    if isinstance(found, CouldNotAsk) or found[0] is not None:
        return Kept.YES
    now = found[1]
    same = isinstance(history, Entry) and now is not None and now.value == history.value
    return Kept.THAWED if same else Kept.LOST


async def _withdrawn(
    scope: str, providers: Mapping[str, ZoneProvider], actor: str, freeze_id: str, by: str
) -> Outcome:
    """It was thawed while it was being ordered: no fence may keep an id that nobody can explain."""
    gone = await thaw(scope, providers, actor=actor, freeze_id=freeze_id, by=by)
    why = "thawed meanwhile, by its time or by a person"
    return Outcome(freeze_id, tuple(ZoneOutcome(z.zone, done=False, text=why) for z in gone.zones))


def _anew(actor: str, known: tuple[Freeze, ...] | None) -> Fence:
    """The fence to begin with where a zone has none.

    Which other freezes are in force only the store can say: if it is silent, everything is (R3, R8), else the new
    fence would tell writers that another person's freeze is over.
    """
    return Fence(identity=NOTHING, writer=actor, freeze_all=known is None)


async def _order(
    keys: Keys, selector: Selector, reason: str, by: str, until_s: int | None, again: str
) -> tuple[Freeze, str]:
    """The order, in the store if it is up; and why it is not there."""
    order = Freeze(id=again or await NewId(), selector=selector, reason=reason, by=by, until_s=until_s)
    for _ in range(ID_TRIES):
        recorded = await record_freeze(keys, order)
        if isinstance(recorded, Committed) or (isinstance(recorded, Lost) and again):
            return order, ""
        if isinstance(recorded, CouldNotAsk):
            why = "so enactors that do not know it treat it as a freeze of everything in its zones"
            return order, f"the store does not have it: {recorded.reason}; {why}"
        order = msgspec.structs.replace(order, id=await NewId())
    return order, f"the store does not have it: {ID_TRIES} ids in a row were taken"


async def _known(keys: Keys) -> tuple[Freeze, ...] | None:
    """All freezes in the store; one that can't be read covers everything. None when the store is out."""
    found = await read_freezes(keys)
    if isinstance(found, CouldNotAsk):
        return None
    unreadable = "its document can't be read"
    return tuple(
        Freeze(d.key.removeprefix(keys.freezes), Selector(), unreadable, "unknown")
        if isinstance(d, Garbled)
        else d.value
        for d in found
    )


async def thaw(
    scope: str, providers: Mapping[str, ZoneProvider], *, actor: str, freeze_id: str, by: str
) -> Outcome:
    """Take one freeze away: fences first, the store last, and only if every fence has let go of it."""
    keys = Keys(scope)
    known = await _known(keys)
    outcome = Outcome(freeze_id, await _without_everywhere(scope, providers, actor, freeze_id, known))
    if outcome.complete:
        forgotten = await forget_freeze(keys, freeze_id)
        # Also if the answer was lost: what the store has forgotten nobody would thaw again.
        outcome = Outcome(freeze_id, await _without_everywhere(scope, providers, actor, freeze_id, known))
        if not isinstance(forgotten, Committed):
            why = forgotten.reason if isinstance(forgotten, CouldNotAsk) else "it was changed meanwhile"
            outcome = msgspec.structs.replace(outcome, store=f"the store still lists it: {why}; thaw it again")
    if outcome.complete and not outcome.store:
        await Emit(Event("freeze.thawed", actor, f"freeze {freeze_id} thawed by {by} in {outcome.text}"))
    else:
        late = f" ({outcome.store})" if outcome.store else ""
        await Emit(Event("freeze.partial", actor, f"freeze {freeze_id} thawed by {by} in {outcome.text}{late}"))
    return outcome


async def _without_everywhere(
    scope: str,
    providers: Mapping[str, ZoneProvider],
    actor: str,
    freeze_id: str,
    known: tuple[Freeze, ...] | None,
) -> tuple[ZoneOutcome, ...]:
    """Take the id from every zone's fence that carries it."""
    zones: tuple[ZoneOutcome, ...] = ()
    for zone, provider in sorted(providers.items()):
        others = None if known is None else _others(known, zone, freeze_id)

        def removing(fence: Fence, others: tuple[str, ...] | None = others) -> Fence | str:
            return without(fence, freeze_id, others)

        zones = (*zones, await change_fence(provider, scope, actor, removing, create=None))
    return zones


def _others(known: tuple[Freeze, ...], zone: str, freeze_id: str) -> tuple[str, ...]:
    return tuple(sorted(f.id for f in known if f.id != freeze_id and f.selector.covers_zone(zone)))


def without(fence: Fence, freeze_id: str, others: tuple[str, ...] | None) -> Fence | str:
    """The fence without one freeze. `others` are the other freezes of the zone by the store's word, if it is up.

    A fence that says `all` lists nobody: what remains is known from the store only.
    """
    if not fence.freeze_all:
        return msgspec.structs.replace(fence, freezes=tuple(i for i in fence.freezes if i != freeze_id))
    if others is None:
        return "the fence says `all`, and the store, which knows what else is frozen, is out: thaw when it is back"
    return msgspec.structs.replace(fence, freezes=others, freeze_all=False)
