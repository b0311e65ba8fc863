"""The propagation service's loop: documents from the store, calls in, answers out.

    counter changed? read the documents -> calls: publish by compare-and-set, polls wait -> whose turn it is ->
    answers

Several services on one store are no fault: every write compares the counter, and each reads what the others wrote.
"""

from __future__ import annotations

from typing import Final

from holdfast.documents.reading import Document as Stored
from holdfast.documents.reading import Garbled, absent, interpret, read
from holdfast.model.codec import encode
from holdfast.model.delivery import (
    Counter,
    Document,
    Invalid,
    Poll,
    Publish,
    Published,
    Result,
    Status,
    TryLater,
    problem,
)
from holdfast.model.keys import Keys
from holdfast.ports.delivery import Answer, Call, NextCalls
from holdfast.ports.events import Emit, Event
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.store import Commit, Committed, Compare, Put, Range
from holdfast.propagation.desk import DeliverySettings, Desk

PAGE: Final = 500
TRIES: Final = 5
LOOK_EVERY_S: Final = 1.0
"""How often the counter is looked at, for what other services published."""


async def delivery_loop(scope: str, settings: DeliverySettings) -> None:
    """Deliver a scope's documents to its hosts, for ever."""
    keys = Keys(scope)
    inbound = await NextCalls(0.0)
    desk = Desk(settings, now_s=inbound.now_s)
    store = _Store(keys, desk)
    looked_s = -LOOK_EVERY_S
    while True:
        now_s = inbound.now_s
        if now_s - looked_s >= LOOK_EVERY_S:
            looked_s = now_s
            await store.look()
        out: list[tuple[int, Result]] = []
        for call in inbound.calls:
            out += await _call(desk, store, call, now_s)
        await store.outrun()
        if store.known:
            out += desk.answers(now_s=now_s)
        if out:
            await Answer(tuple(out))
        inbound = await NextCalls(desk.wake_in_s(now_s=now_s))


async def _call(desk: Desk, store: _Store, call: Call, now_s: float) -> list[tuple[int, Result]]:
    wrong = problem(call.ask)
    if wrong:
        return [(call.id, Invalid(wrong))]
    if not store.known:
        return [(call.id, TryLater(1.0, "the store is out, and no documents are known yet"))]
    match call.ask:
        case Publish():
            return [(call.id, await store.publish(call.ask, now_s))]
        case Poll():
            return desk.poll(call.id, call.ask, call.timeout_s, now_s=now_s)
        case Status():
            return [(call.id, desk.standing(now_s=now_s))]


class _Store:
    """The documents in the store, as the desk knows them."""

    def __init__(self, keys: Keys, desk: Desk) -> None:
        self._keys = keys
        self._desk = desk
        self._at: Stored[Counter] | None = None
        self.known = False

    async def look(self) -> bool:
        """Read the counter, and the documents if it is another one. False: the store did not answer."""
        found = await read(self._keys.delivery_counter, Counter)
        if isinstance(found, CouldNotAsk):
            return False
        if isinstance(found, Garbled):
            await Emit(Event("delivery.garbled", "", f"{found.key}: {found.why}; hosts keep what they have"))
            return False
        if self.known and found == self._at:
            return True
        garbled: list[Garbled] = []
        documents = await self._documents(garbled)
        if documents is None:
            return False
        before, counter = self._desk.counter, found.value if found is not None else Counter()
        if not self._desk.read(counter, documents, whole=not garbled):
            text = f"the store was at {before.generation}, and is at {counter.generation} of another history"
            await Emit(Event("delivery.history", "", text))
        self._at, self.known = found, True  # holdfast: ignore[HF001] one loop owns the desk and calls this
        return True

    async def _documents(self, garbled: list[Garbled]) -> tuple[Document, ...] | None:
        found: list[Document] = []
        after = ""
        while True:
            entries = await Range(self._keys.deliveries, after=after, limit=PAGE)
            if isinstance(entries, CouldNotAsk):
                return None
            for entry in entries:
                read_ = interpret(entry, Document)
                if isinstance(read_, Garbled):
                    garbled.append(read_)
                    await Emit(Event("delivery.garbled", "", f"{read_.key}: {read_.why}; it is left out"))
                else:
                    found.append(read_.value)
            if len(entries) < PAGE:
                return tuple(found)
            after = entries[-1].key

    async def publish(self, ask: Publish, now_s: float) -> Result:
        """Write a document with the next generation. Lost races are tried again from what the winner wrote."""
        await self.look()  # else it would be refused for what another service has just written
        for _ in range(TRIES):
            await self.outrun()  # else a restored store would give a generation that hosts have already
            answer = self._desk.admit(ask, now_s=now_s)
            if answer is not None:
                return answer
            generation = self._desk.counter.generation + 1
            document = Document(ask.selector, ask.name, generation, ask.content, ask.mode, ask.deleted)
            written = await self._write(self._desk.counter.then(document), document)
            if isinstance(written, Committed):
                return Published(generation)
            if isinstance(written, CouldNotAsk):
                await self.look()
                return TryLater(
                    1.0, f"not known whether it was written: {written.reason}; ask again with `expect`"
                )
            if not await self.look():
                break
        return TryLater(1.0, "others publish at the same time, or the store is out")

    async def _write(self, counter: Counter, document: Document | None) -> Committed | CouldNotAsk | None:
        """Write the counter, and with it a document. None: somebody else wrote the counter."""
        key = self._keys.delivery_counter
        puts = [Put(key, encode(counter))]
        if document is not None:
            puts.append(Put(self._keys.delivery(document.selector, document.name), encode(document)))
        same: Compare = absent(key) if self._at is None else self._at.unchanged()
        written = await Commit(compares=(same,), puts=tuple(puts))
        if not isinstance(written, Committed):
            return written if isinstance(written, CouldNotAsk) else None
        self._at = Stored(key, counter, written.revision)
        self._desk.take(counter, (document,) if document is not None else ())
        return written

    async def outrun(self) -> None:
        """Hosts know generations that the store does not: raise counter and floor above them all."""
        counter = self._desk.lost_history() if self.known else None
        if counter is not None and isinstance(await self._write(counter, None), Committed):
            self._desk.outran()
            await Emit(
                Event(
                    "delivery.outrun", "", f"hosts were ahead of a restored store: generation {counter.generation}"
                )
            )
