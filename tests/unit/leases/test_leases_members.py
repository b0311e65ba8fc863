"""Members of a role as targets: the table, and the registrar's loop over a memory store."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from holdfast.leases.members import FORGET_MOST_S, FORGET_S, LEAVING, membership
from holdfast.leases.registrar import registrar_loop
from holdfast.model.codec import decode, encode
from holdfast.model.configuration import (
    Check,
    Configuration,
    EndpointConfig,
    GroupConfig,
    Mode,
    StoredConfiguration,
    TargetConfig,
)
from holdfast.model.keys import Keys
from holdfast.model.lease import Lease, Place
from holdfast.model.observation import (
    LEASE_LOST,
    LEASE_LOST_AS_MOST,
    LEASES_OBSERVER,
    Observations,
    TargetObservation,
    TargetState,
)
from holdfast.ports.clock import Arm, Disarm, Fired, Idle, Rest
from holdfast.ports.events import Emit, Event
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.store import Commit, Get, Put, Range
from holdfast.stores.memory import MemoryState

KEYS = Keys("s")
PLACE = Place(port=80, a="192.0.2.1", label="left")
STATIC = GroupConfig("fixed", (TargetConfig("f", "192.0.2.99", None, 80, "left"),), Check())
CONFIGURATION = Configuration(
    scope="s",
    mode=Mode.ENFORCE,
    zones=(),
    groups=(STATIC, GroupConfig("web", (), Check(), role="api")),
    endpoints=(EndpointConfig("www.x.test", "x.test", "web"),),
    probers=(),
)
UP, DOWN, PENDING = TargetState.UP, TargetState.DOWN, TargetState.PENDING


def lease(name: str = "n", place: Place | None = PLACE, role: str = "api") -> Lease:
    """A lease in the store."""
    return Lease(role, name, "me", 7, place)


def said(state: TargetState, *keys: str, reason: str = "it") -> dict[str, TargetObservation]:
    """What was said before of these."""
    return {key: TargetObservation(key, state, reason) for key in keys}


@pytest.mark.parametrize(
    ("place", "before", "now", "reason"),
    [
        (PLACE, None, UP, "holds"),
        (msgspec.structs.replace(PLACE, leaving=True), UP, DOWN, LEAVING),
        (msgspec.structs.replace(PLACE, ready=False), None, PENDING, "not ready yet"),
        (msgspec.structs.replace(PLACE, ready=False), DOWN, PENDING, "not ready yet"),
        (msgspec.structs.replace(PLACE, ready=False), PENDING, PENDING, "not ready yet"),
        (msgspec.structs.replace(PLACE, ready=False), UP, UP, "not any more"),
    ],
)
def test_what_a_lease_says(place: Place, before: TargetState | None, now: TargetState, reason: str) -> None:
    """The rows of the table with a lease."""
    found = membership(CONFIGURATION, [lease(place=place)], {} if before is None else said(before, "web/n"))
    (seen,) = found.seen
    assert (seen.target, seen.state) == ("web/n", now)
    assert reason in seen.reason
    assert found.groups[1].targets == (TargetConfig("n", "192.0.2.1", None, 80, "left"),)
    assert found.groups[0] is STATIC
    assert found.joined == ("web/n",)


def test_a_lost_lease_keeps_its_target_until_it_is_forgotten() -> None:
    """The target stays configured and is DOWN: nothing leaves a name by vanishing from a list."""
    joined = membership(CONFIGURATION, [lease()], {})
    configuration = msgspec.structs.replace(CONFIGURATION, groups=joined.groups)
    gone = membership(configuration, [lease(role="other"), lease("m", None)], said(UP, "web/n"))
    assert gone.groups == joined.groups
    assert [(seen.state, seen.reason) for seen in gone.seen] == [(DOWN, LEASE_LOST)]
    assert gone.lost == ("web/n",)
    forgotten = membership(configuration, [], said(DOWN, "web/n"), forget=frozenset({"web/n"}))
    assert (forgotten.groups[1].targets, forgotten.forgotten) == ((), ("web/n",))


def test_nobody_is_forgotten_while_most_are_lost() -> None:
    """Four of six lost for an hour: the lease service is suspected, all stay configured; after a day they go.

    Who left by its own word counts for nothing, and is forgotten after an hour; half of them are not most.
    """
    names = [f"n{n}" for n in range(6)]
    keys = [f"web/{name}" for name in names]
    joined = membership(CONFIGURATION, [lease(name=name) for name in names], {})
    configuration = msgspec.structs.replace(CONFIGURATION, groups=joined.groups)
    two = [lease(name=name) for name in names[:2]]
    gone = frozenset(keys[2:])
    assert membership(configuration, two, {}, forget=gone).forgotten == ()
    assert membership(configuration, two, {}, forget=gone, forget_most=gone).forgotten == tuple(keys[2:])
    assert membership(configuration, [*two, lease(name="n2")], {}, forget=gone).forgotten == tuple(keys[3:])
    left = membership(configuration, two, said(DOWN, *gone, reason=LEAVING), forget=gone - {"web/n5"})
    assert left.forgotten == tuple(keys[2:5])
    assert [seen.reason for seen in left.seen if seen.target == "web/n5"] == [LEAVING]


def test_a_loss_of_most_is_over_when_nearly_all_are_back() -> None:
    """Twelve of twenty lost: the service is doubted until no more than two are; the next loss is their own."""
    names = [f"n{n:02}" for n in range(20)]
    joined = membership(CONFIGURATION, [lease(name=name) for name in names], {})
    configuration = msgspec.structs.replace(CONFIGURATION, groups=joined.groups)
    before = {one.target: one for one in joined.seen}
    reasons = []
    for held in (11, 8, 11, 17, 18, 11):
        found = membership(configuration, [lease(name=name) for name in names[:held]], before)
        before = {one.target: one for one in found.seen}
        (reason,) = {one.reason for one in found.seen if one.state is DOWN}
        reasons.append(reason)
    own, most = LEASE_LOST, LEASE_LOST_AS_MOST
    assert reasons == [own, most, most, most, own, own]


class World:
    """The registrar's loop on a memory store; time is which timers have fired."""

    def __init__(self) -> None:
        self.store = MemoryState()
        self.put(KEYS.config, StoredConfiguration(3, "here", "d", CONFIGURATION))
        self.armed: dict[str, float] = {}
        self.fired: set[str] = set()
        self.events: list[Event] = []
        self.out = False
        self.loop = registrar_loop("s")
        self.operation: Any = self.loop.send(None)

    def put(self, key: str, value: object) -> None:
        """Somebody writes."""
        self.store.apply(Commit(puts=(Put(key, encode(value)),)))

    def drop(self, key: str) -> None:
        """Somebody deletes."""
        self.store.apply(Commit(deletes=(key,)))

    def turn(self) -> Rest:
        """From rest to rest."""
        while True:
            if isinstance(self.operation, Idle):
                self.operation = self.loop.send(False)
                self._until_rest()
                return self.rest
            self._until_rest()

    @property
    def rest(self) -> Rest:
        """How it rests now."""
        assert isinstance(self.operation, Idle)
        return self.operation.rest

    def until_commit(self) -> None:
        """Up to the moment before it writes."""
        while not isinstance(self.operation, Commit):
            answer = False if isinstance(self.operation, Idle) else self._answer(self.operation)
            self.operation = self.loop.send(answer)

    def _until_rest(self) -> None:
        while not isinstance(self.operation, Idle):
            self.operation = self.loop.send(self._answer(self.operation))

    def _answer(self, op: Any) -> Any:
        match op:
            case Arm(timer=timer, after_s=after_s):
                self.armed.setdefault(timer, after_s)
            case Fired(timers=timers):
                return frozenset(timers) & self.fired
            case Disarm(timers=timers):
                for timer in timers:
                    self.armed.pop(timer, None)
                    self.fired.discard(timer)
            case Emit(event=event):
                self.events.append(event)
            case Get() | Range() | Commit():
                return CouldNotAsk("out") if self.out else self.store.apply(op)
        return None

    @property
    def stored(self) -> StoredConfiguration:
        """The configuration."""
        entry = self.store.apply(Get(KEYS.config))
        assert entry is not None
        return decode(entry.value, StoredConfiguration)

    @property
    def said(self) -> Observations:
        """What it published."""
        entry = self.store.apply(Get(KEYS.observer(LEASES_OBSERVER)))
        assert entry is not None
        return decode(entry.value, Observations)


