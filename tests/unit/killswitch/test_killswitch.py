"""The kill switch on real fences in memory: freeze, partial freeze, thaw, its timer and its preview (R8)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.documents.reading import Document, Garbled
from holdfast.killswitch.fences import TRIES
from holdfast.killswitch.freeze import LOST_MEANWHILE, Outcome, freeze, thaw, without
from holdfast.killswitch.preview import preview
from holdfast.killswitch.timer import due, thaw_due, thaw_in_time
from holdfast.model.codec import encode, seal, section_ref
from holdfast.model.fence import Fence, fence_owner, parse_fence
from holdfast.model.freeze import Freeze, Selector
from holdfast.model.identity import NOTHING, Identity
from holdfast.model.keys import Keys
from holdfast.model.plan import Inputs, PlanHead, Section
from holdfast.model.records import NameRecords, RRset, Weighted
from holdfast.nameserver.memory import MemoryDns
from holdfast.nameserver.zone import Zone
from holdfast.ports.clock import Idle, Now, Rest
from holdfast.ports.dns import Ask, AskMany, Rcode, Response, Servers, SetRRset, Transfer, Update
from holdfast.ports.events import Emit, Event
from holdfast.ports.operation import CouldNotAsk, Loop, Operation
from holdfast.ports.random import NewId
from holdfast.ports.store import Commit, Get, GetMany, Put, Range
from holdfast.providers.memory import MEMORY
from holdfast.providers.rfc2136 import Rfc2136Provider
from holdfast.stores.memory import MemoryState

SCOPE = "shop"
KEYS = Keys(SCOPE)
ZONES = ("a.test", "b.test", "c.test")
PROVIDERS = {z: Rfc2136Provider(z, MEMORY) for z in ZONES}
PLAN = Identity(1, 4, "e" * 32)
OUT = CouldNotAsk("the store is out")


class Yard:
    """Store and three zones; `fault` answers in place of the world."""

    def __init__(self, *, fences: bool = True) -> None:
        self.store = MemoryState()
        self.dns = MemoryDns([_zone(z) for z in ZONES])
        self.events: list[Event] = []
        self.idles: list[Idle] = []
        self.fault: Callable[[Operation[Any]], Any] = lambda op: None
        self.now_s = 1000
        self.ids = 0
        if fences:
            for zone in ZONES:
                self.put_fence(zone, Fence(PLAN))

    def put_fence(self, zone: str, fence: Fence) -> None:
        """Unconditionally."""
        owner = fence_owner(SCOPE, zone)
        self.dns.answer(Update(zone, (), (SetRRset(RRset(owner, "TXT", 5, (fence.rdata(),))),)))

    def fence(self, zone: str) -> Fence | None:
        """As DNS has it."""
        held = self.dns.zone(zone)
        assert held is not None
        rrset = held.rrset(fence_owner(SCOPE, zone), "TXT")
        return None if rrset is None else parse_fence(rrset.rdatas[0].strip('"'))

    def frozen(self) -> dict[str, tuple[str, ...]]:
        """Ids in each fence."""
        return {z: f.freezes for z in ZONES if (f := self.fence(z)) is not None}

    def documents(self) -> tuple[str, ...]:
        """Freeze documents in the store."""
        return tuple(e.key for e in self.store.apply(Range(KEYS.freezes)))

    def answer(self, op: Operation[Any]) -> Any:
        """One operation."""
        faulty = self.fault(op)
        if faulty is not None:
            return faulty
        match op:
            case Get() | GetMany() | Range() | Commit():
                return self.store.apply(op)
            case Ask() | AskMany() | Transfer() | Servers() | Update():
                return self.dns.answer(op)
            case Emit(event=event):
                self.events.append(event)
            case Idle():
                self.idles.append(op)
                return False
            case NewId():
                self.ids += 1
                return f"id{self.ids:04d}"
            case Now():
                return self.now_s
            case _:
                raise TypeError(type(op).__name__)
        return None

    def run(self, loop: Loop[Any], stop: Callable[[Operation[Any]], bool] = lambda op: False) -> Any:
        """To its end, or to where `stop` says."""
        value: Any = None
        while True:
            try:
                op = loop.send(value)
            except StopIteration as end:
                return end.value
            if stop(op):
                return op
            value = self.answer(op)

    def freeze(self, selector: Selector = Selector(), **kw: Any) -> Outcome:  # noqa: B008 - a frozen value
        """Short for the coroutine."""
        order = freeze(SCOPE, PROVIDERS, actor="cli", selector=selector, reason="stop", by="me", **kw)
        outcome = self.run(order)
        assert isinstance(outcome, Outcome)
        return outcome

    def thaw(self, id_: str) -> Outcome:
        """Short for the coroutine."""
        outcome = self.run(thaw(SCOPE, PROVIDERS, actor="cli", freeze_id=id_, by="me"))
        assert isinstance(outcome, Outcome)
        return outcome


def _zone(origin: str) -> Zone:
    soa = f"ns.{origin} hostmaster.{origin} 1 3600 600 86400 5"
    return Zone.of(origin, (RRset(origin, "SOA", 300, (soa,)), RRset(origin, "NS", 300, (f"ns.{origin}",))))


def _silent(zone: str) -> Callable[[Operation[Any]], Any]:
    return lambda op: CouldNotAsk("no route") if getattr(op, "zone", "") == zone else None


def test_a_freeze_reaches_every_fence_and_is_acknowledged() -> None:
    """The id to the store first, then every zone; identity and the rest of the fence stay."""
    yard = Yard()
    outcome = yard.freeze()
    assert outcome.complete
    assert outcome.text == "all 3 zones"
    assert yard.frozen() == dict.fromkeys(ZONES, (outcome.id,))
    assert {yard.fence(z).identity for z in ZONES} == {PLAN}  # type: ignore[union-attr]
    assert yard.documents() == (KEYS.freeze(outcome.id),)
    assert [e.kind for e in yard.events] == ["freeze.set", "freeze.acknowledged"]


def test_the_order_is_in_the_store_before_any_fence() -> None:
    """Writers look there before each message: they stop before the fence does it for them."""
    yard = Yard()
    seen: list[str] = []

    def note(op: Operation[Any]) -> Any:
        if isinstance(op, Commit):
            seen.append("store")
        if isinstance(op, Update) and op.changes:
            seen.append("fence")

    yard.fault = note
    yard.freeze()
    assert seen == ["store", "fence", "fence", "fence"]


def test_a_selector_covers_its_zones_only() -> None:
    """A freeze of one zone leaves the others' fences alone; one that covers none is no freeze."""
    yard = Yard()
    outcome = yard.freeze(Selector(zone="b.*"))
    assert [z.zone for z in outcome.zones] == ["b.test"]
    assert yard.frozen() == {"a.test": (), "b.test": (outcome.id,), "c.test": ()}
    nothing = yard.freeze(Selector(zone="nowhere"))
    assert (nothing.complete, nothing.text) == (False, "no zone of this scope is covered")


