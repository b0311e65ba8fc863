"""What becomes of a batch: each row of the provider's table, with somebody else at work at the worst moment."""

from __future__ import annotations

import pytest
from route53_world import SCOPE, SILENCE, ZONE, World, address, fence

from holdfast.model.configuration import Answers
from holdfast.model.fence import fence_owner
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.provider import (
    Blocked,
    Denied,
    FenceAbsent,
    FencedWrite,
    FenceFound,
    FenceMoved,
    FenceUnreadable,
    PinRepair,
    RRsetChange,
    Soa,
    Wrote,
    ZoneRRsets,
)
from holdfast.ports.route53 import ChangeRecordSets, ListRecordSets, NotAllowed, RecordSet, SetAction, SetChange

A = address("a", "192.0.2.1")
ONE, TWO, THREE = fence(1), fence(2), fence(3)
NO_SOA = Soa(0, "")


@pytest.fixture
def world() -> World:
    """A zone with the fence at generation 1."""
    made = World()
    made.put_fence(ONE)
    return made


def test_a_fence_that_moved_before_the_batch_is_a_lost_race(world: World) -> None:
    """Between the look at the owners and the batch a newer plan comes: nothing lands."""
    world.before(ChangeRecordSets, lambda: world.put_fence(THREE))
    assert world.write(ONE, TWO, A) == FenceMoved(FenceFound(THREE))
    assert world.run(world.provider.read_rrsets((A.name,))) == ZoneRRsets(())


def test_a_sibling_that_moved_it_on_after_my_batch_is_no_loss(world: World) -> None:
    """Accepted, and before the read-back another enactor of the plan had its turn: mine is applied."""
    sibling = fence(2, sequence=1)
    world.before(ListRecordSets, lambda: world.put_fence(sibling), nth=3)
    answer = world.write(ONE, TWO, A)
    assert isinstance(answer, Wrote)
    assert (answer.fence, answer.recovered) == (sibling, False)
    assert answer.change


def test_a_foreign_writer_after_my_batch_is_named(world: World) -> None:
    """R4: accepted, but the data read otherwise under my fence."""
    world.before(ListRecordSets, lambda: world.put("a", "A", "192.0.2.66"), nth=2)
    answer = world.write(ONE, TWO, A)
    assert isinstance(answer, Blocked)
    assert "192.0.2.66" in answer.offenders[0].why


def test_a_newer_plan_after_my_batch_with_other_data_is_a_lost_race(world: World) -> None:
    """It was applied, and is history already."""

    def newer() -> None:
        world.put_fence(THREE)
        world.put("a", "A", "192.0.2.66")

    world.before(ListRecordSets, newer, nth=2)
    assert world.write(ONE, TWO, A) == FenceMoved(FenceFound(THREE))


def test_an_alias_that_came_before_the_batch_is_refused_by_the_service_and_named(world: World) -> None:
    """R4: the look found nothing, Route 53 refuses addresses beside a CNAME, and the offender is named."""
    world.before(ChangeRecordSets, lambda: world.put("a", "CNAME", "else.test."))
    answer = world.write(ONE, TWO, A, address("b", "192.0.2.2"))
    assert isinstance(answer, Blocked)
    assert [o.name for o in answer.offenders] == [A.name]
    assert world.run(world.provider.read_fence(SCOPE)) == FenceFound(ONE)


def test_a_foreign_change_that_spoils_an_exact_delete_is_tried_again(world: World) -> None:
    """The fence is as pinned and no owner in the way: could not ask, with the service's words, and not applied."""
    world.put("a", "A", "192.0.2.5")
    removal = RRsetChange(A.name, "A", address("a", "192.0.2.5").after, None)
    world.before(ChangeRecordSets, lambda: world.put("a", "A", "192.0.2.6"))
    answer = world.write(ONE, TWO, removal)
    assert isinstance(answer, CouldNotAsk)
    assert not answer.maybe_applied
    assert "do not match the current values" in answer.reason
    assert isinstance(world.write(ONE, TWO, removal), Wrote)


