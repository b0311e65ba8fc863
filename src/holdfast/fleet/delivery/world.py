"""The shipped loops of propagation as coroutines in virtual time: one service, many hosts, a store in memory.

A turn of the service takes `TURN_S` of its time, in which calls gather. A host's commands take time; its other
operations take none. A host's process may be paused before any of its steps and replaced by a new one on the same
disk, and go on minutes later. The service may end and start again: it forgets all, and its callers ask again.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import msgspec

from holdfast.fleet.delivery.machine import Machine, Wrong
from holdfast.fleet.delivery.truth import Truth
from holdfast.model.codec import decode
from holdfast.model.delivery import (
    Ask,
    Delivery,
    Document,
    Host,
    Publish,
    Result,
    Standing,
    Status,
    TryLater,
)
from holdfast.model.keys import Keys
from holdfast.ports.clock import Arm, Disarm, Fired, Idle, Rest
from holdfast.ports.delivery import Answer, Call, Inbound, NextCalls
from holdfast.ports.events import Emit
from holdfast.ports.operation import CouldNotAsk, Loop, Operation
from holdfast.ports.release import (
    AskNewer,
    Command,
    CurrentRelease,
    Discard,
    Loaded,
    Ran,
    Ready,
    Run,
    Stage,
    Switch,
)
from holdfast.ports.store import Commit, Committed, Get, Range
from holdfast.propagation.agent import config_loop
from holdfast.propagation.desk import DeliverySettings
from holdfast.propagation.loop import delivery_loop
from holdfast.stores.memory import MemoryState

SCOPE: Final = "fleet"
TURN_S: Final = 0.02
WAY_S: Final = 0.005
"""A message takes so long."""
POLL_TIMEOUT_S: Final = 30.0
REST_S: Final = 2.0
GONE: Final = TryLater(1.0, "the service has ended")

Then = Callable[[Result | CouldNotAsk], None]


class Clock:
    """Virtual time: what happens when."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = 0

    def after(self, delay_s: float, do: Callable[[], None]) -> None:
        """Do it then."""
        self._order += 1
        heapq.heappush(self._events, (self.now_s + delay_s, self._order, do))

    def run(self, until_s: float, *, enough: Callable[[], bool] = lambda: False) -> None:
        """Let time pass."""
        while self._events and self._events[0][0] <= until_s and not enough():
            self.now_s, _, do = heapq.heappop(self._events)
            do()


class Service:
    """One delivery service; `start` again after `stop` forgets everything but the store."""

    def __init__(self, clock: Clock, state: MemoryState, truth: Truth, settings: DeliverySettings) -> None:
        self.clock, self.state, self.truth, self._settings = clock, state, truth, settings
        self.up = False
        self.deliveries = self.snapshots = 0
        self._loop: Loop[None] | None = None
        self._calls: list[Call] = []
        self._callers: dict[int, Then] = {}
        self._id, self._wake = 0, 0

    def start(self) -> None:
        """A new process."""
        self.up = True
        self._loop = delivery_loop(SCOPE, self._settings)
        self._run(None)

    def stop(self) -> None:
        """Killed."""
        assert self._loop is not None, "it runs"
        self.up = False
        self._loop.close()
        self._wake += 1
        callers, self._callers, self._calls = self._callers, {}, []
        for then in callers.values():
            self.clock.after(WAY_S, partial(then, GONE))

    def call(self, ask: Ask, then: Then) -> None:
        """A call comes in."""
        if not self.up:
            self.clock.after(WAY_S, partial(then, CouldNotAsk("connection refused")))
            return
        self._id += 1
        self._callers[self._id] = then
        if not self._calls:
            self._wakes(TURN_S)
        self._calls.append(Call(self._id, ask, POLL_TIMEOUT_S))

    def standing(self, then: Callable[[Standing], None]) -> None:
        """Who is how far, as the service tells it."""
        self.call(Status(), lambda result: then(result) if isinstance(result, Standing) else None)

    def _wakes(self, after_s: float) -> None:
        self._wake += 1
        self.clock.after(after_s, partial(self._turn, self._wake))

    def _turn(self, wake: int) -> None:
        if wake != self._wake or not self.up:
            return
        calls, self._calls = tuple(self._calls), []
        self._run(Inbound(self.clock.now_s, 0.5, calls))

    def _run(self, result: Any) -> None:
        assert self._loop is not None, "it was started"
        op = self._loop.send(result)
        while not isinstance(op, NextCalls):
            op = self._loop.send(self._do(op))
        self._wakes(max(op.within_s, TURN_S))

    def _do(self, op: Operation[Any]) -> Any:
        match op:
            case Commit():
                done = self.state.apply(op)
                if isinstance(done, Committed):
                    self._note(op)
                return done
            case Get() | Range():
                return self.state.apply(op)
            case Answer():
                for id_, result in op.results:
                    self._answer(id_, result)
            case Emit():
                pass
            case _:
                raise AssertionError(f"the service does not ask for {op}")
        return None

    def _note(self, op: Commit) -> None:
        for put in op.puts:
            if put.key.startswith(Keys(SCOPE).deliveries):
                self.truth.wrote(decode(put.value, Document))

    def _answer(self, id_: int, result: Result) -> None:
        if isinstance(result, Delivery):
            self.deliveries += 1
            self.snapshots += result.snapshot
        then = self._callers.pop(id_, None)
        if then is not None:
            self.clock.after(WAY_S, partial(then, result))


