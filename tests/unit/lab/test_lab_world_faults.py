"""Each fault of the world, one by one: what it does to cells, to the sender, and to what is still under way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from holdfast.lab.actor import Actor, Done
from holdfast.lab.engines.columns.searching import search as in_columns
from holdfast.lab.engines.exhaustive import search
from holdfast.lab.engines.found import Outcome
from holdfast.lab.story import tell
from holdfast.lab.system import Happened, Invariant, Scenario, System, View
from holdfast.lab.tape import replay
from holdfast.lab.world.faults import Fault, Faults
from holdfast.lab.world.store import StoreCell, store_of
from holdfast.ports.clock import Arm, Fired, Idle, Now, Rest
from holdfast.ports.disk import Load, Promote, Stage
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.store import Commit, Get, Put

EMPTY = store_of([])


def _system(
    *actors: Actor, kind: Fault | None = None, total: int = 1, invariants: tuple[Invariant, ...] = ()
) -> System:
    faults = Faults() if kind is None else Faults(total, kinds=frozenset({kind}))
    return System(Scenario("faults", "small", actors, EMPTY, (), faults, invariants))


def _actor(name: str, start: Callable[[], Any], **kw: Any) -> Actor:
    return Actor(name, name, start, **kw)


def _write(key: str, value: str) -> Commit:
    return Commit(puts=(Put(key, value.encode()),))


def _ends(system: System, actor: str) -> set[tuple[Any, bytes | None]]:
    """What the actor may end with, beside what the store then holds under `x` once nothing is in flight."""
    found: set[tuple[Any, bytes | None]] = set()

    def look(_: View, after: View, __: Happened) -> None:
        ended = after.ended(actor)
        if isinstance(ended, Done):
            found.add((ended.result, after.store.get("x")))

    scenario = system.scenario
    watched = Scenario(
        scenario.name, scenario.bounds, scenario.actors, scenario.store, (), scenario.faults,
        (Invariant("looks", look, observes=(actor,)),),
    )  # fmt: skip
    assert search(System(watched)).complete
    return found


async def _writes_one() -> str:
    done = await _write("x", "1")
    return "silence" if isinstance(done, CouldNotAsk) else "written"


@pytest.mark.parametrize(
    ("kind", "ends"),
    [
        (Fault.LOST_REPLY, {("written", b"1"), ("silence", b"1")}),
        (Fault.DELAYED, {("written", b"1"), ("silence", None), ("silence", b"1")}),
        (Fault.REFUSED, {("written", b"1"), ("silence", None)}),
    ],
    ids=lambda k: k.value if isinstance(k, Fault) else "",
)
def test_a_message_may_be_lost_delayed_or_turned_away(kind: Fault, ends: set[Any]) -> None:
    """Applied without an answer; under way after the sender gave up, delivered later or never; not applied."""
    assert _ends(_system(_actor("writer", _writes_one), kind=kind), "writer") == ends


def _values(system: System) -> set[bytes | None]:
    """Every value of `x` that any state has."""
    assert search(system).complete
    return {cell.get("x") for cell in system.agents.cells.values if isinstance(cell, StoreCell)}


def test_delayed_messages_land_in_any_order() -> None:
    """Two messages of one sender, both under way: the later may land first, and the earlier last."""

    async def writer() -> None:
        await _write("x", "1")
        await _write("x", "2")
        await Idle(Rest.POLL)

    def last_is_one(before: View, after: View, step: Happened) -> str | None:
        was, now = before.store.get("x"), after.store.get("x")
        return "the earlier message landed last" if (was, now) == (b"2", b"1") and step.by == "flight" else None

    reordered = Invariant("order", last_is_one)
    system = _system(_actor("writer", writer), kind=Fault.DELAYED, total=2, invariants=(reordered,))
    found = search(system).found
    assert found is not None
    assert "the earlier message landed last" in found.broken


def test_a_duplicated_message_lands_again_over_what_came_between() -> None:
    """The copy outlives its sender's next write."""

    async def writer() -> None:
        await _write("x", "1")
        await _write("x", "2")

    def again(before: View, after: View, step: Happened) -> str | None:
        back = (before.store.get("x"), after.store.get("x")) == (b"2", b"1")
        return "the copy landed" if back and step.by == "flight" else None

    system = _system(_actor("writer", writer), kind=Fault.DUPLICATED, invariants=(Invariant("copy", again),))
    found = search(system).found
    assert found is not None


