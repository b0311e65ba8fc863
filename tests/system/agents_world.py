"""`up` with a lease service, real backends, and an agent beside each: all as processes of their own."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.exception
import dns.message
import dns.query

from servers.ports import free_port
from servers.process import HOST, Process
from servers.waiting import eventually

NAME = "api.fleet.test"
PROGRAM = (sys.executable, "-c", "from holdfast.cli.main import main; main()")
PATIENCE_S = 40.0

EXAMPLES = Path(__file__).parents[2] / "examples" / "leases"
SHORTER = {
    'ttl = "30s"': 'ttl = "3s"',
    'interval = "1s"': 'interval = "200ms"',
    'timeout = "500ms"': 'timeout = "150ms"',
    'window = "1m"': 'window = "3s"',
    'hold_down = "5s"': 'hold_down = "500ms"',
    'flap_window = "60s"': 'flap_window = "1s"',
    'observation_ttl = "10s"': 'observation_ttl = "6s"',
}


def _example(name: str, changes: dict[str, str]) -> str:
    """An example with other ports and shorter times; every substitution must still find its text."""
    text = (EXAMPLES / name).read_text()
    for old, new in changes.items():
        assert old in text, f"examples/leases/{name} no longer has {old}"
        text = text.replace(old, new)
    return text


class Fleet:
    """A directory, and what runs in it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.dns_port, self.lease_port, self.backend_port = free_port(), free_port(), free_port()
        self._ports = {
            '127.0.0.1:5335"': f'{HOST}:{self.dns_port}"',
            '127.0.0.1:9640"': f'{HOST}:{self.lease_port}"',
            '"fleet-state': '"state',
        }
        (directory / "up.toml").write_text(_example("up.toml", {**self._ports, **SHORTER}))
        self.up = Process([*PROGRAM, "up", "--plain", "up.toml"], directory, "up")
        self.agents: dict[str, Process] = {}
        self.backends: dict[str, Process] = {}
        key = directory / "state" / "keys" / "leases.key"
        self.until(key.exists, "the service has made its key")

    def address(self, name: str) -> str:
        """`h1` serves on 127.0.0.41."""
        return f"127.0.0.4{name[1:]}"

    def start_backend(self, name: str) -> None:
        """A real HTTP server."""
        command = [
            sys.executable,
            "-m",
            "holdfast.service.demo.backends",
            self.address(name),
            str(self.backend_port),
        ]
        self.backends[name] = Process(command, self.directory, f"backend-{name}")

    def start_agent(self, name: str, *, more: str = "") -> Process:
        """An agent for it, as a process. `more` is added to its file."""
        file = self.directory / f"{name}.toml"
        changes = {
            **self._ports,
            'name = "h1"': f'name = "{name}"',
            '"127.0.0.41"': f'"{self.address(name)}"',
            "port = 8100": f"port = {self.backend_port}",
            'interval = "1s"': 'interval = "200ms"',
            'timeout = "500ms"': 'timeout = "150ms"',
            'linger = "2s"': 'linger = "500ms"',
            'at_most = "5m"': 'at_most = "30s"',
        }
        file.write_text(_example("agent.toml", changes) + more)
        self.agents[name] = Process([*PROGRAM, "agent", str(file)], self.directory, name)
        return self.agents[name]

    def answers(self) -> frozenset[str]:
        """Which hosts the name leads to."""
        try:
            reply = dns.query.udp(dns.message.make_query(NAME, "A"), HOST, port=self.dns_port, timeout=2.0)
        except (dns.exception.DNSException, OSError):
            return frozenset()
        found = {item.to_text() for rrset in reply.answer for item in rrset}
        return frozenset(f"h{address[-1]}" for address in found)

    def until(self, true: Callable[[], bool], what: str) -> None:
        """Wait for it."""

        def found() -> bool:
            holds = true()
            assert holds or not self.up.ended, self.up.tail()
            return holds

        eventually(found, PATIENCE_S, lambda: f"{what}\n{self.up.tail()}")

    def changes_until(self, wanted: frozenset[str]) -> list[tuple[float, frozenset[str]]]:
        """Every change of the answer, with its time, until it is this one."""
        seen = [(time.monotonic(), self.answers())]

        def look() -> bool:
            now = self.answers()
            if now != seen[-1][1]:
                seen.append((time.monotonic(), now))
            return now == wanted

        self.until(look, f"the name leads to {sorted(wanted)}, it leads to {sorted(seen[-1][1])}")
        return seen

    def run(self, *command: str) -> str:
        """A command's output."""
        done = subprocess.run(
            [*PROGRAM, *command], cwd=self.directory, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def log(self) -> str:
        """All that `up` said."""
        return self.up.log.read_text()

    def close(self) -> None:
        """End everything."""
        for process in (*self.agents.values(), *self.backends.values()):
            process.kill()
        self.up.stop()


@contextmanager
def fleet(directory: Path) -> Iterator[Fleet]:
    """A running `up`; everything is ended with it."""
    found = Fleet(directory)
    try:
        yield found
    finally:
        found.close()


def terminate(agent: Process) -> None:
    """SIGTERM."""
    agent.signal(signal.SIGTERM)
