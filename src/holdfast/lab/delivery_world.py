"""Propagation searched: the shipped service's loop (one or two of them on a store), and the shipped loop of hosts.

    publishers -> service(s) -> commit -> store -> [answer on its way] -> host: stage, validate, switch, reload
    faults: answers to a host lost, a commit of unknown fate, a host crashes between any two of its operations,
            it stands still there and a successor goes on beside it, it begins again with another role,
            the store is restored to what it was at the beginning, a service starts anew

Properties, whenever they can be seen:
- **Newest wins at the write**: what is current at a host never goes back, but to undo a failed reload, or for
  another role.
- **A broken document is never current**: what validation refuses is never switched to.
- **Ready means served**: who says that it is ready has at least what is desired of it, as its service knows it,
  made for the role that it has, and its daemon runs just that.
- **A number of its own**: no two changes are given the same generation, as long as the store is not restored.
- **So many at a time**: not more hosts apply something than the service has places for.
- **At rest all is applied**: from any state, once nothing more goes wrong, each host comes to have exactly the
  files that the store wants it to have, or has refused the newest; and its daemon runs what is current.

What a service reads at one look it reads in one step; commits of two services interleave. Time comes in ticks. An
old process ends when it would ask the service: two that ask for one host for ever are not searched.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Final, TypeAlias

import msgspec

from holdfast.lab.delivery_actors import BROKEN, ROLES, UNLOADABLE, Disk, Follower, ServiceRun
from holdfast.model.codec import decode
from holdfast.model.delivery import Delivery, Document, Publish, Published, Version
from holdfast.model.keys import Keys
from holdfast.ports.clock import Arm, Disarm, Fired, Idle
from holdfast.ports.delivery import Answer, Call, Inbound, NextCalls
from holdfast.ports.events import Emit
from holdfast.ports.operation import CouldNotAsk, Operation
from holdfast.ports.release import AskNewer, Loaded, Ready, Run, Stage, Switch
from holdfast.ports.store import Commit, Get, Range
from holdfast.propagation.desired import Catalogue
from holdfast.propagation.desk import DeliverySettings
from holdfast.stores.memory import MemoryState

KEYS: Final = Keys("lab")
FILE: Final = "f"
LOOK_S: Final = 1.0
POLL_S: Final = 30.0
QUIET_S: Final = 30.0
QUIET: Final = 3
"""At rest: nothing went on by itself for so many looks at a clock that goes on, for each host. That is longer than
a poll waits, and longer than a service waits for a report on a delivery before it gives it again
(`report_within_s`).
"""
STEPS_MOST: Final = 300

_Step: TypeAlias = tuple[str, Callable[[int], None], int]


class Bounds(msgspec.Struct, frozen=True):
    """What is published, by which service, and how much may go wrong in one run."""

    publishers: tuple[tuple[bytes | Publish, ...], ...] = ((b"1", b"2"),)
    """What each service is told to publish, in order; contents alone are of one file for all."""
    before: int = 0
    """So many of the first service's are written before anything else goes on."""
    hosts: int = 1
    places: int = 64
    ticks: int = 1
    lost: int = 0
    unknown: int = 0
    crashes: int = 0
    restores: int = 0
    restarts: int = 0
    """Services that start anew."""
    successors: int = 0
    """Processes that stand still, and are followed by another one on the same disk."""
    roles: int = 0
    """Changes of a host's role: its process ends, or stands still, and the next has the other role."""

    def __str__(self) -> str:
        told = " and ".join("+".join(map(_told, mine)) for mine in self.publishers)
        counts = (
            ("of these already written", self.before),
            ("places", self.places if self.hosts > self.places else 0), ("ticks", self.ticks),
            ("lost answers", self.lost), ("commits of unknown fate", self.unknown), ("crashes", self.crashes),
            ("restored stores", self.restores), ("services that start anew", self.restarts),
            ("successors of who stands still", self.successors), ("changed roles", self.roles),
        )  # fmt: skip
        more = ", ".join(f"{count} {word}" for word, count in counts if count)
        return f"publishers of {told}, {self.hosts} hosts{', ' * bool(more)}{more}"


