"""Launches and configuration of a day, host by host: attempted, failed, launched without network, ready.

A launch needs the name, and a host with a lease; then its network configuration has to arrive. One that is not
made is asked for again ten minutes later: always by the pool, that wants its targets, else perhaps. Changes go
only to hosts with a lease; for the others they pile up. How they go is the `Manager`'s: one line (`line`, 2025),
or the rules that ship (`turns`).
"""

from __future__ import annotations

import enum
import heapq
import random
from collections import deque
from collections.abc import Iterable
from typing import Any, Final, Protocol

import msgspec

from holdfast.fleet.day.asked import LISTED, Change, asked_of
from holdfast.fleet.day.assumed import Assumed
from holdfast.fleet.day.leases import MINUTE_S, Leases
from holdfast.fleet.day.line import OneLine
from holdfast.fleet.day.scripts import Script
from holdfast.fleet.day.turns import ByTurns

AGAIN_S: Final = 600.0
NORMAL_S: Final = 60.0
"""Propagation within a minute is normal."""


class Manager(Protocol):
    """What brings configuration to hosts. Instances have numbers from `LISTED` on."""

    ready: list[tuple[float, int, bool]]
    """(when, who, whether it has all that it should from then on)."""
    put_off: int
    """Changes that were told to come later, each time."""

    @property
    def next_s(self) -> float:
        """When something happens by itself."""

    def turn(self, now_s: float) -> None:
        """It is that time."""

    def change(self, host: int, document: int, now_s: float) -> float:
        """A change of a host's documents. 0: it is in; else its publisher asks again after so many seconds."""

    def launch(self, number: int, now_s: float) -> None:
        """A new instance."""

    def lease(self, host: int, held: bool, now_s: float) -> None:
        """It lost its lease, or has it again."""

    def lets_in(self, now_s: float) -> bool:
        """Whether a launch that could be made may be."""

    def create_wait_s(self, now_s: float) -> float:
        """How long new instances wait for their network."""

    def lag_s(self, now_s: float) -> float:
        """How long hosts that serve wait for what is new."""

    def backlog(self, now_s: float) -> float:
        """How much waits: changes (2025), or hosts that lack something."""


class Launch(msgspec.Struct):
    """One instance. Seconds of the day; None: not that day."""

    number: int
    asked_s: float
    pool: bool
    tries: int = 0
    made_s: float | None = None
    ready_s: float | None = None

    def wait_s(self, until_s: float) -> float:
        """How long it was launched without network; 0 if it was not launched."""
        if self.made_s is None:
            return 0.0
        return (until_s if self.ready_s is None else self.ready_s) - self.made_s


class Network(msgspec.Struct, frozen=True):
    """What became of it. Tuples have a value for each minute."""

    until_s: float
    launches: tuple[Launch, ...]
    ready: tuple[tuple[float, int, bool], ...]
    """Readiness of hosts and instances as it changed: (when, who, ready), in order of time."""
    attempts: tuple[int, ...]
    made: tuple[int, ...]
    without_network: tuple[int, ...]
    """Launched, and without their network at that time."""
    backlog: tuple[float, ...]
    create_wait_s: tuple[float, ...]
    lag_s: tuple[float, ...]
    put_off: int

    @property
    def failed(self) -> float:
        """Attempts to launch that failed, as a share."""
        tried = sum(self.attempts)
        return 1 - sum(self.made) / tried if tried else 0.0

    @property
    def never(self) -> int:
        """Launches asked for that were not made that day."""
        return sum(launch.made_s is None for launch in self.launches)

    def waits_most_s(self, *, from_s: float = 0.0) -> float:
        """The longest that an instance launched from then on was without its network."""
        made = (launch for launch in self.launches if launch.made_s is not None and launch.made_s >= from_s)
        return max((launch.wait_s(self.until_s) for launch in made), default=0.0)

    @property
    def normal_s(self) -> float:
        """The end of the last minute in which new instances waited for longer than a minute; 0: never."""
        return _last_late_s(self.create_wait_s)

    @property
    def launches_fail_until_s(self) -> float:
        """The end of the last minute in which an attempt to launch failed."""
        failed = [
            at for at, (tried, made) in enumerate(zip(self.attempts, self.made, strict=True)) if tried > made
        ]
        return (failed[-1] + 1.0) * MINUTE_S if failed else 0.0

    @property
    def drained_s(self) -> float:
        """The end of the last minute in which any host that serves did."""
        return _last_late_s(self.lag_s)


def _last_late_s(waits_s: tuple[float, ...]) -> float:
    late = [at for at, wait_s in enumerate(waits_s) if wait_s > NORMAL_S]
    return (late[-1] + 1.0) * MINUTE_S if late else 0.0


class _Kind(enum.IntEnum):
    """What happens at a moment, and in which order."""

    LEASE = 0
    CHANGE = 1
    PUBLISH = 2
    LAUNCH = 3
    MINUTE = 4


