"""The service's loop and the host's loop in virtual time, on a store in memory: the shipped coroutines."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from holdfast.model.codec import encode
from holdfast.model.delivery import (
    Counter,
    Current,
    Delivery,
    File,
    Host,
    Invalid,
    Poll,
    Publish,
    Published,
    Result,
    Standing,
    Status,
    Superseded,
    TryLater,
    digest_of,
)
from holdfast.model.keys import Keys
from holdfast.ports.clock import Arm, Disarm, Fired, Idle
from holdfast.ports.delivery import Answer, Call, Inbound, NextCalls
from holdfast.ports.events import Emit
from holdfast.ports.operation import CouldNotAsk, Operation
from holdfast.ports.release import (
    AskNewer,
    Command,
    CurrentRelease,
    Differs,
    Discard,
    Loaded,
    Ran,
    Ready,
    Release,
    Run,
    Stage,
    Staged,
    Switch,
)
from holdfast.ports.store import Commit, Get, Put, Range
from holdfast.propagation.agent import config_loop
from holdfast.propagation.desk import DeliverySettings
from holdfast.propagation.loop import delivery_loop
from holdfast.stores.memory import MemoryState

KEYS = Keys("t")


class Service:
    """The loop, driven by hand: time goes on only between turns."""

    def __init__(self, places: int = 64, state: MemoryState | None = None) -> None:
        self.state = MemoryState() if state is None else state
        self.now_s = 0.0
        self.out = False
        self.events: list[str] = []
        self.answers: dict[int, Result] = {}
        self._calls: list[Call] = []
        self._id = 0
        self._loop = delivery_loop("t", DeliverySettings(places=places))
        self._step = self._loop.send(None)
        self.turn()

    def _answer(self, op: Operation[Any]) -> Any:
        match op:
            case Get() | Range() | Commit():
                return CouldNotAsk("out") if self.out else self.state.apply(op)
            case Emit():
                self.events.append(op.event.kind)
            case Answer():
                self.answers.update(op.results)
        return None

    def turn(self) -> None:
        """One turn of the loop, up to its next look at the inbox."""
        calls, self._calls = tuple(self._calls), []
        self._step = self._loop.send(Inbound(self.now_s, 0.5, calls))
        while not isinstance(self._step, NextCalls):
            self._step = self._loop.send(self._answer(self._step))

    def call(self, ask: Publish | Poll | Status, timeout_s: float = 30.0) -> int:
        """Hand a call in."""
        self._id += 1
        self._calls.append(Call(self._id, ask, timeout_s))
        return self._id

    def ask(self, ask: Publish | Poll | Status) -> Result | None:
        """A call and one turn; None if it waits."""
        id_ = self.call(ask)
        self.turn()
        return self.answers.get(id_)


def published(service: Service, selector: str = "all", name: str = "a", content: bytes = b"1", **more: Any) -> int:
    """Publish and expect it to be let in."""
    found = service.ask(Publish(selector, name, content, **more))
    assert isinstance(found, Published), found
    return found.generation


def test_a_poll_waits_until_there_is_something_and_is_answered_before_its_caller_gives_up() -> None:
    """Nothing new: it waits; a document: it is given; else `Current` at the end of its time."""
    service = Service()
    first = service.call(Poll(Host("h"), 0, told=0))
    service.turn()
    assert first not in service.answers
    published(service)
    assert isinstance(service.answers[first], Delivery)
    late = service.call(Poll(Host("h"), 1, told=1))
    service.turn()
    service.now_s += 29.6
    service.turn()
    found = service.answers[late]
    assert isinstance(found, Current)
    assert found.generation == 1


def test_generations_are_one_number_for_a_whole_scope_and_expectations_are_compared() -> None:
    """The second publisher of the same version is told who was first; equal content is no new generation."""
    service = Service()
    assert published(service, name="a") == 1
    assert published(service, name="b") == 2
    assert service.ask(Publish("all", "a", b"2", expect=0)) == Superseded(1)
    assert published(service, name="a", content=b"2", expect=1) == 3
    assert published(service, name="a", content=b"2") == 3


def test_two_services_on_one_store_never_give_a_generation_twice() -> None:
    """Each compares the counter; the loser reads what the other wrote and takes the next number."""
    one = Service()
    other = Service(state=one.state)
    generations = [published(s, name=f"f{n}", content=b"%d" % n) for n, s in enumerate([one, other] * 3)]
    assert generations == [1, 2, 3, 4, 5, 6]
    other.now_s += 2.0
    one.now_s += 2.0
    found = one.ask(Poll(Host("h"), 0))
    assert isinstance(found, Delivery)
    assert len(found.files) == 6


def test_only_so_many_hosts_apply_at_once() -> None:
    """A bad document reaches two hosts, not the fleet; a refusal frees the place and is shown."""
    service = Service(places=2)
    ids = [service.call(Poll(Host(f"h{n}"), 0, told=0)) for n in range(4)]
    service.turn()
    published(service)
    assert [isinstance(service.answers.get(id_), Delivery) for id_ in ids] == [True, True, False, False]
    assert service.ask(Poll(Host("h0"), 0, refused=1, why="syntax", told=1)) is None
    assert isinstance(service.answers.get(ids[2]), Delivery)
    standing = service.ask(Status())
    assert isinstance(standing, Standing)
    assert [(lag.host.name, lag.refused, lag.why) for lag in standing.hosts if lag.refused] == [
        ("h0", 1, "syntax")
    ]
    assert all(not lag.ready for lag in standing.hosts)
    again = service.call(Poll(Host("h0"), 0, refused=1, told=1))
    published(service, content=b"mended")
    service.ask(Poll(Host("h1"), 1))
    service.ask(Poll(Host("h2"), 1))
    assert isinstance(service.answers.get(again), Delivery), "a newer generation is offered to who refused the old"


def test_the_stores_outage_keeps_hosts_as_they_are() -> None:
    """Known documents are still given; publishing says so; a service that starts then knows nothing."""
    service = Service()
    published(service)
    service.out = True
    assert isinstance(service.ask(Poll(Host("h"), 0)), Delivery)
    found = service.ask(Publish("all", "b", b""))
    assert isinstance(found, TryLater)
    assert "not known whether" in found.why
    fresh = Service.__new__(Service)
    fresh.__dict__.update(service.__dict__, answers={}, _calls=[], _id=0)
    fresh._loop = delivery_loop("t", DeliverySettings())
    fresh._step = fresh._loop.send(None)
    fresh.turn()
    assert isinstance(fresh.ask(Poll(Host("h"), 0)), TryLater)


def test_a_restored_store_is_outrun_and_everything_is_sent_again() -> None:
    """Hosts know generation 3, the restored store only 1: the next is above 3, and is a snapshot for all."""
    service = Service()
    published(service)
    copy = service.state.clone()
    for n in range(2):
        published(service, name=f"later-{n}")
    service.state = copy
    service.now_s += 2.0
    service.turn()
    assert "delivery.history" in service.events
    found = service.ask(Poll(Host("h"), 3))
    assert isinstance(found, Delivery)
    assert (found.generation, found.snapshot, [f.name for f in found.files]) == (4, True, ["a"])
    assert published(service, name="next") == 5


def test_a_garbled_document_is_left_out_and_told() -> None:
    """The others are delivered."""
    service = Service()
    published(service, name="good")
    service.state.apply(
        Commit(puts=(Put(KEYS.delivery("all", "bad"), b"???"), Put(KEYS.delivery_counter, encode(Counter(5)))))
    )
    service.now_s += 2.0
    found = service.ask(Poll(Host("h"), 0))
    assert isinstance(found, Delivery)
    assert [f.name for f in found.files] == ["good"]
    assert "delivery.garbled" in service.events


def test_an_impossible_call_is_told_what_is_wrong() -> None:
    """Nothing is written."""
    service = Service()
    assert isinstance(service.ask(Publish("all", "../x")), Invalid)
    assert service.state.apply(Get(KEYS.delivery_counter)) is None


def test_what_cannot_lie_in_one_directory_is_not_published_and_what_is_not_there_is_not_removed() -> None:
    """A file beside a directory of its name would be refused by every host; a misspelt removal would wake them all
    for nothing. Removed twice is removed.
    """
    service = Service()
    published(service, name="a")
    for name in ("a/b", "a/b/c"):
        found = service.ask(Publish("role/x", name, b"1"))
        assert found == Invalid(f"`{name}` can't lie beside `a`, published for all")
    assert service.ask(Publish("role/x", "a", deleted=True)) == Invalid(
        "there is no `a` for role/x: nothing to remove"
    )
    assert published(service, name="a", content=b"", deleted=True) == 2
    assert published(service, name="a", content=b"", deleted=True) == 2
    assert published(service, name="a/b") == 3


def test_what_another_service_has_just_written_is_looked_at_before_a_publication_is_judged() -> None:
    """Else a removal there would be refused here, for up to a second."""
    one = Service()
    other = Service(state=one.state)
    published(one)
    assert published(other, content=b"", deleted=True) == 2


def test_a_store_that_was_restored_and_went_on_to_the_same_number_is_noticed_by_who_knew_it() -> None:
    """Same counter, other documents: the counter is raised, and also hosts that tell no digest get everything."""
    service = Service()
    published(service)
    copy = service.state.clone()
    published(service, name="lost")
    service.ask(Poll(Host("h"), 2))
    service.state = copy
    other = Service(state=copy)
    assert published(other, name="new") == 2
    service.now_s += 2.0
    found = service.ask(Poll(Host("h"), 2))
    assert isinstance(found, Delivery)
    assert (found.generation, found.snapshot, [f.name for f in found.files]) == (3, True, ["a", "new"])
    assert "delivery.history" in service.events


def test_a_host_that_has_more_than_was_ever_for_it_is_of_a_lost_history() -> None:
    """The service knows of no loss: the host's digest says it, at a number that others have passed by."""
    service = Service()
    published(service, selector="role/lb")
    for content in (b"1", b"2", b"3"):
        published(service, selector="role/other", content=content)
    found = service.ask(Poll(Host("h", "lb"), 3, digest="of what was lost"))
    assert isinstance(found, Delivery)
    assert (found.generation, found.snapshot) == (5, True)
    assert service.ask(Poll(Host("h", "lb"), 5, told=5, digest=found.digest)) is None, "once, and not again"


