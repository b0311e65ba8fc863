"""The lease desk in virtual time: steps in, actions out, with a store that the test answers for."""

from __future__ import annotations

import pytest

from holdfast.leases.desk import BEHIND_S, Actions, Capacity, Desk
from holdfast.leases.holding import Holding
from holdfast.leases.law import LeaseSettings
from holdfast.leases.refusing import RENEW
from holdfast.leases.tokens import token_of
from holdfast.leases.writing import GROUP
from holdfast.model.codec import encode
from holdfast.model.keys import Keys
from holdfast.model.lease import (
    Ask,
    Establish,
    Gone,
    Granted,
    Lease,
    LeaseOwner,
    Place,
    Release,
    Renew,
    Result,
    Taken,
    TryLater,
)
from holdfast.overload import Protections
from holdfast.ports.leases import Call, Inbound, Submit, Written
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.store import Committed, Entry, Lost
from holdfast.stores.port import check_commit

KEYS = Keys("s")
TTL_S = 60.0
OUT = CouldNotAsk("no answer", maybe_applied=True)


def held(number: int, *, holder: str = "me") -> Lease:
    """A lease that the store has."""
    return Lease("api", f"n{number}", holder, token_of(1, number + 1))


class World:
    """A desk, its clock, and what it was answered."""

    def __init__(
        self,
        leases: int = 0,
        *,
        settings: LeaseSettings | None = None,
        protections: Protections | None = None,
    ) -> None:
        self.now_s = 1000.0
        self.desk = Desk(
            KEYS,
            LeaseOwner("run", 2),
            owner_at=10,
            leases=[held(number) for number in range(leases)],
            now_s=self.now_s,
            settings=LeaseSettings(ttl_least_s=TTL_S) if settings is None else settings,
            protections=protections,
        )
        self.revision = 10
        self.results: dict[int, Result] = {}
        self.submits: list[Submit] = []
        self.said: list[str] = []
        self.calls = 0
        self.actions = Actions()

    def step(self, *asks: Ask, written: tuple[Written, ...] = (), timeout_s: float = 10.0) -> list[Result | None]:
        """One step; the results of its calls, None for those that wait."""
        ids = range(self.calls, self.calls + len(asks))
        self.calls += len(asks)
        calls = tuple(Call(id_, ask, timeout_s) for id_, ask in zip(ids, asks, strict=True))
        self.actions = self.desk.step(Inbound(self.now_s, 0.0, 0.5, calls, written))
        self.results.update(self.actions.replies)
        self.submits += self.actions.submits
        self.said += [kind for kind, _ in self.actions.said]
        return [self.results.get(id_) for id_ in ids]

    def answer(self, result: Committed | Lost | CouldNotAsk | None = None) -> None:
        """The store answers everything that is on its way: it took it, if nothing else is said."""
        submits, self.submits = self.submits, []
        written = []
        for submit in submits:
            self.revision += 1
            written.append(Written(submit.ticket, Committed(self.revision) if result is None else result))
        self.step(written=tuple(written))

    def wait(self, by_s: float, *, steps: int = 1) -> None:
        """Time passes, the desk looks at it, the store takes what there is."""
        for _ in range(steps):
            self.now_s += by_s / steps
            self.step()
            self.answer()


def test_renewals_go_first_and_need_no_store() -> None:
    """While establishments wait for a store that does not answer, every renewal is answered: some at once, the
    others in the next step, once it is known how long they take.
    """
    world = World(Capacity().step_most)
    new = [Establish("api", f"x{number}", "you") for number in range(50)]
    assert world.step(*new) == [None] * 50
    world.step(*(Renew("api", f"n{number}", "me", token_of(1, number + 1)) for number in range(500)))
    world.step()
    assert len(world.results) == 500
    assert all(isinstance(result, Granted) and result.renewed for result in world.results.values())


def test_a_slow_service_renews_in_short_steps_and_learns_its_pace() -> None:
    """A tenth of a second for each renewal, and all ask at once: none of the first ten seconds' worth is refused,
    no step takes long, and after the crowd it does not believe that nothing can be finished.
    """
    world = World(600)
    world.step(*(Renew("api", f"n{number}", "me", token_of(1, number + 1)) for number in range(600)))
    steps: list[int] = []
    while renewed := sum(isinstance(result, Granted) for _, result in world.actions.replies):
        steps.append(renewed)
        world.now_s += 0.1 * renewed
        world.step()
    assert sum(steps) >= 80
    assert len(world.results) == 600, "the others were told to come again"
    assert max(steps[1:]) <= 10, "the first step knew nothing"
    (result,) = world.step(Renew("api", "n0", "me", token_of(1, 1)))
    assert isinstance(result, Granted)


