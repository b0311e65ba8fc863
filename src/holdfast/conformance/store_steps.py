"""Steps that requirements of stores are made of: do something, and insist that it was done."""

from __future__ import annotations

import asyncio

from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.store import Commit, Committed, Compare, Entry, Get, Lost, Put
from holdfast.stores.port import BadTransaction, Store, Subscription


async def committed(store: Store, op: Commit) -> Committed:
    """Commit, and insist."""
    result = await store.commit(op)
    assert isinstance(result, Committed), result
    return result


async def put(store: Store, key: str, new: bytes) -> int:
    """Write one key; the revision."""
    return (await committed(store, Commit(puts=(Put(key, new),)))).revision


async def increment(store: Store, key: str) -> None:
    """Add one to a number by compare-and-set, as often as it takes."""
    entry = await store.get(Get(key))
    while True:
        assert isinstance(entry, Entry), entry
        new = Put(key, b"%d" % (int(entry.value) + 1))
        result = await store.commit(Commit(compares=(Compare(key, entry.revision),), puts=(new,)))
        if isinstance(result, Committed):
            return
        assert isinstance(result, Lost), result
        entry = result.current[0]


async def refuses(store: Store, op: Commit) -> bool:
    """Whether a transaction is refused as an error of the program."""
    try:
        await store.commit(op)
    except BadTransaction:
        return True
    return False


async def quiet(subscription: Subscription) -> None:
    """Until no hint has come for a while: stores may give spurious ones."""
    while True:
        try:
            await asyncio.wait_for(subscription.wait(), 0.15)
        except TimeoutError:
            return


def value(entry: Entry | CouldNotAsk | None) -> bytes:
    """The value of an entry that must be there."""
    assert isinstance(entry, Entry), entry
    return entry.value


def keys(found: tuple[Entry, ...] | CouldNotAsk) -> list[str]:
    """The keys of a range."""
    assert not isinstance(found, CouldNotAsk), found
    return [entry.key for entry in found]
