"""Whose turn it is: hosts wait, and a bounded number is being served.

    rank     create before update before delete; whoever waited AGEING_S goes with the first
    kind     of the first, new hosts and those that waited so long take turns: neither can starve the other
    group    among equals, the group that was served least since it began to wait: none can starve another
    age      then the longest wait
    last     quarantined hosts, only when nobody else waits, and seldom

A host in quarantine is one that took several deliveries and never reported one as applied or refused: it would
hold a place that another could use.
"""

from __future__ import annotations

import heapq
from collections.abc import Container
from typing import Final, TypeAlias

import msgspec

from holdfast.model.delivery import Host
from holdfast.propagation.desired import Work
from holdfast.propagation.rules import AGEING_S, QUARANTINE_AFTER, quarantine_s

_Line: TypeAlias = tuple[str, Work]
"""A group, and a kind of work."""
_Rank: TypeAlias = tuple[int, bool, float, float, str]
_Order: TypeAlias = tuple[int, float, float, str]
"""A rank without whose turn it is: among new hosts, and among the others, that is the same for all."""
_FOREMOST: Final[_Order] = (Work.CREATE, float("-inf"), float("-inf"), "")
"""Before everybody: look at the line anew."""


class Turn(msgspec.Struct):
    """What is known of one host's waiting. Times are monotonic seconds."""

    host: Host
    work: Work = Work.UPDATE
    since_s: float | None = None
    """Since when it waits for something; None while it is up to date."""
    given_s: float | None = None
    """When it was given a delivery that it has not reported on."""
    silent: int = 0
    """Deliveries in a row without a report."""
    again_s: float = 0.0
    """In quarantine: not before this."""
    queued: bool = False
    """Whether it stands in the line of its group and work."""

    @property
    def quarantined(self) -> bool:
        """Whether others go first."""
        return self.silent >= QUARANTINE_AFTER

    @property
    def kept(self) -> bool:
        """Whether it is we who keep it waiting: one that had its turn and never reported keeps itself."""
        return self.since_s is not None and not self.silent


