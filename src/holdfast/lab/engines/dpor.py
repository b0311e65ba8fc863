"""Source-DPOR with sleep sets: one execution for each class of equivalent schedules, no state remembered.

For systems whose runs end (loops bounded by rounds). Each way that a step may go (a fault on a message) is
explored at the step; messages in flight are one more process. Crashes, partitions and disasters depend on
everything, which leaves nothing to reduce: they are for the exhaustive engine, and are refused here.
Source sets: Abdulla, Aronis, Jonsson, Sagonas, "Optimal dynamic partial order reduction", POPL 2014.
"""

from __future__ import annotations

import time
from typing import NamedTuple

from holdfast.lab.engines.found import Found, Outcome
from holdfast.lab.footprints import NOTHING, Footprint, dependent, footprint
from holdfast.lab.steps import State, Step
from holdfast.lab.system import System
from holdfast.lab.world.faults import Fault

DEPTH_MAX = 2_000
STATES_KEPT = 200_000
"""States whose steps are kept at hand. Only to be quick: none is needed."""


class UnsupportedFaultError(ValueError):
    """The scenario allows faults that this engine does not reduce."""


class _Enabled(NamedTuple):
    """What a process may do in a state: its steps with their numbers, and the footprint of them together."""

    steps: tuple[tuple[int, Step], ...]
    footprint: int


class _Footprints:
    """Footprints as small numbers, and which of them are dependent. Number 0 depends on nothing."""

    def __init__(self) -> None:
        self._numbers: dict[Footprint, int] = {}
        self._known: list[Footprint] = []
        self.dependent: list[list[bool]] = []
        self.number(NOTHING)

    def number(self, footprint: Footprint) -> int:
        """The footprint's number."""
        found = self._numbers.get(footprint)
        if found is None:
            found = self._numbers[footprint] = len(self._known)
            self._known.append(footprint)
            row = [dependent(footprint, other) for other in self._known]
            for other, depends in zip(self.dependent, row, strict=False):
                other.append(depends)
            self.dependent.append(row)
        return found


class _Node:
    """A state on the current path, and what is left to try there."""

    __slots__ = ("backtrack", "done", "enabled", "footprint", "path", "process", "queue", "sleep", "state")

    def __init__(self, state: State, enabled: dict[int, _Enabled], sleep: dict[int, int]) -> None:
        self.state, self.enabled, self.sleep = state, enabled, sleep
        first = next((p for p in enabled if p not in sleep), None)
        self.backtrack: set[int] = set() if first is None else {first}
        self.done: set[int] = set()
        self.queue: list[tuple[int, Step]] = []
        """Steps of the process that goes on here which are still to be tried, the last one first."""
        self.process = -2
        self.footprint = 0
        self.path = -1


