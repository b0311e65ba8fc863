"""Thread-modular proof: for *any number* of interchangeable actors and *any number* of faults.

Instead of all actors at once, the search keeps pairs (shared world, one actor): which local states may meet which
world. What any actor may do to a world, every other may find done (Flanagan and Qadeer, "Thread-modular model
checking", 2003). This forgets which local states occur *together*, so it reaches more than can happen: "proved" is
a proof, for one enactor or a hundred, with crashes, lost, delayed, duplicated, reordered and refused messages
without limit, each message in flight deliverable for ever; "not proved" is only a suspicion, to be
confirmed by an engine that finds runs.

The other actors (publisher, the person who freezes) and the data of zones and store are part of the world, as
exact as everywhere. Only disasters are counted: each makes a new world, and so an endless search.

*No wedge* is proved alike, by more than is needed: from every pair that was reached, that one actor alone, with
the publisher and people but with all its fellows paused for ever and nothing going wrong, can bring the world to a
converged state (`engines.solo`). What one can do alone, it can do in company.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import NamedTuple

from holdfast.lab.actor import Failed
from holdfast.lab.engines.calm import no_collection
from holdfast.lab.engines.dpor import UnsupportedFaultError
from holdfast.lab.engines.found import Found, Outcome
from holdfast.lab.engines.solo import stranded
from holdfast.lab.steps import State, Step
from holdfast.lab.system import System
from holdfast.lab.world.faults import Fault
from holdfast.ports.dns import Update
from holdfast.ports.operation import Operation
from holdfast.ports.store import Commit

NEVER = 1 << 30

PAIRS_MAX = 30_000_000
"""About 4 GiB; a search that grows beyond has no answer."""


class Row(NamedTuple):
    """What an agent may do while the cell that it touches has a certain value."""

    near: tuple[tuple[int, int], ...]
    """Agents that it may become, the world as it is, and what that costs in faults."""
    far: tuple[tuple[int, int, int], ...]
    """The same with the cell's new number: (cell, agent, cost)."""
    message: int
    """What it sends and may stay in flight, -1 for nothing."""
    whole: bool
    """Whether faults were looked at."""