def test_partial_says_which_and_why_and_can_be_completed() -> None:
    """2 of 3: a silent primary; the same id again goes on where it stopped."""
    yard = Yard()
    yard.fault = _silent("b.test")
    first = yard.freeze()
    assert not first.complete
    assert first.text == f"2 of 3 zones; missing: b.test: given up after {TRIES} tries: no route"
    assert yard.events[-1].kind == "freeze.partial"
    yard.fault = lambda op: None
    second = yard.freeze(again=first.id)
    assert second.complete
    assert yard.frozen() == dict.fromkeys(ZONES, (first.id,))


def test_denied_is_not_tried_again() -> None:
    """A wrong key is no race: at once a reason for people."""
    yard = Yard()
    yard.fault = lambda op: Response(Rcode.REFUSED) if isinstance(op, Update) else None
    outcome = yard.freeze()
    assert yard.idles == []
    assert "check the key" in outcome.text


def test_with_the_store_out_the_fences_are_frozen_all_the_same() -> None:
    """And people are told that enactors will take it for a freeze of everything."""
    yard = Yard()
    yard.fault = lambda op: OUT if isinstance(op, (Commit, Get, Range)) else None
    outcome = yard.freeze(Selector(name="api.*"))
    assert outcome.complete
    assert "treat it as a freeze of everything" in outcome.store
    assert yard.frozen() == dict.fromkeys(ZONES, (outcome.id,))
    assert yard.documents() == ()


