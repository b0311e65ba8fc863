"""Source-DPOR with sleep sets: one execution for each class of equivalent schedules, no state remembered.

For systems whose runs end (loops bounded by rounds). Each way that a step may go (a fault on a message) is
explored at the step; messages in flight are one more process. Crashes, partitions and disasters depend on
everything, which leaves nothing to reduce: they are for the exhaustive engine, and are refused here.
Source sets: Abdulla, Aronis, Jonsson, Sagonas, "Optimal dynamic partial order reduction", POPL 2014.
"""

from __future__ import annotations

import time

from holdfast.lab.engines.found import Found, Outcome
from holdfast.lab.footprints import NOTHING, Footprint, dependent, footprint
from holdfast.lab.steps import State, Step
from holdfast.lab.system import System
from holdfast.lab.world.faults import Fault

DEPTH_MAX = 2_000


class UnsupportedFaultError(ValueError):
    """The scenario allows faults that this engine does not reduce."""


class _Node:
    """A state on the current path, and what is left to try there."""

    __slots__ = ("backtrack", "done", "enabled", "footprint", "path", "process", "queue", "sleep", "state")

    def __init__(
        self, state: State, enabled: dict[int, list[tuple[int, Step]]], sleep: dict[int, Footprint]
    ) -> None:
        self.state, self.enabled, self.sleep = state, enabled, sleep
        first = next((p for p in enabled if p not in sleep), None)
        self.backtrack: set[int] = set() if first is None else {first}
        self.done: set[int] = set()
        self.queue: list[tuple[int, Step]] = []
        self.process = -2
        self.footprint = NOTHING
        self.path = -1


class _Event:
    __slots__ = ("clock", "footprint", "process", "serial")

    def __init__(self, process: int, footprint: Footprint, serial: int, clock: dict[int, int]) -> None:
        self.process, self.footprint, self.serial, self.clock = process, footprint, serial, clock


class _Search:
    def __init__(self, system: System) -> None:
        self.system = system
        self.nodes: list[_Node] = []
        self.events: list[_Event] = []
        self.executions = self.steps = 0
        self.terminal: set[State] = set()

    def node(self, state: State, sleep: dict[int, Footprint]) -> _Node:
        enabled: dict[int, list[tuple[int, Step]]] = {}
        for choice, step in enumerate(self.system.steps(state)):
            enabled.setdefault(step.actor, []).append((choice, step))
        return _Node(state, enabled, sleep)

    def prints(self, node: _Node, process: int) -> Footprint:
        steps = node.enabled[process]
        found = [footprint(s.operation) for _, s in steps if s.operation is not None]
        if process >= 0 or len(found) < 2:
            return found[0] if found else NOTHING
        cells = {f.cell for f in found}
        if len(cells) > 1:
            raise UnsupportedFaultError("messages in flight to several cells: use the exhaustive engine")
        every = frozenset().union
        return Footprint(found[0].cell, every(*(f.reads for f in found)), every(*(f.writes for f in found)))

    def advance(self, node: _Node) -> tuple[int, Step] | None:
        """The next step to take at a node: another outcome of the same process, or another process."""
        if node.queue:
            return node.queue.pop(0)
        if node.process > -2:
            node.sleep[node.process] = node.footprint
        for process in sorted(node.backtrack - node.done):
            node.done.add(process)
            if process in node.sleep:
                continue
            node.process = process
            node.footprint = self.prints(node, process)
            node.queue = list(node.enabled[process])
            return node.queue.pop(0)
        return None

    def clock_of(self, process: int) -> dict[int, int]:
        for event in reversed(self.events):
            if event.process == process:
                return event.clock
        return {}

    def races(self, node: _Node) -> dict[int, int]:
        """Mark races of the step about to be taken; its clock (what happens before it), itself excluded."""
        process, mine = node.process, node.footprint
        clock = dict(self.clock_of(process))
        for at in range(len(self.events) - 1, -1, -1):
            event = self.events[at]
            if event.serial <= clock.get(event.process, 0):
                continue
            # A message exists only once its sender has sent it: the network's steps follow the sender's.
            if event.process != process and dependent(event.footprint, mine):
                self.backtrack(at, process, mine)
                for other, serial in event.clock.items():
                    if serial > clock.get(other, 0):
                        clock[other] = serial
        return clock

    def backtrack(self, at: int, process: int, mine: Footprint) -> None:
        race = self.events[at]
        node = self.nodes[at]
        sequence = [e for e in self.events[at + 1 :] if e.clock.get(race.process, 0) < race.serial]
        initials: set[int] = set()
        for i, event in enumerate(sequence):
            if all(e.serial > event.clock.get(e.process, 0) for e in sequence[:i]):
                initials.add(event.process)
        if all(not dependent(e.footprint, mine) and e.process != process for e in sequence):
            initials.add(process)
        if initials & node.backtrack:
            return
        able = sorted(p for p in initials if p in node.enabled)
        if process in able:
            node.backtrack.add(process)
        elif able:
            node.backtrack.add(able[0])
        else:
            node.backtrack.update(node.enabled)


def explore(
    system: System, *, executions: int = 10_000_000, seconds: float = 600.0, keep_terminal: bool = False
) -> Outcome:
    """Explore all classes of schedules, until one breaks a property or a budget ends.

    Raises:
        UnsupportedFaultError: the scenario has crashes, partitions or disasters.
    """
    faults = system.scenario.faults
    for kind in (Fault.CRASH, Fault.PARTITION, Fault.DISASTER):
        if faults.allows(kind) and not (kind is Fault.DISASTER and not faults.disasters):
            raise UnsupportedFaultError(f"DPOR does not reduce the fault {kind.value}: use the exhaustive engine")
    begun = time.perf_counter()
    search = _Search(system)
    found: Found | None = None
    complete = True
    search.nodes.append(search.node(system.start, {}))
    while search.nodes and found is None:
        node = search.nodes[-1]
        taken = search.advance(node)
        if taken is None:
            if not node.done and not node.sleep:
                search.executions += 1
                if keep_terminal:
                    search.terminal.add(node.state)
                if search.executions % 256 == 0 and (
                    search.executions >= executions or time.perf_counter() - begun > seconds
                ):
                    complete = False
                    break
            search.nodes.pop()
            if search.events:
                search.events.pop()
            continue
        choice, step = taken
        node.path = choice
        search.steps += 1
        broken = system.verdict(node.state, step)
        if broken:
            found = Found(broken, tuple(n.path for n in search.nodes))
            break
        clock = search.races(node)
        serial = clock.get(node.process, 0) + 1
        clock[node.process] = serial
        sleep = {p: f for p, f in node.sleep.items() if p != node.process and not dependent(f, node.footprint)}
        search.events.append(_Event(node.process, node.footprint, serial, clock))
        if len(search.events) > DEPTH_MAX:
            raise RecursionError("a run is longer than 2,000 steps: bound the rounds of the loops")
        search.nodes.append(search.node(step.after, sleep))
    return Outcome(
        engine="dpor",
        bounds=system.scenario.bounds,
        units="executions",
        count=search.executions,
        steps=search.steps,
        seconds=time.perf_counter() - begun,
        complete=complete and found is None,
        found=found,
        terminal=frozenset(search.terminal),
    )
