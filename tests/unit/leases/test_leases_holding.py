"""A holder's view of its lease: what it asks, when, and for how long it may act."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from holdfast.leases.holding import DRIFT_SHARE, Change, Holding
from holdfast.model.lease import (
    Establish,
    Gone,
    Granted,
    Invalid,
    Place,
    Release,
    Released,
    Renew,
    Taken,
    TryLater,
)

PLACE = Place(80, "192.0.2.1")


def holding(*, place: Place | None = None, above: int = 0) -> Holding:
    """A lease that is wanted from second 100 on."""
    return Holding("api", "n", "me", place=place, above=above, now_s=100.0)


def hear(lease: Holding, result: object, *, asked_s: float, now_s: float | None = None) -> Change | None:
    """An answer to what it asks now."""
    now_s = asked_s + 0.1 if now_s is None else now_s
    return lease.answered(lease.ask(), result, asked_s=asked_s, now_s=now_s, chance=0.5)  # type: ignore[arg-type]


def test_a_lease_is_valid_from_when_it_was_asked_for() -> None:
    """Its end is a TTL after the question, less 1 % for the clocks; the answer's way counts against us."""
    lease = holding()
    assert lease.ask() == Establish("api", "n", "me", None, 0)
    assert hear(lease, Granted(7, 60.0), asked_s=100.0, now_s=105.0) is Change.GRANTED
    assert lease.until_s == 100.0 + 60.0 * (1 - DRIFT_SHARE)
    assert lease.next_s == 120.0
    assert lease.ask() == Renew("api", "n", "me", 7)
    assert lease.valid(now_s=159.3)
    assert not lease.valid(now_s=159.4)


def test_a_silent_service_ends_it_once_and_a_late_answer_brings_it_back() -> None:
    """LOST is said once; the old token stays, and an answer "renewed" makes it good again."""
    lease = holding()
    hear(lease, Granted(7, 60.0), asked_s=100.0)
    assert not lease.lapsed(now_s=150.0)
    lease.unanswered(now_s=150.0, chance=1.0)
    assert lease.lapsed(now_s=160.0)
    assert not lease.lapsed(now_s=161.0)
    assert hear(lease, Granted(7, 60.0, renewed=True), asked_s=170.0) is Change.REGAINED
    assert lease.valid(now_s=229.0)


def test_gone_means_establish_above_what_was_known() -> None:
    """It is lost at once, and the next call names the old token, so that the next one is higher."""
    lease = holding()
    hear(lease, Granted(7, 60.0), asked_s=100.0)
    assert hear(lease, Gone("ran out"), asked_s=120.0) is Change.LOST
    assert not lease.valid(now_s=120.1)
    assert lease.ask() == Establish("api", "n", "me", None, 7)
    assert hear(lease, Gone("again"), asked_s=121.0) is None


def test_it_obeys_hints_and_backs_off_without_them() -> None:
    """`after_s` exactly; no answer: jitter below a ceiling that doubles, at most a sixth of the TTL."""
    lease = holding()
    hear(lease, TryLater(17.0, "busy"), asked_s=100.0, now_s=101.0)
    assert lease.next_s == 118.0
    hear(lease, Taken("you", 60.0), asked_s=118.0, now_s=118.0)
    assert lease.taken_by == "you", "two agents of one name: the second says so"
    assert lease.next_s is not None
    assert 127.0 <= lease.next_s <= 128.0
    hear(lease, Granted(7, 60.0), asked_s=130.0)
    waits = []
    for _ in range(10):
        lease.unanswered(now_s=200.0, chance=1.0)
        waits.append(round(lease.next_s - 200.0, 3))
    assert waits[:3] == [0.2, 0.4, 0.8]
    assert waits[-1] == 10.0


def test_it_does_not_wait_out_its_backoff_when_the_service_is_back() -> None:
    """Another call was answered: what waits because of silence comes sooner, what waits by a hint does not."""
    lease = holding()
    hear(lease, Granted(7, 60.0), asked_s=100.0)
    assert not lease.sooner(101.0), "it is not due, and nothing went wrong"
    lease.unanswered(now_s=120.0, chance=1.0)
    lease.put_off(128.0)
    assert lease.sooner(121.0)
    assert lease.next_s == 121.0
    hear(lease, TryLater(5.0, "busy"), asked_s=121.0, now_s=121.0)
    assert not lease.sooner(122.0)
    assert lease.next_s == 126.0


