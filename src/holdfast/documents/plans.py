"""Plans in the store: chunks first, the head last, and a pointer to the newest that every creation compares.

    chunk/<generation>/<hash>/<i>  ...   then one transaction:
        compare  newest, and the caller's conditions;  plan/<generation> absent;  the last chunk is there
        put      plan/<generation>, newest

Each write of chunks, and the transaction, is on the condition that the chunk written before it is still there: a
store that was lost or restored in between must not end with a newest plan whose chunks were in its predecessor
(the laboratory's wedge, decisions/lab-findings.md 1 and 8).

Two planners that make the same generation write chunks under different hashes, so neither overwrites the
other's (R14); the transaction lets one of them win. Chunks of the loser lie below some later fence and are
removed by clean-up.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

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
    chunks = await write_chunks(keys, plan, section_bytes)
    if isinstance(chunks, (Lost, CouldNotAsk)):
        return chunks
    head_key = keys.plan(plan.identity.generation)
    head_bytes = encode(plan.head)
    result = await commit_with(
        chunks,
        Commit(
            compares=(*conditions, Compare(head_key, 0)),
            puts=(Put(head_key, head_bytes), Put(keys.newest, encode(plan.identity)), *puts),
        ),
    )
    if isinstance(result, CouldNotAsk) and result.maybe_applied:
        entry = await Get(head_key)
        if entry is not None and not isinstance(entry, CouldNotAsk) and entry.value == head_bytes:
            return Committed(entry.revision)
    return result


class Chunks(msgspec.Struct, frozen=True):
    """A plan's chunks are in the store: the last of them, and its revision. None for a plan without sections."""

    last: Put | None = None
    revision: int = 0

    @property
    def there(self) -> tuple[Compare, ...]:
        """The condition that they still are."""
        return () if self.last is None else (Compare(self.last.key, self.revision),)


async def write_chunks(
    keys: Keys, plan: Plan, section_bytes: Callable[[Section], bytes] = encode
) -> Chunks | Lost | CouldNotAsk:
    """Write all chunks, each batch on the condition that the one before it is there: `Lost` if it is not."""
    chunks = Chunks()
    for batch in chunk_batches(keys, plan, section_bytes):
        written = await commit_with(chunks, Commit(puts=batch))
        if not isinstance(written, Committed):
            return written
        chunks = Chunks(batch[-1], written.revision)
    return chunks


async def commit_with(chunks: Chunks, commit: Commit) -> Committed | Lost | CouldNotAsk:
    """A transaction that needs these chunks. Written once more by another, with the same bytes, they are there.

    Else enactors that put the same plan back side by side would void each other's conditions without end.
    """
    while True:
        result = await Commit(compares=(*commit.compares, *chunks.there), puts=commit.puts)
        again = None if not isinstance(result, Lost) else _written_again(chunks, commit, result)
        if again is None:
            return result
        chunks = again


def _written_again(chunks: Chunks, commit: Commit, lost: Lost) -> Chunks | None:
    """The chunks at their present revision, if nothing else is in the way."""
    *others, last = lost.current
    held = all(
        (0 if entry is None else entry.revision) == compare.revision
        for entry, compare in zip(others, commit.compares, strict=False)
    )
    if chunks.last is None or last is None or not held or len(others) != len(commit.compares):
        return None
    same = last.value == chunks.last.value and last.revision != chunks.revision
    return Chunks(chunks.last, last.revision) if same else None


def chunk_batches(
    keys: Keys, plan: Plan, section_bytes: Callable[[Section], bytes] = encode
) -> tuple[tuple[Put, ...], ...]:
    """Chunk writes grouped under the store's limits, with room for one compare in each."""
    batches: list[tuple[Put, ...]] = []
    batch: list[Put] = []
    size = 0
    for index, section in enumerate(plan.sections):
        put = Put(keys.chunk(plan.identity.generation, plan.identity.hash, index), section_bytes(section))
        if batch and (len(batch) == COMMIT_OPERATIONS_MAX - 1 or size + len(put.value) > COMMIT_BYTES_MAX):
            batches.append(tuple(batch))
            batch, size = [], 0
        batch.append(put)
        size += len(put.value)
    if batch:
        batches.append(tuple(batch))
    return tuple(batches)
