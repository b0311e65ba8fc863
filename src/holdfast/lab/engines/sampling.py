"""Sampling schedules with a portfolio of strategies: what finds a bug first differs from bug to bug.

Strategies take turns: POS (each pending step has a random priority; steps that touch what was just touched are
drawn anew), sticky (stay with the actor), stalls (some actors sleep for long), random, deep PCT as a minority.
Same seed, same schedules.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Protocol

from holdfast.lab.agents import Move
from holdfast.lab.engines.found import Found, Outcome
from holdfast.lab.system import Step, System
from holdfast.lab.world.faults import Fault

STEPS_MAX = 600


class Strategy(Protocol):
    """Chooses which actor goes on; made anew for each schedule."""

    def choose(self, enabled: list[int]) -> int:
        """One of the actors that can go on."""
        ...

    def raced(self, others: list[int]) -> None:
        """The step just taken changed what these actors are about to touch."""
        ...


class Uniform:
    """Any actor."""

    def __init__(self, chance: random.Random) -> None:
        self._random = chance.random

    def choose(self, enabled: list[int]) -> int:
        """At random."""
        return enabled[int(self._random() * len(enabled))]

    def raced(self, others: list[int]) -> None:
        """Of no interest."""


class Sticky(Uniform):
    """The same actor again, with even chance."""

    _last = -1

    def choose(self, enabled: list[int]) -> int:
        """Stay or switch."""
        if self._random() < 0.5 and self._last in enabled:
            return self._last
        self._last = enabled[int(self._random() * len(enabled))]
        return self._last


class Stalls(Uniform):
    """Each step takes its time; one in ten puts its actor to sleep for long: the paused enactor."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__(chance)
        self._until: dict[int, float] = {}

    def choose(self, enabled: list[int]) -> int:
        """The actor whose step comes first in time."""
        until = self._until
        for i in enabled:
            if i not in until:
                until[i] = self._random()
        actor = min(enabled, key=until.__getitem__)
        stall = self._random()
        until[actor] += 10 + 60 * self._random() if stall < 0.1 else stall
        return actor


