"""Batches onto the document: idempotent, all or nothing, never on stale knowledge; deletion at a bounded pace."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.config.apply import Applied, LastApplied, apply
from holdfast.externaldns import converting
from holdfast.externaldns.marks import Affix, labels_of, owned_name
from holdfast.externaldns.rules import served
from holdfast.externaldns.writing import retire_loop, write_accepted
from holdfast.model.configuration import StoredConfiguration, TargetConfig
from holdfast.model.records import RRset
from webhook_world import KEYS, OWNER, POLICY, RULE, ZONE, Cluster, World, configuration, wish

SHOP = "shop.example.com"


async def test_cluster_name_becomes_a_name_like_any_other() -> None:
    """An accepted name is an endpoint with targets, floors and checks of the policy, in a new revision (R10)."""
    world = World()
    await Cluster(world).sync([wish(SHOP, "1.2.3.4"), wish(SHOP, "2001:db8::1", rtype="AAAA", ttl=60)])
    stored = world.stored
    assert (stored.revision, stored.of_file) == (2, 1)
    (endpoint,) = (e for e in stored.configuration.endpoints if e.name == SHOP)
    (group,) = (g for g in stored.configuration.groups if g.name == SHOP)
    assert (endpoint.zone, endpoint.ttl, endpoint.source) == (ZONE, 60, "external-dns")
    assert group.targets == (
        TargetConfig("1.2.3.4", "1.2.3.4", None, 0, "default"),
        TargetConfig("v6-2001-db8--1", None, "2001:db8::1", 0, "default"),
    )
    assert group.floor_share == POLICY.floor_share
    assert [e.kind for e in world.events] == ["external.accepted"]


async def test_batch_twice_is_no_error_and_changes_nothing() -> None:
    """A batch whose answer was lost may come again: 204, same revision."""
    world = World()
    cluster = Cluster(world)
    batch = {"create": [wish(SHOP, "1.2.3.4")]}
    update = {"updateOld": [wish(SHOP, "1.2.3.4")], "updateNew": [wish(SHOP, "1.2.3.9")]}
    for body in (batch, update, {"delete": [wish(SHOP, "1.2.3.9")]}):
        assert (await cluster.send("POST", "/records", body)).status_code == 204
        revision = world.stored.revision
        assert (await cluster.send("POST", "/records", body)).status_code == 204
        assert world.stored.revision == revision


@pytest.mark.parametrize(
    "late",
    [
        {"create": [wish(SHOP, "1.2.3.3")]},
        {"updateOld": [wish(SHOP, "1.2.3.4")], "updateNew": [wish(SHOP, "1.2.3.3")]},
        {"delete": [wish(SHOP, "1.2.3.4")]},
    ],
)
async def test_stale_batch_is_refused_and_retried(late: dict[str, Any]) -> None:
    """A batch that rests on older records is 503: ExternalDNS reads again, and nothing newer is undone."""
    world = World()
    cluster = Cluster(world)
    await cluster.sync([wish(SHOP, "1.2.3.4")])
    await cluster.sync([wish(SHOP, "1.2.3.9")])
    answer = await cluster.send("POST", "/records", late)
    assert answer.status_code == 503
    assert "older records" in answer.json()["error"]
    assert world.names.names[0].a == ("1.2.3.9",)


async def test_name_of_another_cluster_is_not_taken() -> None:
    """Two ExternalDNS that both want a name don't fight over it (issue 5846): the first owns it."""
    world = World()
    await Cluster(world).sync([wish(SHOP, "1.2.3.4")])
    other = {**wish(SHOP, "5.6.7.8"), "labels": {"owner": "cluster-2"}}
    for body in ({"create": [other]}, {"updateOld": [other], "updateNew": [other]}, {"delete": [other]}):
        answer = await Cluster(world, "cluster-2").send("POST", "/records", body)
        assert answer.status_code == 503
        assert f"owned by {OWNER}" in answer.json()["error"]
    changes, answer2 = await Cluster(world, "cluster-2").sync([wish(SHOP, "5.6.7.8")])
    assert (changes, answer2) == ({}, None), "ExternalDNS itself sees by the marks that it is not its own"