class DeliveryWorld:
    """See the module."""

    def __init__(self, bounds: Bounds) -> None:
        self.limits, self.bounds = bounds, str(bounds)
        self.broken = ""
        self.now_s = 0.0
        self.left = {"tick": bounds.ticks, "lost": bounds.lost, "unknown": bounds.unknown}
        self.left |= {"crash": bounds.crashes, "restore": bounds.restores, "restart": bounds.restarts}
        self.left |= {"successor": bounds.successors, "role": bounds.roles}
        self.store = MemoryState(revision=1)
        self.late: list[Commit] = []
        """Commits whose answer was lost before they arrived: they may still arrive."""
        settings = DeliverySettings(places=bounds.places)
        self.services = [ServiceRun(settings) for _ in bounds.publishers]
        self.published = [0] * len(bounds.publishers)
        self.given: tuple[int, ...] = ()
        """Generations that publishers were told."""
        self.disks = [Disk(f"h{number}") for number in range(bounds.hosts)]
        self.followers = [Follower(disk, number, ROLES[0]) for number, disk in enumerate(self.disks)]
        self.applying: dict[str, int] = {}
        """Hosts that were given a delivery and have not asked again, and the process that was."""
        self.over = False
        self._now: list[_Step] | None = None
        self._run_on()
        for _ in range(bounds.before):
            self._publish(0)
            self._run_on()
            self._commit(0)
            self._run_on()

    # -- what may happen -------------------------------------------------------------------------------------

    def options(self) -> list[str]:
        """See `engines.rerun.World`."""
        return [] if self.over else [word for word, _, _ in self._possible()]

    def take(self, number: int) -> None:
        """See `engines.rerun.World`."""
        _, act, argument = self._possible()[number]
        self._now = None
        act(argument)
        self._run_on()
        self._look()

    def _look(self) -> None:
        """The property that does not hold at a disk."""
        self.broken = self.broken or next((disk.broken for disk in self.disks if disk.broken), "")

    def _possible(self) -> list[_Step]:
        if self._now is None:
            self._now = [*self._steps(), *self._faults()]
        return self._now

    def key(self) -> Hashable:
        """See `engines.rerun.World`."""
        return (
            self.now_s,
            tuple(self.left.items()),
            self.over,
            self.store.canonical(),
            tuple(map(repr, self.late)),
            tuple(self.published),
            self.given,
            tuple(service.key() for service in self.services),
            tuple(disk.key() for disk in self.disks),
            tuple(follower.key() for follower in self.followers),
            tuple(sorted(self.applying.items())),
        )

    def _steps(self) -> list[_Step]:
        """What goes on without a fault."""
        found: list[_Step] = []
        for me, asks in enumerate(self.limits.publishers):
            named = _told(asks[self.published[me]]) if self.published[me] < len(asks) else ""
            if isinstance(self.services[me].pending, Commit):
                found.append((f"service {me} commits", self._commit, me))
            elif named:
                found.append((f"service {me} is told to publish {named}", self._publish, me))
        for me, process in enumerate(self.followers):
            who = self._who(me)
            if not isinstance(process.pending, AskNewer):
                found.append((f"{who} does {_words(process.pending)}", self._acts, me))
            elif process.over:
                continue
            elif process.reply is not None:
                found.append((f"{who} hears {type(process.reply).__name__}", self._hear, me))
            elif not process.asked:
                found.append((f"{who} asks, it has {process.pending.poll.applied}", self._ask, me))
        return found

    def _who(self, me: int) -> str:
        process = self.followers[me]
        name = "the host" if len(self.disks) == 1 else process.host.name
        return f"the old process of {name}" if process.old else name

    def _faults(self) -> list[_Step]:
        found: list[_Step] = [("nothing more goes wrong", self._close, 0)]
        for me, service in enumerate(self.services):
            if isinstance(service.pending, Commit) and self.left["unknown"]:
                found.append(
                    (f"service {me} hears nothing of its commit, which may still arrive", self._unknown, me)
                )
            if self.left["restart"]:
                found.append((f"service {me} starts anew", self._restart, me))
        found += [(f"late commit {at} arrives", self._arrive, at) for at in range(len(self.late))]
        for me, process in enumerate(self.followers):
            found += [] if process.old else self._troubles(me, process)
        for word, left, act in (
            ("the store is restored to nothing", "restore", self._restore),
            ("time passes", "tick", self._tick),
        ):
            if self.left[left]:
                found.append((word, act, 0))
        return found

    def _troubles(self, me: int, process: Follower) -> list[_Step]:
        who = self._who(me)
        stands = self.left["successor"] and not isinstance(process.pending, AskNewer)
        other = process.host.role != ROLES[0] or self.left["role"]
        able = (
            (f"the answer to {who} is lost", self._lose, process.reply is not None and self.left["lost"]),
            (f"{who} crashes", self._crash, self.left["crash"]),
            (f"{who} begins again with another role", self._role, self.left["role"]),
            (f"{who} stands still, and another process goes on", self._succeed, stands),
            (f"{who} stands still, and one with another role goes on", self._succeed_role,
             stands and other and self.left["role"]),
        )  # fmt: skip
        return [(word, act, me) for word, act, possible in able if possible]

    # -- services --------------------------------------------------------------------------------------------

    def _run_on(self) -> None:
        """What nobody else can see: the services look at the store and answer, hosts look at their clocks."""
        for process in self.followers:
            while isinstance(process.pending, Ready | Arm | Disarm | Fired | Idle):
                process.acts()
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
                    if isinstance(result, Published):
                        self._gave(result.generation)
                    for process in self.followers:
                        if process.asked and id_ == process.call:
                            process.reply = result
                            self._gives(process, result)
            case _:
                assert isinstance(operation, Emit), operation
        return None

    def _gave(self, generation: int) -> None:
        if generation in self.given and self.left["restore"] == self.limits.restores:
            self.broken = f"a number of its own: {generation} is given twice"
        self.given = (*self.given, generation)

    def _gives(self, process: Follower, result: object) -> None:
        if not isinstance(result, Delivery):
            return
        self.applying[process.host.name] = process.number
        at_once = len(self.applying)
        if at_once > self.limits.places and not self.over:
            self.broken = f"so many at a time: {at_once} hosts apply something, of {self.limits.places}"

    def _publish(self, me: int) -> None:
        ask = self.limits.publishers[me][self.published[me]]
        self.published[me] += 1
        if isinstance(ask, bytes):
            ask = Publish("all", FILE, ask)
        self.services[me].calls.append(Call(0, ask, POLL_S))

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

    def _restart(self, me: int) -> None:
        """It forgets all, and who waited for it hears nothing: all hosts ask the first."""
        self.left["restart"] -= 1
        self.services[me].loop.close()
        self.services[me].start()
        self.applying = {} if me == 0 else self.applying
        for process in self.followers:
            if me == 0 and process.asked and process.reply is None:
                process.asked = False
                process.send(CouldNotAsk("no answer"))

    def _tick(self, _: int) -> None:
        self.left["tick"] -= 1
        self.now_s += LOOK_S

    def _restore(self, _: int) -> None:
        """Back to nothing; revisions go on rising, as every store's do."""
        self.left["restore"] -= 1
        self.store, self.late = MemoryState(revision=self.store.revision + 1), []

    # -- hosts -----------------------------------------------------------------------------------------------

    def _acts(self, me: int) -> None:
        self.followers[me].acts()

    def _ask(self, me: int) -> None:
        """It asks the first service. What it was given before is done with: applied, refused, or lost."""
        process = self.followers[me]
        assert isinstance(process.pending, AskNewer)
        process.asked = True
        process.calls += 1
        self.applying.pop(process.host.name, None)
        self.services[0].calls.append(Call(process.call, process.pending.poll, POLL_S))

    def _hear(self, me: int) -> None:
        process = self.followers[me]
        reply, process.reply, process.asked = process.reply, None, False
        process.send(reply)

    def _lose(self, me: int) -> None:
        self.left["lost"] -= 1
        process = self.followers[me]
        process.reply, process.asked = None, False
        process.send(CouldNotAsk("no answer"))

    def _crash(self, me: int) -> None:
        """Its loop begins again on its disk; the daemon runs on."""
        self.left["crash"] -= 1
        self._again(me, self.followers[me].host.role)

    def _role(self, me: int) -> None:
        self.left["role"] -= 1
        self._again(me, _other(self.followers[me].host.role))

    def _again(self, me: int, role: str) -> None:
        self.followers[me].loop.close()
        self.followers[me].start(role)

    def _succeed(self, me: int) -> None:
        self._successor(me, self.followers[me].host.role)

    def _succeed_role(self, me: int) -> None:
        self.left["role"] -= 1
        self._successor(me, _other(self.followers[me].host.role))

    def _successor(self, me: int, role: str) -> None:
        """The old one goes on some time, with what it was about."""
        self.left["successor"] -= 1
        old = self.followers[me]
        old.old = True
        self.followers.append(Follower(old.disk, len(self.followers), role))

    # -- at rest ---------------------------------------------------------------------------------------------

    def _close(self, _: int) -> None:
        """From here on only what goes on by itself, in turns, and time."""
        self.over = True
        quiet = 0
        for turn in range(STEPS_MOST):
            steps = [step for step in self._steps() if step[1] != self._publish]
            if self.broken or quiet >= QUIET * len(self.disks):
                break
            if steps:
                _word, act, argument = steps[turn % len(steps)]
                act(argument)
            else:
                quiet += 1
                self.now_s += QUIET_S
            self._run_on()
            self._look()
        self.broken = self.broken or self._not_at_rest()

    def _not_at_rest(self) -> str:
        entries = self.store.apply(Range(KEYS.deliveries))
        catalogue = Catalogue(decode(entry.value, Document) for entry in entries)
        return next((told for process in self.followers if (told := self._lacks(process, catalogue))), "")

    def _lacks(self, process: Follower, catalogue: Catalogue) -> str:
        """What a process that is not superseded has not brought about."""
        if process.old:
            return ""
        wanted = catalogue.delivery(process.host, Version())
        files = tuple((file.name, file.content) for file in wanted.files)
        disk, pending = process.disk, process.pending
        refused = pending.poll.refused if isinstance(pending, AskNewer) else 0
        served = disk.daemon == (disk.current, disk.files())
        if served and (not wanted.generation or disk.files() == files or refused >= wanted.generation):
            return ""  # of a role for which nothing was ever published it keeps what it has, and is not ready
        name = process.host.name
        return f"at rest all is applied: {name} has {disk.files()}, its daemon {disk.daemon[1]}, wanted is {files}"


def _other(role: str) -> str:
    return ROLES[1 - ROLES.index(role)]


def _told(ask: bytes | Publish) -> str:
    if isinstance(ask, bytes):
        return ask.decode()
    return f"{ask.name}={ask.content.decode()} for {ask.selector}"


def _words(operation: Operation[Any]) -> str:
    what = type(operation).__name__
    if isinstance(operation, Stage):
        return f"{what} {operation.delivery.generation}"
    if isinstance(operation, Run):
        return f"{what} {operation.command.value} {operation.release}"
    if isinstance(operation, Switch | Loaded):
        return f"{what} {operation.release}"
    return what


__all__ = ["BROKEN", "UNLOADABLE", "Bounds", "DeliveryWorld"]
