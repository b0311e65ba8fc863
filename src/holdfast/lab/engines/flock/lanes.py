"""The lanes: a row of numbers for each schedule that runs, and the round that takes each one step further.

A row is a state of the system with one column more behind the actors, always -1: the cell of those who touch none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from holdfast.lab.engines.flock.arrays import Bools, Ints
from holdfast.lab.engines.flock.choosing import CHOOSERS, Chooser
from holdfast.lab.engines.flock.draws import LaneDraws
from holdfast.lab.engines.flock.tables import DEAD, RESTS, RUNS, Tables, as_row, as_state
from holdfast.lab.engines.flock.verdicts import Taken, Verdicts
from holdfast.lab.engines.schedule import FAULT_SHARE
from holdfast.lab.engines.strategies import PORTFOLIO
from holdfast.lab.system import System


class Part(NamedTuple):
    """Lanes of one strategy, side by side; `turns` are its places in the portfolio."""

    turns: tuple[int, ...]
    chooser: Chooser
    lanes: slice


class Lanes:
    """Lanes in parts. `hand_out` gives so many schedules of a part, -1 where there are none left."""

    def __init__(
        self,
        system: System,
        tables: Tables,
        verdicts: Verdicts,
        *,
        seed: int,
        width: int,
        steps_max: int,
        hand_out: Callable[[tuple[int, ...], int], Ints],
        broke: Callable[[int], None],
    ) -> None:
        self._system, self._tables = system, tables
        self._seed, self._steps_max = seed, steps_max
        self._numbers, self._broke = hand_out, broke
        self._actors = system.first_cell
        self._first = self._actors + 1
        self._flight_at, self._left_at = system.flight_at + 1, system.left_at + 1
        self._start: Ints = np.array(as_row(system.start, self._actors), dtype=np.int64)
        self._verdicts = verdicts
        self._waits = system.waiting
        self._faulty = system.scenario.faults.total > 0
        self.schedules = self.steps = 0
        """How many have ended, and how many steps they took."""
        self._parts: list[Part] = []
        self._lay_out(width)
        self._fill(np.arange(len(self.numbers), dtype=np.int64))

    # -- lanes and parts ------------------------------------------------------------------------------------

    def _lay_out(self, width: int) -> None:
        kinds: dict[type, list[int]] = {}
        for turn, kind in enumerate(PORTFOLIO):
            assert isinstance(kind, type)
            kinds.setdefault(kind, []).append(turn)
        each = max(width // len(PORTFOLIO), 1)
        at = 0
        for kind, turns in kinds.items():
            lanes = each * len(turns)
            self._parts.append(Part(tuple(turns), CHOOSERS[kind](lanes, self._actors), slice(at, at + lanes)))
            at += lanes
        self._state: Ints = np.tile(self._start, (at, 1))
        self.numbers: Ints = np.full(at, -1, dtype=np.int64)
        """The schedule that runs in each lane."""
        self._taken: Ints = np.zeros(at, dtype=np.int64)
        self._version: Ints = np.zeros(at, dtype=np.int64)
        self._woke: Ints = np.zeros((at, self._actors), dtype=np.int64)
        self._due: Bools = np.ones(at, dtype=bool)
        self._over: Bools = np.zeros(at, dtype=bool)
        """Which lanes have not had this round's chance of a fault, and which schedules have broken something or
        are long enough."""
        self._draws = LaneDraws(self._seed, at)
        self._lanes: Ints = np.arange(at, dtype=np.int64)

    def _fill(self, ended: Ints) -> None:
        """Begin the next schedules in these lanes; lanes for which there is none close."""
        idle = False
        for part in self._parts:
            mine = ended[(ended >= part.lanes.start) & (ended < part.lanes.stop)]
            if len(mine):
                numbers = self._numbers(part.turns, len(mine))
                self.numbers[mine] = numbers
                idle = idle or bool((numbers < 0).any())
                self._draws.begin(mine, numbers)
                part.chooser.begin(mine - part.lanes.start, self._draws, part.lanes)
        self._state[ended] = self._start
        self._taken[ended] = self._version[ended] = 0
        self._woke[ended] = -1
        self._due[ended], self._over[ended] = True, False
        if idle:
            self._keep(self.numbers >= 0)

    def _keep(self, stay: Bools) -> None:
        """Close the other lanes."""
        lanes = stay.nonzero()[0]
        parts = []
        at = 0
        for part in self._parts:
            mine = stay[part.lanes].nonzero()[0]
            if len(mine):
                part.chooser.keep(mine)
                parts.append(Part(part.turns, part.chooser, slice(at, at + len(mine))))
                at += len(mine)
        self._parts = parts
        self._state, self.numbers, self._taken = self._state[lanes], self.numbers[lanes], self._taken[lanes]
        self._version, self._woke = self._version[lanes], self._woke[lanes]
        self._due, self._over = self._due[lanes], self._over[lanes]
        self._draws.keep(lanes)
        self._lanes = np.arange(len(lanes), dtype=np.int64)

    def drop_from(self, number: int) -> None:
        """Schedules of this number and above are of no interest any more."""
        self._keep(self.numbers < number)

    def _close(self, lanes: Ints) -> None:
        """These schedules have ended; the next begin."""
        self.schedules += len(lanes)
        self.steps += int(self._taken[lanes].sum())
        self._fill(lanes)

    # -- a round --------------------------------------------------------------------------------------------

    def advance(self) -> None:
        """Every lane takes one step; those whose schedules have ended begin the next before that."""
        self._tables.refresh()
        self._due[:] = True
        while len(self.numbers):
            self._strikes()
            enabled = self._enabled()
            ended = (self._over | ~enabled.any(axis=1)).nonzero()[0]
            if not len(ended):
                self._step(enabled)
                return
            self._close(ended)

    def _enabled(self) -> Bools:
        """Who can go on: alive, not waiting for others, and with something new to see if it rests."""
        standing = self._tables.standing[self._state[:, : self._actors]]
        found: Bools = self._woke != self._version[:, None]
        found &= standing != DEAD
        found |= standing == RUNS
        for actor, waits in self._waits:
            found[:, actor] &= (standing[:, waits] == DEAD).all(axis=1)
        return found

    def _strikes(self) -> None:
        """Faults upon actors or the data, and what becomes of messages in flight; once a round in each lane."""
        due = self._due & ~self._over
        due &= self._taken < self._steps_max
        self._over = self._over | (self._due & ~due)
        self._due[:] = False
        if not self._faulty:
            return
        state = self._state
        if not self._system.lasting:
            due &= (state[:, self._left_at] > 0) | (state[:, self._flight_at] != self._start[self._flight_at])
        lanes = due.nonzero()[0]
        for lane in lanes[self._draws.each(lanes) < FAULT_SHARE].tolist():
            self._strike(lane)

    def _strike(self, lane: int) -> None:
        state = as_state(self._state[lane], self._actors)
        step = self._system.world_step(state, lambda count: int(self._draws.one(lane) * count))
        if step is None:
            return
        self.steps += 1
        self._state[lane] = as_row(step.after, self._actors)
        self._version[lane] += 1
        self._tables.refresh()
        if self._system.verdict(state, step):
            self._breaks(lane)

    def _breaks(self, lane: int) -> None:
        self._over[lane] = True
        self._broke(int(self.numbers[lane]))

    def _step(self, enabled: Bools) -> None:
        tables, state, lanes = self._tables, self._state, self._lanes
        actors = np.concatenate([p.chooser.choose(enabled[p.lanes], self._draws, p.lanes) for p in self._parts])
        agents = state[lanes, actors]
        columns = self._first + tables.touches[agents]
        before = state[lanes, columns]
        rows = tables.rows(agents, before)
        ways = self._picked(rows)
        after, cells = tables.after(ways), tables.cell[ways]
        rested = (tables.standing[agents] == RESTS).nonzero()[0]
        self._woke[rested, actors[rested]] = self._version[rested]
        self._taken += 1
        wrote = cells != before
        ended = tables.standing[after] == DEAD
        judged = (wrote | ended).nonzero()[0]
        old = state[judged]
        state[lanes, actors] = after
        state[lanes, columns] = cells
        if len(judged):
            taken = Taken(actors[judged], columns[judged], wrote[judged])
            for lane in judged[self._verdicts.breaks(old, state[judged], taken)].tolist():
                self._breaks(lane)
        changed = wrote.nonzero()[0]
        self._version[changed] += 1
        self._races(changed, columns)

    def _races(self, changed: Ints, columns: Ints) -> None:
        for part in self._parts:
            if part.chooser.races:
                mine = changed[(changed >= part.lanes.start) & (changed < part.lanes.stop)]
                touched = self._first + self._tables.touches[self._state[mine, : self._actors]]
                part.chooser.raced(mine - part.lanes.start, touched == columns[mine, None])

    def _picked(self, rows: Ints) -> Ints:
        """A free way for each row; now and then a fault."""
        tables, state = self._tables, self._state
        first, free, count = tables.first[rows], tables.free[rows], tables.count[rows]
        open_ = count > 1
        if self._faulty:
            could = (open_ & (free < count) & (state[:, self._left_at] > 0)).nonzero()[0]
            could = could[self._draws.each(could) < FAULT_SHARE]
            if len(could):
                drawn = self._draws.each(could)
                ways = first[could] + free[could] + (drawn * (count - free)[could]).astype(np.int64)
                flies = self._fly(could, ways)
                could, ways = could[flies], ways[flies]
                state[could, self._left_at] -= tables.cost[ways]
                first[could] = ways
                open_[could] = False
        some = (open_ & (free > 1)).nonzero()[0]
        if len(some):
            first[some] += (self._draws.each(some) * free[some]).astype(np.int64)
        return first

    def _fly(self, lanes: Ints, ways: Ints) -> Bools:
        """Send off the messages that these ways leave in flight; where there is no room, False: no such way."""
        found: Bools = np.ones(len(lanes), dtype=bool)
        messages = self._tables.flies[ways]
        for i in (messages >= 0).nonzero()[0].tolist():
            lane = lanes[i]
            flight = self._system.launched(int(self._state[lane, self._flight_at]), int(messages[i]))
            if flight < 0:
                found[i] = False
            else:
                self._state[lane, self._flight_at] = flight
        return found
