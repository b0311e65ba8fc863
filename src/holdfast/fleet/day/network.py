"""Launches and the configuration backlog, minute by minute, as flows (shares of the hosts; no single host).

A launch needs the name, and a host with a lease; then its network configuration has to arrive. Changes go only to
hosts with a lease; for the others they pile up.

- *2025*: one line, first in first out, every change by itself. A new instance waits for all that is before it.
- *holdfast* (`propagation.rules`): the newest change of a document replaces the older ones, a host with much
  that is old gets one snapshot, creates go first, and launches are let in by the age of the backlog.
"""

from __future__ import annotations

import math
from typing import Final

import msgspec

from holdfast.fleet.day.assumed import Assumed
from holdfast.fleet.day.leases import MINUTE_S, Leases
from holdfast.fleet.day.scripts import Script
from holdfast.leases.envelope import HELD_SHARE
from holdfast.propagation.rules import SNAPSHOT_SHARE, admitted_per_s, snapshot_instead

AGAIN_MINUTES: Final = 10
NORMAL_S: Final = 60.0
"""Propagation within a minute is normal."""
THROTTLED_UNTIL_SHARE: Final = 1.5
"""2025: launches stay limited until the backlog is this many minutes or less."""


class Network(msgspec.Struct, frozen=True):
    """Per minute. Launches as shares of the hosts."""

    asked: tuple[float, ...]
    launched: tuple[float, ...]
    without_network: tuple[float, ...]
    """Launched, and without their network so far."""
    latency_s: tuple[float, ...]
    """How long a new instance waits for its network."""
    backlog: tuple[float, ...]
    """Changes that wait, per host."""
    lag_s: tuple[float, ...]
    """How long a change for a host that serves already waits: so long it lags behind."""

    @property
    def failed(self) -> float:
        """Launches asked for and not made, all day, as a share of those asked for."""
        return 1 - sum(self.launched) / sum(self.asked) if sum(self.asked) else 0.0

    @property
    def normal_s(self) -> float:
        """The end of the last minute in which propagation was not normal; 0: it always was."""
        late = [at for at, wait_s in enumerate(self.latency_s) if wait_s > NORMAL_S]
        return (late[-1] + 1.0) * MINUTE_S if late else 0.0

    def drained_s(self, *, from_s: float) -> float:
        """The end of the last minute, from this second on, in which changes wait for longer than a minute."""
        late = [at for at, wait_s in enumerate(self.lag_s) if wait_s > NORMAL_S and at * MINUTE_S >= from_s]
        return max(from_s, (late[-1] + 1.0) * MINUTE_S) if late else from_s


class _Flow:
    """The state from minute to minute."""

    def __init__(self, script: Script, assumed: Assumed, leases: Leases, *, old: bool) -> None:
        self.script, self.assumed, self.leases, self.old = script, assumed, leases, old
        self.changes = assumed.changes_per_h / 60
        self.usual = assumed.launches_per_h / 60
        self.rate = assumed.headroom * (self.changes + self.usual)
        """What propagation can do in a minute, in changes per host."""
        self.again = [0.0] * AGAIN_MINUTES
        self.waiting = 0.0
        """Changes in line, launches included."""
        self.launches_waiting = 0.0
        self.behind_minutes = 0.0
        """How long hosts without a lease have been piling up changes."""
        self.unleased = 0.0

    def minute(self, at: int, held: float) -> tuple[float, float]:
        """Launches asked for and made in this minute."""
        asked = self.usual + self.again[at % AGAIN_MINUTES]
        launched = min(asked * self._succeeds(at, held), self._let_in())
        self.again[at % AGAIN_MINUTES] = self.assumed.ask_again * (asked - launched)
        self._arrive(launched, held)
        self._drain()
        return asked, launched

    def _succeeds(self, at: int, held: float) -> float:
        """The name resolves, and a host with a lease is found."""
        now_s = at * MINUTE_S
        if self.script.names and now_s < self.script.cause_s:
            return 0.0
        return held

    def _let_in(self) -> float:
        if not self.old:
            # Launches are creates and go first: what counts is how old the oldest create is.
            oldest_s = self.launches_waiting / self.rate * MINUTE_S
            return admitted_per_s(drain_per_s=self.rate, oldest_s=oldest_s)
        throttled = self.waiting > THROTTLED_UNTIL_SHARE * self.rate
        after_help = self.leases.held_s is not None
        return self.assumed.launch_limit * self.usual if throttled and after_help else float("inf")

    def _arrive(self, launched: float, held: float) -> None:
        """Changes for hosts with a lease join the line; the others' pile up, and join when their lease is back."""
        self.waiting += held * self.changes + launched
        self.launches_waiting += launched
        without = 1 - held
        self.unleased += without * self.changes
        if without > 1.5 * (1 - HELD_SHARE):
            self.behind_minutes += 1
        elif self.unleased:
            self.waiting += self._piled_up()
            self.unleased, self.behind_minutes = 0.0, 0.0

    def _piled_up(self) -> float:
        """2025: every change. holdfast: each document once, or one snapshot of 0.3 of the documents' cost."""
        if self.old:
            return self.unleased
        documents = self.assumed.documents
        dirty = documents * (1 - math.exp(-self.unleased / documents))
        if snapshot_instead(dirty=math.ceil(dirty), documents=math.ceil(documents)):
            dirty = min(dirty, SNAPSHOT_SHARE * documents)
        return min(self.unleased, dirty)

    def _drain(self) -> None:
        done = min(self.rate, self.waiting)
        share = done / self.waiting if self.waiting else 0.0
        launches = min(done, self.launches_waiting) if not self.old else self.launches_waiting * share
        self.launches_waiting -= launches
        self.waiting -= done

    def latency_s(self) -> float:
        """How long a launch of now waits."""
        before = self.waiting if self.old else self.launches_waiting
        return before / self.rate * MINUTE_S

    def lag_s(self) -> float:
        """How long a change of now waits for all that is before it."""
        return self.waiting / self.rate * MINUTE_S


def play_network(script: Script, assumed: Assumed, leases: Leases, *, design: str) -> Network:
    """The day of launches and configuration."""
    flow = _Flow(script, assumed, leases, old=design == "2025")
    asked, launched, without, latency_s, backlog, lag_s = [], [], [], [], [], []
    for at, held in enumerate(leases.held):
        wanted, made = flow.minute(at, held)
        asked.append(wanted)
        launched.append(made)
        without.append(flow.launches_waiting)
        latency_s.append(flow.latency_s())
        backlog.append(flow.waiting + flow.unleased)
        lag_s.append(flow.lag_s())
    return Network(tuple(asked), tuple(launched), tuple(without), tuple(latency_s), tuple(backlog), tuple(lag_s))
