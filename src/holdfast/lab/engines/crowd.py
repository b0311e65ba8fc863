"""The search of the thread-modular proof: worlds, the agents that may meet each, and what leads to other worlds.

    world: publisher, people, the cells      agents of a world: who of the crowd may be there meanwhile
    an agent's step that changes a cell, or one of the others'      ->  an edge to another world
    what may meet a world may meet all worlds that its edges lead to: somebody else took the step

Agents are kept by the faults that they have suffered, as sets that only grow; within a world they spread by
`engines.site`.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from holdfast.lab.engines.rows import Rows, members
from holdfast.lab.engines.site import Site
from holdfast.lab.steps import State, Step
from holdfast.lab.system import System
from holdfast.lab.world.faults import Fault
from holdfast.lab.world.store import StoreCell
from holdfast.nameserver.zone import Zone

MEMORY_MAX = 6 << 30
"""Bytes; a search that grows beyond has no answer."""

Levels = list[int]
"""Sets of agents: those that have suffered no fault, at most one, at most two, ..."""


class Bounds(NamedTuple):
    """What keeps worlds finite where nothing in the design does. What would exceed it is cut off, and said."""

    rewrites: int = 2
    """How often a document may be written that the scenario calls `rewritten`: once, and again after a fault."""
    updates: int = 8
    """How often a zone may be updated: while it has no fence, each of any number of enactors has to see its serial
    move before it may repair it."""


class World:
    """One world, and what was found out about it."""

    __slots__ = ("after", "agents", "closed", "messages", "number", "opened", "passed", "site", "state")

    def __init__(self, number: int, state: State, site: Site, levels: int) -> None:
        self.number, self.state, self.site = number, state, site
        self.agents: Levels = [0] * levels
        self.passed: Levels = [0] * levels
        """Those whose steps out of this world were taken."""
        self.opened: Levels = [0] * levels
        self.closed: Levels = [0] * levels
        """Those that arrived since; of `closed` all that they may become here arrived with them."""
        self.after: dict[int, World] = {}
        self.messages: set[int] = set()


class Crowd:
    """Grows worlds and agents until nothing is new.

    `spare`: faults that each of the crowd may suffer, None for any number.
    """

    def __init__(
        self, system: System, slot: int, crowd: frozenset[int], spare: int | None, bounds: Bounds
    ) -> None:
        self.system, self.slot = system, slot
        self.rows = Rows(system, slot)
        self.numbers: dict[State, World | None] = {}
        self.worlds: list[World] = []
        self.alone: set[tuple[int, int]] = set()
        """Worlds that an actor outside of the crowd leads to, nothing going wrong: (from, to)."""
        self.count = self.steps = 0
        """Pairs of a world and an agent; steps from world to world."""
        self.broken = ""
        self.cut: set[str] = set()
        """Where bounds cut something off, in words."""
        self._serials = {zone.origin: zone.serial for zone in system.scenario.zones}
        self._price = 0 if spare is None else 1
        self._levels = 1 if spare is None else spare + 1
        self._bounds = bounds
        self._beyond: dict[int, str] = {}
        self._sites: dict[State, Site] = {}
        self._queue: deque[World] = deque()
        self._fresh: deque[World] = deque()
        self._deliveries: deque[tuple[World, int]] = deque()
        self._crowd = crowd
        self._others = [i for i in range(system.first_cell) if i not in crowd]
        self._crashes = system.scenario.faults.allows(Fault.CRASH)

    def begin(self, disasters: int) -> None:
        """The first world, and one of the crowd in it."""
        system = self.system
        world = self.world((*system.start[: system.left_at], disasters))
        assert world is not None, "the scenario begins beyond its own bounds"
        self._meet(world, [1 << system.start[self.slot]] * self._levels, closed=False)

    def run(self, until: float, on_progress: Callable[[int], None] | None = None) -> bool:
        """Until nothing is new or something is broken; False if time or memory is used up before."""
        rounds = 0
        while (self._queue or self._fresh or self._deliveries) and not self.broken:
            if self._fresh:
                self._others_steps(self._fresh.popleft())
            elif self._deliveries:
                self._deliver(*self._deliveries.popleft())
            else:
                self._flood(self._queue.popleft())
                rounds += 1
                if rounds % 64 == 0 and on_progress is not None:
                    on_progress(self.count)
                if rounds % 64 == 0 and self._memory() > MEMORY_MAX:
                    return False
            if self.rows.broken:
                self.broken = self.rows.broken
            if time.perf_counter() > until:
                return False
        return True

    def _memory(self) -> int:
        """Bytes that sets of agents take, about."""
        sets = sum(site.kept for site in self._sites.values()) + 2 * self._levels * len(self.worlds)
        return sets * len(self.system.agents.touches) // 8

    # -- the sets that grow ---------------------------------------------------------------------------------

    def world(self, state: State) -> World | None:
        """The world of a state: the crowd's places and the flight are blank. None if it is beyond the bounds."""
        start = self.system.start
        found = list(state)
        for i in self._crowd:
            found[i] = start[i]
        found[self.system.flight_at] = start[self.system.flight_at]
        key = tuple(found)
        if key not in self.numbers:
            self.numbers[key] = self._new(key)
        return self.numbers[key]

    def _new(self, state: State) -> World | None:
        cells = state[self.system.first_cell : self.system.flight_at]
        beyond = next(filter(None, map(self._beyond_what, cells)), "")
        if beyond:
            self.cut.add(beyond)
            return None
        site = self._sites.get(cells)
        if site is None:
            site = self._sites[cells] = Site(self.rows, self.system.agents.touches, cells)
        world = World(len(self.worlds), state, site, self._levels)
        self.worlds.append(world)
        self._fresh.append(world)
        return world

    def _beyond_what(self, number: int) -> str:
        """Which bound the value of a cell exceeds, in words."""
        found = self._beyond.get(number)
        if found is None:
            found = self._beyond[number] = self._looked(self.system.agents.cells.values[number])
        return found

    def _looked(self, cell: object) -> str:
        rewrites, updates = self._bounds
        prefixes = self.system.scenario.rewritten
        if isinstance(cell, StoreCell) and prefixes:
            if any(e.revision > rewrites and e.key.startswith(prefixes) for e in cell.entries):
                return f"no {' or '.join(prefixes)}* written more than {rewrites} times"
        elif isinstance(cell, Zone) and cell.serial > self._serials[cell.origin] + updates:
            return f"no zone updated more than {updates} times"
        return ""

    def _meet(self, world: World, agents: Levels, *, closed: bool) -> None:
        """These agents may meet this world; `closed` if with all that they may become while the cells stay."""
        if any(more & ~known for more, known in zip(agents, world.agents, strict=True)):
            if not any(world.opened) and not any(world.closed):
                self._queue.append(world)
            arrived = world.closed if closed else world.opened
            for level, more in enumerate(agents):
                arrived[level] |= more

    def _edge(self, before: World, after: World | None) -> None:
        """Somebody may make this world of that one: whoever meets the one may meet the other."""
        self.steps += 1
        if after is not None and after is not before and after.number not in before.after:
            before.after[after.number] = after
            self._meet(after, before.passed, closed=after.site is before.site)
            for message in tuple(before.messages):
                self._message(after, message)

    def _message(self, world: World, message: int) -> None:
        """A message may be in flight while the world is this."""
        todo = [world]
        while todo:
            at = todo.pop()
            if message not in at.messages:
                at.messages.add(message)
                self._deliveries.append((at, message))
                todo.extend(at.after.values())

    # -- what happens ---------------------------------------------------------------------------------------

    def _judge(self, before: State, step: Step) -> None:
        self.broken = self.broken or self.system.verdict(before, step) or ""

    def _deliver(self, world: World, message: int) -> None:
        cell, landed, result = self.system.landing(world.state, message)
        after = changed(world.state, self.system.first_cell + cell, landed)
        if after != world.state:
            operation = self.system.agents.messages.values[message]
            self._judge(world.state, Step(-1, 0, after, "", result, operation, cell))
            self._edge(world, self.world(after))

    def _flood(self, world: World) -> None:
        """Everything that the agents that arrived may do: first within this world, then what leads out of it."""
        self._spread(world)
        fresh = [now & ~then for now, then in zip(world.agents, world.passed, strict=True)]
        self.count += fresh[-1].bit_count()
        world.passed = world.agents[:]
        for after in tuple(world.after.values()):
            self._meet(after, fresh, closed=after.site is world.site)
        # Who got further with fewer faults comes first; later levels hold the same agents again.
        for level in range(self._levels - 1, 0, -1):
            fresh[level] &= ~fresh[level - 1]
        self._leave(world, fresh)
        if self._price:
            fresh.pop()  # they can suffer no fault more, so what they send is answered
        self._send(world, fresh)

    def _spread(self, world: World) -> None:
        """All that the agents that arrived may become here."""
        opened, agents, site = world.opened, world.agents, world.site
        for level in range(self._levels):
            known = agents[level] | world.closed[level] | (agents[level - 1] if level else 0)
            strikes = level + self._price < self._levels or not self._price
            front = opened[level] & ~known
            while front:
                ring = site.ring((front & -front).bit_length() - 1)
                known |= site.reach(ring)
                if strikes:
                    struck = site.struck(ring)
                    if self._price:
                        opened[level + 1] |= struck
                    else:
                        front |= struck
                front &= ~known
            agents[level] = known
        world.opened, world.closed = [0] * self._levels, [0] * self._levels

    def _leave(self, world: World, fresh: Levels) -> None:
        """Worlds that these agents make of this one, judged."""
        first = self.system.first_cell
        for place, table in enumerate(world.site.tables[:-1]):
            for cell, far in tuple(table.far.items()):
                images = [0] * self._levels
                for level, agents in enumerate(fresh):
                    for agent in members(agents & far.who_calm):
                        images[level] |= far.calm[agent]
                    if level + self._price < self._levels:
                        for agent in members(agents & far.who_struck):
                            images[level + self._price] |= far.struck[agent]
                if any(images):
                    state = changed(world.state, first + place, cell)
                    self._judge(world.state, Step(self.slot, 0, state, "", None, None, place))
                    after = self.world(state)
                    self._edge(world, after)
                    if after is not None:
                        self._meet(after, images, closed=False)

    def _send(self, world: World, fresh: Levels) -> None:
        for message, senders in self.rows.senders.items():
            if any(agents & senders for agents in fresh):
                self._message(world, message)

    def _others_steps(self, world: World) -> None:
        """What the actors outside of the crowd may do or suffer, and disasters."""
        system, state = self.system, world.state
        left = state[system.left_at]
        full = (*state[: system.left_at], system.start[system.left_at])
        for i in self._others:
            if not (system.waits(i) and system.barred(state, i)):
                for step in system.steps_of(full, i):
                    self._judge(full, step)
                    after = self.world((*step.after[: system.left_at], left))
                    self._edge(world, after)
                    if not step.cost and after is not None:
                        self.alone.add((world.number, after.number))
                self._suffer(world, i)
        for step in system.world_steps(state):
            if step.actor < 0 and step.operation is None and step.cost:
                self._edge(world, self.world(step.after))

    def _suffer(self, world: World, actor: int) -> None:
        """An actor outside of the crowd crashes, or what it sends stays in flight."""
        about = self.system.actors[actor]
        if about.environment:
            return
        agents, agent = self.system.agents, world.state[actor]
        message = self.rows.sent(agents.pending[agent])
        if message >= 0:
            self._message(world, message)
        if self._crashes and about.crashes:
            self._edge(world, self.world(changed(world.state, actor, agents.crashed(agent))))


def changed(state: State, at: int, number: int) -> State:
    """A state with one place changed."""
    return (*state[:at], number, *state[at + 1 :])