class Crowd:
    """The search: worlds, the agents that may meet each, and what leads from world to world.

    `spare` is how many faults each of the crowd may suffer; with None, as many as there may be, which costs more
    to learn.
    """

    def __init__(self, system: System, slot: int, members: frozenset[int], spare: int | None) -> None:
        self.system, self.slot, self.members = system, slot, members
        self.numbers: dict[State, int] = {}
        self.worlds: list[State] = []
        self.agents: list[dict[int, int]] = []
        """By world: the agents that may meet it, with the fewest faults that they have suffered by then."""
        self.edges: list[set[int]] = []
        self.messages: list[set[int]] = []
        self.tables: dict[tuple[int, int], dict[int, Row]] = {}
        """By cell and its number: the rows met so far, by agent."""
        self.alone: set[tuple[int, int]] = set()
        """Worlds that an actor outside of the crowd leads to, nothing going wrong: (from, to)."""
        self.steps = 0
        self.broken = ""
        self._price, self._spare = (0, 0) if spare is None else (1, spare)
        self._endless = spare is None
        self._arrived: list[dict[int, int]] = []
        self._queue: deque[int] = deque()
        self._fresh: deque[int] = deque()
        self._deliveries: deque[tuple[int, int]] = deque()
        faults = system.scenario.faults
        self._crash = faults.allows(Fault.CRASH) and system.actors[slot].crashes
        self._flying = faults.allows(Fault.DELAYED)
        self._singles = [i for i in range(system.first_cell) if i not in members]

    @property
    def count(self) -> int:
        """Pairs reached."""
        return sum(map(len, self.agents))

    # -- the sets that grow ---------------------------------------------------------------------------------

    def blanked(self, state: State) -> State:
        """The world of a state: the crowd's places and the flight are blank."""
        found = list(state)
        for i in self.members:
            found[i] = self.system.start[i]
        found[self.system.flight_at] = self.system.start[self.system.flight_at]
        return tuple(found)

    def world(self, state: State) -> int:
        """Number of the world of a state."""
        key = self.blanked(state)
        number = self.numbers.get(key)
        if number is None:
            number = self.numbers[key] = len(self.worlds)
            self.worlds.append(key)
            self.agents.append({})
            self.edges.append(set())
            self.messages.append(set())
            self._arrived.append({})
            self._fresh.append(number)
        return number

    def meet(self, world: int, agents: Mapping[int, int]) -> None:
        """These agents, with the faults that they have suffered, may meet this world."""
        known, arrived = self.agents[world], self._arrived[world]
        new = {a: k for a, k in agents.items() if known.get(a, NEVER) > k}
        if new:
            if not arrived:
                self._queue.append(world)
            known.update(new)
            arrived.update(new)

    def edge(self, before: int, after: int) -> None:
        """Somebody may make this world of that one: whoever meets the one may meet the other."""
        if after != before and after not in self.edges[before]:
            self.edges[before].add(after)
            self.meet(after, self.agents[before])
            for message in tuple(self.messages[before]):
                self.message(after, message)

    def message(self, world: int, message: int) -> None:
        """A message may be in flight while the world is this."""
        todo = [world]
        while todo:
            at = todo.pop()
            if message not in self.messages[at]:
                self.messages[at].add(message)
                self._deliveries.append((at, message))
                todo.extend(self.edges[at])

    # -- what happens ---------------------------------------------------------------------------------------

    def _judge(self, before: State, step: Step) -> None:
        self.broken = self.broken or self.system.verdict(before, step) or ""

    def _deliver(self, world: int, message: int) -> None:
        system = self.system
        state = list(self.worlds[world])
        state[system.flight_at] = system.launched(system.start[system.flight_at], message)
        before = tuple(state)
        for step in system.world_steps(before):
            if step.operation is not None and step.result is not None:
                self._judge(before, step)
                self.edge(world, self.world(step.after))

    def _row(self, agent: int, cell: int, *, whole: bool) -> Row:
        """What an agent may do; the first look at it runs the real code."""
        agents = self.system.agents
        moves = agents.moves(agent, cell) if whole else agents.calm_moves(agent, cell)
        price = self._price
        for move in moves:
            ended = agents.ended(move.agent)
            if isinstance(ended, Failed):
                self.broken = self.broken or f"raised: {self.system.actors[self.slot].name}: {ended.error}"
        near = {(m.agent, m.cost * price) for m in moves if m.cell in (cell, -1)}
        if whole and self._crash and agents.alive[agent]:
            near.add((agents.crashed(agent), price))
        return Row(
            near=tuple(near),
            far=tuple((m.cell, m.agent, m.cost * price) for m in moves if m.cell not in (cell, -1)),
            message=self._sent(agents.pending[agent]) if whole else -1,
            whole=whole,
        )

    def _sent(self, pending: object) -> int:
        """The number of what may stay in flight; chunks of plans, which nothing guards, are left out."""
        guarded = (isinstance(pending, Update) and pending.changes) or (
            isinstance(pending, Commit) and pending.compares
        )
        if self._flying and guarded and isinstance(pending, Operation):
            return self.system.agents.messages.number(pending)
        return -1

    def _flood(self, world: int) -> None:
        """Everything that the agents that arrived may do: first within this world, then what leads out of it."""
        cells = self.worlds[world][self.system.first_cell : self.system.flight_at]
        # Index -1 is for agents that touch no cell.
        numbers = (*cells, -1)
        tables = [self.tables.setdefault((i, c), {}) for i, c in enumerate(cells)]
        tables.append(self.tables.setdefault((-1, -1), {}))
        known, touches, spare, endless = self.agents[world], self.system.agents.touches, self._spare, self._endless
        todo = list(self._arrived[world].items())
        moved: dict[int, int] = {}
        out: dict[tuple[int, int], dict[int, int]] = {}
        while todo:
            agent, spent = todo.pop()
            if known[agent] < spent:
                continue
            moved[agent] = spent
            touched = touches[agent]
            whole = endless or spent < spare
            row = tables[touched].get(agent)
            if row is None or (whole and not row.whole):
                row = tables[touched][agent] = self._row(agent, numbers[touched], whole=whole)
            for other, cost in row.near:
                cost += spent
                if cost <= spare and known.get(other, NEVER) > cost:
                    known[other] = cost
                    todo.append((other, cost))
            for cell, other, cost in row.far:
                cost += spent
                reached = out.setdefault((touched, cell), {})
                if cost <= spare and reached.get(other, NEVER) > cost:
                    reached[other] = cost
            if row.message >= 0 and whole:
                self.message(world, row.message)
            self.steps += len(row.near) + len(row.far)
        self._arrived[world].clear()
        for after in tuple(self.edges[world]):
            self.meet(after, moved)
        self._leave(world, out)

    def _leave(self, world: int, out: dict[tuple[int, int], dict[int, int]]) -> None:
        """Worlds that the crowd makes of this one, judged."""
        before = self.worlds[world]
        for (touched, cell), agents in out.items():
            if agents:
                state = changed(before, self.system.first_cell + touched, cell)
                self._judge(before, Step(self.slot, 0, state, "", None, None, touched))
                after = self.world(state)
                self.edge(world, after)
                self.meet(after, agents)

    def _single_steps(self, world: int) -> None:
        """What the actors that are part of the world may do, and disasters."""
        system = self.system
        state = self.worlds[world]
        left = state[system.left_at]
        full = (*state[: system.left_at], system.start[system.left_at])
        for i in self._singles:
            if system.waits(i) and system.barred(state, i):
                continue
            for step in system.steps_of(full, i):
                self.steps += 1
                self._judge(full, step)
                after = self.world((*step.after[: system.left_at], left))
                self.edge(world, after)
                if not step.cost:
                    self.alone.add((world, after))
            actor = system.actors[i]
            if actor.environment:
                continue
            message = self._sent(system.agents.pending[state[i]])
            if message >= 0:
                self.message(world, message)
            if system.scenario.faults.allows(Fault.CRASH) and actor.crashes:
                crashed = list(state)
                crashed[i] = system.agents.crashed(state[i])
                self.edge(world, self.world(tuple(crashed)))
        for step in system.world_steps(state):
            if step.actor < 0 and step.operation is None and step.cost:
                self.edge(world, self.world(step.after))

    def run(self, until: float, on_progress: Callable[[int], None] | None = None) -> bool:
        """Until nothing is new or something is broken; False if time or memory is used up before."""
        floods = 0
        while (self._queue or self._fresh or self._deliveries) and not self.broken:
            if self._fresh:
                self._single_steps(self._fresh.popleft())
            elif self._deliveries:
                self._deliver(*self._deliveries.popleft())
            else:
                self._flood(self._queue.popleft())
                floods += 1
                if floods % 64 == 0 and self.count > PAIRS_MAX:
                    return False
                if floods % 64 == 0 and on_progress is not None:
                    on_progress(self.count)
            if time.perf_counter() > until:
                return False
        return True