class _Search:
    """The path, and for each step on it: who, with which footprint, its number in its process, and its clock.

    A clock says for each process (the world's is the last entry) up to which of its steps all came before.
    """

    def __init__(self, system: System) -> None:
        self.system = system
        self.nodes: list[_Node] = []
        self.footprints = _Footprints()
        self.processes: list[int] = []
        self.prints: list[int] = []
        self.serials: list[int] = []
        self.clocks: list[list[int]] = []
        self._last: list[list[int]] = [[] for _ in range(system.first_cell + 1)]
        """Where on the path each process has its steps."""
        self._enabled: dict[State, dict[int, _Enabled]] = {}
        self.executions = self.steps = 0
        self.terminal: set[State] = set()

    def node(self, state: State, sleep: dict[int, int]) -> _Node:
        """A node with what is enabled there: worked out once while the state is remembered."""
        enabled = self._enabled.get(state)
        if enabled is None:
            if len(self._enabled) >= STATES_KEPT:
                self._enabled.clear()
            enabled = self._enabled[state] = self._worked_out(state)
        return _Node(state, enabled, sleep)

    def _worked_out(self, state: State) -> dict[int, _Enabled]:
        found: dict[int, list[tuple[int, Step]]] = {}
        for choice, step in enumerate(self.system.steps(state)):
            found.setdefault(step.actor, []).append((choice, step))
        return {
            p: _Enabled(tuple(steps), self.footprints.number(_together(p, steps))) for p, steps in found.items()
        }

    def advance(self, node: _Node) -> tuple[int, Step] | None:
        """The next step to take at a node: another outcome of the same process, or another process."""
        if node.queue:
            return node.queue.pop()
        if node.process > -2:
            node.sleep[node.process] = node.footprint
        if len(node.backtrack) == len(node.done):
            return None
        for process in sorted(node.backtrack - node.done):
            node.done.add(process)
            if process in node.sleep:
                continue
            node.process = process
            steps, node.footprint = node.enabled[process]
            node.queue = list(reversed(steps))
            return node.queue.pop()
        return None

    def push(self, node: _Node, clock: list[int]) -> None:
        """The step was taken."""
        self._last[node.process].append(len(self.processes))
        self.processes.append(node.process)
        self.prints.append(node.footprint)
        self.serials.append(clock[node.process])
        self.clocks.append(clock)

    def pop(self) -> None:
        """It is taken back."""
        if self.processes:
            self._last[self.processes.pop()].pop()
            self.prints.pop()
            self.serials.pop()
            self.clocks.pop()

    def races(self, node: _Node) -> list[int]:
        """Mark races of the step about to be taken; its clock (what happens before it, and itself)."""
        process = node.process
        processes, prints, serials = self.processes, self.prints, self.serials
        depends = self.footprints.dependent[node.footprint]
        before = self._last[process]
        clock = list(self.clocks[before[-1]]) if before else [0] * len(self._last)
        for at in range(len(processes) - 1, -1, -1):
            # A message exists only once its sender has sent it: the network's steps follow the sender's.
            if depends[prints[at]] and processes[at] != process and serials[at] > clock[processes[at]]:
                self.backtrack(at, process, node.footprint)
                clock = list(map(max, clock, self.clocks[at]))
        clock[process] += 1
        return clock

    def backtrack(self, at: int, process: int, mine: int) -> None:
        """Let somebody go before the step `at` who leads to the other order (a source set)."""
        raced, serial = self.processes[at], self.serials[at]
        node = self.nodes[at]
        depends = self.footprints.dependent[mine]
        sequence = [e for e in range(at + 1, len(self.processes)) if self.clocks[e][raced] < serial]
        initials: set[int] = set()
        for i, event in enumerate(sequence):
            other = self.processes[event]
            if other not in initials and all(
                self.serials[e] > self.clocks[event][self.processes[e]] for e in sequence[:i]
            ):
                initials.add(other)
        if all(not depends[self.prints[e]] and self.processes[e] != process for e in sequence):
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


def _together(process: int, steps: list[tuple[int, Step]]) -> Footprint:
    """The footprint of whatever a process does next."""
    found = [footprint(s.operation) for _, s in steps if s.operation is not None]
    if process >= 0 or len(found) < 2:
        return found[0] if found else NOTHING
    if len({f.cell for f in found}) > 1:
        raise UnsupportedFaultError("messages in flight to several cells: use the exhaustive engine")
    every = frozenset().union
    return Footprint(found[0].cell, every(*(f.reads for f in found)), every(*(f.writes for f in found)))


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
    search, alive = _Search(system), system.agents.alive
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
            search.pop()
            continue
        choice, step = taken
        node.path = choice
        search.steps += 1
        judged = step.wrote >= 0 or (step.actor >= 0 and not alive[step.after[step.actor]])
        broken = system.verdict(node.state, step) if judged else None
        if broken:
            found = Found(broken, tuple(n.path for n in search.nodes))
            break
        search.push(node, search.races(node))
        depends = search.footprints.dependent[node.footprint]
        sleep = {p: f for p, f in node.sleep.items() if p != node.process and not depends[f]}
        if len(search.nodes) > DEPTH_MAX:
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
