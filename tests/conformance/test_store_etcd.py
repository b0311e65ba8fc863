"""The store on three real etcd members: the shipped suite, and what becomes of it as members go and come back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from store_places import (
    Places,
    count_in_processes,
    fresh,
    holds_no_more,
    replaces,
    strike_under_two_writers,
    timed,
    works_again,
)

from holdfast.config.store_address import StoreSettings
from holdfast.conformance.store import StoreConformance
from holdfast.conformance.store_steps import put, quiet, value
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.store import Commit, Get, Put
from holdfast.stores.etcd import EtcdStore
from holdfast.stores.examined import Verdict
from holdfast.stores.port import Store
from servers.etcd import PASSWORD, Etcd, start_etcd
from servers.tls import make_tls
from visible import start_or_skip

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("etcd")]
SILENCE_S = 1.0


class TestEtcd(StoreConformance):
    """Each peer has a client of its own, as another process would have.

    Each loser of a race costs three members a flush, so the race of all increments is a sample here.
    """

    increments = 15

    @pytest.fixture(autouse=True)
    def _server(self, etcd: Etcd) -> None:
        self._etcd, self._places = etcd, Places()

    def open(self, place: Path) -> Store:
        return EtcdStore(self._etcd.settings(namespace=self._places.name(place)))


@pytest.mark.soak
async def test_a_hundred_increments_by_each_of_twelve(etcd: Etcd) -> None:
    """The whole of what `TestEtcd` takes a sample of."""

    class Whole(TestEtcd):
        increments = 100

    whole = Whole()
    whole._etcd, whole._places = etcd, Places()
    await whole.test_nothing_is_lost()


@pytest.fixture
def own() -> Iterator[Etcd]:
    """A cluster of the test's own, whose members it may kill."""
    with start_or_skip(start_etcd) as running:
        yield running


@asynccontextmanager
async def opened(settings: StoreSettings) -> AsyncIterator[EtcdStore]:
    """A store that waits a second for a silent member, closed at the end."""
    store = EtcdStore(settings, silence_s=SILENCE_S)
    try:
        yield store
    finally:
        await store.close()


async def refusal(settings: StoreSettings) -> str:
    """What a store that can't be entered says; the password must not be in it."""
    async with opened(settings) as store:
        found = await store.commit(Commit(puts=(Put("k", b"1"),)))
        assert isinstance(found, CouldNotAsk), found
        assert not found.maybe_applied
        assert PASSWORD not in found.reason
        return found.reason


# Members go and come back


async def test_a_killed_leader_keeps_what_was_acknowledged(own: Etcd) -> None:
    """`kill -9` of the leader under two writers: the others go on, each acknowledged pair is there, whole."""
    async with opened(own.settings()) as store:
        leader = own.leader()

        async def strike() -> None:
            own.kill(leader)
            await works_again(store)

        await strike_under_two_writers(store, own.settings(), strike, first=10)


async def test_without_a_quorum_nothing_is_answered(own: Etcd) -> None:
    """Two of three gone: neither reads nor commits are answered, in bounded time. Back: the same store works."""
    async with opened(own.settings()) as store, opened(own.settings()) as other:
        await put(store, "k", b"1")
        subscription = other.subscribe(("p/",))
        await quiet(subscription)
        gone = own.members[1:]
        own.kill(*gone)
        assert isinstance(await timed(lambda: store.get(Get("k")), 10), CouldNotAsk)
        written = await timed(lambda: store.commit(Commit(puts=(Put("k", b"2"),))), 10)
        assert isinstance(written, CouldNotAsk)
        own.start(*gone)
        await works_again(store)
        await quiet(subscription)
        await put(store, "p/1", b"")
        await asyncio.wait_for(subscription.wait(), 20)


async def test_a_silent_leader_is_passed_over(own: Etcd) -> None:
    """A member stopped in its tracks: a commit there may be applied, the next go to members that answer."""
    settings = own.settings()
    leader = own.leader()
    first = settings.hosts[own.members.index(leader)]
    others = tuple(host for host in settings.hosts if host != first)
    async with opened(msgspec.structs.replace(settings, hosts=(first, *others))) as store:
        await put(store, "k", b"1")
        own.pause(leader)
        try:
            result = await timed(lambda: store.commit(Commit(puts=(Put("k", b"2"),))), 10)
            assert isinstance(result, CouldNotAsk)
            assert result.maybe_applied
            assert "does not answer in time" in result.reason
            await works_again(store)
        finally:
            own.resume(leader)
        assert value(await store.get(Get("k"))) in (b"1", b"2")