def test_a_garbled_document_takes_no_file_from_who_has_it() -> None:
    """What can't be read is missing in what is desired; no digest is told then, so nobody is found to differ."""
    service = Service()
    published(service, name="good")
    published(service, name="bad")
    with_both = service.ask(Poll(Host("h"), 0))
    assert isinstance(with_both, Delivery)
    service.state.apply(
        Commit(puts=(Put(KEYS.delivery("all", "good"), b"???"), Put(KEYS.delivery_counter, encode(Counter(2)))))
    )
    service.now_s += 2.0
    assert service.ask(Poll(Host("h"), 2, digest=with_both.digest)) == Current(2)
    assert "delivery.history" not in service.events


def test_a_process_that_begins_anew_gets_at_once_what_its_last_one_was_given() -> None:
    """Its place is free; but five deliveries without a report are still five."""
    service = Service(places=1)
    published(service)
    for _ in range(5):
        assert isinstance(service.ask(Poll(Host("h"), 0)), Delivery)
    assert service.ask(Poll(Host("h"), 0)) is None
    standing = service.ask(Status())
    assert isinstance(standing, Standing)
    assert standing.hosts[0].quarantined


def test_publishers_wait_when_hosts_have_waited_long() -> None:
    """Hosts that do not report hold the places; after two minutes a change that makes new work is put off."""
    service = Service(places=1)
    service.ask(Poll(Host("slow"), 0, told=0))
    service.ask(Poll(Host("waits"), 0, told=0))
    service.ask(Poll(Host("fine", role="other"), 0))
    published(service, selector="host/slow")
    published(service, selector="host/waits")
    service.now_s += 20.0
    service.turn()
    assert published(service, selector="role/other", content=b"x") == 3, "the first one has its token"
    service.ask(Poll(Host("fine", role="other"), 3))
    service.now_s += 1.0
    found = service.ask(Publish("role/other", "b", b"y"))
    assert isinstance(found, TryLater)
    assert "have waited for 21 s" in found.why
    assert published(service, selector="host/waits", content=b"z"), "a change for who waits anyway costs nothing"


