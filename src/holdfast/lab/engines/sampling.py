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

from holdfast.lab.agents import Move, Options
from holdfast.lab.engines.found import Found, Outcome
from holdfast.lab.steps import State, Step
from holdfast.lab.system import System

STEPS_MAX = 600


class Strategy(Protocol):
    """Chooses which actor goes on; made anew for each schedule."""

    races: bool
    """Whether it wants to be told of races."""

    def choose(self, enabled: list[int]) -> int:
        """One of the actors that can go on."""
        ...

    def raced(self, others: list[int]) -> None:
        """The step just taken changed what these actors are about to touch."""
        ...


class Uniform:
    """Any actor."""

    races = False

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

    races = True

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
    """One schedule, until a property breaks, nothing can change any more, or it is long enough.

    An actor that went once around from rest to rest without a change in the world is left alone until something
    changes: it would only do the same again.
    """

    def __init__(self, system: System, chance: random.Random, strategy: Strategy) -> None:
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
        steps = self._system.world_steps(state)
        if not steps:
            return None
        step = steps[int(self._random() * len(steps))]
        broken = self._system.verdict(state, step)
        self.taken.append((step.actor, step.label, step.after[step.actor] if step.actor >= 0 else -1))
        self.state[:] = step.after
        self._version += 1
        self.enabled = self._enabled()
        return broken
