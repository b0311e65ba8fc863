"""Holdfast's processes with their store on PostgreSQL and on etcd: every role, and what becomes of the names."""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest
from quickstart_world import ADDRESSES, NAME, SCOPE, Quickstart, quickstart
from store_engines import ENGINES, Engine

from holdfast.events.record import Record
from holdfast.model.identity import Identity
from holdfast.model.keys import Keys
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.store import Get
from holdfast.stores.opening import open_store
from servers.waiting import eventually
from visible import start_or_skip

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("system-stores")]
PATIENCE_S = 60.0


@pytest.fixture(params=list(ENGINES))
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """A store of the test's own."""
    with start_or_skip(ENGINES[request.param]) as running:
        yield running


@pytest.fixture
def world(engine: Engine, tmp_path: Path) -> Iterator[Quickstart]:
    """A quickstart on it that nothing runs in yet."""
    with quickstart(tmp_path, store_lines=engine.lines()) as made:
        yield made


def start_roles(world: Quickstart, *, planners: int = 1, enactors: str = "abc") -> None:
    """Each role as a process of its own, until DNS answers with every backend."""
    world.remember()
    for address in ADDRESSES:
        world.ok("demo", "start", address)
    world.start("dns", world.file.name, log="dns")
    world.ok("apply", world.file.name)
    for name in "abc":
        world.start("prober", world.file.name, "--name", name, log=f"prober-{name}")
    for number in range(planners):
        world.start("planner", world.file.name, "--name", f"planner-{number}", log=f"planner-{number}")
    for name in enactors:
        world.start("enactor", world.file.name, "--name", f"enactor-{name}", log=f"enactor-{name}")
    world.until_answers(*ADDRESSES, within_s=PATIENCE_S)


def test_names_stand_while_the_store_is_away(world: Quickstart, engine: Engine) -> None:
    """Each role as a process. The store away: names stay, also under an enactor that starts then. Back: all go on.

    While it is away nothing is decided, so the backend that dies stays in DNS until the store is back.
    """
    start_roles(world)
    assert "store answers" in world.ok("status")
    examined = world.ok("doctor", "--store", world.file.name)
    assert examined.startswith(f"store {engine.name}://")
    assert "ok  answers: a transaction without writes took" in examined
    assert world.state.joinpath("store.sqlite").exists() is False
    engine.out()
    world.kill_backends(ADDRESSES[0])
    world.start("enactor", world.file.name, "--name", "enactor-d", log="enactor-d")
    world.steady(3.0, lambda answer: answer == frozenset(ADDRESSES))
    status = world.run("status")
    assert engine.name in status.out + status.err, "status names the store that does not answer"
    doctor = world.run("doctor", "--store", world.file.name, "--format", "json")
    assert (doctor.code, '"verdict": "bad"' in doctor.out) == (1, True), doctor
    assert "Traceback" not in status.err
    engine.back()
    world.until_answers(*ADDRESSES[1:], within_s=PATIENCE_S)


def test_a_restored_backup_is_not_trusted(world: Quickstart, engine: Engine, tmp_path: Path) -> None:
    """The backup is older than the fence: the plan comes back from an enactor's disk, the drain with it (R3)."""
    world.demo_up()
    engine.save(tmp_path / "backup")
    world.ok("drain", ADDRESSES[0], "--reason", "so that words are lost too")
    world.until_answers(*ADDRESSES[1:])
    served = frozenset(ADDRESSES[1:])
    engine.restore(tmp_path / "backup")
    world.until_event("store.reseeded", "put back from the disk of", within_s=PATIENCE_S)
    world.steady(1.5, lambda answer: answer == served)
    assert f"drained {NAME}/left-1" in world.ok("status")
    world.kill_backends(ADDRESSES[1])
    world.until_answers(*ADDRESSES[2:], within_s=PATIENCE_S)
    newest = world.events("plan.created")[-1].plan
    assert newest is not None
    assert (newest.incarnation, newest.generation >= 3) == (2, True)


