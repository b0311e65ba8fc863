"""R7: clean-up deletes what lies below the *lowest* fence of all zones of the scope, and never touches DNS.

Fences are monotone, so "below every fence" can't go stale between the check and the deletion: however long
this loop is paused in between, the plans that it meant are as dead as before. A check by age, or by "older than
the plan that I have just applied", is what emptied the endpoint in October 2025.

It deletes nothing when any zone's fence is missing, unreadable or silent, or when the store is behind a fence
(restored: its plans may be the ones that an `adopt` starts from). The newest K plans always stay. A plan's
head goes first and its chunks after: a reader then finds the plan gone, not in pieces. Chunks without a head
are those of planners that lost their race, and go by the same bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from holdfast.documents.configuration import read_configuration
from holdfast.documents.reading import Document, Garbled, interpret
from holdfast.enactor.order import credible
from holdfast.model.codec import head_hash
from holdfast.model.configuration import Limits
from holdfast.model.identity import Identity
from holdfast.model.keys import Keys, generation_of
from holdfast.model.plan import PlanHead
from holdfast.ports.clock import Idle, Rest
from holdfast.ports.events import Emit, Event
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.provider import FenceFound, ZoneProvider
from holdfast.ports.store import COMMIT_OPERATIONS_MAX, Commit, Committed, Compare, Entry, Get, Range

CHUNKS_MAX: Final = 1000
"""Chunk keys looked at in one pass."""


class Bound(msgspec.Struct, frozen=True):
    """What may go: plans below `lowest`, except the newest `keep`."""

    lowest: Identity
    keep: int


async def clean_up(
    scope: str, providers: Mapping[str, ZoneProvider], *, actor: str, keep: int | None = None
) -> None:
    """Clean up, for ever. `keep` holds over the configuration's `keep_plans`."""
    keys = Keys(scope)
    told = ""
    clean: Bound | None = None
    while True:
        found = await clean_once(scope, providers, actor=actor, keep=keep, clean=clean)
        if isinstance(found, str):
            if found and found != told:
                await Emit(Event("cleanup.held", actor, f"nothing is deleted: {found}"))
            told = found
        else:
            told, clean = "", found
        await Idle(Rest.POLL, hints=(keys.newest,))


async def clean_once(
    scope: str,
    providers: Mapping[str, ZoneProvider],
    *,
    actor: str,
    keep: int | None = None,
    clean: Bound | None = None,
) -> Bound | str:
    """One pass; the bound below which all is clean, or why nothing (more) was deleted.

    `clean` is the bound of an earlier pass that was completed: if nothing moved since, nothing is listed.
    """
    keys = Keys(scope)
    bound = await _bound(keys, providers, keep)
    if isinstance(bound, str) or bound == clean:
        return bound
    heads = await Range(keys.plans, keys_only=True)
    if isinstance(heads, CouldNotAsk):
        return f"the store is out: {heads.reason}"
    removed: tuple[Identity, ...] = ()
    for entry in heads[: max(len(heads) - bound.keep, 0)]:
        gone = await _remove_plan(entry, bound)
        if isinstance(gone, CouldNotAsk):
            return f"the store is out: {gone.reason}"
        removed = removed if gone is None else (*removed, gone)
    chunks = await _remove_chunks(keys, bound)
    if isinstance(chunks, CouldNotAsk):
        return f"the store is out: {chunks.reason}"
    if removed or chunks:
        text = f"{len(removed)} plans and {chunks} chunks below the lowest fence {bound.lowest} deleted"
        await Emit(Event("cleanup.removed", actor, text, bound.lowest))
    return bound