def test_a_foreign_change_of_what_stays_is_healed(world: World) -> None:
    """UPSERT: whatever a foreign writer made of the set in between, the plan's stands."""
    world.put("a", "A", "192.0.2.5")
    world.before(ChangeRecordSets, lambda: world.put("a", "A", "192.0.2.6"))
    assert isinstance(world.write(ONE, TWO, A), Wrote)


@pytest.mark.parametrize("applied", [True, False])
def test_silence_is_decided_by_reading(world: World, applied: bool) -> None:
    """R5: mine and my data is done; the pin still there may still be moved by my batch."""
    lost = CouldNotAsk("cut", maybe_applied=True)

    def act() -> CouldNotAsk:
        if applied:
            op = world.asked[-1]
            assert isinstance(op, ChangeRecordSets)
            world.change(*op.changes)
        return lost

    world.before(ChangeRecordSets, act)
    assert world.write(ONE, TWO, A) == (Wrote(TWO, recovered=True) if applied else lost)


def test_silence_then_anothers_freeze_is_no_freeze_of_mine(world: World) -> None:
    """R8: a fence that moved on without my freeze id is not my freeze."""
    mine, other = fence(1, sequence=1, freezes=("frzaaaa",)), fence(1, sequence=1, freezes=("frzbbbb",))

    def act() -> CouldNotAsk:
        world.put_fence(other)
        return CouldNotAsk("cut", maybe_applied=True)

    world.before(ChangeRecordSets, act)
    assert world.write(ONE, mine) == FenceMoved(FenceFound(other))


def test_turned_away_is_told_as_it_came(world: World) -> None:
    """Throttled or busy: nothing was applied, and nothing more is asked."""
    world.before(ChangeRecordSets, lambda: SILENCE)
    assert world.write(ONE, TWO, A) == SILENCE
    assert isinstance(world.asked[-1], ChangeRecordSets)


def test_rights_are_configuration(world: World) -> None:
    """Denied, with the code."""
    world.before(ChangeRecordSets, lambda: NotAllowed("AccessDenied", "not authorized"))
    answer = world.write(ONE, TWO, A)
    assert isinstance(answer, Denied)
    assert "AccessDenied" in answer.reason


@pytest.mark.parametrize(("nth", "maybe"), [(1, False), (2, True), (3, True)])
def test_what_cannot_be_read_is_said(world: World, nth: int, maybe: bool) -> None:
    """Before the batch nothing was applied; a read-back that fails leaves it open."""
    world.before(ListRecordSets, lambda: SILENCE, nth=nth)
    answer = world.write(ONE, TWO, A)
    assert isinstance(answer, CouldNotAsk)
    assert answer.maybe_applied == maybe


def test_nothing_is_filled_without_a_fence() -> None:
    """R3: there is no pin for it here."""
    world = World()
    write = FencedWrite(PinRepair(FenceAbsent(), NO_SOA), None, (A,))
    assert isinstance(world.run(world.provider.write(SCOPE, write)), Denied)
    assert world.asked == []


def test_a_repair_of_what_is_no_longer_so_loses() -> None:
    """R3: of an absent fence by CREATE, of an unreadable one by what was seen; either way the other's stays."""
    world = World()
    world.before(ChangeRecordSets, lambda: world.put_fence(THREE))
    write = FencedWrite(PinRepair(FenceAbsent(), NO_SOA), TWO, (A,))
    assert world.run(world.provider.write(SCOPE, write)) == FenceMoved(FenceFound(THREE))
    seen = FenceUnreadable(('"garbled"',), "not a fence's text")
    write = FencedWrite(PinRepair(seen, NO_SOA), TWO, (A,))
    assert world.run(world.provider.write(SCOPE, write)) == FenceMoved(FenceFound(THREE))