@pytest.mark.parametrize("kills", [1, pytest.param(20, marks=pytest.mark.soak)])
def test_a_leader_killed_while_plans_are_made_and_removed(world: Quickstart, engine: Engine, kills: int) -> None:
    """Two planners, words without a pause, kills: no generation twice, the fence's plan always there (I3)."""
    text = world.text() + "keep_plans = 1\n"
    world.file.write_text(text)
    start_roles(world, planners=2)
    with Watch(world, engine) as watch, Turning(world) as turning:
        for _ in range(kills):
            engine.strike()
            turning.once_more()
            watch.once_more()
    for address in ADDRESSES:
        world.run("undrain", address)
    world.until_answers(*ADDRESSES, within_s=PATIENCE_S)
    created = world.events("plan.created")
    assert len(created) >= 2 * kills
    assert generations_used_twice(created) == {}
    assert world.events("cleanup.removed"), "clean-up had nothing to do: the test shows nothing"
    assert watch.breaches == []


def generations_used_twice(created: tuple[Record, ...]) -> dict[tuple[int, int], set[str]]:
    """Plans by incarnation and generation, where there are several."""
    plans: dict[tuple[int, int], set[str]] = defaultdict(set)
    for record in created:
        if record.plan is not None:
            plans[record.plan.incarnation, record.plan.generation].add(record.plan.hash)
    return {at: hashes for at, hashes in plans.items() if len(hashes) > 1}


class Beside(ABC):
    """Something done again and again in a thread beside the test. A context manager."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self.run)
        self._done = 0

    @abstractmethod
    def run(self) -> None:
        """Until `_stop`."""

    def once_more(self) -> None:
        """Wait until it has been done once more from its beginning, counted from now."""
        wanted = self._done + 2
        name = type(self).__name__

        def done() -> bool:
            assert self._done >= wanted or self._thread.is_alive(), f"{name} has ended"
            return self._done >= wanted

        eventually(done, PATIENCE_S, lambda: f"{name} was done {self._done} times only")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


class Turning(Beside):
    """A drain and its end, two plans. While the store is away they are refused or unanswered: no matter here."""

    def __init__(self, world: Quickstart) -> None:
        super().__init__()
        self._world = world

    def run(self) -> None:
        while not self._stop.is_set():
            self._world.run("drain", ADDRESSES[0], "--reason", "turn")
            self._world.run("undrain", ADDRESSES[0])
            self._done += 1


class Watch(Beside):
    """Looks all the time: is the plan that the fence names in the store?"""

    def __init__(self, world: Quickstart, engine: Engine) -> None:
        super().__init__()
        self._world, self._engine = world, engine
        self.breaches: list[str] = []

    def run(self) -> None:
        asyncio.run(self._run())

    async def _run(self) -> None:
        store = open_store(self._engine.settings())
        keys = Keys(SCOPE)
        while not self._stop.is_set():
            fence = self._world.fence()
            head = None if fence is None else await store.get(Get(keys.plan(fence.generation)))
            if fence is None or isinstance(head, CouldNotAsk):
                continue
            # It may have gone because the fence had moved on: only then is it no breach.
            if head is None and self._world.fence() == fence:
                self.breaches.append(f"the fence is at {fence}, and the store has no such plan")
            self._done += 1
            await asyncio.sleep(0.02)
        await store.close()


def test_the_watch_sees_what_it_should() -> None:
    """Two plans of one generation are found; one plan told twice is one."""
    a, b = Identity(1, 5, "a" * 16), Identity(1, 5, "b" * 16)
    assert generations_used_twice((created_at(a), created_at(a))) == {}
    assert generations_used_twice((created_at(a), created_at(b))) == {(1, 5): {"a" * 16, "b" * 16}}


def created_at(plan: Identity) -> Record:
    """An event of a plan."""
    return Record(at="", process="p", actor="planner", kind="plan.created", text="", plan=plan)
