"""Whose turn it is: hosts wait, and a bounded number is being served.

    rank     create before update before delete; whoever waited AGEING_S goes with the first
    group    among equals, the group that was served least since it began to wait: none can starve another
    age      then the longest wait
    last     quarantined hosts, only when nobody else waits, and seldom

A host in quarantine is one that took several deliveries and never reported one as applied or refused: it would
hold a place that another could use.
"""

from __future__ import annotations

import msgspec

from holdfast.model.delivery import Host
from holdfast.propagation.desired import Work
from holdfast.propagation.rules import AGEING_S, QUARANTINE_AFTER, quarantine_s


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

    @property
    def quarantined(self) -> bool:
        """Whether others go first."""
        return self.silent >= QUARANTINE_AFTER


class Turns:
    """The waiting hosts, and those that are being served. `places` bounds the latter."""

    def __init__(self, *, places: int, report_within_s: float) -> None:
        self.places = places
        self.report_within_s = report_within_s
        self.turns: dict[str, Turn] = {}
        self._served: dict[str, float] = {}

    def wait(self, host: Host, work: Work, *, now_s: float) -> None:
        """The host has something to get. Its wait began when it first had."""
        turn = self._turn(host)
        turn.work = work
        if turn.since_s is None:
            turn.since_s = now_s
            active = [self._served.get(t.host.group, 0.0) for t in self.turns.values() if t.since_s is not None]
            self._served[host.group] = max(self._served.get(host.group, 0.0), min(active, default=0.0))

    def rest(self, host: Host) -> None:
        """The host has all that it should."""
        turn = self._turn(host)
        turn.since_s = None

    def report(self, host: Host) -> None:
        """The host reported on what it was given, as applied or as refused: it is alive, and its place is free."""
        turn = self._turn(host)
        turn.given_s = None
        turn.silent = 0

    def _turn(self, host: Host) -> Turn:
        turn = self.turns.get(host.name)
        if turn is None or turn.host != host:
            turn = self.turns[host.name] = Turn(host) if turn is None else msgspec.structs.replace(turn, host=host)
        return turn

    def free(self, *, now_s: float) -> int:
        """How many more can be served now. Places of hosts that do not report are taken back."""
        busy = 0
        for turn in self.turns.values():
            if turn.given_s is None:
                continue
            if now_s - turn.given_s < self.report_within_s:
                busy += 1
                continue
            turn.given_s = None
            turn.silent += 1
            turn.again_s = now_s + quarantine_s(turn.silent)
        return self.places - busy

    def next(self, among: set[str], *, now_s: float) -> str | None:
        """Which of these hosts is served next, if there is room; it is being served from now on."""
        if self.free(now_s=now_s) <= 0:
            return None
        able = [t for name in among if (t := self.turns.get(name)) and t.since_s is not None and t.given_s is None]
        first = [t for t in able if not t.quarantined] or [t for t in able if now_s >= t.again_s]
        if not first:
            return None
        turn = min(first, key=lambda t: self._rank(t, now_s))
        turn.given_s = now_s
        self._served[turn.host.group] = self._served.get(turn.host.group, 0.0) + 1
        return turn.host.name

    def _rank(self, turn: Turn, now_s: float) -> tuple[int, float, float, str]:
        assert turn.since_s is not None
        aged = now_s - turn.since_s >= AGEING_S
        rank = Work.CREATE if aged else turn.work
        return (rank, self._served.get(turn.host.group, 0.0), turn.since_s, turn.host.name)

    def backlog_age_s(self, *, now_s: float) -> float:
        """How long the longest wait of a host outside of quarantine is."""
        waits = [now_s - t.since_s for t in self.turns.values() if t.since_s is not None and not t.quarantined]
        return max(waits, default=0.0)