def changed(state: State, at: int, number: int) -> State:
    """A state with one place changed."""
    return (*state[:at], number, *state[at + 1 :])


def prove(
    system: System,
    *,
    crowd: str,
    seconds: float = 600.0,
    spare: int | None = None,
    disasters: int = 0,
    wedge: bool = False,
    on_progress: Callable[[int], None] | None = None,
) -> Outcome:
    """Prove the invariants for any number of actors of kind `crowd`, any number of faults, and `disasters`.

    With `spare`, for at most that many faults upon each of them (and so upon all together, for smaller numbers).
    The scenario has one such actor (more change nothing), and its faults say which kinds may happen. With `wedge`,
    also that each of them alone can always come to converge.

    Raises:
        UnsupportedFaultError: the scenario has faults that strike one actor alone, and for a time.
    """
    other = system.scenario.faults.kinds & {Fault.PARTITION, Fault.DISK_LOST, Fault.DISK_FULL}
    if other:
        named = ", ".join(sorted(k.value for k in other))
        raise UnsupportedFaultError(f"the thread-modular engine has no {named}: use the exhaustive engine")
    begun = time.perf_counter()
    members = frozenset(i for i, a in enumerate(system.actors) if a.kind == crowd)
    assert not members & system.observed, "an invariant looks at one of the crowd: who of any number?"
    search = Crowd(system, min(members), members, spare)
    start = search.world((*system.start[: system.left_at], disasters))
    search.meet(start, {system.start[search.slot]: 0})
    with no_collection():
        complete = search.run(begun + seconds, on_progress)
        if wedge and complete and not search.broken:
            search.broken = stranded(search)
    kinds = ", ".join(sorted(k.value for k in system.scenario.faults.kinds if k is not Fault.DISASTER))
    found = Found(search.broken, (), suspected=True) if search.broken else None
    return Outcome(
        engine="thread-modular",
        bounds=(
            f"{system.scenario.name}: {system.scenario.crowded or system.scenario.bounds}, any number of {crowd}s,"
            f" {'any number of' if spare is None else f'{spare} for each and in all any number of'}"
            f" faults ({kinds}), any number of messages in flight, {disasters} disasters"
            f"{', and each alone can always converge' if wedge else '; safety only'}"
        ),
        units="pairs",
        count=search.count,
        steps=search.steps,
        seconds=time.perf_counter() - begun,
        complete=complete and found is None,
        found=found,
    )