async def test_deleted_name_stays_until_it_is_retired() -> None:
    """A deletion is accepted and read back at once; the name stays for `delete_after`, then is retired."""
    world = World()
    cluster = Cluster(world)
    await cluster.sync([wish(SHOP, "1.2.3.4")])
    _, answer = await cluster.sync([])
    assert answer is not None
    assert answer.status_code == 204
    assert await cluster.records() == []
    loop = retire_loop("s")
    world.turn(loop)
    world.now_s = POLICY.delete_after_s - 1
    world.turn(loop)
    assert any(e.name == SHOP for e in world.stored.configuration.endpoints)
    world.now_s = POLICY.delete_after_s
    world.turn(loop)
    assert all(e.name != SHOP for e in world.stored.configuration.endpoints)
    (word,) = world.words.retired
    assert (word.subject, word.by) == (SHOP, f"external-dns/{OWNER}")
    assert world.names.names == ()
    loop.close()


async def test_deletion_taken_back_costs_nothing() -> None:
    """Restarted with an empty view, ExternalDNS deletes all and creates all again (issue 1289): no name moves."""
    world = World()
    cluster = Cluster(world)
    wished = [wish(f"n{i}.example.com", f"1.2.3.{i}") for i in range(30)]
    await cluster.sync(wished)
    before = world.stored
    await cluster.sync([])
    loop = retire_loop("s")
    world.turn(loop)
    await cluster.sync(wished)
    world.now_s = 10 * POLICY.delete_after_s
    world.turn(loop)
    assert world.stored == before
    assert await cluster.sync(wished) == ({}, None)
    loop.close()


async def test_mass_deletion_is_paced_and_said() -> None:
    """All 30 names deleted at once (issues 414, 2858): a tenth of what is left a window; events count the rest."""
    world = World()
    cluster = Cluster(world)
    await cluster.sync([wish(f"n{i:02}.example.com", f"1.2.3.{i}") for i in range(30)])
    await cluster.sync([])
    loop = retire_loop("s")
    world.turn(loop)
    world.now_s = POLICY.delete_after_s
    left = []
    for _ in range(4):
        world.turn(loop)
        world.turn(loop)  # a second look within the window retires nothing more
        left.append(len(world.names.names))
        world.now_s += 300.0
    assert left == [27, 25, 23, 21]
    first = next(e.text for e in world.events if e.kind == "external.retired")
    assert "27 more wait: at most 10% of the names in a window" in first
    loop.close()


async def test_restarted_or_second_process_waits_a_window_too() -> None:
    """Timers are a process's own: one that starts after a batch waits a whole window before the next."""
    world = World()
    cluster = Cluster(world)
    await cluster.sync([wish(f"n{i:02}.example.com", f"1.2.3.{i}") for i in range(20)])
    await cluster.sync([])
    first = retire_loop("s")
    world.turn(first)
    world.now_s = POLICY.delete_after_s
    world.turn(first)
    assert len(world.names.names) == 18
    world.timers.clear()  # a new process, which knows of no timer
    second = retire_loop("s")
    world.turn(second)
    world.now_s += POLICY.delete_after_s - 1
    world.turn(second)
    assert len(world.names.names) == 18
    first.close()
    second.close()


async def test_file_applied_again_keeps_clusters_names_and_takes_its_own() -> None:
    """A changed file keeps what clusters brought; a name that it now lists itself is the file's; without the table
    clusters' names leave the configuration (and stay in DNS as orphans).
    """
    world = World()
    cluster = Cluster(world)
    await cluster.sync([wish(SHOP, "1.2.3.4"), wish("b.example.com", "1.2.3.5")])
    stored = world.stored
    last = LastApplied(0, stored.of_file, "d")

    def again(wanted: Any) -> StoredConfiguration:
        nonlocal last
        result = world.run(apply(KEYS, wanted, origin="m:/f", last_applied=last))
        assert isinstance(result, Applied), result
        last = result.last
        return world.stored

    policy = msgspec.structs.replace(POLICY, floor_share=0.25)
    changed = again(configuration(policy))
    assert [e.name for e in changed.configuration.endpoints] == ["b.example.com", RULE, SHOP]
    assert {g.floor_share for g in changed.configuration.groups if g.source} == {0.25}
    file = configuration(policy)
    (own,) = file.endpoints
    mine = msgspec.structs.replace(file, endpoints=(own, msgspec.structs.replace(own, name=SHOP)))
    changed = again(mine)
    assert [(e.name, e.source) for e in changed.configuration.endpoints] == [
        ("b.example.com", "external-dns"), (RULE, ""), (SHOP, "")]  # fmt: skip
    assert [r["dnsName"] for r in await cluster.records() if r["recordType"] == "A"] == ["b.example.com"]
    assert [e.name for e in again(configuration(None)).configuration.endpoints] == [RULE]