class Turns:
    """The waiting hosts, and those that are being served. `places` bounds the latter.

    Each group has a line for each kind of work, by the beginning of the wait. The first of all is the first of one
    of these lines, and the lines stand in a heap by what their first had for a rank when it was looked at last: a
    rank only rises while it waits, but when it ages, and that is looked for. So choosing costs neither as much as
    there are hosts, nor as there are groups. What does not hold any more is passed over when it comes to the
    front; whoever asks again joins again.
    """

    def __init__(self, *, places: int, report_within_s: float) -> None:
        self.places = places
        self.report_within_s = report_within_s
        self.turns: dict[str, Turn] = {}
        self._served: dict[str, float] = {}
        self._given: dict[str, Turn] = {}
        self._quarantined: set[str] = set()
        self._waiting: dict[str, int] = {}
        """By group: hosts that wait for something."""
        self._lines: dict[_Line, list[tuple[float, str]]] = {}
        self._heads: dict[bool, list[tuple[_Order, _Line]]] = {True: [], False: []}
        """Lines of new hosts, and of others, by where their first stands, or stood: `_head_of` has what counts."""
        self._head_of: dict[_Line, _Order] = {}
        self._ageing: list[tuple[float, _Line]] = []
        """When somebody in a line began to wait, for whom ageing may change the line's rank."""
        self._least: list[tuple[float, str]] = []
        """Waiting groups by how often they were served, or fewer."""
        self._in_least: set[str] = set()
        self._ages: list[tuple[float, str]] = []
        self._old_first = True
        """Of the first in rank, whose turn it is: that of who waited long, or that of new hosts."""

    def wait(self, host: Host, work: Work, *, now_s: float) -> None:
        """The host has something to get. Its wait began when it first had."""
        turn = self._turn(host)
        if turn.work is not work:
            turn.work, turn.queued = work, False
        if turn.since_s is None:
            turn.since_s = now_s
            heapq.heappush(self._ages, (now_s, host.name))
            least = self._least_served()
            self._served[host.group] = max(self._served.get(host.group, 0.0), least)
            self._waits(host.group)
        self._queue(turn)

    def rest(self, host: Host) -> None:
        """The host has all that it should."""
        turn = self._turn(host)
        self._waits_no_more(turn)

    def report(self, host: Host) -> None:
        """The host reported on what it was given, as applied or as refused: it is alive, and its place is free."""
        turn = self._turn(host)
        turn.given_s = None
        self._given.pop(host.name, None)
        if turn.silent:
            turn.silent = 0
            self._quarantined.discard(host.name)
            if turn.since_s is not None:
                heapq.heappush(self._ages, (turn.since_s, host.name))
        self._queue(turn)

    def began_anew(self, host: Host, *, now_s: float) -> None:
        """It asks as a new process does: what its last one was given is lost, and its place is free."""
        turn = self._turn(host)
        if turn.given_s is not None:
            self._unreported(turn, now_s)

    def forget(self, name: str) -> None:
        """The host has not asked for long."""
        turn = self.turns.pop(name, None)
        if turn is not None:
            self._waits_no_more(turn)
            self._given.pop(name, None)
            self._quarantined.discard(name)

    def _waits(self, group: str) -> None:
        """One more of this group."""
        self._waiting[group] = self._waiting.get(group, 0) + 1
        if group not in self._in_least:
            self._in_least.add(group)
            heapq.heappush(self._least, (self._served.get(group, 0.0), group))

    def _least_served(self) -> float:
        """How often the waiting group was served that was served least; 0 if none waits."""
        while self._least:
            known, group = self._least[0]
            served = self._served.get(group, 0.0)
            if group not in self._waiting:
                heapq.heappop(self._least)
                self._in_least.discard(group)
            elif served != known:
                heapq.heapreplace(self._least, (served, group))
            else:
                return served
        return 0.0

    def _waits_no_more(self, turn: Turn) -> None:
        if turn.since_s is None:
            return
        turn.since_s, turn.queued = None, False
        left = self._waiting[turn.host.group] - 1
        if left:
            self._waiting[turn.host.group] = left
        else:
            del self._waiting[turn.host.group]

    def _turn(self, host: Host) -> Turn:
        turn = self.turns.get(host.name)
        if turn is None:
            turn = self.turns[host.name] = Turn(host)
        elif turn.host != host:
            since_s = turn.since_s
            self._waits_no_more(turn)
            turn.host, turn.queued = host, False
            if since_s is not None:
                turn.since_s = since_s
                self._waits(host.group)
        return turn

    def _queue(self, turn: Turn) -> None:
        """Into its line, if it is not there and may be served."""
        if turn.queued or turn.since_s is None or turn.given_s is not None or turn.quarantined:
            return
        turn.queued = True
        key = (turn.host.group, turn.work)
        heapq.heappush(self._lines.setdefault(key, []), (turn.since_s, turn.host.name))
        if turn.work is not Work.CREATE:
            heapq.heappush(self._ageing, (turn.since_s, key))
        self._comes_forward(key, (turn.work, self._served.get(turn.host.group, 0.0), turn.since_s, turn.host.name))

    def _comes_forward(self, key: _Line, order: _Order) -> None:
        """The line may have somebody who stands there now; it is looked at when that comes to the front."""
        known = self._head_of.get(key)
        if known is None or order < known:
            self._head_of[key] = order
            heapq.heappush(self._heads[key[1] is Work.CREATE], (order, key))

    def free(self, *, now_s: float) -> int:
        """How many more can be served now. Places of hosts that do not report are taken back."""
        for turn in list(self._given.values()):
            assert turn.given_s is not None, "it was given something"
            if now_s - turn.given_s >= self.report_within_s:
                self._unreported(turn, now_s)
        return self.places - len(self._given)

    def _unreported(self, turn: Turn, now_s: float) -> None:
        """Its place is taken back."""
        del self._given[turn.host.name]
        turn.given_s = None
        turn.silent += 1
        turn.again_s = now_s + quarantine_s(turn.silent)
        if turn.quarantined:
            self._quarantined.add(turn.host.name)
        self._queue(turn)

    def next(self, among: Container[str], *, now_s: float) -> str | None:
        """Which of these hosts is served next, if there is room; it is being served from now on."""
        if self.free(now_s=now_s) <= 0:
            return None
        turn = self._first(among, now_s) or self._first_quarantined(among, now_s)
        if turn is None:
            return None
        rank, *_ = self._rank(turn, now_s)
        if rank == Work.CREATE:
            self._old_first = turn.work is Work.CREATE
        turn.given_s, turn.queued = now_s, False
        self._given[turn.host.name] = turn
        self._served[turn.host.group] = self._served.get(turn.host.group, 0.0) + 1
        return turn.host.name

    def _first(self, among: Container[str], now_s: float) -> Turn | None:
        while self._ageing and now_s - self._ageing[0][0] >= AGEING_S:
            _, key = heapq.heappop(self._ageing)
            if key in self._lines:
                self._comes_forward(key, _FOREMOST)
        heads = [turn for new in (True, False) if (turn := self._foremost(self._heads[new], among, now_s))]
        return min(heads, key=lambda turn: self._rank(turn, now_s), default=None)

    def _foremost(self, heads: list[tuple[_Order, _Line]], among: Container[str], now_s: float) -> Turn | None:
        """The first of these lines' firsts."""
        while heads:
            order, key = heads[0]
            if self._head_of.get(key) != order:
                heapq.heappop(heads)
                continue
            turn = self._head(key, among)
            if turn is None:
                continue
            rank, _, served, since_s, name = self._rank(turn, now_s)
            now = (rank, served, since_s, name)
            if now == order:
                return turn
            self._head_of[key] = now
            heapq.heapreplace(heads, (now, key))
        return None

    def _head(self, key: _Line, among: Container[str]) -> Turn | None:
        """The first of a line that still stands there and asks now."""
        line = self._lines[key]
        while line:
            since_s, name = line[0]
            turn = self.turns.get(name)
            stands = (
                turn is not None
                and turn.queued
                and (turn.host.group, turn.work) == key
                and turn.since_s == since_s
                and turn.given_s is None
            )
            if turn is not None and stands and not turn.quarantined and name in among:
                return turn
            heapq.heappop(line)
            if turn is not None and stands:
                turn.queued = False  # it joins again when it asks again
        del self._lines[key], self._head_of[key]
        return None

    def _first_quarantined(self, among: Container[str], now_s: float) -> Turn | None:
        able = (
            turn
            for name in self._quarantined
            if name in among and (turn := self.turns[name]).since_s is not None and turn.given_s is None
        )
        return min(
            (turn for turn in able if now_s >= turn.again_s), key=lambda t: self._rank(t, now_s), default=None
        )

    def _rank(self, turn: Turn, now_s: float) -> _Rank:
        assert turn.since_s is not None
        aged = now_s - turn.since_s >= AGEING_S
        rank = Work.CREATE if aged else turn.work
        # In a long backlog all have waited so long: by age alone a new host would be the last of them.
        second = rank == Work.CREATE and self._old_first == (turn.work is Work.CREATE)
        return (rank, second, self._served.get(turn.host.group, 0.0), turn.since_s, turn.host.name)

    def backlog_age_s(self, *, now_s: float) -> float:
        """How long the longest wait is of a host that we keep waiting (`Turn.kept`)."""
        while self._ages:
            since_s, name = self._ages[0]
            turn = self.turns.get(name)
            if turn is not None and turn.kept and turn.since_s == since_s:
                return now_s - since_s
            heapq.heappop(self._ages)
        return 0.0
