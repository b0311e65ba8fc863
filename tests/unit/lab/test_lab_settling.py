"""Converges when faults stop: fair cycles are found, unfair ones and wedges left alone, what is found replays."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from holdfast.lab.actor import Actor
from holdfast.lab.engines.exhaustive import search
from holdfast.lab.engines.found import CONVERGES, PROGRESS, Outcome
from holdfast.lab.engines.settling import WRITES_MAX, Settling
from holdfast.lab.system import Scenario, System, View
from holdfast.lab.tape import follow, replay
from holdfast.lab.world.faults import Fault, Faults
from holdfast.lab.world.store import store_of
from holdfast.model.records import RRset
from holdfast.nameserver.updating import Quirks
from holdfast.nameserver.zone import Zone
from holdfast.ports.clock import Arm, Fired, Idle, Rest
from holdfast.ports.dns import Answer, Ask, DeleteRRset, SetRRset, Update
from holdfast.ports.store import Commit, Get, Put

Loop = Callable[[], Coroutine[Any, Any, None]]
SOA = RRset("test", "SOA", 60, ("ns.test hostmaster.test 1 60 60 60 5",))
STILL = Quirks(serial_moves=False)


async def careful() -> None:
    """Writes the flag once, then rests again and again."""
    while True:
        if await Get("flag") is None:
            await Commit(puts=(Put("flag", b"1"),))
        await Idle(Rest.POLL)


async def restless() -> None:
    """The same, but it never rests."""
    await Commit(puts=(Put("flag", b"1"),))
    while True:
        await Get("flag")


async def patient() -> None:
    """Waits for a timer, which may take any time, before it writes."""
    await Arm("due", 1.0)
    while not await Fired(("due",)):
        await Idle(Rest.POLL)
    await Commit(puts=(Put("flag", b"1"),))
    while True:
        await Idle(Rest.POLL)


async def hopeless() -> None:
    """Waits for what nobody writes."""
    while True:
        if await Get("never") is not None:
            await Commit(puts=(Put("flag", b"1"),))
        await Idle(Rest.POLL)


def polite(mine: str, theirs: str) -> Loop:
    """Lays its claim, and withdraws it when it sees the other's: two of them need to take turns unevenly."""
    claim = RRset(f"{mine}.test", "A", 60, ("10.0.0.1",))

    async def loop() -> None:
        while True:
            if await Get("flag") is None:
                await Update("test", (), (SetRRset(claim),))
                seen = await Ask("test", f"{theirs}.test", "A")
                if isinstance(seen, Answer) and seen.rrset is None:
                    await Commit(puts=(Put("flag", b"1"),))
                await Update("test", (), (DeleteRRset(claim.name, "A"),))
            await Idle(Rest.POLL)

    return loop


def flipping(address: str) -> Loop:
    """Puts its own address up, and rests."""

    async def flip() -> None:
        while True:
            await Update("test", (), (SetRRset(RRset("a.test", "A", 60, (address,))),))
            await Idle(Rest.POLL)

    return flip


def flagged(view: View) -> bool:
    """Converged: the flag is there."""
    return view.store.get("flag") == b"1"


def pointed(view: View) -> bool:
    """Converged: the name has the first one's address."""
    found = view.zones["test"].rrset("a.test", "A")
    return found is not None and found.rdatas == ("10.0.0.1",)


def built(
    *loops: Loop,
    faults: Faults | None = None,
    goal: Callable[[View], bool] = flagged,
    quirks: Quirks | None = None,
) -> System:
    """A system of these loops, each a kind of its own."""
    names = [f"actor-{chr(97 + i)}" for i in range(len(loops))]
    return System(
        Scenario(
            name="settling",
            bounds="a toy",
            actors=tuple(Actor(n, n, loop) for n, loop in zip(names, loops, strict=True)),
            store=store_of([]),
            zones=(Zone.of("test", [SOA]),),
            faults=faults or Faults(),
            converged=goal,
            quirks=() if quirks is None else (("test", quirks),),
        )
    )


def both(system: System) -> tuple[Outcome, Outcome]:
    """What the search says of a way on, and of settling."""
    return search(system, wedge=True), search(system, settle=True)


@pytest.mark.parametrize("loops", [(careful,), (patient,), (careful, careful), (careful, patient)])
def test_what_comes_to_rest_is_proved(loops: tuple[Loop, ...]) -> None:
    """A timer that has not fired yet is waited for: under a fair schedule it fires."""
    for outcome in both(built(*loops)):
        assert outcome.found is None, outcome.sentence()
        assert outcome.complete


def test_an_actor_that_never_rests_is_found() -> None:
    """All is converged, and a way led there: only this property sees that the loop spins."""
    way, settled = both(built(careful, restless))
    assert way.found is None
    assert settled.found is not None
    assert settled.found.broken == f"{CONVERGES}: actor-b can go on for ever and never come to rest"


def test_two_that_undo_each_others_work_are_found_where_no_serial_tells() -> None:
    """The world is converged again and again, so there is always a way on; it does not stay so."""
    system = built(flipping("10.0.0.1"), flipping("10.0.0.2"), goal=pointed, quirks=STILL)
    way, settled = both(system)
    assert way.found is None
    assert settled.found is not None
    assert "leave the converged state again and again" in settled.found.broken


def test_two_that_undo_each_others_work_are_found_where_a_serial_rises_without_end() -> None:
    """There no state comes twice: so many changes count as for ever, and the search ends."""
    system = built(flipping("10.0.0.1"), flipping("10.0.0.2"), goal=pointed)
    found = search(system, settle=True).found
    assert found is not None
    assert found.broken == f"{CONVERGES}: after {WRITES_MAX} changes of a zone there is no end of them"
    run = replay(built(flipping("10.0.0.1"), flipping("10.0.0.2"), goal=pointed), found.choices)
    assert Settling(run.system).unsettled((run.last,)) is not None


def test_a_livelock_by_giving_way_is_found() -> None:
    """Each gives way to the other for ever if they go in step; alone, each gets through."""
    way, settled = both(built(polite("a", "b"), polite("b", "a"), quirks=STILL))
    assert way.found is None
    assert settled.found is not None
    assert settled.found.broken.endswith(
        "actor-a and actor-b can go on for ever, taking fair turns, and never converge"
    )


def test_a_wedge_is_the_other_propertys_finding() -> None:
    """Where no way leads to a converged state, settling says nothing."""
    way, settled = both(built(hopeless))
    assert way.found is not None
    assert way.found.broken.startswith(PROGRESS)
    assert settled.found is None


def test_cuts_heal_and_messages_land_under_a_fair_schedule() -> None:
    """An actor that can't get through while it is cut off, or waits for a message in flight, is no finding."""
    kinds = frozenset({Fault.PARTITION, Fault.DELAYED, Fault.LOST_REPLY})
    for outcome in both(built(careful, faults=Faults(2, kinds=kinds))):
        assert outcome.found is None, outcome.sentence()


def test_what_is_found_goes_once_around_and_replays_on_the_real_code() -> None:
    """The tape ends in a state where it was before, and the replayed run does not settle from there."""
    found = search(built(careful, restless), settle=True).found
    assert found is not None
    run = replay(built(careful, restless), found.choices)
    came = [state for state, _ in follow(run.system, found.choices)]
    assert run.last in came
    looked = Settling(run.system).unsettled((run.last,))
    assert looked is not None
    assert looked.how == found.broken