def test_a_lost_answer_of_the_store_is_read_back() -> None:
    """The order landed, its answer did not come: it is in the store, once."""
    yard = Yard()

    def lose(op: Operation[Any]) -> Any:
        if isinstance(op, Commit):
            yard.store.apply(op)
            return CouldNotAsk("timed out", maybe_applied=True)
        return None

    yard.fault = lose
    outcome = yard.freeze()
    assert outcome.store == ""
    assert yard.documents() == (KEYS.freeze(outcome.id),)


def test_an_id_that_is_taken_is_not_used() -> None:
    """A new one is drawn."""
    yard = Yard()
    yard.store.apply(Commit(puts=(Put(KEYS.freeze("id0001"), encode(Freeze("id0001", Selector(), "r", "you"))),)))
    assert yard.freeze().id == "id0002"


def test_a_zone_without_a_fence_gets_one_at_generation_0() -> None:
    """R8 under R3's pin; it carries what else is frozen there, and any plan may be raised over it later."""
    yard = Yard(fences=False)
    yard.store.apply(Commit(puts=(Put(KEYS.freeze("older1"), encode(Freeze("older1", Selector(), "r", "you"))),)))
    outcome = yard.freeze()
    assert outcome.complete
    fence = yard.fence("a.test")
    assert fence is not None
    assert fence.identity == NOTHING
    assert fence.freezes == tuple(sorted((outcome.id, "older1")))


def test_a_new_fence_covers_everything_when_the_store_does_not_say_what_else_is_frozen() -> None:
    """Else it would tell writers that another person's freeze is over (found by the laboratory, I5)."""
    yard = Yard(fences=False)
    yard.store.apply(Commit(puts=(Put(KEYS.freeze("older1"), encode(Freeze("older1", Selector(), "r", "you"))),)))
    yard.fault = lambda op: OUT if isinstance(op, Range) else None
    outcome = yard.freeze()
    assert outcome.complete
    fence = yard.fence("a.test")
    assert fence is not None
    assert fence.freeze_all
    yard.fault = lambda op: None
    assert yard.thaw(outcome.id).complete
    assert yard.frozen()["a.test"] == ("older1",)


def test_a_garbled_fence_is_replaced_under_the_repair_pin() -> None:
    """Text that is no fence: the exact text and the SOA are pinned."""
    yard = Yard()
    owner = fence_owner(SCOPE, "a.test")
    yard.dns.answer(Update("a.test", (), (SetRRset(RRset(owner, "TXT", 5, ('"garbled"',))),)))
    assert yard.freeze().complete
    assert yard.fence("a.test") is not None


def test_it_wins_against_a_busy_writer() -> None:
    """An enactor raises the fence between reading and writing, several times: tried again after a short jitter."""
    yard = Yard()
    raises = [5, 6, 7]

    def busy(op: Operation[Any]) -> Any:
        if isinstance(op, Update) and op.changes and raises and op.zone == "a.test":
            yard.put_fence("a.test", Fence(Identity(1, raises.pop(0), "e" * 32)))

    yard.fault = busy
    assert yard.freeze().complete
    assert [i.rest for i in yard.idles] == [Rest.TURN] * 3
    fence = yard.fence("a.test")
    assert fence is not None
    assert fence.identity.generation == 7


def test_freezing_twice_keeps_both_and_thawing_one_leaves_the_other() -> None:
    """A set: thawing one freeze never undoes another."""
    yard = Yard()
    one, two = yard.freeze(), yard.freeze(Selector(zone="a.test"))
    assert yard.thaw(one.id).complete
    assert yard.frozen() == {"a.test": (two.id,), "b.test": (), "c.test": ()}
    assert yard.documents() == (KEYS.freeze(two.id),)
    assert yard.events[-1].kind == "freeze.thawed"


def test_thaw_keeps_the_document_until_every_fence_let_go() -> None:
    """Fences first, the store last: a fence must not carry an id that the store can no longer explain."""
    yard = Yard()
    frozen = yard.freeze()
    yard.fault = _silent("c.test")
    outcome = yard.thaw(frozen.id)
    assert not outcome.complete
    assert yard.documents() == (KEYS.freeze(frozen.id),)
    assert yard.events[-1].kind == "freeze.partial"
    yard.fault = lambda op: None
    assert yard.thaw(frozen.id).complete
    assert yard.documents() == ()


