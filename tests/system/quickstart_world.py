"""The quickstart as a person runs it: `holdfast demo up` as a process of its own, asked by DNS only.

Ports and the state directory are this test's own; checks, window and hold-down are shortened, nothing else differs
from `examples/quickstart.toml`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import dns.exception
import dns.message
import dns.query
import msgspec

from holdfast.cli.common import CURRENT
from holdfast.events.history import Question, read_history
from holdfast.events.record import Record
from holdfast.model.fence import fence_owner, parse_fence
from holdfast.model.identity import Identity
from holdfast.service.demo.backends import Backend, stop
from servers.ports import free_port
from servers.process import HOST, Process
from servers.waiting import eventually

EXAMPLE = Path(__file__).parents[2] / "examples" / "quickstart.toml"
SCOPE, ZONE = "quickstart", "quickstart.test"
NAME = f"api.{ZONE}"
ADDRESSES = ("127.0.0.11", "127.0.0.12", "127.0.0.13", "127.0.0.14")
TARGETS = ("left-1", "left-2", "right-1", "right-2")
LOOK_EVERY_S = 0.03
PATIENCE_S = 15.0
COMMAND_S = 40.0
PROGRAM = (sys.executable, "-c", "from holdfast.cli.main import main; main()")

SHORTER = {
    'interval = "1s"': 'interval = "200ms"',
    'timeout = "500ms"': 'timeout = "150ms"',
    'window = "10s"': 'window = "1s"',
    'hold_down = "5s"': 'hold_down = "500ms"',
    'hold_down_max = "30s"': 'hold_down_max = "1s"',
    'flap_window = "60s"': 'flap_window = "1s"',
    'observation_ttl = "10s"': 'observation_ttl = "3s"',
}

T = TypeVar("T")


class Said(msgspec.Struct, frozen=True):
    """What a command came to."""

    code: int
    out: str
    err: str


class Quickstart:
    """A directory with the file, and the processes that play it."""

    def __init__(self, directory: Path, *, store_lines: tuple[str, ...] = ()) -> None:
        """`store_lines` name another store than the file, in the `[service]` table."""
        self.directory = directory
        self._store_lines = store_lines
        self.dns_port, self.metrics_port, self.backend_port = free_port(), free_port(), free_port()
        self.file = directory / "quickstart.toml"
        self.state = directory / "quickstart-state"
        self.store = self.state / "store.sqlite"
        self.file.write_text(self.text())
        self._processes: list[Process] = []

    def text(self) -> str:
        """The example with this test's ports and shorter times; every substitution must still find its text."""
        text = EXAMPLE.read_text()
        ports = {
            '"127.0.0.1:5335"': f'"{HOST}:{self.dns_port}"',
            '"127.0.0.1:9635"': f'"{HOST}:{self.metrics_port}"',
            "port = 8100": f"port = {self.backend_port}",
        }
        for old, new in {**ports, **SHORTER}.items():
            assert old in text, f"examples/quickstart.toml no longer has {old}"
            text = text.replace(old, new)
        return text.replace("[service]\n", "\n".join(["[service]", *self._store_lines, ""]))

    def start(self, *command: str, log: str = "up") -> Process:
        """Start `holdfast COMMAND` in the directory; killed at the end whatever happens."""
        process = Process([*PROGRAM, *command], self.directory, log)
        self._processes.append(process)
        return process

    def demo_up(self, within_s: float = PATIENCE_S) -> Process:
        """`holdfast demo up`, once DNS answers with all four backends and every verdict is in."""
        process = self.start("demo", "up", self.file.name)
        self.until_answers(*ADDRESSES, within_s=within_s)
        self.until(lambda: len(self.events("verdict.changed")) >= len(TARGETS), "all judged", within_s)
        return process

    def remember(self) -> None:
        """Make the file the default of commands here, as `up` does."""
        current = self.directory / CURRENT
        current.parent.mkdir(exist_ok=True)
        current.write_text(f"{self.file}\n")

    def run(self, *command: str) -> Said:
        """Run a command in the directory to its end."""
        done = subprocess.run(
            [*PROGRAM, *command],
            cwd=self.directory,
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=False,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def ok(self, *command: str) -> str:
        """Run a command that must succeed, without a traceback; its output."""
        said = self.run(*command)
        assert said.code == 0, said
        assert "Traceback" not in said.err, said
        return said.out

    def answer(self, name: str = NAME) -> frozenset[str]:
        """The addresses in one DNS answer over UDP; empty when nothing answers or the name has none."""
        query = dns.message.make_query(name, "A")
        try:
            response = dns.query.udp(query, HOST, port=self.dns_port, timeout=1.0)
        except (OSError, dns.exception.DNSException):
            return frozenset()
        return frozenset(rdata.to_text() for rrset in response.answer for rdata in rrset)

    def fence(self) -> Identity | None:
        """The plan that the zone's fence names now; None when nothing answers, or there is no fence."""
        query = dns.message.make_query(fence_owner(SCOPE, ZONE), "TXT")
        try:
            response = dns.query.udp(query, HOST, port=self.dns_port, timeout=1.0)
        except (OSError, dns.exception.DNSException):
            return None
        texts = [rdata.to_text().strip('"') for rrset in response.answer for rdata in rrset]
        fence = parse_fence(texts[0]) if len(texts) == 1 else None
        return None if fence is None else fence.identity

    def until_answers(self, *addresses: str, within_s: float = PATIENCE_S) -> None:
        """Wait until DNS answers with exactly these."""
        wanted = frozenset(addresses)
        self.until(lambda: self.answer() == wanted, f"DNS answers {' '.join(addresses)}", within_s)

    def until_event(self, kind: str, *words: str, since: str = "", within_s: float = PATIENCE_S) -> Record:
        """Wait for an event of this kind whose text has all the words."""
        return self.until(
            lambda: next((r for r in self.events(kind, since) if all(w in r.text for w in words)), None),
            f"{kind} saying {words}",
            within_s,
        )

    def until(self, found: Callable[[], T | None], what: str, within_s: float = PATIENCE_S) -> T:
        """Poll until something true is found.

        Raises:
            AssertionError: it did not come within the time; with the end of every log.
        """

        def told() -> str:
            logs = "\n".join(f"{p.log.name}:\n{p.tail()}" for p in self._processes)
            return f"{what}; DNS answers {sorted(self.answer())}\n{logs}"

        return eventually(found, within_s, told)

    def events(self, kind: str = "", since: str = "") -> tuple[Record, ...]:
        """What the processes of this directory recorded."""
        return read_history(self.state / "events", Question(kind=kind, since=since)).records

    def steady(self, seconds: float, allowed: Callable[[frozenset[str]], bool]) -> None:
        """Look for a while: every answer must be allowed."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            answer = self.answer()
            assert allowed(answer), f"DNS answers {sorted(answer)}"
            time.sleep(LOOK_EVERY_S)

    def end(self, process: Process, number: int = signal.SIGINT, within_s: float = PATIENCE_S) -> int:
        """Signal the process alone, as Ctrl-C or a supervisor does, and wait for its end: the exit code."""
        os.kill(process.pid, number)
        return self.code(process, within_s)

    def code(self, process: Process, within_s: float = PATIENCE_S) -> int:
        """Wait for the end of a process: its exit code."""
        self.until(lambda: process.ended, "the process ends", within_s)
        assert process._child.returncode is not None
        return process._child.returncode

    def kill_backends(self, *addresses: str) -> None:
        """Kill backends at once, which is quicker than a command for each."""
        for address in addresses:
            stop(Backend(address=address, port=self.backend_port, directory=self.state / "backends"))

    def close_processes(self) -> None:
        """End what was started from here."""
        for process in self._processes:
            process.stop()

    def close(self) -> None:
        """End everything, backends too."""
        self.close_processes()
        self.kill_backends(*ADDRESSES)


@contextlib.contextmanager
def quickstart(directory: Path, *, store_lines: tuple[str, ...] = ()) -> Iterator[Quickstart]:
    """A quickstart in an own directory, cleaned up for sure."""
    world = Quickstart(directory, store_lines=store_lines)
    try:
        yield world
    finally:
        world.close()
