"""Route 53's record sets, names and batches: pure."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.model.configuration import Answers
from holdfast.model.fence import Fence, fence_owner
from holdfast.model.identity import Identity
from holdfast.model.records import TYPE_WEIGHT, NameRecords, RRset, Weighted
from holdfast.ports.provider import (
    FenceAbsent,
    FencedWrite,
    FenceFound,
    FenceUnreadable,
    PinFence,
    RRsetChange,
)
from holdfast.ports.route53 import RecordSet, SetAction
from holdfast.providers.route53.actions import needed_actions
from holdfast.providers.route53.batch import (
    CHARACTERS_MAX,
    RECORDS_MAX,
    cost_of,
    data_changes,
    fence_changes,
    fence_wanted,
    fits,
    pack,
)
from holdfast.providers.route53.listing import offenders_of, read_as_fence, with_ancestors
from holdfast.providers.route53.names import from_api, position, to_api
from holdfast.providers.route53.sets import TTL_ODD, rendered, to_rrsets, to_sets

ZONE = "r53.test"
FENCE = Fence(Identity(1, 7, "0" * 32), writer="a")
weights = st.integers(0, 255)
fours = st.lists(
    st.builds(Weighted, st.ip_addresses(v=4).map(str), weights), max_size=6, unique_by=lambda w: w.address
)
sixes = st.lists(
    st.builds(Weighted, st.ip_addresses(v=6).map(str), weights), max_size=6, unique_by=lambda w: w.address
)
answers = st.sampled_from(list(Answers))


@st.composite
def records(draw: st.DrawFn, label: str = "a") -> NameRecords:
    """A name's records."""
    a, aaaa = tuple(sorted(draw(fours))), tuple(sorted(draw(sixes)))
    return NameRecords(f"{label}.{ZONE}", ZONE, draw(st.integers(0, 3600)), a, aaaa, "g")


@settings(max_examples=15, deadline=None)
@given(records(), answers)
def test_what_is_rendered_reads_back(wanted: NameRecords, form: Answers) -> None:
    """Record sets made of a name's RRsets show those very RRsets, in each form of answers."""
    rrsets = rendered(wanted, form)
    assert to_rrsets(to_sets(rrsets, form), form) == rrsets


@settings(max_examples=25, deadline=None)
@given(records(), records(), answers, answers)
def test_a_batch_leads_from_anything_to_what_is_wanted(
    old: NameRecords, new: NameRecords, before: Answers, after: Answers
) -> None:
    """The changes, made on what stood there in any form, leave exactly what is wanted, and touch nothing twice."""
    here = to_sets(rendered(old, before), before)
    wanted = rendered(new, after)
    shown = {r.rtype: r for r in to_rrsets(here, after)}
    types = ("A", "AAAA", TYPE_WEIGHT) if after is Answers.WEIGHTED else ("A", "AAAA")
    asked = {r.rtype: r for r in wanted}
    changes = tuple(RRsetChange(new.name, t, shown.get(t), asked.get(t)) for t in types)
    left = {(s.rtype, s.identifier): s for s in here}
    for change in data_changes(changes, here, after):
        key = change.record_set.rtype, change.record_set.identifier
        if change.action is SetAction.DELETE:
            assert left.pop(key) == change.record_set, "a DELETE names exactly what stands there"
        else:
            assert (change.action is SetAction.CREATE) == (key not in left)
            left[key] = change.record_set
    assert to_rrsets(tuple(left.values()), after) == wanted


def test_a_group_with_a_new_ttl_is_deleted_and_created() -> None:
    """All of a weighted group have one TTL at each step, whatever change is looked at first."""
    old = tuple(RecordSet("a", "A", 30, (x,), x, 1) for x in ("192.0.2.1", "192.0.2.2"))
    wanted = RRset("a", "A", 60, ("192.0.2.1", "192.0.2.2"))
    made = data_changes((RRsetChange("a", "A", None, wanted),), old, Answers.WEIGHTED)
    assert [c.action.value for c in made] == ["DELETE", "DELETE", "CREATE", "CREATE"]


@pytest.mark.parametrize(
    ("form", "odd"),
    [
        (Answers.SIMPLE, (RecordSet("a", "A", 30, ("192.0.2.1",), "x", 5),)),
        (Answers.WEIGHTED, (RecordSet("a", "A", 30, ("192.0.2.1",)),)),
        (Answers.WEIGHTED, (RecordSet("a", "A", 30, ("192.0.2.1",), "192.0.2.1", 0),)),
        (Answers.MULTIVALUE, (RecordSet("a", "A", 30, ("192.0.2.1",), "other", None, True),)),
    ],
)
def test_sets_of_another_form_differ_and_still_count(form: Answers, odd: tuple[RecordSet, ...]) -> None:
    """What is not as `answers` wants it has a TTL that no plan has, and shows its addresses as served."""
    shown = to_rrsets(odd, form)[0]
    assert (shown.ttl, shown.rdatas) == (TTL_ODD, ("192.0.2.1",))


