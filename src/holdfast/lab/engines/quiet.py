"""Which steps can go first without loss: partial-order reduction for the exhaustive engine.

A *read* of what nobody else will ever write commutes with everything that the others can do, so a state where
some actor is about to do one needs no other successors (a persistent set of one actor; Godefroid 1996). In the
search of the shipped loops that is every look at the store once the last plan is out.

"Will ever write" is learned, not assumed: the writes that can be reached from an agent in the tables filled so
far. A search that ends having met more than it had assumed is run again with what it learned, until nothing is
new; only then does its answer count.

Soundness beside the usual conditions: what a read answers changes no shared cell, so invariants don't see it;
a crash before such a read and one after it come to the same; a fault on the read is kept, its plain outcome
costs nothing. Against ignoring an actor for ever, a step that leads to a state met before is not taken alone.
"""

from __future__ import annotations

from holdfast.lab.footprints import Footprint, dependent, footprint
from holdfast.lab.steps import State
from holdfast.lab.system import System
from holdfast.lab.world.faults import Fault
from holdfast.ports.clock import Idle
from holdfast.ports.operation import Operation


class Quiet:
    """Knows the writes that lie ahead of each agent, as learned up to its making."""

    def __init__(self, system: System, observed: frozenset[int]) -> None:
        self._system, self._observed = system, observed
        self._size = len(system.agents.keys)
        self._ahead = writes_ahead(system)
        self._used: set[tuple[int, int]] = set()
        faults = system.scenario.faults
        # An actor that may be cut off or lose its disk can do otherwise in each state: nothing goes first.
        self._cut = any(map(faults.allows, (Fault.PARTITION, Fault.DISK_LOST, Fault.DISK_FULL)))
        disasters = faults.disasters if faults.allows(Fault.DISASTER) else ()
        self._struck = frozenset(d.cell for d in disasters)
        self._free: dict[tuple[int, int], bool] = {}
        self._reads: dict[int, Footprint | None] = {}

    def alone(self, state: State) -> int:
        """An actor whose next step can go first, -1 if there is none."""
        system = self._system
        left = state[system.left_at]
        if left and self._cut:
            return -1
        actors = range(system.first_cell)
        for i in actors:
            reads = self._reads_of(state[i])
            if reads is None or i in self._observed or system.waits(i):
                continue
            if not reads.cell:
                return i
            if (left and reads.cell in self._struck) or any(
                dependent(reads, footprint(m)) for m in system.flight(state)
            ):
                continue
            if all(j == i or self._independent(reads, state[i], state[j]) for j in actors):
                return i
        return -1

    def _reads_of(self, agent: int) -> Footprint | None:
        """What an agent is about to read; None if its step is no quiet one."""
        if agent not in self._reads:
            pending = self._system.agents.pending[agent]
            found: Footprint | None = None
            if isinstance(pending, Operation):
                mine = footprint(pending)
                if (mine.cell and not mine.writes) or (isinstance(pending, Idle)):
                    found = mine
            self._reads[agent] = found
        return self._reads[agent]

    def _independent(self, reads: Footprint, mine: int, other: int) -> bool:
        key = (mine, other)
        found = self._free.get(key)
        if found is None:
            ahead = self._ahead[other] if other < self._size else frozenset()
            found = self._free[key] = not any(dependent(reads, w) for w in ahead)
            if found:
                self._used.add(key)
        return found

    def stands(self) -> bool:
        """Whether all that was assumed still holds with what is known now."""
        ahead = writes_ahead(self._system)
        reads = self._reads
        return not any(
            dependent(r, w) for mine, other in self._used if (r := reads[mine]) is not None for w in ahead[other]
        )


def writes_ahead(system: System) -> list[frozenset[Footprint]]:
    """For each agent, the writes that it may still do: a closure over the learned moves, and over crashes."""
    agents = system.agents
    count = len(agents.keys)
    crash = system.scenario.faults.allows(Fault.CRASH)
    crashing = {
        agents.program_of[i] for i, a in enumerate(system.actors) if a.crashes and not a.environment and crash
    }
    before: list[list[int]] = [[] for _ in range(count)]
    own: list[frozenset[Footprint]] = []
    for agent in range(count):
        after = {m.agent for moves in agents.rows[agent].values() for m in moves if m.agent < count}
        if agents.keys[agent].program in crashing:
            after.add(agents.crashed(agent))
        for other in after:
            if other < count:
                before[other].append(agent)
        pending = agents.pending[agent]
        mine = footprint(pending) if isinstance(pending, Operation) else None
        own.append(frozenset((mine,)) if mine is not None and mine.writes else frozenset())
    ahead = own[:]
    queue = [a for a in range(count) if own[a]]
    while queue:
        agent = queue.pop()
        for earlier in before[agent]:
            grown = ahead[earlier] | ahead[agent]
            if len(grown) != len(ahead[earlier]):
                ahead[earlier] = grown
                queue.append(earlier)
    return ahead
