"""Thread-modular proof: safety for *any number* of interchangeable actors and *any number* of faults.

Instead of all actors at once, the search keeps pairs (shared world, one actor): which local states may meet which
world. What any actor may do to a world, every other may find done (Flanagan and Qadeer, "Thread-modular model
checking", 2003). This forgets which local states occur *together*, so it reaches more than can happen:
"proved" is a proof, for one enactor or a hundred, with crashes, lost, delayed, duplicated and refused messages
without limit, each message in flight deliverable for ever; "not proved" is only a suspicion, to be confirmed by
an engine that finds runs.

The other actors (publisher, the person who freezes) and the data of zones and store are part of the world, as
exact as everywhere. Only disasters are counted: each makes a new world, and so an endless search.
"""

from __future__ import annotations

import time
from collections import deque

from holdfast.lab.engines.calm import no_collection
from holdfast.lab.engines.found import Found, Outcome
from holdfast.lab.system import State, Step, System
from holdfast.lab.world.faults import Fault
from holdfast.ports.dns import Update
from holdfast.ports.operation import Operation
from holdfast.ports.store import Commit


class _Modular:
    def __init__(self, system: System, slot: int, crowd: frozenset[int]) -> None:
        self.system, self.slot, self.crowd = system, slot, crowd
        self.numbers: dict[State, int] = {}
        self.worlds: list[State] = []
        self.agents: list[set[int]] = []
        self.edges: list[set[int]] = []
        self.messages: list[set[int]] = []
        self.pairs: deque[tuple[int, int]] = deque()
        self.fresh: deque[int] = deque()
        self.deliveries: deque[tuple[int, int]] = deque()
        self.count = self.steps = 0
        self.broken = ""
        faults = system.scenario.faults
        self.crash = faults.allows(Fault.CRASH)
        self.flying = faults.allows(Fault.DELAYED)
        self.singles = [i for i in range(system.first_cell) if i not in crowd]
        self.blank = [system.start[i] for i in range(system.first_cell)]

    # -- the sets that grow ---------------------------------------------------------------------------------

    def world(self, state: State) -> int:
        """Number of the world of a state: the crowd's places and the flight are blanked."""
        found = list(state)
        for i in self.crowd:
            found[i] = self.blank[i]
        found[self.system.flight_at] = self.system.start[self.system.flight_at]
        key = tuple(found)
        number = self.numbers.get(key)
        if number is None:
            number = self.numbers[key] = len(self.worlds)
            self.worlds.append(key)
            self.agents.append(set())
            self.edges.append(set())
            self.messages.append(set())
            self.fresh.append(number)
        return number

    def pair(self, world: int, agent: int) -> None:
        todo = [world]
        while todo:
            at = todo.pop()
            if agent not in self.agents[at]:
                self.agents[at].add(agent)
                self.pairs.append((at, agent))
                self.count += 1
                todo.extend(self.edges[at])

    def edge(self, world: int, after: int) -> None:
        if after == world or after in self.edges[world]:
            return
        self.edges[world].add(after)
        for agent in tuple(self.agents[world]):
            self.pair(after, agent)
        for message in tuple(self.messages[world]):
            self.message(after, message)

    def message(self, world: int, message: int) -> None:
        todo = [world]
        while todo:
            at = todo.pop()
            if message not in self.messages[at]:
                self.messages[at].add(message)
                self.deliveries.append((at, message))
                todo.extend(self.edges[at])

    # -- what happens ---------------------------------------------------------------------------------------

    def judge(self, before: State, step: Step) -> None:
        self.broken = self.broken or self.system.verdict(before, step) or ""

    def deliver(self, world: int, message: int) -> None:
        system = self.system
        flight = system.launched(system.start[system.flight_at], message)
        state = list(self.worlds[world])
        state[system.flight_at] = flight
        before = tuple(state)
        for step in system.world_steps(before):
            if step.operation is not None and step.result is not None:
                self.judge(before, step)
                self.edge(world, self.world(step.after))

    def crowd_steps(self, world: int, agent: int) -> None:
        """Everything that one of the crowd may do in a world."""
        system = self.system
        state = list(self.worlds[world])
        state[self.slot] = agent
        state[system.left_at] = system.start[system.left_at]
        before = tuple(state)
        left = self.worlds[world][system.left_at]
        for step in system.steps_of(before, self.slot):
            self.steps += 1
            self.judge(before, step)
            after = list(step.after)
            after[system.left_at] = left
            target = self.world(tuple(after))
            self.edge(world, target)
            self.pair(target, step.after[self.slot])
        self.fly(world, system.agents.pending[agent])
        if self.crash and system.actors[self.slot].crashes:
            self.pair(world, system.agents.crashed(agent))

    def fly(self, world: int, pending: object) -> None:
        """What an actor sends may stay in flight; but not the chunks of plans, which nothing guards."""
        guarded = (isinstance(pending, Update) and pending.changes) or (
            isinstance(pending, Commit) and pending.compares
        )
        if self.flying and guarded and isinstance(pending, Operation):
            self.message(world, self.system.agents.messages.number(pending))

    def single_steps(self, world: int) -> None:
        """What the actors that are part of the world may do, and disasters."""
        system = self.system
        state = self.worlds[world]
        left = state[system.left_at]
        full = (*state[: system.left_at], system.start[system.left_at])
        for i in self.singles:
            if system.waits(i) and system.barred(state, i):
                continue
            for step in system.steps_of(full, i):
                self.steps += 1
                self.judge(full, step)
                self.edge(world, self.world((*step.after[: system.left_at], left)))
            if system.actors[i].environment:
                continue
            self.fly(world, system.agents.pending[state[i]])
            if self.crash and system.actors[i].crashes:
                crashed = list(state)
                crashed[i] = system.agents.crashed(state[i])
                self.edge(world, self.world(tuple(crashed)))
        for step in system.world_steps(state):
            if step.actor < 0 and step.operation is None and step.cost:
                self.edge(world, self.world(step.after))

    def run(self, until: float) -> bool:
        """Until nothing is new or something is broken; False if the time is over before."""
        turns = 0
        while (self.pairs or self.fresh or self.deliveries) and not self.broken:
            turns += 1
            if turns % 1024 == 0 and time.perf_counter() > until:
                return False
            if self.fresh:
                self.single_steps(self.fresh.popleft())
            elif self.deliveries:
                self.deliver(*self.deliveries.popleft())
            else:
                self.crowd_steps(*self.pairs.popleft())
        return True


