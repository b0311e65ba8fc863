"""Kinds of arrays, an array that grows, and exact tables from pairs and tuples of numbers to numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]
Floats: TypeAlias = NDArray[np.float64]
Words: TypeAlias = NDArray[np.uint64]

UNKNOWN: Final = -1
_HALF: Final = 32
_OVERRUN: Final = 64
_EMPTY: Final = -(2**62)
_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)


class Column:
    """Numbers that are appended to; `of` is what there is so far."""

    def __init__(self) -> None:
        self._room: Ints = np.zeros(1024, dtype=np.int64)
        self.of: Ints = self._room[:0]

    def extend(self, values: Sequence[int] | Ints) -> None:
        """Append."""
        begin, end = len(self.of), len(self.of) + len(values)
        if end > len(self._room):
            room: Ints = np.zeros(2 * end, dtype=np.int64)
            room[:begin] = self.of
            self._room = room
        self._room[begin:end] = values
        self.of = self._room[:end]


class Pairs:
    """From pairs of numbers below 2**31 to one number at least 0: exact. Open addressing with linear probing."""

    def __init__(self) -> None:
        self._bits, self._size = 12, 0
        self._clear()

    def _clear(self) -> None:
        # More than there are homes: what runs over the end needs no turning back. The last is never taken.
        size = (1 << self._bits) + _OVERRUN
        self._keys: Ints = np.full(size, _EMPTY, dtype=np.int64)
        self._values: Ints = np.full(size, UNKNOWN, dtype=np.int64)

    def _homes(self, keys: Ints) -> Ints:
        words = keys.view(np.uint64) * _SPREAD
        words >>= np.uint64(64 - self._bits)
        return words.view(np.int64)

    def get(self, ones: Ints, others: Ints) -> Ints:
        """The number of each pair, UNKNOWN where there is none."""
        keys = (ones << _HALF) + others
        at = self._homes(keys)
        there = self._keys[at]
        misses = ((there != keys) & (there != _EMPTY)).nonzero()[0]
        while len(misses):
            at[misses] += 1
            there = self._keys[at[misses]]
            misses = misses[(there != keys[misses]) & (there != _EMPTY)]
        return self._values[at]

    def put(self, ones: Ints, others: Ints, values: Ints) -> None:
        """Add pairs that are not there, each once."""
        keys = (ones << _HALF) + others
        self._size += len(keys)
        if 3 * self._size > 1 << self._bits:
            known = self._keys != _EMPTY
            keys = np.concatenate((self._keys[known], keys))
            values = np.concatenate((self._values[known], values))
            while 6 * self._size > 1 << self._bits:
                self._bits += 1
            self._clear()
        while not self._placed(keys, values):
            self._bits += 1
            known = self._keys != _EMPTY
            fresh = ~np.isin(keys, self._keys[known])
            keys = np.concatenate((self._keys[known], keys[fresh]))
            values = np.concatenate((self._values[known], values[fresh]))
            self._clear()

    def _placed(self, keys: Ints, values: Ints) -> bool:
        """Whether all found a place near to their homes."""
        slots, last = self._keys, len(self._keys) - 1
        for key, value, at in zip(keys.tolist(), values.tolist(), self._homes(keys).tolist(), strict=True):
            while at < last and slots[at] != _EMPTY:
                at += 1
            if at >= last:
                return False
            slots[at], self._values[at] = key, value
        return True

    def __len__(self) -> int:
        return self._size


class Tuples:
    """From tuples of `width` numbers, given as columns, to one number at least 0: pairs of pairs, so exact."""

    def __init__(self, width: int) -> None:
        self._heads = [Pairs() for _ in range(width - 1)]

    def get(self, columns: Sequence[Ints]) -> Ints:
        """The number of each tuple, UNKNOWN where there is none."""
        found = columns[0]
        for pairs, column in zip(self._heads, columns[1:], strict=True):
            found = pairs.get(found, column)
            if (found == UNKNOWN).any():
                return self._some(columns)
        return found

    def _some(self, columns: Sequence[Ints]) -> Ints:
        at = np.arange(len(columns[0]))
        head = columns[0]
        for pairs, column in zip(self._heads, columns[1:], strict=True):
            head = pairs.get(head, column[at])
            known = head != UNKNOWN
            at, head = at[known], head[known]
        found: Ints = np.full(len(columns[0]), UNKNOWN, dtype=np.int64)
        found[at] = head
        return found

    def put(self, columns: Sequence[Ints], values: Ints) -> None:
        """Add tuples that are not there, each once."""
        head = columns[0]
        for pairs, column in zip(self._heads[:-1], columns[1:-1], strict=True):
            found = pairs.get(head, column)
            unmet = (found == UNKNOWN).nonzero()[0]
            if len(unmet):
                firsts = unmet[distinct((head[unmet], column[unmet]))]
                pairs.put(head[firsts], column[firsts], np.arange(len(pairs), len(pairs) + len(firsts)))
                found = pairs.get(head, column)
            head = found
        self._heads[-1].put(head, columns[-1], values)


def distinct(columns: Sequence[Ints]) -> Ints:
    """Where each tuple is met for the first time, in their order."""
    seen: dict[tuple[int, ...], int] = {}
    for i, row in enumerate(zip(*[c.tolist() for c in columns], strict=True)):
        seen.setdefault(row, i)
    return np.array(list(seen.values()), dtype=np.int64)
