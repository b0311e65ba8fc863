"""The world under search: kinds of servers, two zones, and each fault and disaster in a search that uses it."""

from __future__ import annotations

import pytest

from holdfast.lab import disasters, production
from holdfast.lab.alphabet import ZONE, documents, make_plans, zone_at
from holdfast.lab.engines.dpor import UnsupportedFaultError
from holdfast.lab.engines.exhaustive import search
from holdfast.lab.engines.modular import prove
from holdfast.lab.servers import (
    BIND,
    EMBEDDED,
    KNOT,
    POWERDNS,
    RFC_STRICT,
    SMALL_BIND,
    SMALL_MESSAGES,
    UNPINNABLE,
    Server,
)
from holdfast.lab.specimens import lost_chunks
from holdfast.lab.system import System
from holdfast.lab.world.faults import Disaster, Fault, Faults

FIRST = make_plans(1)[0]


@pytest.mark.parametrize("server", [BIND, POWERDNS, EMBEDDED, RFC_STRICT, SMALL_MESSAGES], ids=lambda s: s.name)
def test_each_kind_of_server_is_proved_and_never_wedges(server: Server) -> None:
    """The shipped provider in its own dialect against that server's habits: 3 plans, always a way on."""
    outcome = search(System(production.scenario(plans=3, enactors=1, servers=(server,))), wedge=True)
    assert outcome.complete, outcome.sentence()


@pytest.mark.parametrize("server", [BIND, POWERDNS, KNOT], ids=lambda s: s.name)
def test_what_servers_silently_allow_does_no_harm(server: Server) -> None:
    """A foreign alias, a stray text, a fence in capitals, wiped records: no harm done, and always a way on."""
    faults = Faults(1, kinds=frozenset({Fault.DISASTER}), disasters=disasters.foreign())
    outcome = search(
        System(production.scenario(plans=2, enactors=1, faults=faults, servers=(server,))), wedge=True
    )
    assert outcome.complete, outcome.sentence()


def test_a_server_whose_serial_cannot_be_pinned_is_never_repaired() -> None:
    """R3: nothing of a repair lands there; a person has to put the fence back."""
    gone = Disaster(ZONE, "somebody deletes the fence", disasters.fence_struck(None))
    faults = Faults(1, kinds=frozenset({Fault.DISASTER}), disasters=(gone,))
    system = System(production.scenario(plans=2, enactors=1, faults=faults, servers=(UNPINNABLE,)))
    assert search(system).complete
    found = search(System(system.scenario), wedge=True).found
    assert found is not None
    assert found.broken.startswith("progress possible")


def test_a_limit_of_the_server_blocks_one_name_only() -> None:
    """BIND's limit of records, scaled: `b` can't be written, and nothing else is held up by it (R4)."""
    system = System(production.scenario(plans=2, enactors=1, servers=(SMALL_BIND,)))
    outcome = search(system)
    assert outcome.complete, outcome.sentence()


@pytest.mark.parametrize("servers", [(KNOT, KNOT), (BIND, POWERDNS)], ids=lambda s: "+".join(x.name for x in s))
def test_two_zones_are_proved_and_never_wedge(servers: production.Servers) -> None:
    """A scope over two zones, each with its fence: 2 plans, I1-I3, always a way on."""
    system = System(production.scenario(plans=2, enactors=2, transfer=True, servers=servers))
    outcome = search(system, wedge=True)
    assert outcome.complete, outcome.sentence()


KINDS = {
    Fault.DUPLICATED: "duplicated",
    Fault.PARTITION: "asymmetric partition",
    Fault.DENIED: "denied",
    Fault.REFUSED: "throttle and a busy store",
    Fault.DISK_LOST: "disk lost",
    Fault.DISK_FULL: "disk full",
}


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.value)
def test_each_kind_of_fault_leaves_a_way_on(kind: Fault) -> None:
    """One fault of the kind anywhere: 2 plans, 1 enactor, I1-I3, and it always converges (I6)."""
    faults = Faults(1, kinds=frozenset({kind}))
    outcome = search(System(production.scenario(plans=2, enactors=1, faults=faults, transfer=True)), wedge=True)
    assert outcome.complete, outcome.sentence()


def test_a_restored_store_leaves_a_way_on() -> None:
    """The store as an older copy, with one more fault: nothing is lost for good (I6)."""
    restores = disasters.restores(documents(FIRST), (zone_at(FIRST),))
    faults = Faults(1, kinds=frozenset({Fault.DISASTER}), disasters=(*restores, disasters.RECOUNTING))
    outcome = search(System(production.scenario(plans=3, enactors=1, faults=faults, transfer=True)), wedge=True)
    assert outcome.complete, outcome.sentence()


@pytest.mark.parametrize("recounting", [False, True])
def test_the_publishing_that_we_shipped_wedges(recounting: bool) -> None:
    """The specimen of findings 1 and 8: a newest plan whose chunks were in the store that is gone."""
    found = search(System(lost_chunks.scenario(recounting=recounting)), wedge=True).found
    assert found is not None
    assert found.broken.startswith("progress possible")


def test_the_thread_modular_engine_names_what_it_leaves_out() -> None:
    """Faults that strike one actor for a time are refused there, not silently left out."""
    faults = Faults(1, kinds=frozenset({Fault.DISK_LOST}))
    with pytest.raises(UnsupportedFaultError, match="disk lost"):
        prove(System(production.scenario(plans=2, enactors=1, faults=faults)), crowd="enactor")
