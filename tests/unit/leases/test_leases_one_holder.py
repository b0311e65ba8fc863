"""I7 under search: at most one holder of a lease has a token that the resource accepts.

A lease service put together from the rules alone, holders that pause for any time, a service that crashes and
starts again with or without its disk, and a store that is restored from any earlier moment. Hypothesis looks for
an order of events in which the resource takes two holders' writes in turn.
"""

from __future__ import annotations

import copy

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from holdfast.leases.book import Book
from holdfast.leases.guard import Accepted, Mark, Refused, check
from holdfast.leases.law import LeaseSettings
from holdfast.leases.rules import Grant, Keep, establish, release, renew
from holdfast.leases.tokens import next_epoch, raised, token_of
from holdfast.model.lease import Establish, Lease, Release, Renew

HOLDERS = ("a", "b", "c")
KEY = "api/db"
holders = st.sampled_from(HOLDERS)


class Store:
    """What is durable: the epoch and the lease."""

    def __init__(self) -> None:
        self.epoch = 0
        self.lease: Lease | None = None


class World(RuleBasedStateMachine):
    """One lease, three holders, one resource."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.store = Store()
        self.backups: list[Store] = [Store()]
        self.disk = 0
        self.tokens: dict[str, int] = {}  # what each holder believes to hold; it may have slept since
        self.known: dict[str, int] = dict.fromkeys(HOLDERS, 0)
        self.mark: Mark | None = None
        self.writes: list[tuple[int, str]] = []
        self.start()

    def start(self) -> None:
        """A start: next epoch, then what the store has, with grace."""
        self.epoch = next_epoch(in_store=self.store.epoch, on_disk=self.disk)
        self.count = 0
        self.store.epoch = self.disk = self.epoch
        self.book = Book(LeaseSettings(), now_s=self.now_s)
        self.book.take_over([] if self.store.lease is None else [self.store.lease], now_s=self.now_s)

    # -- faults --------------------------------------------------------------------------------------------

    @rule(waits_s=st.sampled_from([1.0, 60.0, 200.0]))
    def time_passes(self, waits_s: float) -> None:
        """And leases run out."""
        self.now_s += waits_s
        for gone in self.book.sweep(now_s=self.now_s):
            assert gone.key == KEY
            self.store.lease = None

    @rule(with_disk=st.booleans())
    def crash(self, with_disk: bool) -> None:
        """The service starts again, perhaps on another machine."""
        self.disk = self.disk if with_disk else 0
        self.start()

    @rule()
    def backup(self) -> None:
        """Somebody copies the store."""
        self.backups.append(copy.deepcopy(self.store))

    @rule(which=st.integers(0, 9), with_disk=st.booleans())
    def restore(self, which: int, with_disk: bool) -> None:
        """Somebody puts a copy back, and starts the service on it."""
        self.store = copy.deepcopy(self.backups[which % len(self.backups)])
        self.crash(with_disk)

    # -- holders; a holder that is not chosen is paused ----------------------------------------------------

    @rule(holder=holders, crash_before_reply=st.booleans())
    def ask(self, holder: str, crash_before_reply: bool) -> None:
        """Ask for the lease; the service may die between its write and its reply."""
        call = Establish("api", "db", holder, above=self.known[holder])
        higher = raised(call.above, epoch=self.epoch, count=self.count)
        if higher is not None:
            self.epoch = self.store.epoch = self.disk = higher
            self.count = 0
        answer = establish(call, self.book.get(KEY), left_s=self.book.left_s(KEY, now_s=self.now_s))
        if isinstance(answer, Keep):
            self.book.keep(answer.lease, now_s=self.now_s)
            self.tokens[holder] = answer.lease.token
        if isinstance(answer, Grant):
            self.count += 1
            granted = Lease("api", "db", holder, token_of(self.epoch, self.count))
            self.store.lease = granted
            if crash_before_reply:
                self.start()
                return
            self.book.keep(granted, now_s=self.now_s)
            self.tokens[holder] = granted.token
        self.known[holder] = max(self.known[holder], self.tokens.get(holder, 0))

    @rule(holder=holders)
    def renews(self, holder: str) -> None:
        """Renew what it believes to hold."""
        if holder in self.tokens:
            answer = renew(Renew("api", "db", holder, self.tokens[holder]), self.book.get(KEY))
            if isinstance(answer, Keep):
                self.book.keep(answer.lease, now_s=self.now_s)
            else:
                del self.tokens[holder]

    @rule(holder=holders)
    def releases(self, holder: str) -> None:
        """Give back what it believes to hold."""
        token = self.tokens.pop(holder, None)
        if token is not None:
            answer = release(Release("api", "db", holder, token), self.book.get(KEY))
            if not hasattr(answer, "why"):
                self.book.drop(KEY)
                self.store.lease = None

    @rule(holder=holders)
    def writes_to_resource(self, holder: str) -> None:
        """Use the lease, however old: nobody asks the clock."""
        if holder not in self.tokens:
            return
        answer = check(self.mark, token=self.tokens[holder], holder=holder)
        if isinstance(answer, Accepted):
            self.mark = answer.mark
            self.writes.append((self.tokens[holder], holder))
        else:
            assert isinstance(answer, Refused)
            self.known[holder] = max(self.known[holder], answer.highest)
            del self.tokens[holder]

    # -- what must hold ------------------------------------------------------------------------------------

    @invariant()
    def one_holder(self) -> None:
        """Accepted tokens never fall, and a token has one holder: who was passed is never heard again (I7)."""
        assert self.writes == sorted(self.writes, key=lambda write: write[0])
        owners = dict(self.writes)
        assert all(owners[token] == holder for token, holder in self.writes)

    @invariant()
    def at_most_one_would_be_accepted_for_good(self) -> None:
        """Of all who believe to hold it, one alone could still write after the others have."""
        mark, last = self.mark, None
        for holder in sorted(self.tokens, key=lambda h: self.tokens[h]):
            answer = check(mark, token=self.tokens[holder], holder=holder)
            if isinstance(answer, Accepted):
                mark, last = answer.mark, holder
        able = [h for h in self.tokens if isinstance(check(mark, token=self.tokens[h], holder=h), Accepted)]
        assert able == ([] if last is None else [last])

    @invariant()
    def a_holder_that_reports_gets_through(self) -> None:
        """Not only safe: who establishes with what the guard told it is granted a token that the guard accepts."""
        for holder in HOLDERS:
            if self.mark is None or self.known[holder] < self.mark.token:
                continue
            higher = raised(self.known[holder], epoch=self.epoch, count=self.count)
            next_token = token_of(higher, 1) if higher else token_of(self.epoch, self.count + 1)
            assert isinstance(check(self.mark, token=next_token, holder=holder), Accepted)


World.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestOneHolder = World.TestCase


def test_a_token_that_a_restored_store_granted_twice_is_good_for_one_holder() -> None:
    """R19: the shortest story that breaks a guard which compares tokens alone."""
    world = World()
    world.ask("a", crash_before_reply=False)
    world.writes_to_resource("a")
    world.restore(0, with_disk=False)
    world.ask("b", crash_before_reply=False)
    assert world.tokens["a"] == world.tokens["b"], "the very same token, twice"
    world.writes_to_resource("b")
    assert [holder for _, holder in world.writes] == ["a"]
    world.ask("b", crash_before_reply=False)
    world.writes_to_resource("b")
    assert [holder for _, holder in world.writes] == ["a", "b"], "b says what the guard told it, and gets through"
    world.writes_to_resource("a")
    world.one_holder()