def test_the_registrar_makes_members_known_and_keeps_what_the_file_remembers() -> None:
    """A lease becomes a target under the next revision; the file's own revision and digest stay known."""
    world = World()
    world.put(KEYS.lease("api/n"), lease())
    assert world.turn() is Rest.POLL
    stored = world.stored
    assert (stored.revision, stored.of_file, stored.digest) == (4, 3, "d")
    assert [t.name for t in stored.configuration.groups[1].targets] == ["n"]
    assert [(seen.target, seen.state) for seen in world.said.targets] == [("web/n", UP)]
    assert [event.kind for event in world.events] == ["target.joined"]
    revision = world.said.revision
    world.turn()
    assert (world.stored.revision, world.said.revision) == (4, revision), "nothing new, nothing written"
    world.fired.add("registrar/beat")
    world.turn()
    assert world.said.revision == revision + 1, "a sign of life"


def test_the_registrar_forgets_after_an_hour_and_not_before() -> None:
    """Lost: DOWN at once, configured for an hour; back within it, it is UP and its timer gone."""
    world = World()
    world.put(KEYS.lease("api/n"), lease())
    world.turn()
    world.drop(KEYS.lease("api/n"))
    world.turn()
    assert world.said.targets[0].state is DOWN
    assert world.armed["registrar/forget/web/n"] == FORGET_S
    world.put(KEYS.lease("api/n"), lease())
    world.turn()
    assert world.said.targets[0].state is UP
    assert "registrar/forget/web/n" not in world.armed
    world.drop(KEYS.lease("api/n"))
    world.turn()
    world.fired.add("registrar/forget/web/n")
    world.turn()
    assert world.stored.configuration.groups[1].targets == ()
    assert world.said.targets == ()