class Pos(Uniform):
    """Partial-order sampling: random priorities, drawn anew for the taken step and for those that race with it."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__(chance)
        self._priority: dict[int, float] = {}

    def choose(self, enabled: list[int]) -> int:
        """The actor of highest priority."""
        priority = self._priority
        for i in enabled:
            if i not in priority:
                priority[i] = self._random()
        actor = max(enabled, key=priority.__getitem__)
        del priority[actor]
        return actor

    def raced(self, others: list[int]) -> None:
        """Their next priorities are new."""
        for i in others:
            self._priority.pop(i, None)


class Pct(Uniform):
    """Fixed priorities with a few points, deep in the run, at which the leader becomes the last."""

    def __init__(self, chance: random.Random, depth: int = 7, length: int = 120) -> None:
        super().__init__(chance)
        self._priority: dict[int, float] = {}
        self._points = {chance.randrange(length) for _ in range(depth)}
        self._at = 0

    def choose(self, enabled: list[int]) -> int:
        """The leader."""
        priority = self._priority
        for i in enabled:
            if i not in priority:
                priority[i] = 1 + self._random()
        leader = max(enabled, key=priority.__getitem__)
        self._at += 1
        if self._at in self._points:
            priority[leader] = -float(self._at)
        return leader


PORTFOLIO: tuple[Callable[[random.Random], Strategy], ...] = (
    Pos, Stalls, Sticky, Pos, Stalls, Sticky, Uniform, Pos, Stalls, Pct,
)  # fmt: skip

FAULT_SHARE = 0.04
"""Chance that a step is a fault while the budget lasts; deliveries of messages in flight come at twice this."""


def sample(
    system: System,
    *,
    seed: int = 0,
    schedules: int = 1_000_000,
    seconds: float = 60.0,
    steps_max: int = STEPS_MAX,
    on_progress: Callable[[int], None] | None = None,
) -> Outcome:
    """Run schedules until one breaks a property, or a budget ends."""
    begun = time.perf_counter()
    chance = random.Random(seed)  # noqa: S311  # reproducible schedules, no secret
    steps_taken = count = 0
    found: Found | None = None
    while found is None and count < schedules:
        if count % 64 == 0 and count:
            if on_progress is not None:
                on_progress(count)
            if time.perf_counter() - begun > seconds:
                break
        run = Schedule(system, chance, PORTFOLIO[count % len(PORTFOLIO)](chance))
        broken = run.go(steps_max)
        steps_taken += len(run.taken)
        count += 1
        if broken:
            found = Found(broken, as_choices(system, run.taken))
    return Outcome(
        engine="sampler",
        bounds=f"{system.scenario.bounds}; seed {seed}",
        units="schedules",
        count=count,
        steps=steps_taken,
        seconds=time.perf_counter() - begun,
        complete=False,
        found=found,
    )


def as_choices(system: System, taken: list[tuple[int, str, int]]) -> tuple[int, ...]:
    """Steps by actor, label and resulting agent as numbers of the tape."""
    choices: list[int] = []
    state = system.start
    for actor, label, agent in taken:
        for choice, step in enumerate(system.steps(state)):
            if step.actor == actor and step.label == label and (actor < 0 or step.after[actor] == agent):
                choices.append(choice)
                state = step.after
                break
        else:
            raise AssertionError(f"a sampled step is none of the system's: {actor} {label}")
    return tuple(choices)


class Schedule:
    """One schedule, until a property breaks, nothing can change any more, or it is long enough.

    An actor that went once around from rest to rest without a change in the world is left alone until something
    changes: it would only do the same again.
    """

    def __init__(self, system: System, chance: random.Random, strategy: Strategy) -> None:
        self._system, self._chance, self._strategy = system, chance, strategy
        self.state = list(system.start)
        self.taken: list[tuple[int, str, int]] = []
        self._version = 0
        self._woke = [-1] * len(system.actors)
        """The world's version when the actor last left its rest."""

    def _enabled(self) -> list[int]:
        agents, state, system = self._system.agents, self.state, self._system
        alive, idle = agents.alive, agents.idle
        return [
            i
            for i in range(system.first_cell)
            if alive[state[i]]
            and not (idle[state[i]] and self._woke[i] == self._version)
            and not (self._system.actors[i].waits_for and system.barred(tuple(state), i))
        ]

    def go(self, steps_max: int) -> str | None:
        """Run; what broke, if anything did."""
        system, state, agents = self._system, self.state, self._system.agents
        rows, touches, alive, idle = agents.rows, agents.touches, agents.alive, agents.idle
        first, left_at, flight_at = system.first_cell, system.left_at, system.flight_at
        rnd, choose, taken, woke = self._chance.random, self._strategy.choose, self.taken, self._woke
        faulty = system.scenario.faults.total > 0
        parted = system.scenario.faults.allows(Fault.PARTITION)
        no_flight = system.start[flight_at]
        enabled = self._enabled()
        for _ in range(steps_max):
            stirred = state[left_at] or parted or state[flight_at] != no_flight
            if faulty and stirred and rnd() < FAULT_SHARE:
                broken = self._strike()
                enabled = self._enabled()
                if broken:
                    return broken
            if not enabled:
                return None
            actor = choose(enabled)
            agent = state[actor]
            cell = touches[agent]
            before = state[first + cell] if cell >= 0 else -1
            moves = rows[agent].get(before) or agents.moves(agent, before)
            move = moves[0] if len(moves) == 1 else self._pick(moves, state[left_at])
            taken.append((actor, move.label, move.agent))
            if idle[agent]:
                woke[actor] = self._version
            after = move.agent
            if move.cost or move.flies >= 0:
                state[left_at] -= move.cost
                if move.flies >= 0:
                    state[flight_at] = system.launched(state[flight_at], move.flies)
            if cell >= 0 and move.cell != before:
                old = tuple(state)
                state[actor], state[first + cell] = after, move.cell
                operation = agents.pending[agent]
                broken = system.verdict(old, Step(actor, 0, tuple(state), move.label, None, operation, cell))  # type: ignore[arg-type]
                if broken:
                    return broken
                self._version += 1
                enabled = self._enabled()
                self._strategy.raced([i for i in enabled if touches[state[i]] == cell])
                continue
            if not alive[after]:
                old = tuple(state)
                state[actor] = after
                broken = system.verdict(old, Step(actor, 0, tuple(state), "", None, None, -1))
                if broken:
                    return broken
                enabled = self._enabled()
                continue
            state[actor] = after
            if idle[after] and woke[actor] == self._version:
                enabled.remove(actor)
        return None

    def _pick(self, moves: tuple[Move, ...], left: int) -> Move:
        """A free move; now and then a fault."""
        free = sum(1 for m in moves if not m.cost)
        if left and free < len(moves) and self._chance.random() < FAULT_SHARE:
            move = moves[free + int(self._chance.random() * (len(moves) - free))]
            if move.flies < 0 or self._system.launched(self.state[self._system.flight_at], move.flies) >= 0:
                return move
        return moves[int(self._chance.random() * free)] if free > 1 else moves[0]

    def _strike(self) -> str | None:
        """A fault upon an actor or the data, or the fate of a message in flight."""
        state = tuple(self.state)
        steps = [s for s in self._system.steps(state) if s.actor < 0 or s.operation is None]
        if not steps:
            return None
        step = steps[int(self._chance.random() * len(steps))]
        broken = self._system.verdict(state, step)
        self.taken.append((step.actor, step.label, step.after[step.actor] if step.actor >= 0 else -1))
        self.state[:] = step.after
        self._version += 1
        return broken