counts = st.tuples(st.integers(0, 100), st.integers(0, 100))


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(counts, counts), max_size=12), answers)
def test_batches_keep_within_the_limits(
    pairs: list[tuple[tuple[int, int], tuple[int, int]]], form: Answers
) -> None:
    """Whatever changes: each batch, with the fence, has at most 1,000 records and 32,000 characters."""
    changes: list[RRsetChange] = []
    here: list[RecordSet] = []
    for number, (old, new) in enumerate(pairs):
        name = f"n{number:03}.{ZONE}"
        before = {r.rtype: r for r in rendered(_of_size(name, *old), form)}
        after = {r.rtype: r for r in rendered(_of_size(name, *new), form)}
        here += to_sets(tuple(before.values()), form)
        changes += [RRsetChange(name, t, before.get(t), after.get(t)) for t in {*before, *after}]
    packed = pack(tuple(changes))
    assert sorted(c.name for m in packed for c in m) == sorted(c.name for c in changes)
    old_fence = (RecordSet(fence_owner("s", ZONE), "TXT", 5, (FENCE.rdata(),)),)
    for message in packed:
        made = data_changes(message, tuple(here), form)
        assert fits(made) or len({c.name for c in message}) == 1, "one name alone may be too large: it is named"
        if not fits(made):
            continue
        records_, characters = cost_of((*fence_changes("s", ZONE, old_fence, FENCE), *made))
        assert records_ <= RECORDS_MAX
        assert characters <= CHARACTERS_MAX


def _of_size(name: str, fours: int, sixes: int) -> NameRecords:
    a = tuple(Weighted(f"192.0.2.{i}", 1) for i in range(fours))
    aaaa = tuple(Weighted(f"2001:db8:aaaa:bbbb:cccc:dddd:eeee:{0xF000 + i:x}", 1) for i in range(sixes))
    return NameRecords(name, ZONE, 5, a, aaaa, "g")


def test_an_update_counts_twice() -> None:
    """249 names of two addresses are CREATEd in a batch beside a fence; half as many UPSERTed."""
    changes = tuple(
        RRsetChange(f"n{i:04}", "A", None, RRset(f"n{i:04}", "A", 5, ("192.0.2.1", "192.0.2.2")))
        for i in range(500)
    )
    assert [len(m) for m in pack(changes)] == [249, 249, 2]


def test_the_fence_is_never_upserted_and_always_another_text() -> None:
    """R0: exact DELETE and CREATE; a message that only pins, or wants the same text, moves the sequence."""
    old = (RecordSet(fence_owner("s", ZONE), "TXT", 5, (FENCE.rdata(),)),)
    actions = [c.action for c in fence_changes("s", ZONE, old, FENCE)]
    assert actions == [SetAction.DELETE, SetAction.CREATE]
    assert [c.action for c in fence_changes("s", ZONE, (), FENCE)] == [SetAction.CREATE]
    for after in (None, FENCE):
        moved = fence_wanted(FencedWrite(PinFence(FENCE), after, ()))
        assert moved is not None
        assert (moved.identity, moved.sequence) == (FENCE.identity, FENCE.sequence + 1)


def test_a_fence_that_could_not_be_pinned_is_unreadable() -> None:
    """R3: another TTL, a routing policy or two sets at the owner permit only a repair, which reads them again."""
    good = RecordSet("o", "TXT", 5, (FENCE.rdata(),))
    assert read_as_fence((good,)) == FenceFound(FENCE)
    assert read_as_fence(()) == FenceAbsent()
    weighted = RecordSet("o", "TXT", 5, (FENCE.rdata(),), "x", 1)
    other_ttl = RecordSet("o", "TXT", 60, (FENCE.rdata(),))
    for odd in ((other_ttl,), (weighted,), (weighted, other_ttl)):
        seen = read_as_fence(odd)
        assert isinstance(seen, FenceUnreadable)
        assert set(seen.rdatas) == {FENCE.rdata()}


@settings(max_examples=40, deadline=None)
@given(st.text(st.sampled_from("az09-_.*!@"), min_size=1, max_size=20).filter(lambda n: not n.endswith(".")))
def test_names_survive_their_escapes(name: str) -> None:
    """A wildcard is `\\052`; every name comes back as it went."""
    assert from_api(to_api(name)) == name
    assert to_api("*.a.test") == "\\052.a.test."


def test_names_are_sorted_as_a_list_is() -> None:
    """Labels reversed, with the final dot: `a-b` before `a`, because `-` stands before `.`."""
    names = ["a.x.test", "x.test", "a-b.x.test", "b.a.x.test"]
    assert sorted(names, key=position) == ["x.test", "a-b.x.test", "a.x.test", "b.a.x.test"]


def test_owners_that_cannot_be_written_are_named() -> None:
    """R4: a CNAME, an alias, and whatever lies at or below NS records under the apex."""
    sets = (
        RecordSet(ZONE, "NS", 5, ("ns.",)),
        RecordSet(f"c.{ZONE}", "CNAME", 5, ("else.test.",)),
        RecordSet(f"l.{ZONE}", "A", 0, (), other="an alias to lb.test"),
        RecordSet(f"sub.{ZONE}", "NS", 5, ("ns.",)),
    )
    names = (ZONE, f"c.{ZONE}", f"l.{ZONE}", f"x.sub.{ZONE}", f"free.{ZONE}")
    assert f"sub.{ZONE}" in with_ancestors(names, ZONE)
    found = {o.name: o.why for o in offenders_of(ZONE, names, sets)}
    assert set(found) == {f"c.{ZONE}", f"l.{ZONE}", f"x.sub.{ZONE}"}
    assert found[f"c.{ZONE}"] == "is a CNAME to else.test"


def test_needed_actions_are_bound_to_names_and_types() -> None:
    """The least policy: changes only to the names kept and the fence, as A, AAAA and TXT."""
    change, *reads = needed_actions("Z1", scope="shop", zone=ZONE, names=(f"www.{ZONE}",))
    assert dict(change.conditions)["route53:ChangeResourceRecordSetsNormalizedRecordNames"] == (
        f"_holdfast-shop.{ZONE}",
        f"www.{ZONE}",
    )
    assert [r.action for r in reads] == [
        "route53:ListResourceRecordSets",
        "route53:GetHostedZone",
        "route53:GetChange",
    ]
