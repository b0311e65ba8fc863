"""Three zones with everything in them: what runs where, how it is struck, how it comes back.

each zone       an etcd member, an enactor, a prober, two backends; a disk and a clock of its own
two or three    a planner
one, another    the primary; its secondary
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import dns.message
import dns.query

from holdfast.config.store_address import parse_address
from holdfast.model.fence import fence_owner, parse_fence
from holdfast.model.identity import Identity
from holdfast.model.keys import Keys
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.store import Get
from holdfast.stores.opening import open_store
from servers.etcd import Etcd
from servers.process import PYTHON, Process, ZoneSpec, await_answer
from servers.waiting import eventually
from zones.file import BACKEND_PORT, SCOPE, ZONE, Content
from zones.machine import Clock, Forked, Machine, build_clock
from zones.nameservers import PORT, configure_follower, configure_primary, zone_config
from zones.net import ZONES, Disk, Net, address, sweep
from zones.schedule import BACKENDS, PRIMARY, SECONDARY, Topology
from zones.watcher import ZoneWatcher

Running: TypeAlias = Process | Forked
DISK_MIB = 400
"""etcd alone takes 128 MiB for its log before it begins."""
FIRST_S = 60.0
LOOKS = 20
_numbers = itertools.count()


class World:
    """One topology, running. A context manager: leaving it ends every process and removes the zones.

    Raises:
        Missing: something that it needs is not here; the text says what.
    """

    def __init__(self, where: Topology, *, seed: int) -> None:
        sweep()
        self.where = where
        self.directory = Path(tempfile.mkdtemp(prefix=f"hf-zones-{os.getpid()}-"))
        self._undo: list[Callable[[], None]] = [lambda: shutil.rmtree(self.directory, ignore_errors=True)]
        self.zone_of = {**where.processes(), **{f"{z}.{last}": z for z, last in BACKENDS}}
        self.processes: dict[str, Running] = {}
        self.content = Content()
        try:
            self._build(seed)
        except BaseException:
            self.close()
            raise

    def _build(self, seed: int) -> None:
        self.net = Net(f"{os.getpid()}-{next(_numbers)}", backends=BACKENDS)
        self._undo.append(self.net.close)
        library = build_clock(self.directory)
        self.disks: dict[int, Disk] = {}
        self.clocks: dict[int, Clock] = {}
        self.machines: dict[int, Machine] = {}
        for zone in ZONES:
            self.disks[zone] = Disk(self.directory / f"zone-{zone}", mib=DISK_MIB)
            self._undo.append(self.disks[zone].close)
            self.clocks[zone] = Clock(self.directory / f"clock-{zone}")
            with self.net.inside(zone):
                self.machines[zone] = Machine(self.directory, library=library, clock=self.clocks[zone])
            self._undo.append(self.machines[zone].close)
        self._undo.append(self._end_servers)
        self._relay = self._start_relay(seed)
        places = [(address(zone), self.disks[zone].path) for zone in ZONES]
        self.etcd = Etcd(self.directory, places=places)
        self._zone = zone_config(self.where, self.directory)
        disk_of = {PRIMARY: self.where.primary_zone, SECONDARY: self.where.secondary_zone}
        self._homes = {name: self.disks[zone].path / name for name, zone in disk_of.items()}
        self._servers = {
            PRIMARY: configure_primary(self.where, self._homes[PRIMARY]),
            SECONDARY: configure_follower(self.where, self._homes[SECONDARY]),
        }

    def _start_relay(self, seed: int) -> subprocess.Popen[str]:
        tuns = [self.net.tuns[zone] for zone in ZONES]
        relay = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", PYTHON, "-m", "zones.relay", str(seed), *map(str, tuns)],
            pass_fds=tuns,
            stdin=subprocess.PIPE,
            text=True,
            env={"PYTHONPATH": ":".join(path for path in sys.path if path)},
        )

        def end() -> None:
            relay.kill()
            relay.wait(timeout=10)
            assert relay.stdin is not None
            relay.stdin.close()

        self._undo.append(end)
        return relay

    def begin(self) -> None:
        """Start everything; the first plan stands in DNS, and both watchers run."""
        for number, zone in enumerate(ZONES):
            self.start(f"etcd-{zone}")
            self.etcd.members[number].process = self.processes[f"etcd-{zone}"]  # type: ignore[assignment]
        for number, zone in enumerate(ZONES):
            with self.net.inside(zone):
                self.etcd.await_healthy(self.etcd.members[number])
        for name in (PRIMARY, SECONDARY):
            self.start(name)
            zone = self.zone_of[name]
            with self.net.inside(zone):
                process = self.processes[name]
                assert isinstance(process, Process)
                await_answer(process, PORT, (ZoneSpec(ZONE),), address(zone))
        self.write(self.content)
        done, said = self.machines[1].command("apply", str(self.file("operator")))
        assert done, said
        for name in self.zone_of:
            if name not in self.processes:
                self.start(name)
        self.watchers = tuple(self._watcher(name) for name in (PRIMARY, SECONDARY))
        eventually(
            lambda: all(self._shows(watcher) for watcher in self.watchers),
            FIRST_S,
            lambda: f"a first plan in DNS\n{self.tails()}",
        )
        for watcher in self.watchers:
            watcher.start()
            self._undo.append(watcher.stop_if_started)

    def _watcher(self, name: str) -> ZoneWatcher:
        zone = self.zone_of[name]
        return ZoneWatcher(lambda: self.net.enter(zone), address(zone), label=name)

    def _shows(self, watcher: ZoneWatcher) -> bool:
        with self.net.inside(self.zone_of[watcher.label]):
            return all(watcher.ask_once(name) == self.content.wanted() for name in watcher.seen)

    # processes

    def start(self, name: str) -> None:
        """Start a role, a server or a backend."""
        zone = self.zone_of[name]
        machine = self.machines[zone]
        role, _, letter = name.partition("-")
        if role == "etcd":
            self.processes[name] = self._server(
                name, self.etcd.command(self.etcd.members[zone - 1]), self.directory
            )
        elif name in self._homes:
            self.processes[name] = self._server(name, self._servers[name], self._homes[name])
        elif role == "prober":
            self.processes[name] = machine.start(name, role, str(self.file(zone)), "--name", letter)
        elif letter:
            self.processes[name] = machine.start(name, role, str(self.file(zone)), "--name", name)
        else:
            last = int(name.partition(".")[2])
            self.processes[name] = machine.start(name, "backend", address(zone, last), str(BACKEND_PORT))

    def _server(self, name: str, command: list[str], home: Path) -> Process:
        zone = self.zone_of[name]
        settings = [f"{key}={value}" for key, value in self.machines[zone].environment.items()]
        with self.net.inside(zone):
            return Process(["env", "-C", str(home), *settings, *command], self.directory, name)

    def _end_servers(self) -> None:
        for process in self.processes.values():
            if isinstance(process, Process):
                process.kill()

    def tails(self) -> str:
        """The ends of all logs, for a failure."""
        return "\n".join(
            f"--- {name}\n{process.tail()}" for name, process in sorted(self.processes.items()) if "." not in name
        )

    # what people do

    def file(self, whose: int | str) -> Path:
        """A configuration file: a zone's, or the operator's."""
        return self.directory / f"{whose}.toml"

    def write(self, content: Content) -> None:
        """The operator's file; at the beginning those of the zones too, which only say where things are."""
        store = self.etcd.address()
        for whose in ("operator", *ZONES):
            if whose == "operator" or not self.file(whose).exists():
                state = (
                    self.directory / "operator" if whose == "operator" else self.disks[int(whose)].path / "state"
                )
                new = self.file(whose).with_suffix(".new")
                new.write_text(content.text(self._zone, store, state))
                new.replace(self.file(whose))
        self.content = content

    # the line

    def line(self, faults: dict[tuple[int, int], dict[str, float]]) -> None:
        """The faults between zones from now on; directions that are not named have none."""
        every = [(a, b, faults.get((a, b), {})) for a in ZONES for b in ZONES if a != b]
        assert self._relay.stdin is not None
        self._relay.stdin.write(json.dumps(every) + "\n")
        self._relay.stdin.flush()

    # what the store says

    def plan_is_there(self) -> str:
        """I3: the plan that the fence names is in the store; else what is wrong."""
        for _ in range(LOOKS):
            fence = self._fence_now()
            with self.net.inside(1):
                wrong = asyncio.run(self._plan_is_there(fence))
            # It may have gone because the fence had moved on: only then is it no breach.
            if not wrong or self._fence_now() == fence:
                return wrong
        return "I3: the fence does not come to rest"

    def _fence_now(self) -> Identity:
        """Asked now: the watcher may be a while behind."""
        with self.net.inside(self.where.primary_zone):
            query = dns.message.make_query(fence_owner(SCOPE, ZONE), "TXT", flags=0)
            answer = dns.query.tcp(query, address(self.where.primary_zone), timeout=20.0)
        fence = parse_fence(b"".join(answer.answer[0][0].strings).decode())
        assert fence is not None, answer
        return fence.identity

    async def _plan_is_there(self, fence: Identity) -> str:
        store = open_store(parse_address(self.etcd.address()))
        try:
            head = await store.get(Get(Keys(SCOPE).plan(fence.generation)))
        finally:
            await store.close()
        if isinstance(head, CouldNotAsk):
            return f"the store does not answer at the end: {head.reason}"
        return "" if head is not None else f"I3: the fence is at {fence}, and the store has no such plan"

    def close(self) -> None:
        """End it, for sure."""
        while self._undo:
            self._undo.pop()()

    def __enter__(self) -> World:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
