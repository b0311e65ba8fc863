"""Propagation searched: the shipped service's loop (one or two of them on a store), and a host's shipped loop.

    publishers -> service(s) -> commit -> store -> [answer on its way] -> host: stage, validate, switch, reload
    faults: answers to the host lost, a commit of unknown fate, the host crashes between any two of its operations,
            the store is restored to what it was at the beginning

Properties, whenever they can be seen:
- **Newest wins at the write**: what is current at a host never goes back, but to undo a failed reload.
- **A broken document is never current**: what validation refuses is never switched to.
- **Ready means served**: who says that it is ready has at least what is desired of it, as its service knows it,
  and its daemon runs just that.
- **At rest all is applied**: from any state, once nothing more goes wrong, the host comes to have exactly the
  files that the store wants it to have, or has refused the newest; and its daemon runs what is current.

What a service reads at one look it reads in one step; commits of two services interleave. Time comes in ticks.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Final, TypeAlias

import msgspec

from holdfast.lab.delivery_actors import HOST, HostRun, ServiceRun
from holdfast.model.codec import decode
from holdfast.model.delivery import Delivery, Document, Poll, Publish
from holdfast.model.keys import Keys
from holdfast.ports.clock import Arm, Disarm, Fired, Idle
from holdfast.ports.delivery import Answer, Call, Inbound, NextCalls
from holdfast.ports.events import Emit
from holdfast.ports.operation import CouldNotAsk, Operation
from holdfast.ports.release import (
    AskNewer,
    Command,
    CurrentRelease,
    Discard,
    Loaded,
    Ran,
    Ready,
    Release,
    Run,
    Stage,
    Switch,
)
from holdfast.ports.store import Commit, Get, Range
from holdfast.propagation.desired import Catalogue
from holdfast.stores.memory import MemoryState

KEYS: Final = Keys("lab")
FILE: Final = "f"
BROKEN: Final = b"broken"
"""Validation refuses it."""
UNLOADABLE: Final = b"unloadable"
"""It validates, and the daemon does not take it."""
LOOK_S: Final = 1.0
POLL_S: Final = 30.0
QUIET_S: Final = 10.0
QUIET: Final = 8
"""At rest: nothing went on by itself for so many looks at a clock that goes on. That is longer than a poll waits,
and longer than a service waits for a report on a delivery before it gives it again (`report_within_s`).
"""
STEPS_MOST: Final = 300

_Step: TypeAlias = tuple[str, Callable[[int], None], int]


class Bounds(msgspec.Struct, frozen=True):
    """What is published, by which service, and how much may go wrong in one run."""

    publishers: tuple[tuple[bytes, ...], ...] = ((b"1", b"2"),)
    """Contents of the one file, in order, for each service."""
    ticks: int = 1
    lost: int = 0
    unknown: int = 0
    crashes: int = 0
    restores: int = 0

    def __str__(self) -> str:
        told = " and ".join("+".join(content.decode() for content in mine) for mine in self.publishers)
        return (
            f"publishers of {told}, 1 host, {self.ticks} ticks, {self.lost} lost answers,"
            f" {self.unknown} commits of unknown fate, {self.crashes} crashes, {self.restores} restored stores"
        )


class DeliveryWorld:
    """See the module."""

    def __init__(self, bounds: Bounds) -> None:
        self.limits, self.bounds = bounds, str(bounds)
        self.broken = ""
        self.now_s = 0.0
        self.left = {"tick": bounds.ticks, "lost": bounds.lost, "unknown": bounds.unknown}
        self.left |= {"crash": bounds.crashes, "restore": bounds.restores}
        self.store = MemoryState(revision=1)
        self.late: list[Commit] = []
        """Commits whose answer was lost before they arrived: they may still arrive."""
        self.services = [ServiceRun() for _ in bounds.publishers]
        self.published = [0] * len(bounds.publishers)
        self.host = HostRun()
        self.over = False
        self._run_on()

    # -- what may happen -------------------------------------------------------------------------------------

    def options(self) -> list[str]:
        """See `engines.rerun.World`."""
        return [] if self.over else [word for word, _, _ in (*self._steps(), *self._faults())]

    def take(self, number: int) -> None:
        """See `engines.rerun.World`."""
        _, act, argument = (*self._steps(), *self._faults())[number]
        act(argument)
        self._run_on()

    def key(self) -> Hashable:
        """See `engines.rerun.World`."""
        return (
            self.now_s,
            tuple(self.left.items()),
            self.over,
            self.store.canonical(),
            tuple(map(repr, self.late)),
            tuple(self.published),
            tuple(service.key() for service in self.services),
            self.host.key(),
        )

    def _steps(self) -> list[_Step]:
        """What goes on without a fault."""
        found: list[_Step] = []
        for me, contents in enumerate(self.limits.publishers):
            named = contents[self.published[me]].decode() if self.published[me] < len(contents) else ""
            if isinstance(self.services[me].pending, Commit):
                found.append((f"service {me} commits", self._commit, me))
            elif named:
                found.append((f"service {me} is told to publish {named}", self._publish, me))
        host = self.host
        if not isinstance(host.pending, AskNewer):
            found.append((f"the host does {_words(host.pending)}", self._host_acts, 0))
        elif host.reply is not None:
            found.append((f"the host hears {type(host.reply).__name__}", self._hear, 0))
        elif not host.asked:
            found.append((f"the host asks, it has {host.pending.applied}", self._ask, 0))
        return found

    def _faults(self) -> list[_Step]:
        found: list[_Step] = [("nothing more goes wrong", self._close, 0)]
        if self.host.reply is not None and self.left["lost"]:
            found.append(("the answer to the host is lost", self._lose, 0))
        for me, service in enumerate(self.services):
            if isinstance(service.pending, Commit) and self.left["unknown"]:
                found.append(
                    (f"service {me} hears nothing of its commit, which may still arrive", self._unknown, me)
                )
        found += [(f"late commit {at} arrives", self._arrive, at) for at in range(len(self.late))]
        for word, left, act in (
            ("the host crashes", "crash", self._crash),
            ("the store is restored to nothing", "restore", self._restore),
            ("time passes", "tick", self._tick),
        ):
            if self.left[left]:
                found.append((word, act, 0))
        return found

    # -- services --------------------------------------------------------------------------------------------

    def _run_on(self) -> None:
        """What the services do without being seen: looks at the store, and answers."""
        for service in self.services:
            while not isinstance(service.pending, Commit):
                if isinstance(service.pending, NextCalls):
                    if not service.calls and service.seen_s == self.now_s:
                        break
                    inbound = Inbound(self.now_s, 0.5, tuple(service.calls))
                    service.calls, service.seen_s = [], self.now_s
                    service.send(inbound)
                else:
                    service.send(self._inward(service.pending))

    def _inward(self, operation: Operation[Any]) -> Any:
        match operation:
            case Get() | Range():
                return self.store.apply(operation)
            case Answer(results=results):
                for id_, result in results:
                    if id_ == self.host.call and self.host.asked:
                        self.host.reply = result
            case _:
                assert isinstance(operation, Emit), operation
        return None

    def _publish(self, me: int) -> None:
        content = self.limits.publishers[me][self.published[me]]
        self.published[me] += 1
        self.services[me].calls.append(Call(0, Publish("all", FILE, content), POLL_S))

    def _commit(self, me: int) -> None:
        operation = self.services[me].pending
        assert isinstance(operation, Commit)
        self.services[me].send(self.store.apply(operation))

    def _unknown(self, me: int) -> None:
        self.left["unknown"] -= 1
        operation = self.services[me].pending
        assert isinstance(operation, Commit)
        self.late.append(operation)
        self.services[me].send(CouldNotAsk("no answer", maybe_applied=True))

    def _arrive(self, at: int) -> None:
        self.store.apply(self.late.pop(at))

    def _tick(self, _: int) -> None:
        self.left["tick"] -= 1
        self.now_s += LOOK_S

    def _restore(self, _: int) -> None:
        """Back to nothing; revisions go on rising, as every store's do."""
        self.left["restore"] -= 1
        self.store, self.late = MemoryState(revision=self.store.revision + 1), []

    # -- the host --------------------------------------------------------------------------------------------

    def _ask(self, _: int) -> None:
        """It asks the first service."""
        operation = self.host.pending
        assert isinstance(operation, AskNewer)
        self.host.asked = True
        self.host.call += 1
        ask = Poll(operation.host, operation.applied, operation.refused, operation.why, operation.told)
        self.services[0].calls.append(Call(self.host.call, ask, POLL_S))

    def _hear(self, _: int) -> None:
        reply, self.host.reply, self.host.asked = self.host.reply, None, False
        self.host.send(reply)

    def _lose(self, _: int) -> None:
        self.left["lost"] -= 1
        self.host.reply, self.host.asked = None, False
        self.host.send(CouldNotAsk("no answer"))

    def _crash(self, _: int) -> None:
        """Its loop begins again on its disk; the daemon runs on."""
        self.left["crash"] -= 1
        self.host.loop.close()
        self.host.start()

    def _host_acts(self, _: int) -> None:
        host, operation = self.host, self.host.pending
        match operation:
            case CurrentRelease():
                host.send(self._current())
            case Loaded(generation=generation):
                host.loaded = generation
                host.send(None)
            case Stage(delivery=delivery):
                self._stage(delivery)
                host.send(None)
            case Run(command=command, generation=generation):
                host.send(self._command(command, generation))
            case Switch(generation=generation, over=over):
                if over != host.current:
                    host.send(CouldNotAsk(f"{host.current} is current, and not {over}"))
                else:
                    self._switch(generation)
                    host.send(None)
            case Discard(keep=keep):
                kept = {keep, host.current}
                host.releases = {g: found for g, found in host.releases.items() if g in kept}
                host.send(None)
            case Ready():
                self._ready(operation)
                host.send(None)
            case Fired(timers=timers):
                host.send(frozenset(timers))
            case _:
                assert isinstance(operation, Arm | Disarm | Idle), operation
                host.send(False)

    def _current(self) -> Release:
        host = self.host
        if not host.current:
            return Release()
        return msgspec.structs.replace(host.releases[host.current][0], loaded=host.loaded == host.current)

    def _stage(self, delivery: Delivery) -> None:
        host = self.host
        if delivery.generation == host.current:
            return
        files = {} if delivery.snapshot else dict(host.files())
        for name in delivery.gone:
            files.pop(name, None)
        files |= {file.name: file.content for file in delivery.files}
        mark = Release(delivery.generation, HOST, host.current)
        host.releases[delivery.generation] = (mark, tuple(sorted(files.items())))

    def _command(self, command: Command, generation: int) -> Ran:
        host = self.host
        files = host.releases[generation][1] if generation else ()
        contents = [content for _, content in files]
        if command is Command.VALIDATE:
            return Ran(BROKEN not in contents, "broken")
        host.undoes = UNLOADABLE in contents
        if not host.undoes:
            host.daemon = (generation, files)
        return Ran(not host.undoes, "unloadable")

    def _switch(self, generation: int) -> None:
        host = self.host
        if generation < host.current and not host.undoes:
            self.broken = f"newest wins at the write: the host goes from {host.current} back to {generation}"
        host.current = generation
        if BROKEN in (content for _, content in host.files()):
            self.broken = "a broken document is never current"

    def _ready(self, said: Ready) -> None:
        host = self.host
        if said.ready and not (said.applied >= said.desired and host.daemon == (host.current, host.files())):
            self.broken = (
                f"ready means served: it says so at {said.applied} of {said.desired}, and its daemon runs"
                f" {host.daemon[0]}"
            )

    # -- at rest ---------------------------------------------------------------------------------------------

    def _close(self, _: int) -> None:
        """From here on only what goes on by itself, in turns, and time."""
        self.over = True
        quiet = 0
        for _round in range(STEPS_MOST):
            steps = [step for step in self._steps() if step[1] != self._publish]
            if self.broken or quiet >= QUIET:
                break
            if steps:
                _word, act, argument = steps[0]
                act(argument)
            else:
                quiet += 1
                self.now_s += QUIET_S
            self._run_on()
        self.broken = self.broken or self._not_at_rest()

    def _not_at_rest(self) -> str:
        entries = self.store.apply(Range(KEYS.deliveries))
        catalogue = Catalogue(decode(entry.value, Document) for entry in entries)
        wanted = catalogue.delivery(HOST, 0)
        files = tuple((file.name, file.content) for file in wanted.files)
        host = self.host
        refused = host.pending.refused if isinstance(host.pending, AskNewer) else 0
        served = host.daemon == (host.current, host.files())
        if served and (host.files() == files or refused >= wanted.generation > 0):
            return ""
        return f"at rest all is applied: it has {host.files()}, its daemon {host.daemon[1]}, wanted is {files}"


def _words(operation: Operation[Any]) -> str:
    what = type(operation).__name__
    if isinstance(operation, Stage):
        return f"{what} {operation.delivery.generation}"
    if isinstance(operation, Run):
        return f"{what} {operation.command.value} {operation.generation}"
    if isinstance(operation, Switch | Loaded):
        return f"{what} {operation.generation}"
    return what