def test_a_moved_place_is_told_under_a_new_token() -> None:
    """The place changes while a renewal is on its way: it is told right after."""
    lease = holding(place=PLACE)
    hear(lease, Granted(7, 60.0), asked_s=100.0)
    renewal = lease.ask()
    elsewhere = Place(81, "192.0.2.1")
    lease.move(elsewhere, now_s=119.0)
    assert lease.answered(renewal, Granted(7, 60.0, True), asked_s=118.0, now_s=120.0, chance=0.5) is None
    assert lease.next_s == 120.0
    assert lease.ask() == Establish("api", "n", "me", elsewhere, 6)
    assert hear(lease, Granted(8, 60.0), asked_s=120.0) is Change.GRANTED
    assert lease.renews


@given(
    hints_s=st.lists(st.floats(0.5, 170.0), max_size=8),
    moved_s=st.floats(100.2, 400.0),
    chances=st.randoms(use_true_random=False),
)
def test_who_moves_in_a_crowd_keeps_its_lease(
    hints_s: list[float], moved_s: float, chances: random.Random
) -> None:
    """A new place is told among those who want a lease, and put off by hints, up to beyond the TTL. Meanwhile
    the lease is renewed: it is never lost, no hint is passed over, and in the end the place is told.
    """
    lease, at_s, asked_again_s = holding(place=PLACE), 100.0, 0.0
    hear(lease, Granted(7, 60.0), asked_s=at_s)
    elsewhere, left = Place(81, "192.0.2.1"), list(hints_s)
    moved = False
    while lease.place == PLACE or lease.token == 7:
        assert lease.next_s is not None
        if not moved and lease.next_s >= moved_s:
            at_s, moved = max(at_s, moved_s), True
            lease.move(elsewhere, now_s=at_s)
            assert lease.ask() == Establish("api", "n", "me", elsewhere, 6), "it is told at once"
        at_s = max(at_s, lease.next_s)
        assert lease.valid(now_s=at_s)
        ask, chance = lease.ask(), chances.random()
        if isinstance(ask, Renew):
            result: Granted | TryLater = Granted(7, 60.0, renewed=True)
        elif left:
            assert at_s >= asked_again_s
            result = TryLater(left.pop(), "busy")
            asked_again_s = at_s + result.after_s
        else:
            result = Granted(8, 60.0)
        lease.answered(ask, result, asked_s=at_s, now_s=at_s, chance=chance)
    assert lease.renews
    assert not left


def test_who_moves_back_while_it_waits_has_nothing_to_tell() -> None:
    """It was refused with its new place, and is at the old one again: it goes on renewing."""
    lease = holding(place=PLACE)
    hear(lease, Granted(7, 60.0), asked_s=100.0)
    lease.move(Place(81, "192.0.2.1"), now_s=105.0)
    hear(lease, TryLater(110.0, "busy"), asked_s=105.0)
    assert lease.next_s == 120.0
    lease.move(PLACE, now_s=110.0)
    assert hear(lease, Granted(7, 60.0, renewed=True), asked_s=120.0) is None
    assert lease.next_s is not None
    assert lease.next_s > 135.0
    assert lease.ask() == Renew("api", "n", "me", 7)


def test_who_moves_while_its_renewal_is_refused_tells_it_at_once() -> None:
    """The refusal of a renewal holds for renewals."""
    lease = holding(place=PLACE)
    hear(lease, Granted(7, 60.0), asked_s=100.0)
    renewal = lease.ask()
    lease.move(Place(81, "192.0.2.1"), now_s=120.5)
    lease.answered(renewal, TryLater(9.0, "busy"), asked_s=120.0, now_s=121.0, chance=0.5)
    assert lease.next_s == 120.5
    assert isinstance(lease.ask(), Establish)
    lease.answered(lease.ask(), TryLater(60.0, "busy"), asked_s=121.0, now_s=121.0, chance=0.5)
    assert lease.next_s == 130.0
    assert lease.ask() == renewal


def test_a_change_that_waits_keeps_no_renewal_waiting() -> None:
    """In a crowd the change hears "in two minutes": the lease is renewed in its turns, under its token, and the
    change is asked for no sooner than it was told, though the place changes once more.
    """
    lease = holding(place=PLACE)
    hear(lease, Granted(7, 60.0), asked_s=100.0)
    lease.move(Place(81, "192.0.2.1"), now_s=110.0)
    assert isinstance(lease.ask(), Establish)
    hear(lease, TryLater(120.0, "a crowd"), asked_s=110.0, now_s=110.0)
    newest = Place(82, "192.0.2.1")
    lease.move(newest, now_s=111.0)
    asked = []
    while (at_s := lease.next_s) is not None and at_s < 230.0:
        assert not lease.lapsed(now_s=at_s)
        assert lease.ask() == Renew("api", "n", "me", 7)
        asked.append(at_s)
        hear(lease, Granted(7, 60.0, True), asked_s=at_s, now_s=at_s)
    assert asked == [120.0, 140.0, 160.0, 180.0, 200.0, 220.0]
    assert (lease.next_s, lease.ask()) == (230.0, Establish("api", "n", "me", newest, 6))
    assert hear(lease, Granted(9, 60.0), asked_s=230.0) is Change.GRANTED
    assert lease.renews