async def test_a_member_that_is_not_there_costs_nothing(etcd: Etcd) -> None:
    """Nothing was sent to it, so a commit goes on to the next and is no maybe."""
    settings = etcd.settings(namespace=fresh())
    nobody = msgspec.structs.replace(settings.hosts[0], port=1)
    async with opened(msgspec.structs.replace(settings, hosts=(nobody, *settings.hosts))) as store:
        await put(store, "k", b"1")
    said = await refusal(msgspec.structs.replace(settings, hosts=(nobody,)))
    assert "127.0.0.1:1: " in said


async def test_processes_count_without_losing_one(etcd: Etcd) -> None:
    """Three processes that count up one number by compare-and-set reach exactly the sum."""
    settings = etcd.settings(namespace=fresh())
    async with opened(settings) as store:
        await count_in_processes(store, settings, processes=3, each=20)


# An older copy


async def test_a_restored_snapshot_is_another_history(own: Etcd, tmp_path: Path) -> None:
    """Restored under running stores: no compare of the lost history holds, and revisions go on above it."""
    async with opened(own.settings()) as store, opened(own.settings()) as asleep:
        kept = await put(store, "kept", b"1")
        assert await asleep.get(Get("k")) is None
        own.save(tmp_path / "snapshot")
        lost = [await put(store, "k", b"%d" % n) for n in range(20)]
        own.restore(tmp_path / "snapshot")
        await works_again(asleep)
        assert value(await store.get(Get("kept"))) == b"1"
        assert await store.get(Get("k")) is None
        await holds_no_more(store, lost[-1])
        # As many as were lost and more, so that etcd's own count passes all of its earlier numbers.
        for _ in range(2 * len(lost)):
            assert await put(asleep, "k", b"other") > lost[-1]
            await holds_no_more(store, *lost)
        await replaces(store, "kept", kept, b"2")


async def test_a_single_member_put_back_is_no_other_history(own: Etcd, tmp_path: Path) -> None:
    """One member on an old snapshot beside two that go on: no answer comes from the old data.

    Its leader knows how far it was: etcd ends that member itself. A new leader does not, and brings it up to date.
    """
    async with opened(own.settings()) as store:
        await put(store, "k", b"old")
        own.save(tmp_path / "snapshot")
        stale = await put(store, "k", b"newer")
        leader = own.leader()
        member, other = (m for m in own.members if m is not leader)
        own.kill(member)
        own.put_back(tmp_path / "snapshot", member)
        own.launch(member)
        assert member.process is not None
        await asyncio.to_thread(member.process.wait)
        newest = await put(store, "k", b"newest")

        own.put_back(tmp_path / "snapshot", member)
        own.lead(other)
        own.start(member)
        alone = msgspec.structs.replace(own.settings(), hosts=(own.settings().hosts[own.members.index(member)],))
        async with opened(alone) as there:
            assert value(await there.get(Get("k"))) == b"newest"
            await holds_no_more(there, stale)
            await replaces(there, "k", newest, b"after")
        assert value(await store.get(Get("k"))) == b"after"
        assert not [one for one in await store.examine() if one.verdict is Verdict.BAD]


async def test_a_majority_put_back_is_another_history(own: Etcd, tmp_path: Path) -> None:
    """Two of three on an old snapshot: beside the third they end, and nothing is answered; without it they are a
    cluster, and theirs is another history: what was lost holds in no compare, and revisions go on above it.
    """
    async with opened(own.settings()) as store:
        await put(store, "k", b"old")
        own.save(tmp_path / "snapshot")
        stale = await put(store, "k", b"newer")
        third = own.leader()
        pair = [m for m in own.members if m is not third]
        own.kill(*pair)
        own.put_back(tmp_path / "snapshot", *pair)
        own.launch(*pair)
        for member in pair:
            assert member.process is not None
            await asyncio.to_thread(member.process.wait)
        assert isinstance(await timed(lambda: store.get(Get("k")), 10), CouldNotAsk)

        own.kill(third)
        own.put_back(tmp_path / "snapshot", *pair)
        own.start(*pair)
        await works_again(store)
        assert value(await store.get(Get("k"))) == b"old"
        await holds_no_more(store, stale)
        assert await put(store, "k", b"other") > stale
        gone = [one.what for one in await store.examine() if one.verdict is not Verdict.GOOD]
        assert f"member {own.settings().hosts[own.members.index(third)]}" in gone


async def test_a_compacted_history_does_not_matter(etcd: Etcd) -> None:
    """etcd's old revisions may go at any time: no rule rests on them."""
    async with opened(etcd.settings(namespace=fresh())) as store:
        revision = await put(store, "k", b"1")
        for number in range(10):
            await put(store, "other", b"%d" % number)
        newest = etcd.ctl("endpoint", "status", "-w", "json", member=etcd.members[0])
        found = msgspec.json.decode(newest)[0]["Status"]["header"]["revision"]
        etcd.ctl("compact", found, member=etcd.members[0])
        await replaces(store, "k", revision, b"2")


