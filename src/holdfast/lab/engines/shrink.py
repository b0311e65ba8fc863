"""Shrinking a broken run to a story that a person can read: fewest steps, then fewest switches between actors.

Runs are kept as *intentions* (who, with which outcome) rather than bare numbers, so that leaving out one step
does not change the meaning of the next. Delta debugging over them, and then moving an actor's steps together.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from holdfast.lab.engines.found import Found
from holdfast.lab.system import State, System
from holdfast.lab.tape import follow

Intention: TypeAlias = tuple[int, str]
"""Actor and label of a step."""


RUN_ON = "runs on until it rests"
"""As a label: the actor goes on, undisturbed, until it rests, ends, or the property breaks."""

RUN_ON_MAX = 80


class _Run(NamedTuple):
    """What an attempt came to."""

    intentions: list[Intention]
    choices: tuple[int, ...]
    broken: str
    preemptions: int

    @property
    def cost(self) -> tuple[int, int]:
        """Fewest preemptions first, then fewest steps."""
        return self.preemptions, len(self.choices)


class _Shrinker:
    def __init__(self, system: System, name: str, runs_max: int) -> None:
        self._system, self._name = system, name
        self.runs, self._runs_max = 0, runs_max
        self._tried: set[tuple[Intention, ...]] = set()

    def attempt(self, intentions: list[Intention]) -> _Run | None:
        """Follow the intentions, leaving out what can't be done; the part up to the same breakage, or None."""
        key = tuple(intentions)
        if self.runs >= self._runs_max or key in self._tried:
            return None
        self._tried.add(key)
        self.runs += 1
        state = self._system.start
        done: list[Intention] = []
        choices: list[int] = []
        for actor, label in intentions:
            for _ in range(RUN_ON_MAX if label == RUN_ON else 1):
                steps = self._system.steps(state)
                wanted = "" if label == RUN_ON else label
                at = next((i for i, s in enumerate(steps) if s.actor == actor and s.label == wanted), None)
                if at is None:
                    break
                done.append((actor, wanted))
                choices.append(at)
                broken = self._system.verdict(state, steps[at])
                if broken and broken.split(":")[0] == self._name:
                    return _Run(done, tuple(choices), broken, preemptions(self._system, tuple(choices)))
                state = steps[at].after
                if label == RUN_ON and self._system.rests(state, actor):
                    break
        return None


def preemptions(system: System, choices: tuple[int, ...]) -> int:
    """Switches away from an actor that could have gone on (it neither rested nor ended)."""
    count, last = 0, -1
    for state, step in follow(system, choices):
        able = last >= 0 and system.agents.ended(state[last]) is None and not system.rests(state, last)
        count += step.actor != last and able
        last = step.actor
    return count


def shrink(system: System, found: Found, *, runs_max: int = 50) -> tuple[Found, int]:
    """A run with fewer preemptions, then fewer steps, that breaks the same property; and how many runs it took."""
    shrinker = _Shrinker(system, found.broken.split(":")[0], runs_max)
    calm = calmest(system, found)
    if calm is not None:
        return calm, 1
    best = shrinker.attempt([(s.actor, s.label) for _, s in follow(system, found.choices)])
    if best is None:
        return found, shrinker.runs  # a wedge is a property of a state, not of a step
    improved = True
    while improved and shrinker.runs < runs_max:
        improved = False
        for candidate in _candidates(best.intentions):
            tried = shrinker.attempt(candidate)
            if tried is not None and tried.cost < best.cost:
                best, improved = tried, True
                break
    return Found(best.broken, best.choices), shrinker.runs


def calmest(system: System, found: Found, *, states_max: int = 400_000, seconds: float = 10.0) -> Found | None:
    """The same breakage with the fewest preemptions and then steps, if the tables reach it within `states_max`.

    Breadth-first by preemptions: a state is (world, actor that ran last), going on with that actor costs nothing.
    No more faults than the found run has.
    """
    name = found.broken.split(":")[0]
    spare = system.start[system.left_at] - sum(s.cost for _, s in follow(system, found.choices))
    parents: dict[tuple[State, int], tuple[State, int, int] | None] = {(system.start, -1): None}
    levels = {_key(system, system.start, -1): 0}
    until = time.perf_counter() + seconds
    depth = 0
    worse: Found | None = None
    level, later = [(system.start, -1)], list[tuple[State, int]]()
    expanded: set[object] = set()
    while level and len(levels) < states_max:
        for node in level:
            state, last = node
            key = _key(system, state, last)
            if key in expanded:
                continue
            if len(expanded) % 512 == 0 and time.perf_counter() > until:
                return None
            expanded.add(key)
            able = last >= 0 and system.agents.alive[state[last]] and not system.rests(state, last)
            for choice, step in enumerate(system.steps(state)):
                if step.after[system.left_at] < spare:
                    continue
                after = (step.after, step.actor if step.actor >= 0 else last)
                broken = system.verdict(state, step)
                preempts = able and step.actor not in (last, -1)
                if broken and broken.split(":")[0] == name:
                    calm = Found(broken, (*_way(parents, node), choice))
                    if not preempts:
                        return calm
                    worse = worse or calm
                key = _key(system, *after)
                if levels.get(key, depth + 2) <= depth + preempts:
                    continue
                levels[key] = depth + preempts
                parents[after] = (state, last, choice)
                (later if preempts else level).append(after)
        if worse is not None:
            return worse
        level, later, depth = later, [], depth + 1
    return None


def _key(system: System, state: State, last: int) -> object:
    """The node with interchangeable actors in order; which of them ran last is kept."""
    groups = tuple(tuple(sorted((state[i], i == last) for i in group)) for group in system.twins)
    twins = {i for group in system.twins for i in group}
    rest = tuple(n for i, n in enumerate(state) if i not in twins)
    return rest, groups, last if last not in twins else -2


def _way(
    parents: dict[tuple[State, int], tuple[State, int, int] | None], node: tuple[State, int]
) -> tuple[int, ...]:
    choices: list[int] = []
    while (parent := parents[node]) is not None:
        choices.append(parent[2])
        node = parent[:2]
    return tuple(reversed(choices))


def _blocks(intentions: list[Intention]) -> list[list[Intention]]:
    blocks: list[list[Intention]] = []
    for intention in intentions:
        if blocks and blocks[-1][0][0] == intention[0]:
            blocks[-1].append(intention)
        else:
            blocks.append([intention])
    return blocks


def _candidates(intentions: list[Intention]) -> Iterator[list[Intention]]:
    """Smaller or calmer runs: an actor gone, a block run on, a block gone, two blocks joined."""
    blocks = _blocks(intentions)
    for actor in sorted({a for a, _ in intentions}):
        yield [i for i in intentions if i[0] != actor]
    for at in range(len(blocks) - 1):
        actor = blocks[at][0][0]
        later = [b for b in blocks[at + 1 :] if b[0][0] != actor]
        yield [i for b in [*blocks[:at], [*blocks[at], (actor, RUN_ON)], *later] for i in b]
    for at in range(len(blocks) - 1, -1, -1):
        yield [i for b in blocks[:at] + blocks[at + 1 :] for i in b]
    for at in range(len(blocks) - 2, -1, -1):
        later_at = next((j for j in range(at + 1, len(blocks)) if blocks[j][0][0] == blocks[at][0][0]), None)
        if later_at is not None:
            joined = [*blocks[at], *blocks[later_at]]
            between, rest = blocks[at + 1 : later_at], blocks[later_at + 1 :]
            yield [i for b in [*blocks[:at], *between, joined, *rest] for i in b]
            yield [i for b in [*blocks[:at], joined, *between, *rest] for i in b]
