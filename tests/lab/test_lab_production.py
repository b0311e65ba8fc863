"""The loops that ship, searched: what is proved of them, within which bounds, in the time that CI has."""

from __future__ import annotations

import os
import random
import socket
import time

import pytest

from holdfast.lab import production
from holdfast.lab.commands import Engine, Size, drill, explore, replay_tape
from holdfast.lab.engines.crowd import Bounds
from holdfast.lab.engines.exhaustive import search
from holdfast.lab.engines.modular import prove
from holdfast.lab.specimens import october
from holdfast.lab.system import System
from holdfast.lab.tape import decode_tape, encode_tape
from holdfast.lab.world.faults import USUAL_FAULTS as ALL
from holdfast.lab.world.faults import Faults


def test_two_enactors_and_three_plans_are_proved_and_never_wedge() -> None:
    """3 plans (move, create, retire, unchanged, A -> B -> A), 2 enactors: I1-I3, and always a way on."""
    outcome = search(System(production.scenario(plans=3, enactors=2, transfer=True)), wedge=True)
    assert outcome.complete, outcome.sentence()


def test_two_enactors_and_three_plans_settle_under_every_fair_schedule() -> None:
    """The same: once no plan comes any more no fair run goes on outside of converged states, and all rest."""
    outcome = search(System(production.scenario(plans=3, enactors=2, transfer=True)), settle=True)
    assert outcome.complete, outcome.sentence()


@pytest.mark.soak
def test_one_fault_or_disaster_is_settled_under_every_fair_schedule() -> None:
    """Fence deleted or garbled, a name emptied, the store lost, or any fault: it converges, and stays (I6)."""
    faults = Faults(1, kinds=ALL, disasters=production.DISASTERS)
    outcome = search(System(production.scenario(plans=2, enactors=1, faults=faults)), settle=True)
    assert outcome.complete, outcome.sentence()


def test_one_fault_and_one_enactor_with_every_disaster_never_wedges() -> None:
    """Fence deleted or garbled, a name emptied, the store lost, or any fault: it always converges (I6)."""
    faults = Faults(1, kinds=ALL, disasters=production.DISASTERS)
    outcome = search(System(production.scenario(plans=2, enactors=1, faults=faults)), wedge=True)
    assert outcome.complete, outcome.sentence()


def test_any_number_of_enactors_and_faults_is_proved_for_two_plans() -> None:
    """Thread-modular: I1-I3, and each alone can converge, whatever crashes, gets lost, late, or refused."""
    build = production.scenario(plans=2, enactors=1, faults=Faults(1, kinds=ALL))
    outcome = prove(System(build), crowd="enactor", wedge=True)
    assert outcome.complete, outcome.sentence()
    assert "any number of enactors, any number of faults" in outcome.sentence()


def test_a_freeze_and_its_thaw_are_proved_for_any_number_of_enactors() -> None:
    """I5 as well, and no wedge; one fault upon each enactor."""
    build = production.with_freeze(
        plans=2, enactors=1, faults=Faults(1, kinds=ALL), transfer=True, thaw_after=True
    )
    outcome = prove(System(build), crowd="enactor", spare=1, wedge=True)
    assert outcome.complete, outcome.sentence()
    assert "each alone can always converge" in outcome.sentence()


@pytest.mark.soak
@pytest.mark.parametrize("spare", [2, None])
def test_three_plans_and_a_freeze_are_proved_for_any_number_of_enactors(spare: int | None) -> None:
    """The bound that issue 3 asks for, and beyond: any number of faults. About 20 s and 200 s of a quiet core."""
    build = production.with_freeze(plans=3, enactors=1, faults=Faults(2, kinds=ALL), transfer=True)
    outcome = prove(System(build), crowd="enactor", spare=spare)
    assert outcome.complete, outcome.sentence()


def test_a_publisher_that_restarts_is_proved_for_any_number_of_enactors() -> None:
    """It crashes at any point and as often as it likes, and may write a plan's chunks once more."""
    build = production.with_freeze(plans=2, enactors=1, faults=Faults(1, kinds=ALL), transfer=True, restarts=True)
    outcome = prove(System(build), crowd="enactor", spare=1)
    assert outcome.complete, outcome.sentence()
    assert "a publisher that crashes and restarts" in outcome.sentence()
    assert "no lab/chunk/* written more than 2 times" in outcome.sentence()


def test_writing_without_a_condition_is_bounded_in_words_only_where_it_was_cut() -> None:
    """A publisher that never fails writes each chunk once, and the sentence has no such bound."""
    outcome = prove(
        System(production.scenario(plans=2, enactors=1, transfer=True)), crowd="enactor", bounds=Bounds(1)
    )
    assert outcome.complete, outcome.sentence()
    assert "written more than" not in outcome.sentence()


