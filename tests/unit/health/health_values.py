"""Values and a scripted world for the tests of health."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from holdfast.model.codec import decode, encode
from holdfast.model.configuration import (
    Check,
    CheckKind,
    Configuration,
    GroupConfig,
    Limits,
    Mode,
    ProberConfig,
    StoredConfiguration,
    TargetConfig,
)
from holdfast.model.keys import Keys
from holdfast.model.observation import Observations, TargetObservation, TargetState
from holdfast.ports.clock import Arm, Disarm, Fired, Idle
from holdfast.ports.events import Emit, Event
from holdfast.ports.operation import CouldNotAsk, Loop
from holdfast.ports.probe import NextResults, ProbeResult, ProbeTarget, Watch
from holdfast.ports.store import Commit, Committed, Entry, Get, Lost

UP, DOWN, PENDING = TargetState.UP, TargetState.DOWN, TargetState.PENDING


def configuration(
    *,
    targets: int = 1,
    probers: Iterable[str] = ("a", "b", "c"),
    vantages: dict[str, str] | None = None,
    limits: Limits | None = None,
    kind: CheckKind = CheckKind.TCP,
) -> Configuration:
    """One group `g` with targets t0, t1, ..."""
    made = tuple(TargetConfig(f"t{i}", f"127.0.0.{i % 250 + 1}", None, 80, "z") for i in range(targets))
    return Configuration(
        scope="s",
        mode=Mode.ENFORCE,
        zones=(),
        groups=(GroupConfig("g", made, Check(kind=kind)),),
        endpoints=(),
        probers=tuple(ProberConfig(name, (vantages or {}).get(name, f"from-{name}")) for name in probers),
        limits=limits or Limits(),
    )


def said(
    prober: str,
    states: Iterable[TargetState],
    *,
    revision: int = 1,
    distrust: str = "",
    flaps: int = 0,
    reason: str = "connect refused",
) -> Observations:
    """What a prober says of t0, t1, ..."""
    seen = tuple(
        sorted(
            (TargetObservation(f"g/t{i}", s, reason if s is DOWN else "ok", flaps) for i, s in enumerate(states)),
            key=lambda o: o.target,
        )
    )
    return Observations(f"{prober}/0", f"from-{prober}", revision, seen, distrust)


class World:
    """A store, timers and probes by script. Drives a loop until its results are used up."""

    def __init__(self, stored: Configuration | None) -> None:
        self.keys = Keys("s")
        self.entries: dict[str, Entry] = {}
        self.revision = 0
        self.results: list[tuple[ProbeResult, ...]] = []
        self.armed: dict[str, float] = {}
        self.fired: set[str] = set()
        self.events: list[Event] = []
        self.watched: list[tuple[ProbeTarget, ...]] = []
        self.next_commits: list[str] = []
        """Faults for the next commits: `refuse`, `lose` (applied, its answer lost), or `` for none."""
        self.loops: dict[int, Any] = {}
        if stored is not None:
            self.configure(stored)

    def configure(self, stored: Configuration) -> None:
        self.put(self.keys.config, encode(StoredConfiguration(1, "test", "", stored)))

    def put(self, key: str, value: bytes) -> None:
        self.revision += 1
        self.entries[key] = Entry(key, value, self.revision)

    def document(self, observer: str = "a/0") -> Observations:
        return decode(self.entries[self.keys.observer(observer)].value, Observations)

    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]

    def run(self, loop: Loop[None], *batches: tuple[ProbeResult, ...]) -> None:
        """Give these batches, one after another; returns when the loop asks for more."""
        waiting = list(batches)
        answer = self.loops.get(id(loop))
        while True:
            operation = loop.send(answer)
            self.loops[id(loop)] = None
            if isinstance(operation, (NextResults, Idle)):
                if not waiting:
                    self.loops[id(loop)] = () if isinstance(operation, NextResults) else False
                    return
                answer = waiting.pop(0)
            else:
                answer = self.answer(operation)

    def answer(self, operation: Any) -> Any:
        match operation:
            case Get(key=key):
                return self.entries.get(key)
            case Commit():
                return self.commit(operation)
            case Arm(timer=timer, after_s=after_s):
                self.armed.setdefault(timer, after_s)
            case Fired(timers=timers):
                return frozenset(self.fired & set(timers))
            case Disarm(timers=timers):
                for timer in timers:
                    self.armed.pop(timer, None)
                    self.fired.discard(timer)
            case Emit(event=event):
                self.events.append(event)
            case Watch(targets=targets):
                self.watched.append(targets)
            case _:
                raise AssertionError(f"unexpected {operation}")
        return None

    def commit(self, operation: Commit) -> Committed | Lost | CouldNotAsk:
        fault = self.next_commits.pop(0) if self.next_commits else ""
        if fault == "refuse":
            return CouldNotAsk("store is down")
        current = tuple(self.entries.get(c.key) for c in operation.compares)
        for compare, entry in zip(operation.compares, current, strict=True):
            if (entry.revision if entry else 0) != compare.revision:
                return Lost(current)
        for put in operation.puts:
            self.put(put.key, put.value)
        return CouldNotAsk("answer lost", maybe_applied=True) if fault == "lose" else Committed(self.revision)


def ok(target: str = "g/t0", *, late: bool = False) -> tuple[ProbeResult, ...]:
    """One good round."""
    return (ProbeResult(target, True, "status 200", late),)


def fail(target: str = "g/t0", *, late: bool = False) -> tuple[ProbeResult, ...]:
    """One bad round."""
    return (ProbeResult(target, False, "connect refused", late),)


replace = msgspec.structs.replace