def test_interrupted_anywhere_a_thaw_never_orphans_an_id() -> None:
    """Killed at each operation: while any fence carries the id, the store explains it; again, and it is done."""
    for k in range(200):
        yard = Yard()
        frozen = yard.freeze()
        steps = iter(range(k))
        stopped = yard.run(
            thaw(SCOPE, PROVIDERS, actor="cli", freeze_id=frozen.id, by="me"),
            lambda op, steps=steps: next(steps, None) is None,  # type: ignore[misc]
        )
        if any(frozen.id in ids for ids in yard.frozen().values()):
            assert yard.documents() == (KEYS.freeze(frozen.id),)
        if isinstance(stopped, Outcome):
            assert k > 10
            return
        assert yard.thaw(frozen.id).complete
        assert yard.documents() == ()
    raise AssertionError("a thaw of three zones takes fewer operations")


def test_too_many_freezes_become_all_and_come_back_one_by_one() -> None:
    """Ids that overflow 255 bytes become `all`; thawing lists the rest again as soon as it fits."""
    yard = Yard()
    ids = [yard.freeze().id for _ in range(30)]
    fence = yard.fence("a.test")
    assert fence is not None
    assert fence.freeze_all
    for thawed, id_ in enumerate(ids[:-2], 1):
        assert yard.thaw(id_).complete
        held = yard.fence("a.test")
        assert held is not None
        assert held.freeze_all or set(held.freezes) == set(ids[thawed:])
    held = yard.fence("a.test")
    assert held is not None
    assert set(held.freezes) == set(ids[-2:])


def test_all_is_not_thawed_without_the_store() -> None:
    """What remains in force is known from the store only: refused, with what to do."""
    assert "thaw when it is back" in str(without(Fence(PLAN, freeze_all=True), "id0001", None))


id_lists = st.lists(st.from_regex(r"[a-z2-7]{6}", fullmatch=True), max_size=8, unique=True).map(sorted).map(tuple)


@given(id_lists, st.from_regex(r"[a-z2-7]{6}", fullmatch=True), st.none() | id_lists)
def test_without_removes_exactly_one(ids: tuple[str, ...], gone: str, others: tuple[str, ...] | None) -> None:
    """Identity stays, no other id goes, whatever the store knows."""
    after = without(Fence(PLAN, freezes=ids), gone, others)
    assert isinstance(after, Fence)
    assert set(after.freezes) == set(ids) - {gone}
    assert after.identity == PLAN


def test_thawing_an_unknown_id_changes_nothing() -> None:
    """No fence carries it, no document names it."""
    yard = Yard()
    frozen = yard.freeze()
    assert yard.thaw("nobody").complete
    assert yard.frozen() == dict.fromkeys(ZONES, (frozen.id,))


# -- timer ------------------------------------------------------------------------------------------------------


def test_the_timer_thaws_what_is_due_and_nothing_else() -> None:
    """An explicit act at the time that a person named; a freeze without a time stays."""
    yard = Yard()
    soon, late, ever = yard.freeze(until_s=1100), yard.freeze(until_s=5000), yard.freeze()
    assert yard.run(thaw_due(SCOPE, PROVIDERS, actor="timer"))
    assert len(yard.documents()) == 3
    yard.now_s = 1100
    assert yard.run(thaw_due(SCOPE, PROVIDERS, actor="timer"))
    assert yard.frozen() == {z: tuple(sorted((late.id, ever.id))) for z in ZONES}
    assert f"freeze {soon.id} thawed by timer" in yard.events[-1].text


def test_the_timers_loop_rests_and_backs_off() -> None:
    """It never reads the clock without a freeze that has a time; a store that is out makes it back off."""
    yard = Yard()
    loop = thaw_in_time(SCOPE, PROVIDERS, actor="timer")
    op = yard.run(loop, lambda o: isinstance(o, (Idle, Now)))
    assert isinstance(op, Idle)
    assert op.rest is Rest.POLL
    yard.fault = lambda o: OUT if isinstance(o, Range) else None
    again = thaw_in_time(SCOPE, PROVIDERS, actor="timer")
    op = yard.run(again, lambda o: isinstance(o, Idle))
    assert (op.rest, op.attempt) == (Rest.RETRY, 1)


def test_a_garbled_freeze_has_no_time() -> None:
    """It stays until a person thaws it."""
    good = Document("k", Freeze("abcd11", Selector(), "r", "me", until_s=5), 1)
    assert due((Garbled("x", "bad"), good), 5) == ("abcd11",)
    assert due((good,), 4) == ()


