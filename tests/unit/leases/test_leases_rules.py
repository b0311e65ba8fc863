"""Lease rules as tables: calls, tokens, guard, TTL, velocity, the book."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.leases.book import Book
from holdfast.leases.guard import Accepted, Mark, Refused, check
from holdfast.leases.law import LeaseSettings, Velocity, renew_after_s, renewals_per_s, ttl_s
from holdfast.leases.rules import Drop, Grant, Keep, establish, release, renew
from holdfast.leases.tokens import (
    COUNT_MAX,
    JUMP_MAX,
    TOKEN_MAX,
    believable,
    epoch_of,
    next_epoch,
    raised,
    token_of,
)
from holdfast.model.lease import Establish, Gone, Lease, Place, Release, Renew, Taken, bad_holder, bad_word

MINE = Lease("api", "a", "me", token_of(3, 7), Place(80, "192.0.2.1"))
SETTINGS = LeaseSettings()


def ask(**changed: object) -> Establish:
    """The call that got `MINE`."""
    fields = {"role": "api", "name": "a", "holder": "me", "place": MINE.place, **changed}
    return Establish(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("call", "lease", "left_s", "answer"),
    [
        (ask(), None, 0.0, Grant()),
        (ask(), MINE, 10.0, Keep(MINE)),
        (ask(place=Place(81, "192.0.2.1")), MINE, 10.0, Grant()),
        (ask(above=MINE.token), MINE, 10.0, Grant()),
        (ask(above=MINE.token - 1), MINE, 10.0, Keep(MINE)),
        (ask(holder="you"), MINE, -0.1, Grant()),
        (ask(holder="you"), MINE, 10.0, Taken("me", 10.0)),
    ],
)
def test_establish(call: Establish, lease: Lease | None, left_s: float, answer: object) -> None:
    """The rows of the table."""
    assert establish(call, lease, left_s=left_s) == answer


def test_renew_and_release_are_for_the_holder() -> None:
    """Anybody else is told that it is gone, and why."""
    assert renew(Renew("api", "a", "me", MINE.token), MINE) == Keep(MINE)
    assert release(Release("api", "a", "me", MINE.token), MINE) == Drop()
    for holder, token, lease, why in (
        ("me", MINE.token, None, "ran out or was released"),
        ("you", MINE.token, MINE, "me holds it now"),
        ("me", MINE.token + 1, MINE, f"granted again with token {MINE.token}"),
    ):
        for gone in (
            renew(Renew("api", "a", holder, token), lease),
            release(Release("api", "a", holder, token), lease),
        ):
            assert isinstance(gone, Gone)
            assert why in gone.why


def test_a_holder_whose_new_grant_was_never_heard_of_keeps_it_by_its_old_token() -> None:
    """It renews while its change waits for an answer; it alone, and it gives nothing back by that token."""
    assert renew(Renew("api", "a", "me", MINE.token - 1), MINE) == Keep(MINE)
    assert isinstance(renew(Renew("api", "a", "you", MINE.token - 1), MINE), Gone)
    gone = release(Release("api", "a", "me", MINE.token - 1), MINE)
    assert gone == Gone(f"it was granted again with token {MINE.token}")


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, COUNT_MAX)), min_size=2, max_size=10))
def test_tokens_are_ordered_by_epoch_then_count(pairs: list[tuple[int, int]]) -> None:
    """And fit a signed 64-bit integer."""
    assert sorted(pairs) == sorted(pairs, key=lambda pair: token_of(*pair))
    assert all(0 < token_of(*pair) <= TOKEN_MAX < 2**63 for pair in pairs)
    assert [epoch_of(token_of(*pair)) for pair in pairs] == [epoch for epoch, _ in pairs]


def test_a_restored_store_is_outrun() -> None:
    """By the disk's memory at start, and by what clients know afterwards; garbled tokens move nothing."""
    assert next_epoch(in_store=4, on_disk=9) == 10
    assert next_epoch(in_store=4, on_disk=0) == 5
    assert raised(token_of(5, 8), epoch=5, count=8) is None
    assert raised(token_of(5, 9), epoch=5, count=8) == 6
    assert raised(token_of(7, 1), epoch=5, count=8) == 8
    assert believable(token_of(5 + JUMP_MAX, 1), epoch=5)
    assert not believable(token_of(6 + JUMP_MAX, 1), epoch=5)
    assert not believable(-1, epoch=5)
    assert not believable(TOKEN_MAX + 1, epoch=TOKEN_MAX)


def test_guard_refuses_older_tokens_and_equal_ones_of_others() -> None:
    """R19, the rows of its table."""
    kept = Mark(10, "a")
    assert check(None, token=1, holder="x") == Accepted(Mark(1, "x"))
    assert check(kept, token=11, holder="b") == Accepted(Mark(11, "b"))
    assert check(kept, token=10, holder="a") == Accepted(kept)
    older, equal = check(kept, token=9, holder="a"), check(kept, token=10, holder="b")
    assert isinstance(older, Refused)
    assert older.highest == 10
    assert isinstance(equal, Refused)
    assert "granted to a as well" in equal.why