# What it refuses


@pytest.mark.parametrize(
    ("stands", "text"), [("7 5", "has format 7, this version reads format 1"), ("hello", "is not holdfast's")]
)
async def test_what_is_no_store_of_ours_is_left_alone(etcd: Etcd, stands: str, text: str) -> None:
    """A later version's store, or somebody else's value: refused by name, and not touched."""
    name = fresh()
    etcd.ctl("put", f"{name}/=revision", stands)
    assert text in await refusal(etcd.settings(namespace=name))
    assert etcd.ctl("get", "--print-value-only", f"{name}/=revision").strip() == stands


async def test_stores_whose_names_begin_alike_are_apart(etcd: Etcd) -> None:
    """`x` and `x/y` are two stores: neither sees the other's keys."""
    name = fresh()
    async with opened(etcd.settings(namespace=name)) as one, opened(etcd.settings(namespace=f"{name}/y")) as two:
        await put(two, "k", b"2")
        assert await one.get(Get("k")) is None
        await put(one, "k", b"1")
        assert value(await two.get(Get("k"))) == b"2"


async def test_an_examination_names_each_member(own: Etcd) -> None:
    """Three that agree; one gone is doubtful; two gone is no store."""
    async with opened(own.settings()) as store:
        found = await store.examine()
        assert all(one.verdict is Verdict.GOOD for one in found), found
        assert [one.what for one in found][-3:] == ["one cluster", "failover", "encrypted"]
        assert sum("leads" in one.text for one in found if one.what.startswith("member ")) == 1
        own.kill(own.members[2])
        await works_again(store)
        gone = [one for one in await store.examine() if one.verdict is not Verdict.GOOD]
        assert f"member {own.settings().hosts[2]}" in [one.what for one in gone]
        assert not [one for one in gone if one.verdict is Verdict.BAD]
        own.kill(own.members[1])
        assert (await store.examine())[0].verdict is Verdict.BAD


# Who enters, and how


async def test_users_and_passwords(own: Etcd, tmp_path: Path) -> None:
    """No user, a wrong password, a file open to others, a role without the right: each said in one line.

    A session that the cluster has forgotten (members restarted) is begun again without a word.
    """
    file = tmp_path / "password"
    own.ctl("user", "add", f"root:{PASSWORD}")
    own.ctl("user", "add", f"holdfast:{PASSWORD}")
    own.ctl("role", "add", "reader")
    own.ctl("role", "grant-permission", "reader", "--prefix=true", "read", "holdfast/")
    own.ctl("user", "grant-role", "holdfast", "reader")
    own.ctl("user", "grant-role", "root", "root")
    own.ctl("auth", "enable")
    settings = msgspec.structs.replace(own.settings(), user="holdfast", password_file=str(file))
    assert "etcd wants a user: etcd://USER@" in await refusal(own.settings())
    file.touch(mode=0o600)
    file.write_text("not the password\n")
    assert "user holdfast is not let in: look at store_password_file" in await refusal(settings)
    file.write_text(PASSWORD + "\n")
    file.chmod(0o644)
    assert f"run: chmod 600 {file}" in await refusal(settings)
    file.chmod(0o600)
    assert "the user needs a role with readwrite on the store's prefix" in await refusal(settings)
    root = ("--user", f"root:{PASSWORD}")
    own.ctl("role", "grant-permission", "reader", "--prefix=true", "readwrite", "holdfast/", *root)
    async with opened(settings) as store:
        await put(store, "k", b"1")
        for member in own.members:
            own.kill(member)
            own.start(member)
        await works_again(store)
        assert value(await store.get(Get("k"))) == b"1"


async def test_tls_in_both_directions(tmp_path: Path) -> None:
    """The right CA and a client's certificate enter; another CA, or no certificate, does not."""
    tls, strange = make_tls(tmp_path / "ours"), make_tls(tmp_path / "strange")
    with start_or_skip(lambda: start_etcd(1, tls=tls)) as server:
        settings = server.settings()
        async with opened(settings) as store:
            await put(store, "k", b"1")
        assert "certificate verify failed" in await refusal(
            msgspec.structs.replace(settings, ca_file=str(strange.ca))
        )
        without = msgspec.structs.replace(settings, cert_file="", key_file="")
        async with opened(without) as store:
            assert isinstance(await store.get(Get("k")), CouldNotAsk)
        tls.key.chmod(0o644)
        assert "the store's client key: " in await refusal(settings)
