"""The order and the merging of changes that wait for hosts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from holdfast.propagation.rules import (
    AGEING_S,
    Change,
    Kind,
    admitted_per_s,
    merged,
    order,
    quarantine_s,
    rank,
    ready,
    snapshot_instead,
)

changes = st.builds(
    Change,
    key=st.sampled_from("abcdef"),
    group=st.sampled_from(["big", "small", "tiny"]),
    kind=st.sampled_from(list(Kind)),
    generation=st.integers(1, 9),
    since_s=st.floats(0, 100),
    sent=st.booleans(),
)


def _change(
    key: str, kind: Kind = Kind.UPDATE, *, group: str = "g", generation: int = 1, since_s: float = 0.0
) -> Change:
    return Change(key, group, kind, generation, since_s)


@given(changes, changes)
def test_the_newest_generation_wins_and_keeps_its_place(first: Change, second: Change) -> None:
    """What is left is the newer content, waiting since the earlier; or nothing, if the two cancel."""
    left = merged(first, second)
    if left is None:
        assert second.kind is Kind.DELETE
        assert first.kind is Kind.CREATE
        assert not first.sent
        return
    assert left.generation == max(first.generation, second.generation)
    if second.generation > first.generation:
        assert left.since_s == min(first.since_s, second.since_s)


def test_an_update_of_what_was_never_sent_is_still_a_create() -> None:
    """And a create of what still waits to be deleted is an update."""
    create, update = _change("a", Kind.CREATE), _change("a", Kind.UPDATE, generation=2)
    delete, again = _change("a", Kind.DELETE), _change("a", Kind.CREATE, generation=2)
    assert (merged(create, update) or create).kind is Kind.CREATE
    assert (merged(delete, again) or delete).kind is Kind.UPDATE


@given(st.lists(changes, max_size=30), st.floats(100, 1000))
def test_the_order_is_by_class_and_loses_nobody(waiting: list[Change], now_s: float) -> None:
    """A permutation, with ranks that never fall."""
    found = order(waiting, served={}, now_s=now_s)
    ranks = [rank(change, now_s=now_s) for change in found]
    assert sorted(map(repr, found)) == sorted(map(repr, waiting))
    assert ranks == sorted(ranks)


def test_nothing_starves() -> None:
    """A delete that has waited two ageing times goes before a create of now."""
    old, new = _change("a", Kind.DELETE), _change("b", Kind.CREATE, since_s=3 * AGEING_S)
    assert order([new, old], served={}, now_s=3 * AGEING_S)[0] is old


def test_groups_take_turns() -> None:
    """A group's one change is at most second, whatever another has waiting; who had more lately goes later."""
    many = [_change(f"k{n}", group="big") for n in range(100)]
    one = _change("z", group="small")
    assert one in order([*many, one], served={}, now_s=0)[:2]
    assert order([*many, one], served={"big": 5}, now_s=0)[0] is one


@given(st.floats(0, 1e4), st.floats(0, 1000))
def test_upstream_work_never_exceeds_the_drain(drain_per_s: float, oldest_s: float) -> None:
    """And none comes in behind a backlog of 300 s."""
    admitted = admitted_per_s(drain_per_s=drain_per_s, oldest_s=oldest_s)
    assert 0 <= admitted <= drain_per_s
    assert admitted == 0 or oldest_s < 300


def test_the_edges_of_the_small_rules() -> None:
    """Snapshot above 30 %; ready at the desired generation; quarantine doubles from the fifth failure on."""
    assert not snapshot_instead(dirty=3, documents=10)
    assert snapshot_instead(dirty=4, documents=10)
    assert ready(applied=3, desired=3)
    assert not ready(applied=2, desired=3)
    assert [quarantine_s(n) for n in (0, 4, 5, 6, 7, 1000)] == [0, 0, 30, 60, 120, 600]
