"""The storm: holdfast's roles as processes on a real BIND, faults by a seeded schedule, and a watcher beside them.

named, 4 backends, 2 planners, 3 enactors, 2 probers -> first convergence -> schedule -> all whole -> convergence
"""

from __future__ import annotations

import queue
import re
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec
from storm_file import ADDRESS, NAMES, SCOPE, ZONE, StormFile
from storm_findings import Change, Convergence, Frozen, Outage, converge, frozen_breaches, read_events
from storm_schedule import BACKENDS, FAULTS, PROCESSES, Kind, Step, schedule
from storm_watcher import Watcher

from servers.bind import start_bind
from servers.ports import free_port
from servers.process import PYTHON, Process, ZoneSpec

HOLDFAST = [PYTHON, "-c", "from holdfast.cli.main import main; main()"]
FIRST_S = 30.0
"""Until the first plan stands in DNS."""
TRIES_MAX = 20


class Report(msgspec.Struct, frozen=True):
    """What a storm came to. `unsettled` are names that did not reach their set in the end."""

    seed: int
    faults: dict[str, int]
    breaches: tuple[str, ...]
    unsettled: tuple[str, ...]
    convergence: Convergence
    rate: float
    queries: int
    unanswered: int
    generations: int
    seconds: float
    settle_s: float
    crashes: tuple[str, ...]
    ended: tuple[str, ...]
    """Processes that ended by themselves."""