LB = Host("h")


class Machine:
    """A host's release directory and commands in memory, and a script of what the service answers."""

    def __init__(self, answers: list[Result | CouldNotAsk], host: Host = LB) -> None:
        self.files: dict[str, dict[str, bytes]] = {}
        self.releases: dict[str, Release] = {}
        self.current = self.loaded = ""
        self.asked: list[AskNewer] = []
        self.ready: list[Ready] = []
        self.ran: list[tuple[Command, str]] = []
        self.fails: set[tuple[Command, str]] = set()
        self.before_switch: Callable[[], None] = lambda: None
        self._answers = answers
        self._host = host

    def run(self) -> None:
        """The shipped loop, until the script is at its end."""
        loop = config_loop(self._host)
        op = loop.send(None)
        while not (isinstance(op, AskNewer) and not self._answers):
            op = loop.send(self._do(op))
        loop.close()

    def _do(self, op: Operation[Any]) -> Any:
        match op:
            case AskNewer():
                self.asked.append(op)
                return self._answers.pop(0)
            case CurrentRelease():
                found = self.releases.get(self.current, Release())
                return msgspec.structs.replace(found, loaded=self.loaded == self.current)
            case Loaded():
                self.loaded = op.release
            case Stage():
                base = {} if op.delivery.snapshot else dict(self.files.get(self.current, {}))
                base.update({f.name: f.content for f in op.delivery.files})
                for name in op.delivery.gone:
                    base.pop(name, None)
                digest = _digest(**base)
                if op.delivery.digest not in ("", digest):
                    return Differs("something else")
                name = str(op.delivery.generation)
                self.files[name] = base
                self.releases[name] = Release(name, op.delivery.generation, op.host, digest, self.current)
                return Staged(name)
            case Run():
                self.ran.append((op.command, op.release))
                if op.command is Command.VALIDATE:
                    self.before_switch()
                return Ran(False, "no good") if (op.command, op.release) in self.fails else Ran(True)
            case Switch():
                self.current = op.release
            case Ready():
                self.ready.append(op)
            case Fired():
                return frozenset(op.timers)
            case Idle() | Arm() | Disarm() | Discard():
                return False
        return None


