"""One storm in a running world: faults by the schedule, all whole again, convergence, and what was breached."""

from __future__ import annotations

import heapq
import queue
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable

import msgspec
from storm_findings import Frozen, frozen_breaches

from zones.net import ZONES
from zones.schedule import BACKENDS, PRIMARY, SECONDARY, Fault, Kind, schedule
from zones.watcher import velocity_breaches
from zones.world import World

TICK_S = 0.05
DISK_GRACE_S = 3.0
SERVERS = frozenset({PRIMARY, SECONDARY, *(f"etcd-{zone}" for zone in ZONES)})
NO_SPACE = "no space left"
"""A server may end of a full disk some time later. Roles of holdfast may not end at all."""
BREACHES_MAX = 12
PATIENCE_S = 90.0
COMMAND_S = 8.0
"""Then a person's command is killed, wherever it is."""
TRIES = 4


class Report(msgspec.Struct, frozen=True):
    """What a storm came to. `breaches` and `unsettled` have to be empty."""

    seed: int
    primary: str
    secondary: str
    faults: dict[str, int]
    breaches: tuple[str, ...]
    unsettled: str
    converged_s: float
    """From everything being whole and thawed, over a last apply, to primary and secondary having all of it."""
    generations: int
    removals: int
    frozen: int
    """Freezes that were acknowledged."""
    queries: int
    unanswered: int
    seconds: float
    restarted: dict[str, int]
    """Servers that ended by themselves while their disk was full."""


