"""Search of worlds whose state is no value: each state is its list of choices, reached by running it again.

For loops that keep their state in objects (the lease service's desk). A world says by `key` when two of its states
are the same; everything that can still matter has to be in it. Depth first, so that most steps need no new run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from typing import Protocol

from holdfast.lab.engines.found import Found, Outcome


class World(Protocol):
    """One run of something deterministic."""

    bounds: str
    broken: str
    """The property that the last step broke; empty if none."""

    def options(self) -> Sequence[str]:
        """What may happen next, in an order that depends on nothing but the choices so far."""
        ...

    def take(self, number: int) -> None:
        """Let one of them happen."""
        ...

    def key(self) -> Hashable:
        """Equal for states from which the same can happen."""
        ...


def search(make: Callable[[], World], *, states: int = 200_000, seconds: float = 60.0) -> Outcome:
    """All states, or until something breaks or a budget ends."""
    began_s = time.perf_counter()
    world = make()
    seen: set[Hashable] = {world.key()}
    steps = 0

    def outcome(*, complete: bool, found: Found | None = None) -> Outcome:
        took_s = time.perf_counter() - began_s
        return Outcome("rerun", world.bounds, "states", len(seen), steps, took_s, complete, found)

    stack: list[tuple[tuple[int, ...], int, int]] = [((), 0, len(world.options()))]
    at: tuple[int, ...] = ()
    while stack:
        path, number, count = stack.pop()
        if number >= count:
            continue
        stack.append((path, number + 1, count))
        if at != path:
            world = run(make, path)
        world.take(number)
        at = (*path, number)
        steps += 1
        if world.broken:
            return outcome(complete=False, found=Found(world.broken, at))
        key = world.key()
        if key in seen:
            continue
        seen.add(key)
        if len(seen) >= states or time.perf_counter() - began_s > seconds:
            return outcome(complete=False)
        stack.append((at, 0, len(world.options())))
    return outcome(complete=True)


def run(make: Callable[[], World], choices: Sequence[int]) -> World:
    """A fresh world, after these choices."""
    world = make()
    for number in choices:
        world.take(number)
    return world


def tell(make: Callable[[], World], choices: Sequence[int]) -> str:
    """The run in words: what was taken at each step."""
    world = make()
    lines = []
    for step, number in enumerate(choices, start=1):
        lines.append(f"{step:>3}  {world.options()[number]}")
        world.take(number)
    return "\n".join((*lines, f"     => {world.broken or 'nothing broken'}"))


def shortest(make: Callable[[], World], found: Found, *, runs: int = 4000) -> Found:
    """Fewer steps of the same breakage: leaves out one choice after the other, by its words."""
    words = _words(make, found.choices)
    at = 0
    while at < len(words) and runs > 0:
        runs -= 1
        fewer = _follow(make, (*words[:at], *words[at + 1 :]), found.broken)
        if fewer is None:
            at += 1
        else:
            words, at = _words(make, fewer), 0
            found = Found(found.broken, fewer)
    return found


def _words(make: Callable[[], World], choices: Sequence[int]) -> tuple[str, ...]:
    world = make()
    words = []
    for number in choices:
        words.append(world.options()[number])
        world.take(number)
    return tuple(words)


def _follow(make: Callable[[], World], words: Sequence[str], broken: str) -> tuple[int, ...] | None:
    """The choices that say these words, as far as they can be said, if they break the same."""
    world = make()
    choices: list[int] = []
    for word in words:
        options = list(world.options())
        if word not in options:
            continue
        choices.append(options.index(word))
        world.take(choices[-1])
        if world.broken:
            return tuple(choices) if world.broken == broken else None
    return None