@pytest.mark.parametrize(
    ("name", "affix", "owned"),
    [
        ("a-shop.example.com", Affix(), ("shop.example.com", "A")),
        ("aaaa-shop.example.com", Affix(), ("shop.example.com", "AAAA")),
        ("cname-shop.example.com", Affix(), ("shop.example.com", "CNAME")),
        ("shop.example.com", Affix(), ("shop.example.com", "")),
        ("my-shop.example.com", Affix(), ("my-shop.example.com", "")),
        ("xdns-a-shop.example.com", Affix(prefix="xdns-"), ("shop.example.com", "A")),
        ("txt.a-shop.example.com", Affix(prefix="txt."), ("shop.example.com", "A")),
        ("a-shop-txt.example.com", Affix(suffix="-txt"), ("shop.example.com", "A")),
        ("a-shop.txt.example.com", Affix(suffix=".txt"), ("shop.example.com", "A")),
        ("a-x-shop.example.com", Affix(prefix="%{record_type}-x-"), ("shop.example.com", "A")),
        ("aaaa.txt.shop.example.com", Affix(prefix="%{record_type}.txt."), ("shop.example.com", "AAAA")),
        ("shop-aaaa.example.com", Affix(suffix="-%{record_type}"), ("shop.example.com", "AAAA")),
        ("other.example.com", Affix(prefix="xdns-"), ("", "")),
    ],
)
def test_marks_tell_what_they_are_about(name: str, affix: Affix, owned: tuple[str, str]) -> None:
    """Old and new form, prefix, suffix and the type in either (`registry/mapper`)."""
    assert owned_name(name, affix) == owned


def test_only_the_heritage_makes_a_mark() -> None:
    """Texts of others, and of another heritage, are no marks; unknown tokens in one are passed over."""
    assert labels_of('"heritage=external-dns,external-dns/owner=o,external-dns/resource=r,x,a=b=c"') == {
        "owner": "o", "resource": "r"}  # fmt: skip
    for text in ("", "hello", "heritage=mate,mate/owner=o", "external-dns/owner=o", "v=spf1 a=b"):
        assert labels_of(text) is None


NAMES = st.sampled_from(
    [f"{label}.example.com" for label in ("a", "b", "c", "d")] + ["x.example.org", RULE, "*.example.com"]
)
WISHES = st.lists(
    st.builds(
        wish, NAMES, st.sampled_from(["1.2.3.1", "1.2.3.2", "2001:db8::1", "lb.test"]),
        st.sampled_from(["1.2.3.3", "2001:DB8::2"]),
        rtype=st.sampled_from(["A", "AAAA", "CNAME"]), ttl=st.sampled_from([0, 30, 60]),
        providerSpecific=st.sampled_from([[], [{"name": "alias", "value": "false"}]]),
    ),
    max_size=6, unique_by=lambda w: (w["dnsName"], w["recordType"]),
)  # fmt: skip