def test_ttl_grows_with_the_fleet() -> None:
    """max(ttl_least, 3 N / renewals_most): the renewals of any fleet stay within what the service should do."""
    assert ttl_s(SETTINGS, fleet=1000) == 180
    assert ttl_s(SETTINGS, fleet=100_000) == 300
    for fleet in (10, 60_000, 10**6):
        assert renewals_per_s(held=fleet, ttl_s=ttl_s(SETTINGS, fleet=fleet)) <= 1000


@given(st.floats(0, 0.999999), st.floats(1, 1e5))
def test_renewals_leave_room_for_two_that_fail(chance: float, ttl: float) -> None:
    """A third of the TTL with 10 % jitter: the second attempt is due well before the lease is overdue."""
    assert 0.3 * ttl <= renew_after_s(ttl, chance=chance) <= 0.3667 * ttl


@given(st.lists(st.floats(0, 5), max_size=60), st.integers(1, 5000))
def test_velocity_of_expiry(steps: list[float], held: int) -> None:
    """Never more than 1 % in a second on the average, and at most a second's worth at once."""
    velocity, now_s, gone = Velocity(0.01, now_s=0.0), 0.0, 0
    per_s = max(1.0, 0.01 * held)
    for step_s in steps:
        now_s += step_s
        allowed = velocity.allow(held=held, now_s=now_s)
        assert allowed <= per_s
        velocity.spend(allowed)
        gone += allowed
        assert gone <= per_s * now_s + 1e-6


def lease(number: int) -> Lease:
    """One of a fleet."""
    return Lease("api", f"n{number}", f"h{number}", token_of(1, number + 1))


def test_the_book_lets_the_oldest_run_out_first_and_slowly() -> None:
    """1000 overdue leases leave at 10 a second, those first that were silent longest; a renewal saves one."""
    book = Book(SETTINGS, now_s=0.0)
    for number in range(1000):
        assert book.keep(lease(number), now_s=0.001 * number) == 180
    assert book.sweep(now_s=180.0) == []
    book.keep(lease(0), now_s=180.5)
    out = book.sweep(now_s=182.0)
    assert [one.name for one in out] == [f"n{number}" for number in range(1, 11)]
    assert book.sweep(now_s=182.05) == []
    assert len(book.sweep(now_s=183.06)) == 9
    assert book.get("api/n0") is not None
    assert book.get("api/n1") is None


def test_a_restart_gives_grace() -> None:
    """Whatever the store has lasts a whole TTL from the take-over, and the sixth in which the service before may
    not know of it: no mass expiry."""
    book = Book(SETTINGS, now_s=5000.0)
    book.take_over([lease(number) for number in range(100)], now_s=5000.0)
    assert len(book) == 100
    assert book.overdue_in_s(now_s=5000.0) == 180 + 30
    assert book.sweep(now_s=5209.0) == []
    assert len(book.sweep(now_s=5211.0)) == 1


def test_grace_after_suspension_never_shortens_a_deadline() -> None:
    """What was overdue gets a TTL; what had more keeps it."""
    book = Book(SETTINGS, now_s=0.0)
    book.keep(lease(0), now_s=0.0)
    book.keep(lease(1), now_s=500.0)
    book.grace(now_s=300.0)
    assert book.left_s("api/n0", now_s=300.0) == 180
    assert book.left_s("api/n1", now_s=300.0) == 380


def test_a_promise_outlives_a_shrinking_fleet() -> None:
    """A holder that was told 300 s keeps them when the fleet becomes small."""
    book = Book(LeaseSettings(renewals_most_per_s=1.0, ttl_least_s=10.0), now_s=0.0)
    for number in range(100):
        book.keep(lease(number), now_s=0.0)
    assert book.keep(lease(0), now_s=0.0) == 300
    for number in range(1, 100):
        assert book.drop(lease(number).key) is not None
    assert book.ttl_s == 10
    assert book.left_s("api/n0", now_s=200.0) == 100


def test_words_and_holders_are_checked_with_a_reason() -> None:
    """Names that could not be keys are refused by name."""
    assert bad_word("api-1.eu_west") == ""
    assert bad_holder("host-1:4711/x") != ""
    assert bad_holder("host-1:4711.x") == ""
    for bad in ("", "A", "-a", "a/b", "a" * 64, "ä"):
        assert "is not a name" in bad_word(bad)


@pytest.mark.parametrize(
    "settings",
    [
        {"ttl_least_s": 0.0},
        {"renewals_most_per_s": -1.0},
        {"expire_share_per_s": 0.0},
        {"expire_share_per_s": 2.0},
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, float]) -> None:
    """At once."""
    with pytest.raises(ValueError, match="above 0"):
        LeaseSettings(**settings)  # type: ignore[arg-type]
