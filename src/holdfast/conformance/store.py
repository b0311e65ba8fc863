"""What every store must do (`ports.store`), as a class of asynchronous tests.

Use: subclass, and say how to open a store. `peers` opens several on the same data: as separate processes would
see it where the engine can. pytest collects the subclass (asyncio mode `auto`); without pytest, `run_suite`
runs every test and returns what failed.

    class TestMine(StoreConformance):
        def open(self, place: Path) -> Store: return MyStore(place)
"""

from __future__ import annotations

import asyncio
import inspect
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar

from holdfast.conformance.store_steps import committed, increment, keys, put, quiet, refuses, value
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.store import (
    ABSENT,
    COMMIT_BYTES_MAX,
    COMMIT_OPERATIONS_MAX,
    Commit,
    Committed,
    Compare,
    Entry,
    Get,
    GetMany,
    Lost,
    Put,
    Range,
)
from holdfast.stores.port import Store


class StoreConformance:
    """Each method that begins with `test_` is one requirement."""

    writers: ClassVar[int] = 12
    rounds: ClassVar[int] = 100
    increments: ClassVar[int] = 100
    """By each writer, in `test_nothing_is_lost`: every increment is a race of all of them."""
    hint_within_s: ClassVar[float] = 5.0
    """A hint may be late; one that has not come by then, on an idle machine, does not come."""

    def open(self, place: Path) -> Store:
        """A store on the data at `place`; several opened on one place share them."""
        raise TypeError(f"{type(self).__name__} does not say how to open a store")

    @asynccontextmanager
    async def peers(self, count: int) -> AsyncIterator[tuple[Store, ...]]:
        """Several stores on the same, new data."""
        with tempfile.TemporaryDirectory(prefix="holdfast-store-") as place:
            stores = tuple(self.open(Path(place)) for _ in range(count))
            try:
                yield stores
            finally:
                for store in stores:
                    await store.close()

    # Keys and revisions

    async def test_absent_key(self) -> None:
        """A key that was never written, or was deleted, is None."""
        async with self.peers(1) as (store,):
            assert await store.get(Get("k")) is None
            await put(store, "k", b"1")
            await committed(store, Commit(deletes=("k",)))
            assert await store.get(Get("k")) is None

    async def test_what_is_put_is_read(self) -> None:
        """Any bytes come back as they were, with the revision of the transaction that wrote them."""
        values = (b"", b"\x00\xff", "grün".encode(), bytes(range(256)) * 100)
        async with self.peers(1) as (store,):
            for value in values:
                revision = await put(store, "k", value)
                assert revision >= 1
                assert await store.get(Get("k")) == Entry(key="k", value=value, revision=revision)

    async def test_revisions_only_rise(self) -> None:
        """Each writing transaction has a higher revision, over all keys, also after a key was deleted."""
        async with self.peers(2) as (one, other):
            revisions = [await put(store, key, b"") for key in "ab" for store in (one, other)]
            revisions.append((await committed(one, Commit(deletes=("a",)))).revision)
            revisions.append(await put(other, "a", b"again"))
            assert revisions == sorted(set(revisions))

    async def test_a_new_store_begins_above_all_earlier_ones(self) -> None:
        """A store that is created anew counts on from above all earlier ones: no old compare holds there."""
        async with self.peers(1) as (lost,):
            for _ in range(50):
                reached = await put(lost, "k", b"")
        async with self.peers(1) as (anew,):
            assert await put(anew, "k", b"") > reached

    async def test_one_transaction_is_one_revision(self) -> None:
        """All keys of a transaction carry its revision; untouched keys keep theirs."""
        async with self.peers(1) as (store,):
            before = await put(store, "old", b"")
            done = await committed(store, Commit(puts=(Put("a", b"1"), Put("b", b"2"))))
            entries = await store.get_many(GetMany(("a", "b", "old")))
            assert not isinstance(entries, CouldNotAsk)
            assert [e.revision for e in entries if e] == [done.revision, done.revision, before]

    async def test_another_sees_it_at_once(self) -> None:
        """After a commit has answered, every other opening of the store sees it."""
        async with self.peers(3) as stores:
            for number in range(20):
                writer = stores[number % 3]
                await put(writer, "k", str(number).encode())
                for reader in stores:
                    assert value(await reader.get(Get("k"))) == str(number).encode()

    async def test_it_stays(self) -> None:
        """What was committed is there for whoever opens the store while another has it open."""
        with tempfile.TemporaryDirectory(prefix="holdfast-store-") as place:
            first = self.open(Path(place))
            revision = await put(first, "k", b"1")
            second = self.open(Path(place))
            await first.close()
            assert await second.get(Get("k")) == Entry("k", b"1", revision)
            await second.close()

    # Transactions

    async def test_compare_holds(self) -> None:
        """A compare with the key's revision lets the transaction through; so does `ABSENT` for no key."""
        async with self.peers(1) as (store,):
            made = await committed(store, Commit(compares=(Compare("k", ABSENT),), puts=(Put("k", b"1"),)))
            await committed(store, Commit(compares=(Compare("k", made.revision),), puts=(Put("k", b"2"),)))
            assert value(await store.get(Get("k"))) == b"2"

    async def test_compare_fails(self) -> None:
        """A wrong revision, too low or too high, or `ABSENT` for a key that exists: lost, nothing written."""
        async with self.peers(1) as (store,):
            await put(store, "k", b"0")
            revision = await put(store, "k", b"1")
            for wrong in (ABSENT, revision - 1, revision + 1):
                result = await store.commit(Commit(compares=(Compare("k", wrong),), puts=(Put("k", b"2"),)))
                assert result == Lost(current=(Entry("k", b"1", revision),))
            missing = await store.commit(Commit(compares=(Compare("none", revision),), puts=(Put("k", b"2"),)))
            assert missing == Lost(current=(None,))
            assert await store.get(Get("k")) == Entry("k", b"1", revision)

    async def test_lost_shows_all_compared_keys(self) -> None:
        """`Lost.current` has each compared key as it is, in the order of the compares, also those that held."""
        async with self.peers(1) as (store,):
            a, b = await put(store, "a", b"A"), await put(store, "b", b"B")
            compares = (Compare("b", b), Compare("none", ABSENT), Compare("a", a + 100))
            result = await store.commit(Commit(compares=compares, deletes=("b",)))
            assert result == Lost(current=(Entry("b", b"B", b), None, Entry("a", b"A", a)))

    async def test_all_or_nothing(self) -> None:
        """One failing compare among many keeps every put and delete of the transaction out."""
        async with self.peers(1) as (store,):
            kept = await put(store, "kept", b"1")
            before = await store.range(Range(""))
            result = await store.commit(
                Commit(
                    compares=(Compare("kept", kept), Compare("new", 7)),
                    puts=(Put("new", b""), Put("kept", b"2")),
                    deletes=("other",),
                )
            )
            assert isinstance(result, Lost)
            assert await store.range(Range("")) == before

    async def test_no_a_b_a(self) -> None:
        """A key that was deleted and made again does not pass a compare with its old revision."""
        async with self.peers(1) as (store,):
            old = await put(store, "k", b"1")
            await committed(store, Commit(deletes=("k",)))
            await put(store, "k", b"1")
            result = await store.commit(Commit(compares=(Compare("k", old),), puts=(Put("k", b"2"),)))
            assert isinstance(result, Lost)

    async def test_delete_of_nothing(self) -> None:
        """Deleting a key that does not exist is no error."""
        async with self.peers(1) as (store,):
            await committed(store, Commit(deletes=("none",)))
            assert await store.range(Range("")) == ()

    async def test_compares_alone(self) -> None:
        """A transaction without writes says whether its compares hold, and changes no revision."""
        async with self.peers(1) as (store,):
            revision = await put(store, "k", b"1")
            assert await store.commit(Commit(compares=(Compare("k", revision),))) == Committed(revision)
            assert isinstance(await store.commit(Commit(compares=(Compare("k", ABSENT),))), Lost)
            assert await put(store, "k", b"2") > revision

    async def test_limits(self) -> None:
        """The largest transaction allowed goes through; anything above is refused as an error of the program."""
        async with self.peers(1) as (store,):
            half = b"x" * (COMMIT_BYTES_MAX // 2)
            await committed(store, Commit(puts=(Put("a", half), Put("b", half))))
            part = b"x" * (COMMIT_BYTES_MAX // COMMIT_OPERATIONS_MAX)
            many = tuple(Put(f"k/{i:03d}", part) for i in range(COMMIT_OPERATIONS_MAX))
            await committed(store, Commit(puts=many))
            assert await refuses(store, Commit(puts=(Put("a", half), Put("b", half + b"x"))))
            assert await refuses(store, Commit(puts=many, deletes=("one-more",)))
            assert await refuses(store, Commit(puts=(Put("a", b"1"),), deletes=("a",)))
            assert await refuses(store, Commit(puts=(Put("", b"1"),)))
            assert await refuses(store, Commit(puts=(Put("a\tb", b"1"),)))
            assert value(await store.get(Get("a"))) == half

    # Reading several

    async def test_get_many(self) -> None:
        """Entries stand in the order asked for, None where there is no key; a key may be asked for twice."""
        async with self.peers(1) as (store,):
            a, b = await put(store, "a", b"A"), await put(store, "b", b"B")
            found = await store.get_many(GetMany(("b", "none", "a", "b")))
            assert found == (Entry("b", b"B", b), None, Entry("a", b"A", a), Entry("b", b"B", b))
            assert await store.get_many(GetMany(())) == ()
            assert await store.get_many(GetMany(tuple(f"n{i}" for i in range(2000)))) == (None,) * 2000

    async def test_range_is_the_prefix(self) -> None:
        """A range has exactly the keys with the prefix, sorted by code point."""
        inside = ["p/", "p/!", "p/1", "p/10", "p/2", "p/Z", "p/a", "p/~", "p/é", "p/\U0001f512"]
        async with self.peers(1) as (store,):
            for key in (*reversed(inside), "p", "p.", "p0", "o/1", "q"):
                await put(store, key, key.encode())
            assert keys(await store.range(Range("p/"))) == inside
            assert len(keys(await store.range(Range("")))) == len(inside) + 5
            assert keys(await store.range(Range("nothing/"))) == []

    async def test_range_limit_after_reverse(self) -> None:
        """`after` excludes its key in either direction, `limit` counts from there, `reverse` goes downward."""
        async with self.peers(1) as (store,):
            for number in range(6):
                await put(store, f"p/{number}", b"v")
            await put(store, "q", b"v")
            assert keys(await store.range(Range("p/", after="p/1", limit=2))) == ["p/2", "p/3"]
            assert keys(await store.range(Range("p/", reverse=True, limit=2))) == ["p/5", "p/4"]
            assert keys(await store.range(Range("p/", reverse=True, after="p/2"))) == ["p/1", "p/0"]
            assert keys(await store.range(Range("p/", after="p/5"))) == []
            assert keys(await store.range(Range("p/", after="p/11"))) == ["p/2", "p/3", "p/4", "p/5"]

    async def test_range_keys_only(self) -> None:
        """With `keys_only`, values are empty and revisions are true."""
        async with self.peers(1) as (store,):
            revision = await put(store, "p/1", b"large" * 1000)
            assert await store.range(Range("p/", keys_only=True)) == (Entry("p/1", b"", revision),)

    async def test_snapshots(self) -> None:
        """While writers move a pair of keys together, no `GetMany` and no `Range` sees them apart."""
        async with self.peers(3) as (writer, *readers):
            stop = asyncio.Event()

            async def write() -> None:
                for number in range(150):
                    both = str(number).encode()
                    await committed(writer, Commit(puts=(Put("p/a", both), Put("p/b", both))))
                    await asyncio.sleep(0)
                stop.set()

            async def read(store: Store) -> int:
                seen = 0
                while not stop.is_set():
                    many = await store.get_many(GetMany(("p/a", "p/b")))
                    ranged = await store.range(Range("p/"))
                    assert not isinstance(many, CouldNotAsk)
                    assert not isinstance(ranged, CouldNotAsk)
                    assert len({None if e is None else (e.value, e.revision) for e in many}) == 1
                    assert len({(e.value, e.revision) for e in ranged}) <= 1
                    seen += 1
                    await asyncio.sleep(0)
                return seen

            counts = asyncio.gather(*(read(store) for store in readers))
            await asyncio.gather(write(), counts)
            assert min(counts.result()) > 0

    # Races

    async def test_one_winner_each_round(self) -> None:
        """Writers who all compare the same revision: in each round exactly one wins, and the others know."""
        async with self.peers(self.writers) as stores:
            revision = await put(stores[0], "k", b"start")
            for number in range(self.rounds):
                tries = [
                    store.commit(
                        Commit(
                            compares=(Compare("k", revision),),
                            puts=(Put("k", f"{number} by {who}".encode()), Put(f"won/{number:04d}", b"%d" % who)),
                        )
                    )
                    for who, store in enumerate(stores)
                ]
                results = await asyncio.gather(*tries)
                won = [(who, r) for who, r in enumerate(results) if isinstance(r, Committed)]
                assert len(won) == 1, results
                winner, result = won[0]
                current = Entry("k", f"{number} by {winner}".encode(), result.revision)
                assert all(r == Lost((current,)) for who, r in enumerate(results) if who != winner)
                revision = result.revision
            assert len(keys(await stores[0].range(Range("won/")))) == self.rounds

    async def test_nothing_is_lost(self) -> None:
        """Writers who count up by compare-and-set, all at once: the sum is there, no increment is lost."""
        async with self.peers(self.writers) as stores:
            await put(stores[0], "count", b"0")

            async def count(store: Store) -> None:
                for _ in range(self.increments):
                    await increment(store, "count")

            await asyncio.gather(*(count(store) for store in stores))
            assert value(await stores[0].get(Get("count"))) == b"%d" % (self.writers * self.increments)

    # Hints

    async def test_hints_arrive(self) -> None:
        """A put and a delete under a prefix wake its subscriber, whoever wrote them."""
        async with self.peers(2) as (one, other):
            subscription = one.subscribe(("p/", "q/"))
            for writer in (one, other):
                for commit in (Commit(puts=(Put("q/1", b""),)), Commit(deletes=("q/1",))):
                    await quiet(subscription)
                    await committed(writer, commit)
                    await asyncio.wait_for(subscription.wait(), self.hint_within_s)
            subscription.close()

    async def test_a_hint_waits(self) -> None:
        """A hint that came while nobody waited is there for the next wait, once."""
        async with self.peers(1) as (store,):
            subscription = store.subscribe(("p/",))
            await quiet(subscription)
            await put(store, "p/1", b"")
            await put(store, "p/2", b"")
            await asyncio.wait_for(subscription.wait(), self.hint_within_s)
            await quiet(subscription)
            assert not subscription.take()

    async def test_a_closed_store_says_so(self) -> None:
        """After `close` every operation answers `CouldNotAsk` and none raises; closing twice is no error."""
        with tempfile.TemporaryDirectory(prefix="holdfast-store-") as place:
            store = self.open(Path(place))
            await put(store, "k", b"")
            await store.close()
            await store.close()
            commit = await store.commit(Commit(puts=(Put("k", b"1"),)))
            assert isinstance(commit, CouldNotAsk)
            assert not commit.maybe_applied
            assert isinstance(await store.get(Get("k")), CouldNotAsk)
            assert isinstance(await store.get_many(GetMany(("k",))), CouldNotAsk)
            assert isinstance(await store.range(Range("")), CouldNotAsk)


async def run_suite(suite: StoreConformance) -> dict[str, Exception]:
    """Run every test of a suite without a test framework; the failures by test name."""
    failures: dict[str, Exception] = {}
    for name, test in inspect.getmembers(suite, inspect.iscoroutinefunction):
        if name.startswith("test_"):
            run: Callable[[], Awaitable[None]] = test
            try:
                await run()
            except Exception as error:
                failures[name] = error
    return failures