def test_what_came_in_while_the_service_stood_still_counts_as_old() -> None:
    """After a minute in which nobody looked, callers who wait ten seconds are sent away with a short hint: most of
    them have gone, and nobody knows which. One who waits longer than that is served, and all in the next step."""
    world = World(600)
    world.step()
    world.now_s += 30.0
    calls = [Renew("api", f"n{number}", "me", token_of(1, number + 1)) for number in range(600)]
    assert all(isinstance(result, TryLater) and result.after_s < 1.0 for result in world.step(*calls))
    assert [type(result) for result in world.step(*calls[:3])] == [Granted] * 3
    world.step()
    world.now_s += 30.0
    assert [type(result) for result in world.step(*calls[:3], timeout_s=60.0)] == [Granted] * 3


def test_what_is_not_the_callers_is_answered_at_the_door() -> None:
    """Lines full of others, a store that does not answer: who has nothing to renew, or asks for what another has,
    or for what it has already, hears so at once.
    """
    world = World(3)
    world.step(*(Establish("api", f"x{number}", "you") for number in range(1000)))
    answers = world.step(
        Renew("api", "n0", "me", token_of(1, 77)),
        Renew("api", "x5", "you", 1),
        Establish("api", "n1", "you"),
        Establish("api", "n2", "me"),
    )
    assert [type(answer) for answer in answers] == [Gone, Gone, Taken, Granted]


def test_a_renewal_of_what_is_not_the_callers_stands_in_nobodys_line() -> None:
    """More ask to be renewed than a step may do: who has nothing to renew is told in the same step, and takes the
    place of none of them.
    """
    most = Capacity().step_first
    world = World(most + 10)
    mine = [Renew("api", f"n{number}", "me", token_of(1, number + 1)) for number in range(most + 10)]
    results = world.step(*mine, Renew("api", "n0", "you", token_of(1, 1)), Renew("api", "x", "me", token_of(1, 1)))
    assert sum(isinstance(result, Granted) for result in results) == most
    assert results[most:-2] == [None] * 10
    assert all(isinstance(result, Gone) for result in results[-2:])


def test_writes_go_in_groups_fenced_by_the_owner() -> None:
    """Two groups and seven grants are three commits, each with the compare of the owner's document; durable before
    answered, one after the other as long as nothing is known of the store."""
    many = 2 * GROUP + 7
    world = World()
    world.step(*(Establish("api", f"x{number}", "you") for number in range(many)))
    for answered, size in ((0, GROUP), (GROUP, GROUP), (2 * GROUP, 7)):
        (submit,) = world.submits
        check_commit(submit.commit)
        assert len(submit.commit.puts) == size
        assert submit.commit.compares[0].revision == 10
        assert len(world.results) == answered
        world.answer()
    tokens = [result.token for result in world.results.values() if isinstance(result, Granted)]
    assert sorted(tokens) == [token_of(2, count) for count in range(1, many + 1)]


def test_nobody_renews_what_is_being_granted_to_another() -> None:
    """An overdue holder that comes back while its lease is on its way to another is not told "renewed"."""
    world = World(3, settings=LeaseSettings(ttl_least_s=TTL_S, grace=False))
    world.now_s += TTL_S * 7 / 6 + 0.5
    assert world.step(Establish("api", "n2", "you"), timeout_s=2 * TTL_S) == [None]
    assert world.desk.book.get("api/n2") is not None, "one runs out in a second, and it is not this one"
    assert isinstance(world.step(Renew("api", "n2", "me", token_of(1, 3)))[0], TryLater)
    world.answer()
    assert isinstance(world.results[0], Granted)
    assert isinstance(world.step(Renew("api", "n2", "me", token_of(1, 3)))[0], Gone)


def test_a_pause_of_the_service_costs_no_lease() -> None:
    """Stopped for an hour, it gives all a whole TTL; without `grace` they run out, within the velocity."""
    world = World(1000)
    world.now_s += 3600.0
    world.step()
    assert "leases.paused" in world.said
    world.wait(TTL_S * 0.9, steps=54)
    assert len(world.desk.book) == 1000
    bare = World(1000, settings=LeaseSettings(ttl_least_s=TTL_S, grace=False))
    bare.now_s += 3600.0
    bare.step()
    bare.wait(10.0, steps=10)
    assert 880 <= len(bare.desk.book) < 990


def test_expiry_may_be_suspended_while_the_store_is_out() -> None:
    """Switched on, nothing runs out and nothing is given away until the store is back; then all get grace."""
    settings = LeaseSettings(ttl_least_s=TTL_S, suspend_expiry_while_store_out=True, grace=False)
    world = World(10, settings=settings)
    world.step(Establish("api", "x", "you"))
    world.answer(OUT)
    assert "leases.store_out" in world.said
    for _ in range(600):
        world.now_s += 1.0
        world.step()
        if world.submits:
            world.answer(CouldNotAsk("still out"))
    assert len(world.desk.book) == 10
    assert isinstance(world.step(Establish("api", "n1", "you"))[0], Taken)
    world.now_s += 1.0
    world.step()
    world.answer()
    assert "leases.store_back" in world.said
    assert len(world.desk.book) == 10
    assert world.desk.book.left_s("api/n1", now_s=world.now_s) == TTL_S


