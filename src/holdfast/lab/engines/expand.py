"""The inner loop of the exhaustive engine: successors of a state in canonical form, without building `Step`s.

The same steps as `System.steps` gives, in the same order; the equality is tested. It is apart because it is the
one place where the laboratory pays for every nanosecond.
"""

from __future__ import annotations

from collections.abc import Callable

from holdfast.lab.steps import State, Step
from holdfast.lab.system import System
from holdfast.ports.operation import Operation


class Expander:
    """Expands states; `broken` and `at` say what the last expansion broke and by which state."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.broken = ""
        self.canonical = canonical_form(system)
        self._twin = frozenset(i for group in system.twins for i in group)
        # A partition may have taken the last fault: that it heals costs none.

    def __call__(self, state: State) -> list[tuple[State, int]]:
        """Successors with their costs. Stops at the first that breaks a property, which is then the last."""
        system = self.system
        agents = system.agents
        rows, touches, alive = agents.rows, agents.touches, agents.alive
        first, left_at, flight_at = system.first_cell, system.left_at, system.flight_at
        left = state[left_at]
        canonical, twin = self.canonical, self._twin
        found: list[tuple[State, int]] = []
        for i in range(first):
            agent = state[i]
            if not alive[agent] or (system.waits(i) and system.barred(state, i)):
                continue
            cell = touches[agent]
            at = first + cell
            before = state[at] if cell >= 0 else -1
            moves = rows[agent].get(before)
            if moves is None:
                moves = agents.moves(agent, before)
            head, tail = state[:i], state[i + 1 :]
            for move in moves:
                cost, after_agent, after_cell, flies, _, _ = move
                if cost > left:
                    break
                after: State = (*head, after_agent, *tail)
                wrote = cell >= 0 and after_cell != before
                if wrote or cost or flies >= 0:
                    changed = list(after)
                    if wrote:
                        changed[at] = after_cell
                    if flies >= 0:
                        flight = system.launched(state[flight_at], flies)
                        if flight < 0:
                            continue
                        changed[flight_at] = flight
                    changed[left_at] = left - cost
                    after = tuple(changed)
                if (wrote or not alive[after_agent]) and self._breaks(state, after, i, cell if wrote else -1):
                    found.append((canonical(after), cost))
                    return found
                found.append((canonical(after) if i in twin else after, cost))
        if left or state[flight_at] != system.start[flight_at] or system.lasting:
            self._world(state, found)
        return found

    def _breaks(self, state: State, after: State, actor: int, wrote: int) -> bool:
        pending = self.system.agents.pending[state[actor]]
        operation = pending if isinstance(pending, Operation) else None
        self.broken = self.system.verdict(state, Step(actor, 0, after, "", None, operation, wrote)) or ""
        return bool(self.broken)

    def _world(self, state: State, found: list[tuple[State, int]]) -> None:
        alive = self.system.agents.alive
        for step in self.system.world_steps(state):
            # An actor may end, or raise, on the way from its restart to its first question.
            if step.wrote >= 0 or (step.actor >= 0 and not alive[step.after[step.actor]]):
                self.broken = self.system.verdict(state, step) or ""
            found.append((self.canonical(step.after), step.cost))
            if self.broken:
                return


def canonical_form(system: System) -> Callable[[State], State]:
    """`System.canonical`, quicker where exactly two neighbours may be swapped."""
    if len(system.twins) == 1 and len(system.twins[0]) == 2:
        one, two = system.twins[0]
        if two == one + 1:

            def swapped(state: State) -> State:
                a, b = state[one], state[two]
                return state if a <= b else (*state[:one], b, a, *state[two + 1 :])

            return swapped
    return system.canonical
