"""Shrinking a broken run to a story that a person can read: fewest steps, then fewest switches between actors.

Runs are kept as *intentions* (who, with which outcome) rather than bare numbers, so that leaving out one step
does not change the meaning of the next. Delta debugging over them, and then moving an actor's steps together.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TypeAlias

from holdfast.lab.engines.found import Found
from holdfast.lab.system import System
from holdfast.lab.tape import follow

Intention: TypeAlias = tuple[int, str]
"""Actor and label of a step."""


class _Shrinker:
    def __init__(self, system: System, name: str, runs_max: int) -> None:
        self._system, self._name = system, name
        self.runs, self._runs_max = 0, runs_max

    def attempt(self, intentions: list[Intention]) -> tuple[list[Intention], tuple[int, ...], str] | None:
        """Follow the intentions, leaving out what can't be done; the part up to the same breakage, or None."""
        if self.runs >= self._runs_max:
            return None
        self.runs += 1
        state = self._system.start
        done: list[Intention] = []
        choices: list[int] = []
        for actor, label in intentions:
            steps = self._system.steps(state)
            at = next((i for i, s in enumerate(steps) if s.actor == actor and s.label == label), None)
            if at is None:
                continue
            done.append((actor, label))
            choices.append(at)
            broken = self._system.verdict(state, steps[at])
            if broken and broken.split(":")[0] == self._name:
                return done, tuple(choices), broken
            state = steps[at].after
        return None


def switches(intentions: list[Intention]) -> int:
    """How often the run goes from one actor to another."""
    return sum(1 for a, b in pairwise(intentions) if a[0] != b[0])


def preemptions(system: System, choices: tuple[int, ...]) -> int:
    """Switches away from an actor that could have gone on (it neither rested nor ended)."""
    count, last = 0, -1
    for state, step in follow(system, choices):
        able = last >= 0 and system.agents.ended(state[last]) is None and not system.rests(state, last)
        count += step.actor != last and able
        last = step.actor
    return count


def shrink(system: System, found: Found, *, runs_max: int = 50) -> tuple[Found, int]:
    """A shorter run that breaks the same property, and how many runs it took."""
    shrinker = _Shrinker(system, found.broken.split(":")[0], runs_max)
    start = [(s.actor, s.label) for _, s in follow(system, found.choices)]
    best = shrinker.attempt(start)
    if best is None:
        return found, shrinker.runs  # a wedge is a property of a state, not of a step
    best = _gather(shrinker, best)
    best = _drop(shrinker, best)
    best = _gather(shrinker, best)
    return Found(best[2], best[1]), shrinker.runs


_Best: TypeAlias = tuple[list[Intention], tuple[int, ...], str]


def _blocks(intentions: list[Intention]) -> list[list[Intention]]:
    blocks: list[list[Intention]] = []
    for intention in intentions:
        if blocks and blocks[-1][0][0] == intention[0]:
            blocks[-1].append(intention)
        else:
            blocks.append([intention])
    return blocks


def _drop(shrinker: _Shrinker, best: _Best) -> _Best:
    """Leave out blocks of one actor, the latest first."""
    at = len(_blocks(best[0])) - 1
    while at >= 0:
        blocks = _blocks(best[0])
        if at < len(blocks):
            tried = shrinker.attempt([i for b in blocks[:at] + blocks[at + 1 :] for i in b])
            if tried is not None and len(tried[0]) < len(best[0]):
                best = tried
        at -= 1
    return best


def _gather(shrinker: _Shrinker, best: _Best) -> _Best:
    """Join an actor's neighbouring blocks, later into earlier or earlier into later, while it still breaks."""
    improved = True
    while improved:
        improved = False
        blocks = _blocks(best[0])
        for at in range(len(blocks) - 1):
            later = next((j for j in range(at + 1, len(blocks)) if blocks[j][0][0] == blocks[at][0][0]), None)
            if later is None:
                continue
            forward = [*blocks[:at], *blocks[at + 1 : later], [*blocks[at], *blocks[later]], *blocks[later + 1 :]]
            back = [*blocks[:at], [*blocks[at], *blocks[later]], *blocks[at + 1 : later], *blocks[later + 1 :]]
            for option in (back, forward):
                tried = shrinker.attempt([i for b in option for i in b])
                if tried is not None and switches(tried[0]) < switches(best[0]):
                    best, improved = tried, True
                    break
            if improved:
                break
    return best