def test_a_jumped_fence_is_repaired_although_it_reads_as_one() -> None:
    """R3: what the enactor took for damage is deleted exactly."""
    world = World()
    far = fence(9_000_000)
    world.put_fence(far)
    write = FencedWrite(PinRepair(FenceUnreadable((far.rdata(),), "jumped"), NO_SOA), TWO, ())
    assert isinstance(world.run(world.provider.write(SCOPE, write)), Wrote)
    assert world.run(world.provider.read_fence(SCOPE)) == FenceFound(TWO)


def test_a_name_whose_form_of_answers_is_another_is_written_anew() -> None:
    """A simple set where weighted ones are wanted: deleted and created in one batch, never empty in between."""
    world = World(Answers.WEIGHTED)
    world.put_fence(ONE)
    world.put("a", "A", "192.0.2.1", "192.0.2.9")
    assert isinstance(world.write(ONE, TWO, A), Wrote)
    batches = [op for op in world.asked if isinstance(op, ChangeRecordSets)]
    assert [(c.action.value, c.record_set.rtype) for c in batches[0].changes] == [
        ("DELETE", "TXT"),
        ("CREATE", "TXT"),
        ("DELETE", "A"),
        ("CREATE", "A"),
    ]
    assert all(
        c.action is not SetAction.UPSERT for op in batches for c in op.changes if c.record_set.rtype == "TXT"
    )


def test_sets_that_cannot_be_written_back_are_left_alone(world: World) -> None:
    """An alias of Route 53's own at the owner: named before anything is sent, and untouched."""
    target = {"HostedZoneId": "Z9", "DNSName": "lb.test.", "EvaluateTargetHealth": False}
    world.engine.zones["Z1"].put({"Name": A.name, "Type": "A", "AliasTarget": target})
    answer = world.write(ONE, TWO, A)
    assert isinstance(answer, Blocked)
    assert "an alias to lb.test" in answer.offenders[0].why
    assert not [op for op in world.asked if isinstance(op, ChangeRecordSets)]


def test_a_name_with_more_than_a_batch_takes_is_named(world: World) -> None:
    """400 addresses of each family to be changed: 1,600 records where 998 have room."""
    fours = tuple(f"198.18.{i >> 8}.{i & 255}" for i in range(400))
    sixes = tuple(sorted(f"2001:db8::{i:x}" for i in range(1, 401)))
    six = address("a", *sixes)
    after = six.after
    assert after is not None
    both = (address("a", *fours), type(six)(six.name, "AAAA", None, type(after)(six.name, "AAAA", 5, sixes)))
    assert isinstance(world.write(ONE, TWO, *both), Wrote)
    moved = tuple(
        type(c)(c.name, c.rtype, c.after, type(after)(c.name, c.rtype, 6, c.after.rdatas)) for c in both if c.after
    )
    answer = world.write(TWO, THREE, *moved)
    assert isinstance(answer, Blocked)
    assert "1600 records" in answer.offenders[0].why


def test_a_walk_asks_no_more_than_it_must(world: World) -> None:
    """Names that lie together are answered by one page; one that lies far away costs one more; none are missed."""
    labels = [f"n{i:03}" for i in range(120)]
    for start in range(0, 120, 40):
        sets = (RecordSet(f"{label}.{ZONE}", "A", 5, ("192.0.2.1",)) for label in labels[start : start + 40])
        world.change(*(SetChange(SetAction.CREATE, s) for s in sets))
    world.asked.clear()
    names = tuple(f"{label}.{ZONE}" for label in ("n000", "n001", "n002", "n119"))
    found = world.run(world.provider.read_rrsets(names))
    assert isinstance(found, ZoneRRsets)
    assert [r.name for r in found.rrsets] == list(names)
    assert len(world.asked) == 2
    assert fence_owner(SCOPE, ZONE) not in {r.name for r in found.rrsets}