# -- preview ----------------------------------------------------------------------------------------------------


def _publish(yard: Yard) -> None:
    names = (
        NameRecords("api.a.test", "a.test", 30, (Weighted("10.0.0.1", 1),), (), "web"),
        NameRecords("www.a.test", "a.test", 30, (Weighted("10.0.0.2", 1),), (), "web"),
    )
    sections = (Section(names),)
    inputs = Inputs(configuration_revision=1, directives_revision=0, observations=())
    head = PlanHead(SCOPE, 1, 5, None, ("a.test",), inputs, (section_ref(sections[0]),))
    plan = seal(head, sections)
    puts = (
        Put(KEYS.chunk(5, plan.identity.hash, 0), encode(sections[0])),
        Put(KEYS.plan(5), encode(head)),
        Put(KEYS.newest, encode(plan.identity)),
    )
    yard.store.apply(Commit(puts=puts))


@pytest.mark.parametrize(("glob", "seen"), [("api.*", {"api.a.test"}), ("*", {"api.a.test", "www.a.test"})])
def test_preview_shows_what_a_thaw_would_let_out(glob: str, seen: set[str]) -> None:
    """Before and after, at the covered names only."""
    yard = Yard()
    _publish(yard)
    frozen = yard.freeze(Selector(name=glob))
    changes = yard.run(preview(SCOPE, PROVIDERS, frozen.id))
    assert {c.name for c in changes} == seen
    assert all(c.before is None and c.after is not None for c in changes)


def test_preview_says_what_it_cannot_know() -> None:
    """No plan is no change; a store that is out is said."""
    yard = Yard()
    assert yard.run(preview(SCOPE, PROVIDERS, "abcd11")) == ()
    yard.fault = lambda op: OUT if isinstance(op, Range) else None
    assert yard.run(preview(SCOPE, PROVIDERS, "abcd11")) == OUT


def test_a_freeze_that_is_thawed_while_it_is_ordered_leaves_no_id_behind() -> None:
    """Its time came before the fences had it: the freezer sees that the store forgot it, and takes the id back."""
    yard = Yard()
    yard.store.apply(Commit(puts=(Put(KEYS.incarnation, encode(1)),)))

    def forgotten(op: Operation[Any]) -> Any:
        if isinstance(op, GetMany):  # the look after the last fence
            yard.store.apply(Commit(deletes=(op.keys[0],)))
        return None

    yard.fault = forgotten
    outcome = yard.freeze(until_s=1)
    assert not outcome.complete
    assert {z.text for z in outcome.zones} == {"thawed meanwhile, by its time or by a person"}
    assert set(yard.frozen().values()) == {()}
    assert yard.documents() == ()


def test_a_freeze_whose_store_is_lost_while_it_is_ordered_stays_in_the_fences() -> None:
    """Nobody thawed it: the fences keep the id, and the person is told that the store has to be told again."""
    yard = Yard()
    yard.store.apply(Commit(puts=(Put(KEYS.incarnation, encode(1)),)))

    def lost(op: Operation[Any]) -> Any:
        if isinstance(op, GetMany):
            yard.store.apply(Commit(deletes=op.keys))
        return None

    yard.fault = lost
    outcome = yard.freeze()
    assert outcome.complete
    assert outcome.store == LOST_MEANWHILE
    assert set(yard.frozen().values()) == {(outcome.id,)}
    yard.fault = lambda op: None
    assert not yard.freeze(again=outcome.id).store
    assert yard.documents() == (KEYS.freeze(outcome.id),)


@pytest.mark.parametrize("answered", [True, False])
def test_a_thaw_takes_an_id_that_a_fence_got_meanwhile(answered: bool) -> None:
    """A freezer that was still at work writes its fence after the thaw looked there: the thaw looks once more."""
    yard = Yard()
    order = yard.freeze()
    yard.put_fence("a.test", Fence(PLAN))

    def late(op: Operation[Any]) -> Any:
        if isinstance(op, Commit) and op.deletes:
            yard.put_fence("a.test", Fence(PLAN, freezes=(order.id,), sequence=9))
            done = yard.store.apply(op)
            return done if answered else CouldNotAsk("no answer in time", maybe_applied=True)
        return None

    yard.fault = late
    outcome = yard.thaw(order.id)
    assert outcome.complete
    assert bool(outcome.store) is not answered
    assert set(yard.frozen().values()) == {()}