def test_a_place_that_changes_while_the_store_is_out_costs_no_lease() -> None:
    """The change is refused for three TTLs; the holder asks what it asks by the shipped rules, and keeps its
    lease. Once the store is back the change is granted.
    """
    world = World()
    holding = Holding("api", "n", "me", place=Place(80, "192.0.2.1"), above=0, now_s=world.now_s)

    def ask() -> Result | None:
        asked_s, call = world.now_s, holding.ask()
        (result,) = world.step(call)
        if result is None:
            world.answer()
            result = world.results[world.calls - 1]
        holding.answered(call, result, asked_s=asked_s, now_s=world.now_s, chance=0.5)
        return result

    assert isinstance(ask(), Granted)
    token = holding.token
    world.step(Establish("api", "other", "you"))
    world.answer(OUT)
    holding.move(Place(81, "192.0.2.1"), now_s=world.now_s)
    refused = 0
    until_s = world.now_s + 3 * TTL_S
    while world.now_s < until_s:
        assert holding.valid(now_s=world.now_s)
        assert holding.next_s is not None
        if holding.next_s <= world.now_s:
            refused += isinstance(ask(), TryLater)
        world.now_s += 0.5
        world.step()
        world.answer(OUT)
    assert refused > 1
    assert holding.token == token
    world.wait(10.0, steps=10)
    while holding.token == token:
        assert holding.next_s is not None
        world.wait(max(0.0, holding.next_s - world.now_s))
        ask()
    assert holding.renews


def test_a_write_of_unknown_fate_is_settled() -> None:
    """The owner's document is rewritten, so that a late message is refused, and the key as the book has it."""
    world = World(1)
    world.now_s += 5.0
    world.step(Establish("api", "x", "you"), Release("api", "n0", "me", token_of(1, 1)))
    world.answer(OUT)
    assert all(isinstance(result, TryLater) for result in world.results.values())
    world.now_s += 1.0
    assert isinstance(world.step(Establish("api", "x", "you"))[0], TryLater)
    (settling,) = world.submits
    assert settling.commit.deletes == (KEYS.lease("api/x"),)
    assert [put.key for put in settling.commit.puts] == [KEYS.lease("api/n0"), KEYS.lease_owner]
    world.answer()
    assert world.step(Establish("api", "x", "you")) == [None]
    assert world.submits[0].commit.compares[0].revision == settling.commit.compares[0].revision + 3


def test_a_settling_write_that_was_applied_after_all_is_recognised() -> None:
    """Its answer was lost too: the next is refused, shows our own run, and the service goes on from there."""
    world = World()
    world.step(Establish("api", "x", "you"))
    world.answer(OUT)
    world.now_s += 1.0
    world.step()
    world.answer(OUT)
    world.now_s += 1.0
    world.step()
    mine = Entry(KEYS.lease_owner, encode(LeaseOwner("run", 2)), 77)
    world.answer(Lost((mine,)))
    assert "leases.superseded" not in world.said
    world.now_s += 1.0
    world.step()
    assert world.submits[0].commit.compares[0].revision == 77
    world.answer()
    assert world.step(Establish("api", "x", "you")) == [None]


def test_it_stands_down_when_another_owns_the_leases() -> None:
    """A refused write that shows another run ends it; all that wait are told."""
    world = World(1)
    world.step(Establish("api", "x", "you"))
    world.answer(Lost((Entry(KEYS.lease_owner, encode(LeaseOwner("other", 9)), 99),)))
    assert (world.actions.superseded, world.desk.writer.outlived) == (True, False)
    assert isinstance(world.results[0], TryLater)
    assert isinstance(world.step(Renew("api", "n0", "me", token_of(1, 1)))[0], TryLater)


@pytest.mark.parametrize("there", [(), (Entry(KEYS.lease_owner, encode(LeaseOwner("other", 1)), 99),)])
def test_a_store_older_than_itself_is_no_successor(there: tuple[Entry, ...]) -> None:
    """Emptied, or restored to a copy with a lower epoch: it ends to begin anew, since nobody else serves."""
    world = World(1)
    world.step(Establish("api", "x", "you"))
    world.answer(Lost(there or (None,)))
    assert (world.actions.superseded, world.desk.writer.outlived) == (True, True)
    assert "leases.superseded" not in world.said
    assert "leases.restored" in world.said