def test_the_registrar_waits_for_a_day_where_most_lost_their_leases() -> None:
    """Both of a group for an hour: they stay configured. One comes back: the other is forgotten."""
    world = World()
    for name in ("n", "m"):
        world.put(KEYS.lease(f"api/{name}"), lease(name=name))
    world.turn()
    for name in ("n", "m"):
        world.drop(KEYS.lease(f"api/{name}"))
    world.turn()
    assert world.armed["registrar/forget-most/web/n"] == FORGET_MOST_S
    world.fired.update(f"registrar/forget/web/{name}" for name in ("n", "m"))
    world.turn()
    assert len(world.stored.configuration.groups[1].targets) == 2
    world.put(KEYS.lease("api/n"), lease())
    world.turn()
    assert [t.name for t in world.stored.configuration.groups[1].targets] == ["n"]
    assert not any("web/n" in timer for timer in world.armed)


def test_the_registrar_never_undoes_what_a_person_applied() -> None:
    """Between its reading and its writing somebody applies: it loses, and reads again."""
    world = World()
    world.put(KEYS.lease("api/n"), lease())
    world.until_commit()
    changed = msgspec.structs.replace(CONFIGURATION, mode=Mode.OBSERVE)
    world.put(KEYS.config, StoredConfiguration(4, "there", "e", changed))
    world._until_rest()
    assert world.rest is Rest.TURN
    world.turn()
    assert (world.stored.revision, world.stored.configuration.mode) == (5, Mode.OBSERVE)
    assert world.stored.of_file == 4


def test_an_outage_of_the_store_is_said_once() -> None:
    """It retries, and goes on when the store is back."""
    world = World()
    world.out = True
    assert (world.turn(), world.turn()) == (Rest.RETRY, Rest.RETRY)
    assert [event.kind for event in world.events] == ["registrar.waits"]
    world.out = False
    assert world.turn() is Rest.POLL