def _digest(**files: bytes) -> str:
    return digest_of((name, 0o644, hashlib.sha256(content).digest()) for name, content in files.items())


def delivery(generation: int, content: bytes = b"x", *, snapshot: bool = False) -> Delivery:
    """One file."""
    return Delivery(generation, (File("a", content, 0o644),), (), snapshot)


def test_a_host_is_ready_exactly_when_it_has_applied_what_is_desired() -> None:
    """Not before the release is current and reloaded; not while a newer one waits for its turn."""
    machine = Machine([delivery(1, snapshot=True), TryLater(0.0, "others", desired=2), delivery(2), Current(2)])
    machine.run()
    assert machine.ready == [Ready(True, 1, 1), Ready(False, 1, 2), Ready(True, 2, 2), Ready(True, 2, 2)]
    assert machine.ran == [
        (Command.VALIDATE, "1"),
        (Command.RELOAD, "1"),
        (Command.VALIDATE, "2"),
        (Command.RELOAD, "2"),
    ]


def test_a_document_that_does_not_validate_is_refused_and_the_old_one_stays() -> None:
    """It is reported with the command's words, and not tried again."""
    machine = Machine([delivery(1, snapshot=True), delivery(2), Current(2), delivery(3)])
    machine.fails = {(Command.VALIDATE, "2")}
    machine.run()
    assert machine.current == "3"
    assert [(a.poll.applied, a.poll.refused, a.poll.why) for a in machine.asked] == [
        (0, 0, ""), (1, 0, ""), (1, 2, "no good"), (1, 2, "no good"),
    ]  # fmt: skip
    assert machine.ready[1] == Ready(False, 1, 2, "no good")


def test_a_reload_that_fails_brings_the_old_release_back() -> None:
    """Switched back, reloaded, refused."""
    machine = Machine([delivery(1, snapshot=True), delivery(2)])
    machine.fails = {(Command.RELOAD, "2")}
    machine.run()
    assert machine.current == "1"
    assert machine.ran[-1] == (Command.RELOAD, "1")