def test_a_copy_that_lacks_the_last_grant_is_noticed() -> None:
    """Restored to a copy with the owner's document as it was: a sign of life looks for what was written last."""
    world = World()
    world.step(Establish("api", "x", "you"))
    world.answer()
    written_at = world.revision
    for _ in range(2):
        world.now_s += TTL_S / 6 + 0.5
        world.step()
        sign = world.submits[-1].commit
        if len(sign.compares) == 1:
            world.answer()
    assert [(c.key, c.revision) for c in sign.compares[1:]] == [(KEYS.lease("api/x"), written_at)]
    world.answer(Lost((Entry(KEYS.lease_owner, encode(LeaseOwner("run", 2)), 10), None)))
    assert (world.actions.superseded, world.desk.writer.outlived) == (True, True)
    assert "leases.restored" in world.said


def test_a_silent_service_looks_whether_it_still_owns_the_leases() -> None:
    """Nothing to write for a sixth of the TTL: the owner's document is compared, and nothing written."""
    world = World(1)
    world.now_s += TTL_S / 6 + 0.5
    world.step()
    (sign,) = world.submits
    assert (sign.commit.puts, sign.commit.deletes) == ((), ())


def test_the_refused_are_spread_over_the_time_that_serving_them_takes() -> None:
    """A crowd beyond the queue: everybody has an answer or waits, hints differ, none is above the cap."""
    world = World(settings=LeaseSettings(ttl_least_s=TTL_S, hint_cap_s=30.0))
    crowd = [Establish("api", f"x{number}", "you") for number in range(50_000)]
    results = world.step(*crowd, timeout_s=0.5)
    hints = [result.after_s for result in results if isinstance(result, TryLater)]
    assert len(hints) > 10_000
    assert 0.5 <= min(hints) <= max(hints) <= 30.0
    assert len(set(hints)) > 0.9 * len(hints)


def test_who_waits_for_a_store_that_hangs_is_told_in_time() -> None:
    """The store answers nothing: all that it has not been given hear before they give up, by different hints."""
    world = World()
    world.step(*(Establish("api", f"x{number}", "you") for number in range(GROUP + 200)))
    assert world.results == {}
    for _ in range(10):
        world.now_s += 0.99
        world.step()
    told = list(world.results.values())
    assert len(told) == 200
    assert all(isinstance(result, TryLater) for result in told)
    assert len({result.after_s for result in told if isinstance(result, TryLater)}) > 100
    assert [submit.commit.compares[0].key for submit in world.submits] == [KEYS.lease_owner]


def test_while_renewals_are_behind_no_grant_is_begun() -> None:
    """250 leases are renewed at once, a tenth of a second each, among 20 hosts that want one. The store may take
    the processor that renews: nothing is given to it until renewals wait two seconds at most, and all have theirs.
    """
    world = World(250)
    for _ in range(2):  # it learns how long a renewal takes
        world.step(*(Renew("api", f"n{number}", "me", token_of(1, number + 1)) for number in range(10)))
        world.now_s += 1.0
    renewals = [Renew("api", f"n{number}", "me", token_of(1, number + 1)) for number in range(250)]
    world.step(*renewals, *(Establish("api", f"x{number}", "you") for number in range(20)), timeout_s=60.0)
    while world.desk.queue.waiting(RENEW) > BEHIND_S / 0.1:
        assert not any(submit.commit.puts for submit in world.submits)
        world.now_s += 0.1 * len(world.actions.replies)
        world.step()
    while not any(submit.commit.puts for submit in world.submits):
        world.now_s += 0.1 * len(world.actions.replies)
        world.step()
    assert world.desk.queue.waiting(RENEW), "before the last renewal is done"
    while world.desk.queue.waiting(RENEW):
        world.step()
    world.answer()
    assert len(world.results) == 2 * 10 + 250 + 20
    assert all(isinstance(result, Granted) for result in world.results.values())


def test_after_a_refused_renewal_no_grant_is_begun_for_a_while() -> None:
    """Renewals that are sent away at the door wait in no line, and are behind all the same."""
    world = World(250)
    renewals = [Renew("api", f"n{number}", "me", token_of(1, number + 1)) for number in range(250)]
    world.step(*renewals[:10])
    world.now_s += 10.0
    world.step()
    refused = world.step(*renewals[10:30], timeout_s=2.0)
    assert any(isinstance(result, TryLater) for result in refused)
    world.step(Establish("api", "x", "you"))
    assert not any(submit.commit.puts for submit in world.submits)
    world.now_s += BEHIND_S + 0.1
    world.step()
    assert any(submit.commit.puts for submit in world.submits)


def test_without_protections_everything_waits() -> None:
    """Switched off, nobody is refused: the naive service that the envelope warns of."""
    world = World(protections=Protections.none())
    results = world.step(*(Establish("api", f"x{number}", "you") for number in range(50_000)), timeout_s=0.5)
    assert results == [None] * 50_000
