"""The store on etcd: any number of processes on any number of machines, as available as the cluster's quorum.

A commit is one transaction of etcd that also raises the store's revision (`etcd_layout`), so commits of one store
form one chain. A process knows the chain's end from its own last commit or from its watch; where another was
faster the transaction fails, says what stands there now, and goes again if no compare of the caller is touched.

Reads and commits are linearizable, so without a quorum both are "could not ask": enactors go on from their disks.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from holdfast.assumptions import never
from holdfast.config.store_address import StoreSettings
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.store import ABSENT, Commit, Committed, Compare, Entry, Get, GetMany, Lost, Range
from holdfast.stores.etcd_client import SILENCE_S, EtcdClient, Failed, shown
from holdfast.stores.etcd_doctor import judge_members
from holdfast.stores.etcd_hints import EtcdHints
from holdfast.stores.etcd_layout import (
    STORE_FORMAT,
    Layout,
    holds,
    read_revision,
    revision_value,
    written_keys,
)
from holdfast.stores.etcd_wire import (
    RANGE_ANSWER,
    STATUS_ANSWER,
    TRANSACTION_ANSWER,
    Json,
    Kv,
    OperationAnswer,
    TransactionAnswer,
    delete_of,
    exists,
    has_value,
    is_absent,
    key_of,
    nothing_in,
    put_of,
    range_of,
)
from holdfast.stores.examined import Examined, round_trip, unreachable
from holdfast.stores.hints import HintHub, HintSubscription
from holdfast.stores.port import check_commit
from holdfast.stores.refusal import Refused
from holdfast.stores.revisions import new_epoch

T = TypeVar("T")

COMMIT_S: Final = 10.0
"""How long a commit tries against faster ones."""
AGAIN_S: Final = (0.001, 0.05)
"""Least pause before the next try, and the ceiling to which pauses grow; jittered."""
PATIENT_S: Final = 1.0
"""Who has lost for longer pauses no more: against a writer that never pauses, each pause is a lost turn."""
READS_MAX: Final = 120
"""Reads in one transaction: etcd takes 128 operations by default."""
SNAPSHOT_TRIES: Final = 3
_COMPACTED: Final = "compacted"


class EtcdStore:
    """Implements `stores.port.Store`. Connects when first asked; belongs to the event loop that asks."""

    def __init__(
        self,
        settings: StoreSettings,
        *,
        epoch: Callable[[], int] = new_epoch,
        silence_s: float = SILENCE_S,
    ) -> None:
        """`epoch` says above what the next revision has to be (`stores.revisions`)."""
        self._settings = settings
        self._client = EtcdClient(settings, silence_s=silence_s)
        self._layout = Layout(settings.namespace)
        self._new_epoch = epoch
        self._rng = random.Random()  # noqa: S311 - jitter, not secrets
        self._hub = HintHub()
        self._hints = EtcdHints(self._client, self._layout, self._hub)
        self._watching: asyncio.Task[None] | None = None
        self._line = asyncio.Lock()
        self._failed_at = 0.0
        self._running: set[asyncio.Task[Any]] = set()
        self._closed = False

    async def check(self) -> CouldNotAsk | None:
        """Ask now; None when the store can be used, else what is wrong with it, for people."""

        async def look() -> None:
            answer = await self._client.read("/v3/kv/range", key_of(self._layout.revision), RANGE_ANSWER)
            self._learn(answer.kvs)

        return await self._perform(look)

    async def examine(self) -> tuple[Examined, ...]:
        """Every member, and the cluster that they are (`stores.examined`)."""
        members = await self._perform(lambda: self._client.ask_each("/v3/maintenance/status", STATUS_ANSWER))
        entered = await self.check()
        first = await round_trip(self.commit) if entered is None else unreachable(entered)
        if isinstance(members, CouldNotAsk):
            return (first,)
        return first, *judge_members(self._settings, members)

    async def get(self, op: Get) -> Entry | CouldNotAsk | None:
        """One key."""
        found = await self.get_many(GetMany((op.key,)))
        return found if isinstance(found, CouldNotAsk) else found[0]

    async def get_many(self, op: GetMany) -> tuple[Entry | None, ...] | CouldNotAsk:
        """Several keys in one snapshot."""
        return await self._perform(lambda: self._get_many(op.keys))

    async def range(self, op: Range) -> tuple[Entry, ...] | CouldNotAsk:
        """All keys under a prefix in one snapshot."""

        async def read() -> tuple[Entry, ...]:
            body = range_of(
                self._layout.under(op),
                limit=str(op.limit),
                keys_only=op.keys_only,
                sort_target="KEY",
                sort_order="DESCEND" if op.reverse else "ASCEND",
            )
            answer = await self._client.read("/v3/kv/range", body, RANGE_ANSWER)
            return tuple(self._entries(answer.kvs))

        return await self._perform(read)

    async def commit(self, op: Commit) -> Committed | Lost | CouldNotAsk:
        """One transaction, on the disks of a quorum before it returns."""
        check_commit(op)
        return await self._perform(lambda: self._commit(op))

    def subscribe(self, prefixes: tuple[str, ...]) -> HintSubscription:
        """Hints for changes under any of the prefixes. Needs the running event loop."""
        subscription = self._hub.subscribe(prefixes)
        if not self._closed and (self._watching is None or self._watching.done()):
            self._watching = asyncio.get_running_loop().create_task(self._hints.run())
        return subscription

    async def close(self) -> None:
        """Let go of the connections; what is under way is waited for."""
        if self._closed:
            return
        self._closed = True
        if self._watching is not None:
            self._watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watching
        if self._running:
            await asyncio.wait(self._running)
        await self._client.close()

    async def _perform(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T | CouldNotAsk:
        """An operation outlives a cancelled caller: a commit that was sent must still give its hints."""
        if self._closed:
            return CouldNotAsk(reason=f"the store {self._settings} is closed")
        task = asyncio.get_running_loop().create_task(self._answered(work()))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def _answered(self, work: Coroutine[Any, Any, T]) -> T | CouldNotAsk:
        try:
            return await work
        except (Failed, Refused) as error:
            sent = isinstance(error, Failed) and error.sent
            return CouldNotAsk(reason=shown(self._settings, error), maybe_applied=sent)

    async def _get_many(self, keys: tuple[str, ...]) -> tuple[Entry | None, ...]:
        for turn in range(SNAPSHOT_TRIES):
            try:
                return await self._snapshot(keys)
            except Failed as error:
                # Compacted between two parts of a large read: begin again, on a newer snapshot.
                if _COMPACTED not in str(error) or turn == SNAPSHOT_TRIES - 1:
                    raise
        never("the last turn of a snapshot neither answered nor raised")
        raise AssertionError("the last turn answers or raises")

    async def _snapshot(self, keys: tuple[str, ...]) -> tuple[Entry | None, ...]:
        """All keys as of the first part's revision."""
        found: list[Entry | None] = []
        at: dict[str, str] = {}
        for start in range(0, len(keys), READS_MAX):
            some = [range_of(self._layout.any_entry(key), **at) for key in keys[start : start + READS_MAX]]
            body: Json = {"success": [{"request_range": one} for one in some]}
            answer = await self._client.read("/v3/kv/txn", body, TRANSACTION_ANSWER)
            found += self._found(answer.responses)
            at = {"revision": str(answer.header.revision)}
        return tuple(found)

    async def _commit(self, op: Commit) -> Committed | Lost:
        arrived = time.monotonic()
        async with self._line:
            if self._failed_at > arrived:
                # Not sent: whoever stood before us in line has just waited for nothing.
                raise Failed("no member answered the commit before this one", sent=False)
            try:
                return await self._in_turn(op, until=arrived + COMMIT_S)
            except Failed:
                self._failed_at = time.monotonic()
                raise

    async def _in_turn(self, op: Commit, *, until: float) -> Committed | Lost:
        pause_s, pause_max_s = AGAIN_S
        while True:
            revision = max(self._hints.revision, self._new_epoch()) + 1
            answer = await self._client.write("/v3/kv/txn", self._transaction(op, revision), TRANSACTION_ANSWER)
            if answer.succeeded:
                return self._done(op, revision, answer)
            current = self._current(answer)
            if not all(map(holds, op.compares, current)):
                return Lost(current=current)
            left_s = until - time.monotonic()
            if left_s <= 0:
                raise Failed(f"other writers were faster for {COMMIT_S:g} s", sent=False)
            if left_s > COMMIT_S - PATIENT_S:
                await asyncio.sleep(self._rng.uniform(0.1, 1.0) * pause_s)
                pause_s = min(pause_max_s, pause_s * 1.5)

    def _transaction(self, op: Commit, revision: int) -> Json:
        layout = self._layout
        compares = [self._compare(compare) for compare in op.compares]
        reads = [
            {"request_range": key_of(layout.revision)},
            *({"request_range": range_of(layout.any_entry(c.key))} for c in op.compares),
        ]
        if not op.puts and not op.deletes:
            return {"compare": compares, "success": reads[:1], "failure": reads}
        known = self._hints.revision
        end = has_value(layout.revision, revision_value(known)) if known else is_absent(layout.revision)
        writes = [delete_of(layout.older_entries(put.key, revision)) for put in op.puts]
        writes += [put_of(layout.entry(put.key, revision), put.value) for put in op.puts]
        writes += [delete_of(layout.any_entry(key)) for key in op.deletes]
        writes.append(put_of(layout.revision, revision_value(revision)))
        return {"compare": [end, *compares], "success": writes, "failure": reads}

    def _compare(self, compare: Compare) -> Json:
        if compare.revision == ABSENT:
            return nothing_in(self._layout.any_entry(compare.key))
        return exists(self._layout.entry(compare.key, compare.revision))

    def _done(self, op: Commit, revision: int, answer: TransactionAnswer) -> Committed:
        keys = written_keys(op)
        if not keys:
            return Committed(self._learn(answer.responses[0].response_range.kvs))
        self._hints.mine(revision)
        self._hub.changed(keys)
        return Committed(revision)

    def _current(self, answer: TransactionAnswer) -> tuple[Entry | None, ...]:
        """The compared keys as they are, and the chain's end learnt."""
        end, *others = answer.responses
        self._learn(end.response_range.kvs)
        return tuple(self._found(others))

    def _learn(self, kvs: tuple[Kv, ...]) -> int:
        """The store's revision as a member has just said it; 0 for a store that is empty.

        Raises:
            Refused: what stands there is none that this version can read.
        """
        revision = 0
        if kvs:
            try:
                format_, revision = read_revision(kvs[0].value)
            except ValueError:
                raise Refused(
                    f"the store {self._settings}: what stands at {self._layout.revision.decode()} is not"
                    " holdfast's; name another prefix"
                ) from None
            if format_ != STORE_FORMAT:
                raise Refused(
                    f"the store {self._settings} has format {format_}, this version reads format {STORE_FORMAT};"
                    " run the version that wrote it, or name another prefix"
                )
        # Taken as it is, also when it is lower: a restored cluster goes on from there.
        self._hints.revision = revision
        return revision

    def _found(self, responses: list[OperationAnswer] | tuple[OperationAnswer, ...]) -> list[Entry | None]:
        return [next(iter(self._entries(one.response_range.kvs)), None) for one in responses]

    def _entries(self, kvs: tuple[Kv, ...]) -> list[Entry]:
        read = (self._layout.read(kv.key, kv.value) for kv in kvs)
        return [entry for entry in read if entry is not None]