class Storm:
    """One storm in one directory. A context manager: leaving it ends every process."""

    def __init__(self, directory: Path, *, seed: int) -> None:
        self._directory, self._seed = directory, seed
        self._state = directory / "state"
        self._file = directory / "storm.toml"
        self._server = start_bind((ZoneSpec(ZONE),))
        self._zone = self._server.zone_config(ZONE)
        self._ports = {b: free_port(ADDRESS[b]) for b in BACKENDS}
        self._processes: dict[str, Process] = {}
        self._old: list[Process] = []
        self._down_since: dict[str, tuple[float, bool]] = {}
        self._lock = threading.Lock()
        self._dead: frozenset[str] = frozenset()
        self._blackout = False
        self._content = StormFile()
        self._wanted: dict[tuple[str, str], bool] = {}
        self._edits: queue.Queue[Step | None] = queue.Queue()
        self.outages: list[Outage] = []
        self.changes: list[Change] = []
        self.faults: Counter[str] = Counter()
        self.ended: list[str] = []
        self.failures: list[str] = []
        self.frozen: list[Frozen] = []
        self._freeze: tuple[str, str, float] | None = None
        self.watcher = Watcher(self._server.port, scope=SCOPE, zone=ZONE, names=NAMES)

    def __enter__(self) -> Storm:
        return self

    def __exit__(self, *_: object) -> None:
        self.watcher.stop_if_started()
        for process in (*self._processes.values(), *self._old):
            process.kill()
        self._server.stop()

    def run(self, *, seconds: float, fault_every_s: float, settle_s: float) -> Report:
        """Start everything, storm, make all whole, and wait until DNS agrees."""
        self._begin()
        steps = schedule(self._seed, seconds=seconds, fault_every_s=fault_every_s)
        began_s = time.monotonic()
        editor = threading.Thread(target=self._edit_all, name="storm-editor", daemon=True)
        editor.start()
        wait = threading.Event()
        for step in steps:
            if step.at_s > seconds:
                break
            wait.wait(max(0.0, began_s + step.at_s - time.monotonic()))
            self._do(step)
        wait.wait(max(0.0, began_s + seconds - time.monotonic()))
        self._edits.put(None)
        editor.join(timeout=60)
        self._thaw()
        self._make_whole()
        whole_s = time.monotonic()
        settled = await_true(self._settled, settle_s)
        took_s = time.monotonic() - whole_s
        self.watcher.stop_if_started()
        return self._report(time.monotonic() - began_s, took_s, settled=settled)

    def tails(self) -> str:
        """The ends of all logs, for a failure."""
        processes = {p.log.name: p for p in self._processes.values()}
        texts = [f"--- {name}\n{p.tail()}" for name, p in sorted(processes.items()) if not name.startswith("b")]
        return "\n".join((*texts, f"--- named\n{self._server.process.tail()}"))

    def _begin(self) -> None:
        self._write(self._content)
        for backend in BACKENDS:
            self._start(backend)
        applied = self._apply()
        assert not applied, f"the first apply failed: {applied}"
        for process in PROCESSES:
            self._start(process)
        self._wanted = self._content.wanted(frozenset())
        assert await_true(self._first_plan, FIRST_S), f"no first plan in DNS after {FIRST_S} s\n{self.tails()}"
        self.watcher.start()

    def _first_plan(self) -> bool:
        """Every name has its whole set (asked before the watcher runs, which takes emptiness for a breach)."""
        return all(self.watcher.ask_once(name) == self._set(name) for name in NAMES)

    def _settled(self) -> bool:
        return all(self.watcher.addresses(name) == self._set(name) for name in NAMES)

    def _set(self, name: str) -> frozenset[str]:
        return frozenset(ADDRESS[b] for b in BACKENDS if self._wanted[name, b])

    def _do(self, step: Step) -> None:
        kind, subject = Kind[step.kind], step.subject
        actions: dict[Kind, Callable[[], None]] = {
            Kind.KILL: lambda: self._kill(subject),
            Kind.START: lambda: self._start_again(subject),
            Kind.STOP: lambda: self._pause(subject),
            Kind.LONG_STOP: lambda: self._pause(subject),
            Kind.CONTINUE: lambda: self._continue(subject),
            Kind.DIE: lambda: self._die(frozenset((subject,)), step),
            Kind.REVIVE: lambda: self._revive(frozenset((subject,)), step),
            Kind.BLACKOUT: lambda: self._black_out(step),
            Kind.RETURN: lambda: self._return(step),
        }
        action = actions.get(kind)
        if action is None:
            self._edits.put(step)
            return
        action()
        if kind in FAULTS or kind in (Kind.DIE, Kind.BLACKOUT):
            self.faults[kind.value] += 1

    # processes

    def _start(self, name: str) -> None:
        """A role of holdfast, or a backend."""
        if name in BACKENDS:
            command = [PYTHON, "-m", "holdfast.service.demo.backends", ADDRESS[name], str(self._ports[name])]
        elif name.startswith("prober-"):
            command = [*HOLDFAST, "prober", str(self._file), "--name", name.removeprefix("prober-")]
        else:
            command = [*HOLDFAST, name.partition("-")[0], str(self._file), "--name", name]
        self._processes[name] = Process(command, self._directory, name)

    def _kill(self, name: str) -> None:
        process = self._processes[name]
        if process.ended:
            self.ended.append(f"{name} had ended by itself:\n{process.tail()}")
        process.kill()
        self._down_since[name] = (time.time(), True)

    def _start_again(self, name: str) -> None:
        self._start(name)
        self._up(name)

    def _pause(self, name: str) -> None:
        self._processes[name].signal(signal.SIGSTOP)
        self._down_since[name] = (time.time(), False)

    def _continue(self, name: str) -> None:
        self._processes[name].signal(signal.SIGCONT)
        self._up(name)

    def _up(self, name: str) -> None:
        from_s, killed = self._down_since.pop(name)
        self.outages.append(Outage(name, from_s, time.time(), killed))

    # backends

    def _die(self, backends: frozenset[str], step: Step) -> None:
        for backend in sorted(backends):
            self._processes[backend].kill()
        self._want(step, dead=backends)

    def _revive(self, backends: frozenset[str], step: Step) -> None:
        for backend in sorted(backends):
            self._start(backend)
        self._want(step, dead=frozenset())

    def _black_out(self, step: Step) -> None:
        """All die: nothing is expected but that no name becomes empty."""
        with self._lock:
            self._blackout = True
        for backend in BACKENDS:
            self._processes[backend].kill()

    def _return(self, step: Step) -> None:
        for backend in BACKENDS:
            self._start(backend)
        with self._lock:
            self._blackout = False
        self._want(step, dead=frozenset(), again=True)

    def _want(self, step: Step, *, dead: frozenset[str] | None = None, again: bool = False) -> None:
        """What is wanted now; pairs that flip become changes. `again`: all pairs count, not only flips."""
        with self._lock:
            if dead is not None:
                self._dead = dead
            wanted = self._content.wanted(self._dead)
            now_s = time.time()
            for (name, backend), present in wanted.items():
                if not self._blackout and (again or self._wanted[name, backend] is not present):
                    cause = f"{Kind[step.kind].value} {step.subject}"
                    self.changes.append(Change(now_s, name, backend, present, cause))
            self._wanted = wanted

    # the file

    def _edit_all(self) -> None:
        """Edits one after the other: a paused process may hold the store's lock, and `apply` then waits."""
        while (step := self._edits.get()) is not None:
            if step.kind == Kind.FREEZE.name:
                self._freeze_now(step)
                continue
            if step.kind == Kind.THAW.name:
                self._thaw()
                continue
            edited = self._content.edited(step)
            self._write(edited)
            failed = self._apply()
            if failed:
                self.failures.append(f"apply after {step}: {failed}")
                continue
            self.faults[Kind[step.kind].value] += 1
            with self._lock:
                self._content = edited
            self._want(step)

    def _write(self, content: StormFile) -> None:
        text = content.text(self._zone, self._ports, self._state)
        temporary = self._file.with_suffix(".new")
        temporary.write_text(text)
        temporary.replace(self._file)

    def _apply(self) -> str:
        """`holdfast apply`, again while the store is busy; the last output if it never worked."""
        output = ""
        for _ in range(TRIES_MAX):
            done, output = self._command("apply", str(self._file))
            if done:
                return ""
        return output

    def _command(self, *arguments: str) -> tuple[bool, str]:
        """A command of holdfast: whether it succeeded, and what it said."""
        done = subprocess.run(
            [*HOLDFAST, *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            stdin=subprocess.DEVNULL,
        )
        return done.returncode == 0, done.stdout + done.stderr

    # freezes

    def _freeze_now(self, step: Step) -> None:
        """Freeze; from the command's success on nothing may be written."""
        name = step.subject.removeprefix("name:") if step.subject.startswith("name:") else ""
        done, output = self._command("freeze", step.subject, "--reason", "storm", "-c", str(self._file))
        acknowledged_s = time.time()
        found = re.search(r"^(\w+): (frozen|partial),", output, re.MULTILINE)
        if found is None or not done:
            self.failures.append(f"freeze {step.subject}: {output}")
        if found is not None:
            self._freeze = (found[1], name, acknowledged_s)
            self.faults[Kind.FREEZE.value] += 1

    def _thaw(self) -> None:
        """Thaw what is frozen; nothing to do if nothing is."""
        if self._freeze is None:
            return
        freeze, name, acknowledged_s = self._freeze
        ordered_s = time.time()
        output = ""
        for _ in range(TRIES_MAX):
            done, output = self._command("thaw", freeze, "--yes", "-c", str(self._file))
            if done:
                self._freeze = None
                self.frozen.append(Frozen(name, acknowledged_s, ordered_s, time.time()))
                return
        self.failures.append(f"thaw {freeze}: {output}")

    # the end

    def _make_whole(self) -> None:
        """Everything runs again."""
        for name, (_, killed) in list(self._down_since.items()):
            if killed:
                self._start(name)
            else:
                self._processes[name].signal(signal.SIGCONT)
            self._up(name)
        for backend in BACKENDS:
            if self._processes[backend].ended:
                self._start(backend)
        with self._lock:
            again, self._blackout = self._blackout, False
        self._want(Step(0.0, Kind.REVIVE.name, "at the end"), dead=frozenset(), again=again)

    def _report(self, seconds: float, settle_s: float, *, settled: bool) -> Report:
        events = read_events(self._state / "events")
        unsettled = tuple(
            f"{n}: DNS has {sorted(self.watcher.addresses(n))}, wanted {sorted(self._set(n))}"
            for n in NAMES
            if self.watcher.addresses(n) != self._set(n)
        )
        assert settled or unsettled, "not settled means that some name is not"
        crashed = tuple(f"{r.at} {r.actor}: {r.text}" for r in events if r.kind == "actor.crashed")
        return Report(
            seed=self._seed,
            faults=dict(sorted(self.faults.items())),
            breaches=(
                *self.watcher.breaches,
                *self.failures,
                *frozen_breaches(self.frozen, self.watcher.moves),
            ),
            unsettled=unsettled,
            convergence=converge(self.changes, self.watcher.seen, self.outages, events, self.frozen),
            rate=self.watcher.rate(),
            queries=self.watcher.queries,
            unanswered=self.watcher.unanswered,
            generations=self.watcher.generations,
            seconds=seconds,
            settle_s=settle_s,
            crashes=crashed,
            ended=tuple(self.ended),
        )


def await_true(condition: Callable[[], bool], seconds: float) -> bool:
    """Ask until it holds; False when time is over."""
    wait, deadline_s = threading.Event(), time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline_s:
            return False
        wait.wait(0.05)
    return True
