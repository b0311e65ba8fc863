"""The draws of `engines.chance`, for many lanes at a time."""

from __future__ import annotations

import numpy as np

from holdfast.lab.engines.chance import GOLDEN, LAST_SHIFT, MIXERS, UNIT, WORD, draw, mixed
from holdfast.lab.engines.flock.arrays import Floats, Ints, Words

_GOLDEN = np.uint64(GOLDEN)
_MIXERS = tuple((np.uint64(shift), np.uint64(factor)) for shift, factor in MIXERS)
_LAST = np.uint64(LAST_SHIFT)
_UPPER = np.uint64(11)
_ONE = np.uint64(1)


def _mix(words: Words) -> Words:
    """Mixed in place."""
    for shift, factor in _MIXERS:
        words ^= words >> shift
        words *= factor
    words ^= words >> _LAST
    return words


def _fractions(words: Words) -> Floats:
    found: Floats = (_mix(words) >> _UPPER) * np.float64(UNIT)
    return found


class LaneDraws:
    """Each lane's key, and how many draws it has had."""

    def __init__(self, seed: int, width: int) -> None:
        self._seed = np.uint64(mixed((seed + GOLDEN) & WORD))
        self.keys: Words = np.zeros(width, dtype=np.uint64)
        self.counts: Words = np.zeros(width, dtype=np.uint64)

    def begin(self, lanes: Ints, numbers: Ints) -> None:
        """These lanes run the schedules of these numbers from now on."""
        self.keys[lanes] = _mix(numbers.astype(np.uint64) + self._seed)
        self.counts[lanes] = 0

    def keep(self, lanes: Ints) -> None:
        """Only these lanes go on."""
        self.keys, self.counts = self.keys[lanes], self.counts[lanes]

    def each(self, lanes: Ints) -> Floats:
        """The next draw of each of these lanes."""
        counts = self.counts[lanes] + _ONE
        self.counts[lanes] = counts
        return _fractions(self.keys[lanes] + counts * _GOLDEN)

    def one(self, lane: int) -> float:
        """The next draw of one lane."""
        self.counts[lane] += _ONE
        return draw(int(self.keys[lane]), int(self.counts[lane]))

    def run(self, part: slice) -> Floats:
        """The next draw of each lane of a part."""
        counts = self.counts[part]
        counts += _ONE
        return _fractions(self.keys[part] + counts * _GOLDEN)

    def several(self, part: slice, rows: Ints, ranks: Ints, totals: Ints) -> Floats:
        """Draws of a part's lanes: for each entry the lane (by its row) and which of its next draws; then all
        lanes have had `totals` more."""
        at = self.counts[part][rows] + ranks.view(np.uint64)
        found = _fractions(self.keys[part][rows] + at * _GOLDEN)
        self.counts[part] += totals.view(np.uint64)
        return found