class Behaviour(msgspec.Struct, frozen=True):
    """How a host's processes are. Shares are chances, drawn at each delivery."""

    apply_s: float = 3.0
    """Validation and reload together, half of it more or less."""
    hangs: bool = False
    """Its validation never ends; somebody starts it again after `again_s`."""
    again_s: float = 120.0
    reload_fails_share: float = 0.0
    paused_share: float = 0.0
    """It stands still before one of its steps for `paused_s`, and is replaced at once by a new process."""
    paused_s: float = 240.0


class Process:
    """One run of a host's loop."""

    def __init__(self, machine: Machine, service: Service, behaviour: Behaviour, rng: random.Random) -> None:
        self.machine, self.service, self._behaviour, self._rng = machine, service, behaviour, rng
        self._clock = service.clock
        self._loop: Loop[None] | None = None
        self._timers: dict[str, float] = {}
        self._pause_in = 0
        """Steps until it is paused; 0: it is not going to be."""
        self.applying = False

    def start(self) -> None:
        """It begins."""
        self._loop = config_loop(self.machine.host)
        self._goes_on(None)

    def _next(self, result: Any) -> Operation[Any]:
        assert self._loop is not None, "it was started"
        return self._loop.send(result)

    def _goes_on(self, result: Any) -> None:
        """Step after step, as long as they take no time."""
        while True:
            op = self._next(result)
            if self._pause_in:
                self._pause_in -= 1
                if not self._pause_in:
                    self._stands_still(op)
                    return
            if self._takes_time(op):
                return
            result = self._do(op)

    def _stands_still(self, op: Operation[Any]) -> None:
        """Paused; the next of its kind takes over meanwhile, on the same disk."""
        Process(self.machine, self.service, self._behaviour, self._rng).start()
        self._clock.after(self._behaviour.paused_s, partial(self._wakes_up, op))

    def _wakes_up(self, op: Operation[Any]) -> None:
        """It finishes what it was about. When it would ask for more it ends: the other one runs."""
        while not isinstance(op, AskNewer | Idle):
            op = self._next(self._ran_late(op) if isinstance(op, Run) else self._do(op))
        if self._loop is not None:
            self._loop.close()

    def _takes_time(self, op: Operation[Any]) -> bool:
        match op:
            case AskNewer():
                self.applying = False
                self.service.call(op.poll, self._hears)
            case Run():
                self._runs(op)
            case Idle():
                rest_s = (
                    REST_S if op.rest is Rest.POLL else self._rng.uniform(0.02, min(10.0, 0.2 * 2**op.attempt))
                )
                self._clock.after(rest_s, partial(self._goes_on, False))
            case _:
                return False
        return True

    def _hears(self, result: Result | CouldNotAsk) -> None:
        if isinstance(result, Delivery):
            self.applying = True
            if self._rng.random() < self._behaviour.paused_share:
                self._pause_in = self._rng.randint(1, 7)
        self._goes_on(result)

    def _runs(self, op: Run) -> None:
        behaviour = self._behaviour
        if behaviour.hangs:
            again = Process(self.machine, self.service, behaviour, self._rng)
            self._clock.after(behaviour.again_s, again.start)
            return
        ok = op.command is Command.VALIDATE or self._rng.random() >= behaviour.reload_fails_share
        takes_s = behaviour.apply_s / 2 * self._rng.uniform(0.5, 1.5)
        self._clock.after(takes_s, partial(self._ran, op, ok))

    def _ran(self, op: Run, ok: bool) -> None:
        self._goes_on(self._ran_late(op, ok=ok))

    def _ran_late(self, op: Run, *, ok: bool = True) -> Ran | CouldNotAsk:
        """What became of a command, as things are when it ends."""
        reload = op.command is Command.RELOAD
        if not self.machine.can_run(op.release, reload=reload):
            return CouldNotAsk("another process was here")
        if reload:
            self.machine.reload(op.release, ok=ok)
        return Ran(ok, "" if ok else "reload: exit 1")

    def _do(self, op: Operation[Any]) -> Any:
        machine, now_s = self.machine, self._clock.now_s
        match op:
            case CurrentRelease():
                return machine.release()
            case Stage():
                return machine.stage(op)
            case Switch():
                return machine.switch(op)
            case Loaded():
                machine.loaded = op.release
            case Discard():
                machine.discard()
            case Ready():
                machine.says(op)
            case Arm():
                self._timers.setdefault(op.timer, now_s + op.after_s)
            case Fired():
                return frozenset(t for t in op.timers if self._timers.get(t, float("inf")) <= now_s)
            case Disarm():
                for timer in op.timers:
                    self._timers.pop(timer, None)
            case _:
                raise AssertionError(f"a host does not ask for {op}")
        return None


class Publisher:
    """Somebody who publishes, and asks again when told to; how long each had to wait for."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.published = self.put_off = 0

    def publish(self, ask: Publish) -> None:
        """Until it is in."""
        self._service.call(ask, partial(self._hears, ask))

    def _hears(self, ask: Publish, result: Result | CouldNotAsk) -> None:
        if isinstance(result, TryLater | CouldNotAsk):
            self.put_off += 1
            after_s = result.after_s if isinstance(result, TryLater) else 1.0
            self._service.clock.after(after_s, partial(self.publish, ask))
        else:
            self.published += 1


__all__ = ["SCOPE", "Behaviour", "Clock", "Host", "Machine", "Process", "Publisher", "Service", "Wrong"]