def test_a_host_that_died_between_switch_and_reload_finishes_that_first() -> None:
    """It does not say that it is ready while its daemon runs what was before; what the daemon does not take is
    undone and refused. A release of a version that did not note it is left as it is.
    """
    for fails, current, applied, refused in ((False, "2", 2, 0), (True, "1", 1, 2)):
        machine = Machine([Current(2)])
        machine.releases = {"1": Release("1", 1, LB, "", ""), "2": Release("2", 2, LB, "", "1")}
        machine.current, machine.loaded = "2", "1"
        machine.fails = {(Command.RELOAD, "2")} if fails else set()
        machine.run()
        assert machine.ran[0] == (Command.RELOAD, "2")
        assert (machine.current, machine.asked[0].poll.applied, machine.asked[0].poll.refused) == (
            current,
            applied,
            refused,
        )
    old = Machine([Current(2)])
    old.releases, old.current = {"2": Release("2", 2, LB)}, "2"
    old.run()
    assert old.ran == []


def test_an_answer_that_was_delayed_for_hours_cannot_bring_an_old_release_back() -> None:
    """Another run of the agent went on to 5 while this one staged 2: it is compared at the write."""
    machine = Machine([delivery(2, snapshot=True)])

    def quicker() -> None:
        machine.releases["5"], machine.current = Release("5", 5, Host("h")), "5"

    machine.before_switch = quicker
    machine.run()
    assert machine.current == "5"
    assert (Command.RELOAD, "2") not in machine.ran


def test_a_release_that_another_process_has_not_reloaded_is_not_ready_and_is_reloaded() -> None:
    """It switched and stands still, or died: this one is not ready by that, and finishes it."""
    machine = Machine([delivery(1, snapshot=True), Current(5), Current(5)])

    def quicker() -> None:
        machine.releases["5"], machine.current = Release("5", 5, LB, "", ""), "5"

    machine.before_switch = quicker
    machine.run()
    assert [said.ready for said in machine.ready] == [False, True, True]
    assert (Command.RELOAD, "5") in machine.ran
    assert [a.poll.told for a in machine.asked] == [-1, -1, 5]


def test_a_change_that_comes_out_otherwise_than_meant_is_asked_for_as_a_whole() -> None:
    """What is current is not what the service takes it for."""
    whole = msgspec.structs.replace(delivery(2, snapshot=True), digest=_digest(a=b"x"))
    change = Delivery(2, (File("b", b"y", 0o644),), digest=_digest(a=b"x"))
    machine = Machine([delivery(1, snapshot=True), change, whole])
    machine.run()
    assert [a.poll.applied for a in machine.asked] == [0, 1, 0]
    assert machine.asked[2].poll.why == "something else"
    assert machine.ready[-1] == Ready(True, 2, 2)


def test_a_release_before_that_does_not_reload_either_is_told() -> None:
    """The daemon may be down: that is the first thing to know."""
    machine = Machine([delivery(1, snapshot=True), delivery(2), TryLater(0.0, "others")])
    machine.fails = {(Command.RELOAD, "2")}
    broken = {(Command.RELOAD, "1")}
    machine.before_switch = lambda: machine.fails.update(broken if machine.current else ())
    machine.run()
    assert machine.current == "1"
    assert machine.asked[-1].poll.why == "no good; and the release before, which is current again: no good"


def test_a_host_with_another_role_asks_for_everything() -> None:
    """A release that was made for another role is no base."""
    machine = Machine([Current(9)], host=Host("h", role="new"))
    machine.releases["4"], machine.current = Release("4", 4, Host("h", role="old")), "4"
    machine.run()
    assert machine.asked[0].poll.applied == 0


@pytest.mark.parametrize("answer", [CouldNotAsk("no route"), TryLater(5.0, "the store is out")])
def test_without_the_service_a_host_keeps_what_it_has(answer: CouldNotAsk | TryLater) -> None:
    """Its readiness does not change: what serves, serves."""
    machine = Machine([delivery(1, snapshot=True), answer, answer])
    machine.run()
    assert machine.ready == [Ready(True, 1, 1)]
    assert machine.current == "1"


def test_a_host_that_has_all_it_should_hears_so_at_once_and_then_waits() -> None:
    """Else every start would be not ready for as long as a poll may wait."""
    service = Service()
    published(service)
    found = service.ask(Poll(Host("h"), 1))
    assert isinstance(found, Current)
    assert service.ask(Poll(Host("h"), 1, told=1)) is None
    assert service.ask(Poll(Host("other"), 0, refused=1, why="no")) == found
    assert found.generation == 1