def test_a_change_whose_answer_was_lost_is_found_out_by_renewing() -> None:
    """The renewal is told the new token; the change is asked for again, and heard of without a third one."""
    lease = holding(place=PLACE)
    hear(lease, Granted(7, 60.0), asked_s=100.0)
    lease.move(Place(81, "192.0.2.1"), now_s=119.0)
    lease.unanswered(now_s=129.0, chance=1.0)
    assert lease.ask() == Renew("api", "n", "me", 7)
    assert hear(lease, Granted(8, 60.0, True), asked_s=129.0) is Change.GRANTED
    assert (lease.token, lease.ask()) == (8, Establish("api", "n", "me", Place(81, "192.0.2.1"), 7))
    assert hear(lease, Granted(8, 60.0, True), asked_s=130.0) is None
    assert lease.renews


def test_what_a_guard_knows_is_outrun() -> None:
    """A guard that refused us names a higher token: the lease is granted anew, above it."""
    lease = holding()
    hear(lease, Granted(7, 60.0), asked_s=100.0)
    lease.know(3, now_s=101.0)
    assert lease.renews
    lease.know(7, now_s=101.0)
    assert lease.ask() == Establish("api", "n", "me", None, 7)
    assert hear(lease, Granted(9, 60.0), asked_s=101.0) is Change.GRANTED
    assert lease.renews


def test_leaving_releases_what_it_has_and_asks_for_nothing_more() -> None:
    """With a token: release. Without one: nothing; a grant that was on its way is given back."""
    lease = holding()
    establish = lease.ask()
    lease.leave(now_s=100.0)
    assert lease.next_s is None
    lease.answered(establish, Granted(7, 60.0), asked_s=100.0, now_s=101.0, chance=0.5)
    assert lease.ask() == Release("api", "n", "me", 7)
    assert hear(lease, Released(), asked_s=101.0) is Change.RELEASED
    assert lease.next_s is None
    assert hear(holding(), Invalid("bad name"), asked_s=100.0) is Change.REFUSED


def test_a_crowd_that_was_renewed_late_does_not_come_back_as_one() -> None:
    """1,000 leases that waited for the service and were renewed within a second: after a usual turn and two apart
    every part of a turn has some, none more than three times its share. Renewed in turn, they stay together.
    """
    rng = random.Random(1)

    def after_four_turns(waited: bool) -> list[int]:
        tenths = [0] * 10
        for _ in range(1000):
            lease = holding()
            hear(lease, Granted(7, 60.0), asked_s=100.0)
            if waited:
                lease.put_off(130.0)
            at_s = 130.0 + rng.random()
            for turn in range(4):
                lease.answered(lease.ask(), Granted(7, 60.0), asked_s=at_s, now_s=at_s, chance=rng.random())
                assert lease.next_s is not None
                assert (18.0 if turn == 0 else 10.0) <= lease.next_s - at_s <= 22.0
                at_s = lease.next_s
            tenths[int(at_s / 2) % 10] += 1
        return tenths

    apart, together = after_four_turns(True), after_four_turns(False)
    assert min(apart) > 20
    assert max(apart) < 300
    assert min(together) == 0


@given(
    st.lists(
        st.tuples(
            st.floats(0, 100), st.floats(0, 20), st.sampled_from(["granted", "silence", "gone", "later", "taken"])
        ),
        max_size=30,
    )
)
def test_it_never_counts_as_held_longer_than_the_service_counts(story: list[tuple[float, float, str]]) -> None:
    """Whatever comes back, and however late: valid here implies not yet overdue at the service."""
    lease = holding()
    now_s, token, deadline_s = 100.0, 0, float("-inf")
    for wait_s, way_s, what in story:
        now_s += wait_s
        asked_s, ask = now_s, lease.ask()
        now_s += way_s
        if what == "granted":
            token += isinstance(ask, Establish)
            deadline_s = asked_s + way_s / 2 + 60.0
            result: object = Granted(token, 60.0, isinstance(ask, Renew))
        elif what == "silence":
            lease.unanswered(now_s=now_s, chance=0.3)
            continue
        else:
            result = {"gone": Gone("x"), "later": TryLater(1.0, "x"), "taken": Taken("you", 9.0)}[what]
        lease.answered(ask, result, asked_s=asked_s, now_s=now_s, chance=0.3)  # type: ignore[arg-type]
        assert not lease.valid(now_s=max(now_s, deadline_s))