def prove(system: System, *, crowd: str, seconds: float = 600.0, disasters: int = 0) -> Outcome:
    """Prove the invariants for any number of actors of kind `crowd`, any number of faults, and `disasters`.

    The scenario has one such actor (more change nothing), and its faults say which kinds may happen.
    """
    begun = time.perf_counter()
    members = frozenset(i for i, a in enumerate(system.actors) if a.kind == crowd)
    search = _Modular(system, min(members), members)
    start = search.world((*system.start[: system.left_at], disasters))
    search.pair(start, system.start[search.slot])
    with no_collection():
        complete = search.run(begun + seconds)
    kinds = ", ".join(sorted(k.value for k in system.scenario.faults.kinds if k is not Fault.DISASTER))
    found = Found(f"perhaps {search.broken} (thread-modular: to be confirmed)", ()) if search.broken else None
    return Outcome(
        engine="thread-modular",
        bounds=(
            f"{system.scenario.name}: {system.scenario.bounds.split(',')[0]}, any number of {crowd}s, any number"
            f" of faults ({kinds}), any number of messages in flight, {disasters} disasters; safety only"
        ),
        units="pairs",
        count=search.count,
        steps=search.steps,
        seconds=time.perf_counter() - begun,
        complete=complete and found is None,
        found=found,
    )