async def _bound(keys: Keys, providers: Mapping[str, ZoneProvider], keep: int | None) -> Bound | str:
    """The lowest fence of all zones of the newest plan and of this scope's providers."""
    newest = await _newest(keys)
    if isinstance(newest, str):
        return newest
    lowest = newest.identity
    for zone in sorted({*newest.zones, *providers}):
        provider = providers.get(zone)
        if provider is None:
            return f"no provider is set up here for zone {zone}, so its fence is not known"
        reading = await provider.read_fence(keys.scope)
        if isinstance(reading, CouldNotAsk):
            return f"the fence of zone {zone} can't be read: {reading.reason}"
        reading = credible(reading, (newest.identity,))
        if not isinstance(reading, FenceFound):
            return f"the fence of zone {zone} is missing or unreadable"
        if reading.fence.identity > newest.identity:
            # Also when a newer plan has just come out: the next pass sees it.
            return f"the fence of zone {zone} is at {reading.fence.identity}, above the store's {newest.identity}"
        lowest = min(lowest, reading.fence.identity)
    if keep is None:
        stored = await read_configuration(keys)
        keep = (
            stored.value.configuration.limits.keep_plans if isinstance(stored, Document) else Limits().keep_plans
        )
    return Bound(lowest=lowest, keep=max(keep, 1))


class Newest(msgspec.Struct, frozen=True):
    """The newest plan's identity, and the zones that it covers."""

    identity: Identity
    zones: tuple[str, ...]


async def _newest(keys: Keys) -> Newest | str:
    entry = await Get(keys.newest)
    if isinstance(entry, CouldNotAsk):
        return f"the store is out: {entry.reason}"
    if entry is None:
        return "the store has no plan"
    document = interpret(entry, Identity)
    if isinstance(document, Garbled):
        return f"{document.key} can't be read: {document.why}"
    head = await Get(keys.plan(document.value.generation))
    if head is None or isinstance(head, CouldNotAsk):
        return f"the head of plan {document.value} can't be read"
    plan = interpret(head, PlanHead)
    if isinstance(plan, Garbled):
        return f"{plan.key} can't be read: {plan.why}"
    return Newest(document.value, plan.value.zones)


async def _remove_plan(entry: Entry, bound: Bound) -> Identity | CouldNotAsk | None:
    """Delete one plan's head if its identity is below the bound; its identity if it is gone now."""
    found = await Get(entry.key)
    if found is None or isinstance(found, CouldNotAsk):
        return found
    head = interpret(found, PlanHead)
    if isinstance(head, Garbled):
        return None
    plan = head.value
    identity = Identity(plan.incarnation, plan.generation, head_hash(plan))
    if identity >= bound.lowest:
        return None
    done = await Commit(compares=(Compare(entry.key, found.revision),), deletes=(entry.key,))
    if isinstance(done, CouldNotAsk):
        return done
    return identity if isinstance(done, Committed) else None


async def _remove_chunks(keys: Keys, bound: Bound) -> int | CouldNotAsk:
    """Delete chunks of generations below the lowest fence's that no head needs; how many.

    Below it no planner can still publish: the newest generation is at least that high.
    """
    removed = 0
    after = ""
    while True:
        chunks = await Range(keys.all_chunks, after=after, limit=CHUNKS_MAX, keys_only=True)
        if isinstance(chunks, CouldNotAsk):
            return chunks
        below = tuple(c.key for c in chunks if generation_of(c.key) < bound.lowest.generation)
        dead = await _orphans(keys, below)
        if isinstance(dead, CouldNotAsk):
            return dead
        for start in range(0, len(dead), COMMIT_OPERATIONS_MAX):
            done = await Commit(deletes=dead[start : start + COMMIT_OPERATIONS_MAX])
            if isinstance(done, CouldNotAsk):
                return done
        removed += len(dead)
        if len(below) < CHUNKS_MAX:
            return removed
        after = below[-1]


async def _orphans(keys: Keys, chunks: tuple[str, ...]) -> tuple[str, ...] | CouldNotAsk:
    """Chunks that belong to no head: there is none of their generation, or it has another hash."""
    dead: tuple[str, ...] = ()
    for generation in sorted({generation_of(c) for c in chunks}):
        head = await Get(keys.plan(generation))
        if isinstance(head, CouldNotAsk):
            return head
        document = None if head is None else interpret(head, PlanHead)
        if isinstance(document, Garbled):
            continue  # which chunks it needs is not known
        kept = "" if document is None else keys.chunks(generation, head_hash(document.value))
        mine = (c for c in chunks if generation_of(c) == generation)
        dead = (*dead, *(c for c in mine if not kept or not c.startswith(kept)))
    return dead
