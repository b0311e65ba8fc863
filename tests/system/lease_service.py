"""A lease service as a process of its own, that can be killed and started again on its store."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from servers.ports import free_port
from servers.process import HOST, Process
from servers.waiting import eventually

PROGRAM = (sys.executable, "-c", "from holdfast.cli.main import main; main()")
START_S = 30.0


class LeaseService:
    """`holdfast leases serve` in a directory."""

    def __init__(self, directory: Path, *, ttl: str, more: str = "") -> None:
        self.port = free_port()
        self.file = directory / "leases.toml"
        self.state = directory / "state"
        self.file.write_text(
            f'format = 1\nscope = "t"\n[service]\nstate = "{self.state}"\nmetrics_listen = ""\n'
            f'[leases]\nlisten = "{HOST}:{self.port}"\nttl = "{ttl}"\n{more}'
        )
        self.directory = directory
        self._process: Process | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self.kill()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{HOST}:{self.port}"

    @property
    def key(self) -> str:
        """What its callers show."""
        return (self.state / "keys" / "leases.key").read_text().strip()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        process = self._process = Process([*PROGRAM, "leases", "serve", str(self.file)], self.directory, "leases")
        process.await_ready(self._healthy, "leases: no answer")

    def _healthy(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", timeout=1.0, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def kill(self) -> None:
        """`kill -9`."""
        assert self._process is not None
        self._process.kill()
        self._process = None

    def stop(self) -> str:
        """SIGTERM; what it printed at last."""
        process, self._process = self._process, None
        assert process is not None
        process.signal(signal.SIGTERM)
        eventually(lambda: process.ended, 15.0, process.tail)
        return process.tail()
