"""One schedule on the plain tables, step by step: what `engines.flock` does for many at a time.

An actor that went once around from rest to rest without a change in the world is left alone until something
changes: it would only do the same again.
"""

from __future__ import annotations

from holdfast.lab.agents import Move, Options
from holdfast.lab.engines.chance import Chance
from holdfast.lab.engines.strategies import Strategy
from holdfast.lab.steps import State, Step
from holdfast.lab.system import System

STEPS_MAX = 600
FAULT_SHARE = 0.04
"""Chance that a step is a fault while the budget lasts; deliveries of messages in flight come at twice this."""


def as_choices(system: System, taken: list[tuple[int, str, int]]) -> tuple[int, ...]:
    """Steps by actor, label and resulting agent as numbers of the tape."""
    choices: list[int] = []
    state = system.start
    for actor, label, agent in taken:
        label = listed_label(system, state, actor, label)
        for choice, step in enumerate(system.steps(state)):
            if step.actor == actor and step.label == label and (actor < 0 or step.after[actor] == agent):
                choices.append(choice)
                state = step.after
                break
        else:
            raise AssertionError(f"a sampled step is none of the system's: {actor} {label}")
    return tuple(choices)


def listed_label(system: System, state: State, actor: int, label: str) -> str:
    """The label under which a state's steps list a move: of several that come to the same, only one is listed."""
    if actor < 0:
        return label
    touched = system.agents.touches[state[actor]]
    cell = state[system.first_cell + touched] if touched >= 0 else -1
    options = system.agents.options(state[actor], cell)
    for at, way in enumerate(options.ways):
        if way.label == label:
            same = options.take(at)[1:4]
            return next(m.label for m in system.agents.moves(state[actor], cell) if m[1:4] == same)
    return label


class Schedule:
    """One schedule, until a property breaks, nothing can change any more, or it is long enough."""

    def __init__(self, system: System, chance: Chance, strategy: Strategy) -> None:
        self._system, self._agents, self._strategy = system, system.agents, strategy
        self._random = chance.random
        self.state = list(system.start)
        self.taken: list[tuple[int, str, int]] = []
        self._version = 0
        self._woke = [-1] * len(system.actors)
        """The world's version when the actor last left its rest."""
        self._asleep = False
        """Whether some actor is left alone until something changes."""
        self._no_flight = system.start[system.flight_at]
        self.enabled = self._enabled()

    def _enabled(self) -> list[int]:
        agents, state, system = self._agents, self.state, self._system
        alive, idle, woke, version = agents.alive, agents.idle, self._woke, self._version
        found = [
            i
            for i in range(system.first_cell)
            if alive[state[i]]
            and not (idle[state[i]] and woke[i] == version)
            and not (system.waits(i) and system.barred(tuple(state), i))
        ]
        self._asleep = len(found) < system.first_cell
        return found

    def go(self, steps_max: int) -> str | None:
        """Run; what broke, if anything did."""
        state, rnd, choose = self.state, self._random, self._strategy.choose
        faulty = self._system.scenario.faults.total > 0
        lasting = self._system.lasting
        left_at, flight_at = self._system.left_at, self._system.flight_at
        for _ in range(steps_max):
            stirred = state[left_at] or lasting or state[flight_at] != self._no_flight
            if faulty and stirred and rnd() < FAULT_SHARE:
                broken = self._strike()
                if broken:
                    return broken
            if not self.enabled:
                return None
            broken = self._step(choose(self.enabled))
            if broken:
                return broken
        return None

    def _step(self, actor: int) -> str | None:
        agents, state = self._agents, self.state
        agent = state[actor]
        cell = agents.touches[agent]
        before = state[self._system.first_cell + cell] if cell >= 0 else -1
        options = agents.choices[agent].get(before) or agents.options(agent, before)
        move = (options.moves[0] if len(options.ways) == 1 else self._pick(options)) or options.take(0)
        after = move.agent
        self.taken.append((actor, move.label, after))
        if agents.idle[agent]:
            self._woke[actor] = self._version
        if move.cost or move.flies >= 0:
            self._spend(move)
        if cell >= 0 and move.cell != before:
            return self._wrote(actor, move, cell)
        if not agents.alive[after]:
            return self._ended(actor, after)
        state[actor] = after
        if agents.idle[after] and self._woke[actor] == self._version:
            self.enabled.remove(actor)
            self._asleep = True
        return None

    def _pick(self, options: Options) -> Move:
        """A free move; now and then a fault."""
        free, count = options.free, len(options.ways)
        if free < count and self.state[self._system.left_at] and self._random() < FAULT_SHARE:
            move = options.take(free + int(self._random() * (count - free)))
            if move.flies < 0 or self._system.launched(self.state[self._system.flight_at], move.flies) >= 0:
                return move
        return options.take(int(self._random() * free) if free > 1 else 0)

    def _spend(self, move: Move) -> None:
        state, system = self.state, self._system
        state[system.left_at] -= move.cost
        if move.flies >= 0:
            state[system.flight_at] = system.launched(state[system.flight_at], move.flies)

    def _wrote(self, actor: int, move: Move, cell: int) -> str | None:
        system, state = self._system, self.state
        operation = self._agents.pending[state[actor]]
        old = tuple(state)
        state[actor], state[system.first_cell + cell] = move.agent, move.cell
        broken = system.verdict(old, Step(actor, 0, tuple(state), move.label, None, operation, cell))  # type: ignore[arg-type]
        if broken:
            return broken
        self._version += 1
        if self._asleep or not self._agents.alive[move.agent]:
            self.enabled = self._enabled()
        if self._strategy.races:
            touches = self._agents.touches
            self._strategy.raced([i for i in self.enabled if touches[state[i]] == cell])
        return None

    def _ended(self, actor: int, after: int) -> str | None:
        old = tuple(self.state)
        self.state[actor] = after
        broken = self._system.verdict(old, Step(actor, 0, tuple(self.state), "", None, None, -1))
        self.enabled = self._enabled()
        return broken

    def _strike(self) -> str | None:
        """A fault upon an actor or the data, or the fate of a message in flight."""
        state = tuple(self.state)
        step = self._system.world_step(state, lambda count: int(self._random() * count))
        if step is None:
            return None
        broken = self._system.verdict(state, step)
        self.taken.append((step.actor, step.label, step.after[step.actor] if step.actor >= 0 else -1))
        self.state[:] = step.after
        self._version += 1
        self.enabled = self._enabled()
        return broken
