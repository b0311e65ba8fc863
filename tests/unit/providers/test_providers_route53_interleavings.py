"""Every interleaving of two writers, a freeze and a batch in flight, request by request, on the fake's rules.

Exhaustive: a schedule is the choice of who goes next at each request; all are run, each from the start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from route53_world import SCOPE, World, address, fence

from holdfast.model.fence import Fence, parse_fence
from holdfast.ports.operation import CouldNotAsk, Loop
from holdfast.ports.provider import FencedWrite, FenceMoved, PinFence, RRsetChange, WriteResult, Wrote
from holdfast.ports.route53 import Accepted, ChangeRecordSets, SetAction

ONE, TWO, THREE = fence(1), fence(2), fence(3)
FROZEN = fence(1, sequence=1, freezes=("frzaaaa",))


class Actor:
    """A coroutine that is stepped one request at a time."""

    def __init__(self, name: str, loop: Loop[WriteResult]) -> None:
        self.name = name
        self._loop = loop
        self.result: WriteResult | None = None
        self.ended_at = 0
        self._op: Any = self._loop.send(None)

    @property
    def live(self) -> bool:
        return self.result is None

    def step(self, world: Race) -> None:
        """One request is answered."""
        answer = world.answer(self, self._op)
        try:
            self._op = self._loop.send(answer)
        except StopIteration as end:
            self.result = end.value
            self.ended_at = len(world.log)


class Race:
    """One run: the commit log, and batches that are in flight."""

    def __init__(self, *, lossy: str = "") -> None:
        self.world = World()
        self.world.put_fence(ONE)
        self.lossy = lossy
        self.log: list[tuple[str, Fence]] = []
        """Who had a batch accepted, and the fence that it put up, in the order of commits."""
        self.flying: ChangeRecordSets | None = None
        self.actors: list[Actor] = []

    def join(self, name: str, pin: Fence, after: Fence, *changes: RRsetChange) -> None:
        write = FencedWrite(PinFence(pin), after, changes)
        self.actors.append(Actor(name, self.world.provider.write(SCOPE, write)))

    def answer(self, actor: Actor, op: Any) -> Any:
        if not isinstance(op, ChangeRecordSets):
            return self.world.answer(op)
        if actor.name == self.lossy:
            self.flying = op
            return CouldNotAsk("in flight", maybe_applied=True)
        return self.commit(actor.name, op)

    def commit(self, name: str, op: ChangeRecordSets) -> Any:
        answer = self.world.change(*op.changes)
        if isinstance(answer, Accepted):
            made = [c for c in op.changes if c.record_set.rtype == "TXT" and c.action is SetAction.CREATE]
            text = parse_fence(made[0].record_set.values[0].strip('"'))
            assert text is not None
            self.log.append((name, text))
        return answer

    def choices(self) -> list[Callable[[], Any]]:
        """What may happen next."""
        found: list[Callable[[], Any]] = [lambda a=a: a.step(self) for a in self.actors if a.live]  # type: ignore[misc]
        if self.flying is not None:
            found.append(self._arrive)
        return found

    def _arrive(self) -> None:
        op, self.flying = self.flying, None
        assert op is not None
        self.commit(self.lossy, op)

    def addresses(self) -> tuple[str, ...]:
        sets = self.world.engine.zones["Z1"].sets
        return tuple(r["Value"] for k, s in sets.items() if k[1] == "A" for r in s["ResourceRecords"])


def _all(make: Callable[[], Race]) -> Iterator[Race]:
    """Each schedule, run to its end."""
    path: list[tuple[int, int]] = []
    while True:
        race, depth = make(), 0
        while choices := race.choices():
            if depth == len(path):
                path.append((0, len(choices)))
            choices[path[depth][0]]()
            depth += 1
        yield race
        while path and path[-1][0] + 1 == path[-1][1]:
            path.pop()
        if not path:
            return
        path[-1] = (path[-1][0] + 1, path[-1][1])


def _two_writers(lossy: str) -> Race:
    race = Race(lossy=lossy)
    race.join("two", ONE, TWO, address("a", "192.0.2.2"))
    race.join("three", ONE, THREE, address("a", "192.0.2.3"))
    return race


def _monotone(race: Race) -> None:
    identities = [fence.identity for _, fence in race.log]
    assert identities == sorted(identities), "I1: the fence never goes down"


def test_two_writers_in_every_order_have_one_winner() -> None:
    """I1: one batch is accepted, its writer says so, the other that it lost; data and fence are the winner's."""
    count = 0
    for race in _all(lambda: _two_writers("")):
        count += 1
        assert len(race.log) == 1
        winner = race.log[0][0]
        for actor in race.actors:
            assert isinstance(actor.result, Wrote if actor.name == winner else FenceMoved), (actor.name, winner)
        assert race.addresses() == ({"two": "192.0.2.2", "three": "192.0.2.3"}[winner],)
    assert count > 50


def test_a_batch_in_flight_in_every_order_never_goes_back() -> None:
    """R5, I1: the older plan's batch, its reply lost, arrives at any time: nothing of it lands above the newer."""
    landed = set()
    for race in _all(lambda: _two_writers("two")):
        _monotone(race)
        assert len(race.log) == 1
        landed.add(race.log[0][0])
        two = race.actors[0].result
        if race.log[0][0] == "three":
            assert not isinstance(two, Wrote), "what never landed is not told as done"
            assert race.addresses() == ("192.0.2.3",)
    assert landed == {"two", "three"}


def test_a_freeze_in_every_order_is_final() -> None:
    """I5: once the freeze is answered with `Wrote`, no batch that pinned the fence before it is accepted."""
    orders = set()
    for lossy in ("", "two"):

        def make(lossy: str = lossy) -> Race:
            race = Race(lossy=lossy)
            race.join("two", ONE, TWO, address("a", "192.0.2.2"))
            race.join("freeze", ONE, FROZEN)
            return race

        for race in _all(make):
            freeze = race.actors[1]
            orders.add(tuple(name for name, _ in race.log))
            if isinstance(freeze.result, Wrote):
                assert race.log[freeze.ended_at :] == []
                assert race.addresses() == ()
            else:
                assert isinstance(freeze.result, FenceMoved)
    assert orders == {("two",), ("freeze",)}