def test_a_pause_may_last_as_long_as_everything_else() -> None:
    """Between a read and the write that rests on it, another actor may do all that it will ever do; no fault."""

    async def slow() -> bytes:
        seen = await Get("x")
        await Get("y")
        return b"none" if seen is None or isinstance(seen, CouldNotAsk) else seen.value

    async def quick() -> None:
        for number in range(1, 6):
            await _write("x", str(number))

    ends = _ends(_system(_actor("slow", slow), _actor("quick", quick)), "slow")
    assert (b"none", b"5") in ends
    assert (b"1", b"5") in ends


def test_a_partition_is_of_one_actor_and_one_direction() -> None:
    """Requests lost: nothing arrives. Answers lost: all of it arrives, and the sender hears nothing; both heal."""

    async def writer() -> tuple[str, str]:
        first, second = await _writes_one(), await _writes_one()
        return first, second

    async def other() -> str:
        return await _writes_one()

    ends = _ends(_system(_actor("writer", writer), kind=Fault.PARTITION), "writer")
    assert {(("silence", "silence"), None), (("silence", "silence"), b"1")} <= ends
    assert {(("silence", "written"), b"1"), (("written", "silence"), b"1")} <= ends
    both = _system(_actor("writer", _writes_one), _actor("other", other), kind=Fault.PARTITION)
    state = next(s.after for s in both.steps(both.start) if "cut from the store (requests" in s.label)
    cut = [both.agents.keys[state[i]].own.cuts for i in range(2)]
    assert sorted(len(c) for c in cut) == [0, 1]


def test_the_clock_may_show_anything_at_any_look_and_go_back() -> None:
    """Early, late, and early again; a running timer may have fired at any look, and then it has."""

    async def looks() -> tuple[bool, ...]:
        return tuple([await Now() > 1_000 for _ in range(3)])

    ends = {result for result, _ in _ends(_system(_actor("clock", looks)), "clock")}
    assert {(False, True, False), (True, False, True)} <= ends

    async def timer() -> tuple[bool, ...]:
        await Arm("t", 60.0)
        return tuple([bool(await Fired(("t",))) for _ in range(3)])

    fired = {result for result, _ in _ends(_system(_actor("timer", timer)), "timer")}
    assert fired == {(False,) * 3, (False, False, True), (False, True, True), (True,) * 3}


def test_a_crash_leaves_the_disk_and_what_was_under_way() -> None:
    """Before the rename the old document is there; what was being sent may still arrive."""

    async def saver() -> str:
        held = await Load("d")
        if held == b"new":
            return "new"
        await Stage("d", b"new")
        await Promote("d")
        await _write("x", "1")
        return "done"

    actor = _actor("saver", saver, disk=(("d", b"old"),))
    assert _ends(_system(actor, kind=Fault.CRASH), "saver") == {("done", b"1"), ("new", None), ("new", b"1")}


@pytest.mark.parametrize("find", [search, in_columns], ids=["plain", "columns"])
def test_a_loop_that_raises_at_its_restart_is_found(find: Callable[[System], Outcome]) -> None:
    """Before it asks anybody anything: a crash is then the step that breaks it."""

    async def careless() -> None:
        if await Load("d") == b"half":
            raise ValueError("what is this on my disk")
        await Stage("d", b"half")
        await Promote("d")
        await _write("x", "1")

    found = find(_system(_actor("careless", careless), kind=Fault.CRASH)).found
    assert found is not None
    assert found.broken == "raised: careless: ValueError: what is this on my disk"


def test_a_lost_disk_is_a_start_on_nothing() -> None:
    """A new machine under the old name."""

    async def reader() -> str:
        held = await Load("d")
        await Get("x")
        return "blank" if held is None else "held"

    actor = _actor("reader", reader, disk=(("d", b"old"),))
    assert {r for r, _ in _ends(_system(actor, kind=Fault.DISK_LOST), "reader")} == {"held", "blank"}


def test_a_write_of_what_is_there_already_is_told_as_such() -> None:
    """The story says that it changes nothing, not that it was not done."""

    async def writer() -> None:
        await _write("x", "1")
        await _write("x", "1")

    story = tell(replay(_system(_actor("writer", writer)), (0, 0)))
    assert story.count("x: nothing -> 1") == 1
    assert "changes nothing, it is so already: x := 1" in story
    assert "not done" not in story