@given(st.lists(WISHES, min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
async def test_cluster_settles_in_one_round(rounds: list[list[dict[str, Any]]]) -> None:
    """Whatever a cluster wishes, and then wishes instead: each batch is taken, and the next plan is empty."""
    world = World()
    cluster = Cluster(world)
    for wished in rounds:
        _, answer = await cluster.sync(wished)
        assert answer is None or answer.status_code == 204, answer.text
        assert await cluster.sync(wished) == ({}, None)
        if answer is not None:
            world.check()


def _zone(*lines: str) -> tuple[RRset, ...]:
    parts = (text.split(" ", 3) for text in lines)
    return tuple(RRset(f"{name}.example.com", rtype, int(ttl), (data,)) for name, ttl, rtype, data in parts)


def _mark_text(owner: str = OWNER, resource: str = "ingress/default/shop") -> str:
    return f'"heritage=external-dns,external-dns/owner={owner},external-dns/resource={resource}"'


async def test_marks_in_a_zone_become_ownership_in_the_store() -> None:
    """Marked names are taken over as they are, in old form and new; the cluster then plans nothing."""
    zone = _zone(
        "shop 60 A 1.2.3.4", f"a-shop 0 TXT {_mark_text()}", f"shop 0 TXT {_mark_text()}",
        "old 300 A 1.2.3.5", f"old 0 TXT {_mark_text(resource='service/default/old')}",
        "mail 60 A 1.2.3.6", 'mail 60 TXT "v=spf1 -all"',
    )  # fmt: skip
    world = World()
    rules = served(world.stored.configuration)
    assert rules is not None
    found = converting.convert(zone, rules, Affix())
    assert found.left_out == ()
    world.run(write_accepted(KEYS, lambda now: converting.onto(now.document, found)))
    world.check()
    assert [(n.name, n.ttl, n.a, n.owner, n.resource) for n in world.names.names] == [
        ("old.example.com", 300, ("1.2.3.5",), OWNER, "service/default/old"),
        (SHOP, 60, ("1.2.3.4",), OWNER, "ingress/default/shop"),
    ]
    wished = [wish(SHOP, "1.2.3.4"), wish("old.example.com", "1.2.3.5", ttl=300)]
    assert await Cluster(world).sync(wished) == ({}, None)
    again = converting.onto(world.names, found)
    assert again.names == world.names, "twice is as once"


def test_what_is_not_wholly_the_owners_stays_behind_and_is_said() -> None:
    """Aliases, families that nobody marked, two owners, TTLs that differ, the file's names, other affixes."""
    zone = _zone(
        "alias 60 CNAME lb.test.", f"cname-alias 0 TXT {_mark_text()}",
        "half 60 A 1.2.3.4", "half 60 AAAA 2001:db8::1", f"a-half 0 TXT {_mark_text()}",
        "two 60 A 1.2.3.4", "two 60 AAAA 2001:db8::1", f"a-two 0 TXT {_mark_text()}",
        f"aaaa-two 0 TXT {_mark_text('o2')}",
        "ttl 60 A 1.2.3.4", "ttl 30 AAAA 2001:db8::1", f"a-ttl 0 TXT {_mark_text()}",
        f"aaaa-ttl 0 TXT {_mark_text()}",
        "kept 60 A 192.0.2.1", f"a-kept 0 TXT {_mark_text()}",
        f"a-gone 0 TXT {_mark_text()}",
    )  # fmt: skip
    rules = served(configuration())
    assert rules is not None
    found = converting.convert(zone, rules, Affix())
    assert found.names == ()
    said = {one.name.split(".")[0]: one.why for one in found.left_out}
    assert said.keys() == {"alias", "half", "two", "ttl", "kept", "gone"}
    assert "marked by nobody" in said["half"]
    assert said["two"] == f"marked by {OWNER} and o2"
    assert converting.convert(zone, rules, Affix(), owner="o3") == converting.Converted((), (), ())
    foreign = converting.convert(zone, rules, Affix(prefix="x-"))
    assert {one.why for one in foreign.left_out} == {"a mark without the prefix or suffix that the file gives"}


async def test_batch_beyond_a_transaction_of_the_store_is_refused_whole() -> None:
    """What does not fit the store is 503 with the sizes, and what was there stays."""
    world = World()
    cluster = Cluster(world)
    await cluster.sync([wish(SHOP, "1.2.3.4")])
    before = world.stored
    addresses = [f"10.{i >> 8}.{i & 255}.1" for i in range(600)]
    wished = [wish(f"n{i}.example.com", *addresses) for i in range(20)]
    answer = await cluster.send("POST", "/records", {"create": wished})
    assert answer.status_code == 503
    assert "1048576 fit" in answer.json()["error"]
    assert world.stored == before