def play_network(script: Script, assumed: Assumed, leases: Leases, *, design: str, seed: int) -> Network:
    """The day of launches and configuration."""
    manager = OneLine(assumed, leases_back_s=leases.held_s) if design == "2025" else ByTurns(assumed)
    day = _Day(script, assumed, leases, manager, seed)
    day.play()
    return day.network()


class _Day:
    """The events of a day, in their order."""

    def __init__(self, script: Script, assumed: Assumed, leases: Leases, manager: Manager, seed: int) -> None:
        asked = asked_of(script, assumed, seed=seed)
        self.script, self.assumed, self.manager = script, assumed, manager
        self.rng = random.Random(seed + 1)  # noqa: S311 - seeded on purpose
        self.held = [True] * LISTED
        self.launches = [Launch(LISTED + n, at_s, pool) for n, (at_s, pool) in enumerate(asked.launches)]
        self.attempts = self.made = 0
        self.minutes: list[tuple[int, int, float, float, float]] = []
        self.unpublished: deque[Change] = deque()
        self._events: list[tuple[float, _Kind, int, Any]] = []
        self._count = 0
        self._add((c.at_s, _Kind.LEASE, c) for c in leases.changes)
        self._add((c.at_s, _Kind.CHANGE, c) for c in asked.changes)
        self._add((launch.asked_s, _Kind.LAUNCH, launch) for launch in self.launches)
        self._add(((at + 1.0) * MINUTE_S, _Kind.MINUTE, None) for at in range(int(script.until_s // MINUTE_S)))

    def _add(self, events: Iterable[tuple[float, _Kind, Any]]) -> None:
        for at_s, kind, what in events:
            self._count += 1
            self._events.append((at_s, kind, self._count, what))
        heapq.heapify(self._events)

    def _later(self, at_s: float, kind: _Kind, what: Any) -> None:
        self._count += 1
        heapq.heappush(self._events, (at_s, kind, self._count, what))

    def play(self) -> None:
        manager = self.manager
        while self._events[0][0] <= self.script.until_s:
            while manager.next_s <= self._events[0][0]:
                manager.turn(manager.next_s)
            now_s, kind, _, what = heapq.heappop(self._events)
            match kind:
                case _Kind.LEASE:
                    self.held[what.host] = what.held
                    manager.lease(what.host, what.held, now_s)
                case _Kind.CHANGE:
                    self.unpublished.append(what)
                    if len(self.unpublished) == 1:
                        self._publish(now_s)
                case _Kind.PUBLISH:
                    self._publish(now_s)
                case _Kind.LAUNCH:
                    self._launch(what, now_s)
                case _Kind.MINUTE:
                    self._minute(now_s)
            if not self._events:
                return

    def _publish(self, now_s: float) -> None:
        """One publisher brings in all changes, in their order; told to come later, it does."""
        while self.unpublished:
            change = self.unpublished[0]
            after_s = self.manager.change(change.host, change.document, now_s)
            if after_s > 0:
                self._later(now_s + after_s, _Kind.PUBLISH, None)
                return
            self.unpublished.popleft()

    def _launch(self, launch: Launch, now_s: float) -> None:
        self.attempts += 1
        launch.tries += 1
        resolves = not self.script.names or now_s >= self.script.cause_s
        if resolves and self.held[self.rng.randrange(LISTED)] and self.manager.lets_in(now_s):
            self.made += 1
            launch.made_s = now_s
            self.manager.launch(launch.number, now_s)
        elif launch.pool or self.rng.random() < self.assumed.ask_again:
            self._later(now_s + AGAIN_S, _Kind.LAUNCH, launch)

    def _minute(self, now_s: float) -> None:
        manager = self.manager
        waits = (manager.backlog(now_s), manager.create_wait_s(now_s), manager.lag_s(now_s))
        self.minutes.append((self.attempts, self.made, *waits))
        self.attempts = self.made = 0

    def network(self) -> Network:
        ready = tuple(sorted(self.manager.ready))
        for at_s, number, is_ready in ready:
            if number >= LISTED and is_ready and self.launches[number - LISTED].ready_s is None:
                self.launches[number - LISTED].ready_s = at_s if at_s <= self.script.until_s else None
        attempts, made, backlog, create_wait_s, lag_s = zip(*self.minutes, strict=True)
        return Network(
            until_s=self.script.until_s,
            launches=tuple(self.launches),
            ready=ready,
            attempts=attempts,
            made=made,
            without_network=self._without(len(attempts)),
            backlog=backlog,
            create_wait_s=create_wait_s,
            lag_s=lag_s,
            put_off=self.manager.put_off,
        )

    def _without(self, minutes: int) -> tuple[int, ...]:
        """Instances without network at the end of each minute."""
        steps = [0] * (minutes + 1)
        for launch in self.launches:
            if launch.made_s is not None:
                steps[min(minutes, int(launch.made_s // MINUTE_S))] += 1
                end_s = self.script.until_s if launch.ready_s is None else launch.ready_s
                steps[min(minutes, int(end_s // MINUTE_S))] -= 1
        found, now = [], 0
        for step in steps[:minutes]:
            now += step
            found.append(now)
        return tuple(found)
