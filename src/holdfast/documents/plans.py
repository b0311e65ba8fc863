"""Plans in the store: chunks first, the head last, and a pointer to the newest that every creation compares.

    chunk/<generation>/<hash>/<i>  ...   then one transaction:
        compare  newest, and the caller's conditions;  plan/<generation> absent
        put      plan/<generation>, newest

Two planners that make the same generation write chunks under different hashes, so neither overwrites the
other's (R14); the transaction lets one of them win. Chunks of the loser lie below some later fence and are
removed by clean-up.
"""

from __future__ import annotations

from collections.abc import Callable

from holdfast.documents.reading import Document, Garbled, interpret, read
from holdfast.model.codec import encode, head_hash, section_ref
from holdfast.model.identity import Identity
from holdfast.model.keys import Keys
from holdfast.model.plan import Plan, PlanHead, Section
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.store import (
    COMMIT_BYTES_MAX,
    COMMIT_OPERATIONS_MAX,
    Commit,
    Committed,
    Compare,
    Get,
    GetMany,
    Lost,
    Put,
)

READ_MANY = 32
"""Chunks asked for in one request: a few MiB, under every engine's response limit."""


async def read_newest(keys: Keys) -> Document[Identity] | Garbled | CouldNotAsk | None:
    """Identity of the newest plan."""
    return await read(keys.newest, Identity)


async def read_incarnation(keys: Keys) -> Document[int] | Garbled | CouldNotAsk | None:
    """The store's incarnation; None in a store that never held a plan."""
    return await read(keys.incarnation, int)


async def read_head(keys: Keys, generation: int) -> Document[PlanHead] | Garbled | CouldNotAsk | None:
    """Head of one plan."""
    return await read(keys.plan(generation), PlanHead)


async def read_plan(
    keys: Keys, identity: Identity, known: Plan | None = None
) -> Plan | Garbled | CouldNotAsk | None:
    """A whole plan, checked against `identity`; sections that `known` holds already are not fetched again.

    None when the head or a chunk does not exist (cleaned up, or the store was restored).
    """
    head_document = await read_head(keys, identity.generation)
    if head_document is None or isinstance(head_document, (Garbled, CouldNotAsk)):
        return head_document
    head = head_document.value
    if identity != Identity(head.incarnation, head.generation, head_hash(head)):
        return Garbled(head_document.key, f"the head is not that of plan {identity}")
    held = {} if known is None else dict(zip(known.head.sections, known.sections, strict=True))
    missing = tuple(i for i, ref in enumerate(head.sections) if ref not in held)
    for start in range(0, len(missing), READ_MANY):
        wanted = missing[start : start + READ_MANY]
        entries = await GetMany(tuple(keys.chunk(identity.generation, identity.hash, i) for i in wanted))
        if isinstance(entries, CouldNotAsk):
            return entries
        for index, entry in zip(wanted, entries, strict=True):
            if entry is None:
                return None
            section = interpret(entry, Section)
            if isinstance(section, Garbled):
                return section
            if section_ref(section.value, entry.value) != head.sections[index]:
                return Garbled(entry.key, "the section's digest is not the one in the plan's head")
            held[head.sections[index]] = section.value
    return Plan(identity=identity, head=head, sections=tuple(held[ref] for ref in head.sections))


async def read_newest_plan(keys: Keys) -> Plan | CouldNotAsk | None:
    """The store's newest plan, for those who can do nothing without it; None only when the store has none.

    A pointer or a part that can't be read, and a part that is missing, are reasons, never "there is no plan".
    """
    newest = await read_newest(keys)
    if newest is None or isinstance(newest, CouldNotAsk):
        return newest
    if isinstance(newest, Garbled):
        return CouldNotAsk(f"{newest.key} can't be read: {newest.why}")
    plan = await read_plan(keys, newest.value)
    if isinstance(plan, Garbled):
        return CouldNotAsk(f"{plan.key} can't be read: {plan.why}")
    return CouldNotAsk(f"parts of plan {newest.value} are missing from the store") if plan is None else plan


async def publish_plan(
    keys: Keys,
    plan: Plan,
    conditions: tuple[Compare, ...],
    puts: tuple[Put, ...] = (),
    section_bytes: Callable[[Section], bytes] = encode,
) -> Committed | Lost | CouldNotAsk:
    """Create `plan/<generation>` and make it the newest, if `conditions` hold (the newest's must be one of them).

    `section_bytes` gives a section's canonical bytes to a caller that has them already.
    `CouldNotAsk(maybe_applied=True)` is resolved here: reading the head back tells whether ours is there.
    """
    for batch in chunk_batches(keys, plan, section_bytes):
        written = await Commit(puts=batch)
        if not isinstance(written, Committed):
            return written
    head_key = keys.plan(plan.identity.generation)
    head_bytes = encode(plan.head)
    result = await Commit(
        compares=(*conditions, Compare(head_key, 0)),
        puts=(Put(head_key, head_bytes), Put(keys.newest, encode(plan.identity)), *puts),
    )
    if isinstance(result, CouldNotAsk) and result.maybe_applied:
        entry = await Get(head_key)
        if entry is not None and not isinstance(entry, CouldNotAsk) and entry.value == head_bytes:
            return Committed(entry.revision)
    return result


def chunk_batches(
    keys: Keys, plan: Plan, section_bytes: Callable[[Section], bytes] = encode
) -> tuple[tuple[Put, ...], ...]:
    """Chunk writes grouped under the store's limits."""
    batches: list[tuple[Put, ...]] = []
    batch: list[Put] = []
    size = 0
    for index, section in enumerate(plan.sections):
        put = Put(keys.chunk(plan.identity.generation, plan.identity.hash, index), section_bytes(section))
        if batch and (len(batch) == COMMIT_OPERATIONS_MAX or size + len(put.value) > COMMIT_BYTES_MAX):
            batches.append(tuple(batch))
            batch, size = [], 0
        batch.append(put)
        size += len(put.value)
    if batch:
        batches.append(tuple(batch))
    return tuple(batches)