class Storm:
    """See the module."""

    def __init__(self, world: World, seed: int, *, seconds: float) -> None:
        self._world, self._seed, self._seconds = world, seed, seconds
        self._faults = schedule(seed, seconds=seconds)
        self._active: list[Fault] = []
        self._down: set[str] = set()
        self._disk_full_s: dict[int, float] = {}
        self._acts: queue.Queue[Fault | None] = queue.Queue()
        self._freezes: dict[str, float] = {}
        """Ids with the moment of their acknowledgement, 0 without one."""
        self._thaws: list[tuple[float, str, int]] = []
        """When who is to be thawed, from which zone."""
        self.frozen: list[Frozen] = []
        self.failures: list[str] = []
        self.counts: Counter[str] = Counter()
        self.restarted: Counter[str] = Counter()
        self._said = ""

    def run(self, *, settle_s: float) -> Report:
        """Storm, make whole, wait until DNS agrees."""
        began_s = time.monotonic()
        marks = [(len(w.breaches), w.queries, w.unanswered, w.generations) for w in self._world.watchers]
        primary = self._world.watchers[0]
        moves, removals = len(primary.moves), len(primary.removals)
        people = threading.Thread(target=self._act_all, name="storm-people", daemon=True)
        people.start()
        self._strike_all(began_s)
        self._acts.put(None)
        while people.is_alive():
            people.join(TICK_S)
            self._supervise()
        if not self._wait(self._all_thawed, PATIENCE_S):
            self.failures.append("freezes are still in force at the end")
        whole_s = time.monotonic()
        self._last_revision()
        self._wait(self._settled, settle_s)
        converged_s = time.monotonic() - whole_s
        unsettled = "" if self._settled() else self._differs()
        there = "" if unsettled else self._world.plan_is_there()
        breaches = [b for w, mark in zip(self._world.watchers, marks, strict=True) for b in w.breaches[mark[0] :]]
        breaches += velocity_breaches(primary.removals[max(0, removals - 5) :])
        breaches += [*self.failures, *([there] if there else [])]
        breaches += frozen_breaches(self.frozen, primary.moves[moves:])
        return Report(
            seed=self._seed,
            primary=self._world.where.primary,
            secondary=self._world.where.secondary,
            faults=dict(sorted(self.counts.items())),
            breaches=tuple(breaches[:BREACHES_MAX]),
            unsettled=unsettled,
            converged_s=round(converged_s, 2),
            generations=primary.generations - marks[0][3],
            removals=len(primary.removals) - removals,
            frozen=len([f for f in self.frozen if f.acknowledged_s]),
            queries=sum(w.queries - mark[1] for w, mark in zip(self._world.watchers, marks, strict=True)),
            unanswered=sum(w.unanswered - mark[2] for w, mark in zip(self._world.watchers, marks, strict=True)),
            seconds=round(time.monotonic() - began_s, 1),
            restarted=dict(self.restarted),
        )

    # faults

    def _strike_all(self, began_s: float) -> None:
        """Begin and end faults until the time is over; then end all."""
        waiting = list(self._faults)
        wait = threading.Event()
        while (at_s := time.monotonic() - began_s) < self._seconds:
            self._due(waiting, at_s)
            self._supervise()
            wait.wait(TICK_S)
        for fault in list(self._active):
            self._end(fault)
        self._wake_secondary()

    def _wake_secondary(self) -> None:
        """Start a secondary again whose clock ran ahead, as people have to.

        BIND and Knot keep the time of their next question by the wall clock: once the clock is right again they
        ask nobody until true time has caught up (seeds 110 and 152: two hours).
        """
        zone = str(self._world.where.secondary_zone)
        if any(f.kind == Kind.CLOCK.name and f.subject == zone and f.amount > 0 for f in self._faults):
            self._world.processes[SECONDARY].kill()
            self._world.start(SECONDARY)

    def _due(self, waiting: list[Fault], at_s: float) -> None:
        """What was due by now, in its order: on a slow machine a fault may be over before we look again."""
        while True:
            ends = min((f.until_s for f in self._active), default=float("inf"))
            begins = waiting[0].at_s if waiting else float("inf")
            if min(ends, begins) > at_s:
                return
            if begins < ends:
                self._begin(waiting.pop(0))
            else:
                self._end(next(f for f in self._active if f.until_s == ends))

    def _begin(self, fault: Fault) -> None:
        kind = Kind[fault.kind]
        if kind in (Kind.EDIT, Kind.FREEZE):
            self._acts.put(fault)
            return
        self._active.append(fault)
        self.counts[kind.value] += 1
        match kind:
            case Kind.KILL | Kind.DIE | Kind.POWER:
                for name in self._those(fault):
                    self._down.add(name)
                    self._world.processes[name].kill()
            case Kind.STOP | Kind.LONG_STOP | Kind.HANG:
                self._signal(fault.subject, signal.SIGSTOP)
            case Kind.DISK:
                self._world.disks[int(fault.subject)].fill()
            case Kind.CLOCK:
                self._world.clocks[int(fault.subject)].set(int(fault.amount))
            case _:
                self._line()

    def _end(self, fault: Fault) -> None:
        self._active.remove(fault)
        match Kind[fault.kind]:
            case Kind.KILL | Kind.DIE | Kind.POWER:
                for name in self._those(fault):
                    self._down.discard(name)
                    self._world.start(name)
            case Kind.STOP | Kind.LONG_STOP | Kind.HANG:
                self._signal(fault.subject, signal.SIGCONT)
            case Kind.DISK:
                self._world.disks[int(fault.subject)].free()
                self._disk_full_s[int(fault.subject)] = time.monotonic()
            case Kind.CLOCK:
                self._world.clocks[int(fault.subject)].set(0)
            case _:
                self._line()

    def _those(self, fault: Fault) -> tuple[str, ...]:
        if Kind[fault.kind] is not Kind.POWER:
            return (fault.subject,)
        zone = int(fault.subject)
        return tuple(name for name, z in self._world.zone_of.items() if z == zone)

    def _signal(self, name: str, number: int) -> None:
        self._world.processes[name].signal(number)

    def _line(self) -> None:
        """What all faults that are active do to the line."""
        faults: dict[tuple[int, int], dict[str, float]] = {}
        for fault in self._active:
            for direction in _directions(fault):
                one = faults.setdefault(direction, {"drop": 0.0, "loss": 0.0, "delay_s": 0.0})
                match Kind[fault.kind]:
                    case Kind.LATE:
                        one["delay_s"] += fault.amount
                    case Kind.LOSS:
                        one["loss"] = max(one["loss"], fault.amount)
                    case _:
                        one["drop"] = 1.0
        self._world.line(faults)

    def _supervise(self) -> None:
        """Start again what ended by itself, as an init system does: right only where the disk was full."""
        for name, process in self._world.processes.items():
            if name in self._down or not process.ended:
                continue
            zone = self._world.zone_of[name]
            full = any(f.kind == Kind.DISK.name and int(f.subject) == zone for f in self._active)
            recently = time.monotonic() - self._disk_full_s.get(zone, float("-inf")) < DISK_GRACE_S
            if not (full or recently or (name in SERVERS and NO_SPACE in process.tail())):
                self.failures.append(f"{name} ended by itself: {process.tail()}")
            if not full:
                self.restarted[name] += 1
                self._world.start(name)

    # people

    def _act_all(self) -> None:
        """One after the other, in a thread beside the faults; a thaw is due when its freeze has lasted."""
        while (act := self._next_act()) is not None:
            if Kind[act.kind] is Kind.EDIT:
                self._apply(act)
            else:
                self._freeze(act)
        for freeze in list(self._freezes):
            self._thaw(freeze, 1)

    def _next_act(self) -> Fault | None:
        """The next act; freezes that have lasted are thawed meanwhile, so that edits come under them too."""
        while True:
            due_s = min(self._thaws, default=None)
            try:
                patience_s = None if due_s is None else max(0.0, due_s[0] - time.monotonic())
                return self._acts.get(timeout=patience_s)
            except queue.Empty:
                _, freeze, zone = heapq.heappop(self._thaws)
                if freeze in self._freezes:
                    self._thaw(freeze, zone)

    def _apply(self, act: Fault) -> None:
        self._world.write(self._world.content.edited(int(act.amount)))
        done, _ = self._command(int(act.subject), "apply", str(self._world.file("operator")))
        self.counts[Kind.EDIT.value] += done

    def _freeze(self, act: Fault) -> None:
        """Freeze, hold, thaw. Without acknowledgement it proves nothing; it is tried again, and thawed too."""
        zone, done, freeze = int(act.subject), False, ""
        again: tuple[str, ...] = ()
        for _ in range(TRIES):
            done, said = self._command(zone, "freeze", "scope", "--reason", "storm", *again)
            found = re.search(r"^(?:\w+: )?(\w+): (frozen|partial),", said, re.MULTILINE)
            freeze = found[1] if found else freeze
            again = ("--again", freeze) if freeze else ()
            if done or not freeze:
                break
        if not freeze:
            return
        self.counts[Kind.FREEZE.value] += 1
        acknowledged_s = time.time()
        self._freezes[freeze] = acknowledged_s if done else 0.0
        heapq.heappush(self._thaws, (time.monotonic() + act.until_s - act.at_s, freeze, zone))

    def _thaw(self, freeze: str, zone: int) -> bool:
        ordered_s = time.time()
        done, _ = self._command(zone, "thaw", freeze, "--yes")
        acknowledged_s = self._freezes[freeze]
        if acknowledged_s:
            self.frozen.append(Frozen("", acknowledged_s, ordered_s, time.time()))
            self._freezes[freeze] = 0.0
        if done:
            del self._freezes[freeze]
        return done

    def _command(self, zone: int, *arguments: str) -> tuple[bool, str]:
        options = () if arguments[0] == "apply" else ("-c", str(self._world.file("operator")))
        return self._world.machines[zone].command(*arguments, *options, within_s=COMMAND_S)

    # the end

    def _last_revision(self) -> None:
        """Nothing is struck any more: apply once more, so that there is one answer to wait for."""
        self._world.write(self._world.content.edited(self._seed % len(BACKENDS)))
        if not self._wait(self._applied, PATIENCE_S):
            self.failures.append(f"not applied at the end: {self._said}")

    def _all_thawed(self) -> bool:
        """No freeze is left, in store or fence, also none whose command was killed before it said its id."""
        done, said = self._command(1, "status", "--format", "json")
        if not done:
            return False
        status = msgspec.json.decode(said)
        if status["store"] != "answers" or any(zone["fence"] is None for zone in status["zones"]):
            return False
        known = {freeze["id"] for freeze in status["freezes"]}
        left = known.union(*(zone["freezes"] for zone in status["zones"]))
        for freeze in sorted(left):
            self._freezes.setdefault(freeze, 0.0)
            self._thaw(freeze, 1)
        return not left

    def _applied(self) -> bool:
        done, self._said = self._command(1, "apply", str(self._world.file("operator")))
        if not done and "--force" in self._said:
            # An apply whose answer was lost has landed, and the file does not know it (R10): a person decides.
            done, self._said = self._command(1, "apply", str(self._world.file("operator")), "--force")
        return done

    def _settled(self) -> bool:
        content = self._world.content
        return all(w.settled(content.wanted(), content.revision) for w in self._world.watchers)

    def _differs(self) -> str:
        content = self._world.content
        told = [
            f"{w.label} {name}: {sorted(w.addresses(name))} ttl {w.ttls.get(name)}"
            for w in self._world.watchers
            for name in w.seen
        ]
        return f"wanted {sorted(content.wanted())} ttl {content.revision}; {'; '.join(told)}"

    def _wait(self, condition: Callable[[], bool], seconds: float) -> bool:
        deadline_s = time.monotonic() + seconds
        wait = threading.Event()
        while not condition():
            self._supervise()
            if time.monotonic() > deadline_s:
                return False
            wait.wait(TICK_S)
        return True


def _directions(fault: Fault) -> tuple[tuple[int, int], ...]:
    match Kind[fault.kind]:
        case Kind.PARTITION:
            zone = int(fault.subject)
            return tuple(d for other in ZONES if other != zone for d in ((zone, other), (other, zone)))
        case Kind.CUT | Kind.LATE | Kind.LOSS:
            a, b = (int(z) for z in fault.subject.split("-"))
            return (a, b), (b, a)
        case Kind.ONE_WAY:
            a, b = (int(z) for z in fault.subject.split(">"))
            return ((a, b),)
        case _:
            return ()
