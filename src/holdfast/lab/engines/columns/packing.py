"""States in 64 bits, and the set of those that were met."""

from __future__ import annotations

import numpy as np

from holdfast.lab.engines.flock.arrays import Bools, Ints, Words
from holdfast.lab.system import System

BITS = 64


class TooWideError(RuntimeError):
    """A state does not fit into 64 bits; the text says what to do."""


class Packing:
    """A world and an agent for each actor as one number. The columns get wider as numbers grow."""

    def __init__(self, system: System) -> None:
        self._agents = system.agents
        self._programs = system.agents.program_of
        self._local: list[int] = []
        """The place of each agent among those of its program: smaller numbers than the agent's own."""
        self._of_program: list[list[int]] = [[] for _ in system.agents.programs]
        self._arrays: list[Ints] = []
        self.widths: list[int] = []
        self.locals: Ints = np.zeros(0, dtype=np.int64)

    def grow(self, worlds: int) -> bool:
        """Make room for what is new; True if what was packed has to be packed again.

        Raises:
            TooWideError: 64 bits don't do.
        """
        keys = self._agents.keys
        for agent in range(len(self._local), len(keys)):
            mine = self._of_program[keys[agent].program]
            self._local.append(len(mine))
            mine.append(agent)
        if len(self._local) > len(self.locals):
            self.locals = np.array(self._local, dtype=np.int64)
            self._arrays = [np.array(agents, dtype=np.int64) for agents in self._of_program]
        needed = [max(worlds - 1, 1).bit_length()]
        needed += [max(len(self._of_program[p]) - 1, 1).bit_length() for p in self._programs]
        if self.widths and all(has >= need for has, need in zip(self.widths, needed, strict=True)):
            return False
        if sum(needed) > BITS:
            raise TooWideError(f"a state takes {sum(needed)} bits here, and 64 is all: use the exhaustive engine")
        # What is over is shared out, so that packing again is seldom.
        spare, extra = divmod(BITS - sum(needed), len(needed))
        self.widths = [need + spare + (i < extra) for i, need in enumerate(needed)]
        return True

    def pack(self, worlds: Ints, agents: Ints) -> Words:
        """Rows of agents, a column for each actor."""
        keys: Words = worlds.astype(np.uint64)
        for i, width in enumerate(self.widths[1:]):
            keys <<= np.uint64(width)
            keys |= self.locals[agents[:, i]].astype(np.uint64)
        return keys

    def unpack(self, keys: Words, widths: list[int]) -> tuple[Ints, Ints]:
        """Worlds and agents of what was packed with these widths."""
        rest = keys.copy()
        agents: Ints = np.zeros((len(keys), len(widths) - 1), dtype=np.int64)
        for i in range(len(widths) - 1, 0, -1):
            width = np.uint64(widths[i])
            local = (rest & ((np.uint64(1) << width) - np.uint64(1))).astype(np.int64)
            agents[:, i - 1] = self._arrays[self._programs[i - 1]][local]
            rest >>= width
        return rest.astype(np.int64), agents


class Met:
    """Packed states with their numbers: sorted runs, each at least twice as long as the next."""

    def __init__(self) -> None:
        self._runs: list[tuple[Words, Ints]] = []

    def numbers(self, keys: Words) -> Ints:
        """The number of each of these sorted states, -1 for those that were not met."""
        found: Ints = np.full(len(keys), -1, dtype=np.int64)
        for known, numbers in self._runs:
            at = np.searchsorted(known, keys)
            at[at == len(known)] = 0
            there: Bools = known[at] == keys
            found[there] = numbers[at[there]]
        return found

    def add(self, keys: Words, numbers: Ints) -> None:
        """Sorted states that were not met before."""
        if len(keys):
            self._runs.append((keys, numbers))
        while len(self._runs) > 1 and 2 * len(self._runs[-1][0]) > len(self._runs[-2][0]):
            self._merge(2)

    def _merge(self, last: int) -> None:
        keys = np.concatenate([k for k, _ in self._runs[-last:]])
        numbers = np.concatenate([n for _, n in self._runs[-last:]])
        order = np.argsort(keys, kind="stable")
        self._runs[-last:] = [(keys[order], numbers[order])]

    def packed_again(self, packing: Packing, widths: list[int]) -> None:
        """The same states under new widths; `widths` are those that they have now."""
        if self._runs:
            self._runs = [(packing.pack(*packing.unpack(keys, widths)), n) for keys, n in self._runs]
            self._merge(len(self._runs))