def test_a_deleted_fence_is_proved_for_any_number_of_enactors() -> None:
    """They put it up again together, whatever they had read before; what nothing ends is bounded in words."""
    faults = Faults(1, kinds=ALL, disasters=production.DISASTERS[:1])
    build = production.scenario(plans=1, enactors=1, faults=faults, transfer=True)
    outcome = prove(System(build), crowd="enactor", spare=0, disasters=1, bounds=Bounds(updates=5))
    assert outcome.complete, outcome.sentence()
    assert "no zone updated more than 5 times, 1 disasters" in outcome.sentence()


@pytest.mark.soak
def test_every_disaster_is_proved_for_any_number_of_enactors() -> None:
    """A fence deleted, garbled, split or far ahead, a name emptied, the store lost. About a minute."""
    faults = Faults(1, kinds=ALL, disasters=production.DISASTERS)
    build = production.scenario(plans=1, enactors=1, faults=faults, transfer=True)
    outcome = prove(System(build), crowd="enactor", spare=0, disasters=1)
    assert outcome.complete, outcome.sentence()


@pytest.mark.soak
def test_three_plans_a_freeze_and_a_restart_of_the_publisher_are_proved() -> None:
    """Issue 3's row, for any number of enactors with 2 faults each. About 30 s of a quiet core."""
    build = production.with_freeze(plans=3, enactors=1, faults=Faults(2, kinds=ALL), transfer=True, restarts=True)
    outcome = prove(System(build), crowd="enactor", spare=2)
    assert outcome.complete, outcome.sentence()


def test_the_design_of_2025_is_not_proved() -> None:
    """The empty name is suspected at once."""
    outcome = prove(System(october.scenario(enactors=1, endpoints=1)), crowd="enactor", spare=0, seconds=20)
    assert outcome.found is not None
    assert "I2 never empty" in outcome.found.broken


def test_a_freeze_holds_against_two_enactors() -> None:
    """I5, with the production kill switch: after the acknowledgement nothing lands."""
    outcome = search(System(production.with_freeze(plans=2, enactors=2, transfer=True)))
    assert outcome.complete, outcome.sentence()


def test_what_is_hidden_from_the_search_changes_no_answer() -> None:
    """Fields for people left out or kept: the same zones and stores are reached."""
    reached = []
    for hide in (True, False):
        system = System(production.scenario(plans=2, enactors=1, faults=Faults(1, kinds=ALL), hide=hide))
        assert search(system).complete
        reached.append(frozenset(system.agents.cells.values))
    assert reached[0] == reached[1]


def test_distinct_writer_ids_reach_the_same_data() -> None:
    """Equal ids make enactors interchangeable; with ids of their own the same data are reached."""

    def data(system: System) -> frozenset[object]:
        assert search(system).complete
        zones = [c for c in system.agents.cells.values if hasattr(c, "origin")]
        owners = [f"{label}.{production.ZONE}" for label in "abc"]
        return frozenset(tuple(z.node(o) for o in owners) for z in zones)

    same = production.scenario(plans=2, enactors=2, transfer=True)
    chain = production.make_plans(2)
    own = tuple(
        production.enactor_actor(
            f"enactor-{x}", chain[0], kind=f"enactor-{x}", writer=f"enactor-{x}", transfer=True
        )
        for x in "ab"
    )
    other = type(same)(
        **{f: getattr(same, f) for f in same.__struct_fields__ if f != "actors"}, actors=(same.actors[0], *own)
    )
    assert data(System(same)) == data(System(other))


def test_the_loops_touch_no_clock_no_chance_and_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every source of its own that a loop might turn to raises here: the search fails if one is used."""

    def forbidden(*_: object, **__: object) -> object:
        raise AssertionError("a loop of the chain bypassed the ports")

    system = System(production.with_freeze(plans=2, enactors=1))
    kept = time.perf_counter
    own = [(time, "time"), (time, "monotonic"), (time, "sleep"), (os, "urandom"), (random, "random")]
    for module, name in [*own, (socket, "socket")]:
        monkeypatch.setattr(module, name, forbidden)
    monkeypatch.setattr(time, "perf_counter", kept)
    assert search(system).complete


def test_the_october_drill_ends_in_the_wedge_there_and_in_a_non_event_here() -> None:
    """The same script on both designs: empty name and wedge in 2025, nothing to see on holdfast."""
    old, new = drill("october-2025").timelines
    assert old.broken.startswith("I2 never empty")
    assert "wedge" in old.end
    assert new.broken == ""
    assert "non-event" in new.end
    assert "NOTHING" in drill("october-2025").side_by_side()


def test_a_tape_file_replays_through_json() -> None:
    """What `explore` found survives writing, reading and replaying, trace and all."""
    found = explore("2025", Size(), engine=Engine.SAMPLE, seed=5, shrunk=False)
    assert found.tape is not None
    assert replay_tape(decode_tape(encode_tape(found.tape))).trace == found.tape.trace
