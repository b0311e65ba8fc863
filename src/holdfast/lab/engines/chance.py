"""Chance that can be had again: the draws of schedule `number` under `seed`, whoever runs it and in which order.

SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014): the n-th draw is a
mix of a key and n. So one schedule among millions can be run again by itself, schedules can be shared out over
processes, and many run side by side on arrays (`engines.flock`) draw what each would draw alone.
"""

from __future__ import annotations

from typing import Final, Protocol

WORD: Final = (1 << 64) - 1
GOLDEN: Final = 0x9E3779B97F4A7C15
MIXERS: Final = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))
LAST_SHIFT: Final = 31
UNIT: Final = 2.0**-53
"""A draw is the upper 53 bits of a word, as a fraction of one."""


class Chance(Protocol):
    """What strategies draw from; `random.Random` is one too."""

    def random(self) -> float:
        """At least 0, less than 1."""
        ...


def mixed(word: int) -> int:
    """The word, mixed."""
    for shift, factor in MIXERS:
        word = ((word ^ (word >> shift)) * factor) & WORD
    return word ^ (word >> LAST_SHIFT)


def key_of(seed: int, number: int) -> int:
    """The key of a schedule's draws."""
    return mixed((mixed((seed + GOLDEN) & WORD) + number) & WORD)


def draw(key: int, at: int) -> float:
    """The draw number `at`, counted from 1."""
    return (mixed((key + at * GOLDEN) & WORD) >> 11) * UNIT


class Draws:
    """One schedule's draws, one after the other."""

    __slots__ = ("_key", "count")

    def __init__(self, seed: int, number: int) -> None:
        self._key, self.count = key_of(seed, number), 0

    def random(self) -> float:
        """The next draw."""
        self.count += 1
        return draw(self._key, self.count)
