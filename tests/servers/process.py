"""Start a server process, wait until it answers, and end it whatever happens."""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol

import dns.exception
import dns.message
import dns.name
import dns.query
import dns.tsig
import msgspec

from holdfast.model.configuration import ProviderKind, ZoneConfig
from holdfast.runtime.tsig import Signer
from holdfast.runtime.zone_access import ZoneAccess

HOST = "127.0.0.1"
KEY_NAME = "holdfast"
KEY_SECRET = base64.b64encode(b"holdfast test key, 32 bytes long").decode()
STRANGER_NAME = "stranger"
STRANGER_SECRET = base64.b64encode(b"a key that no server here knows!").decode()
START_S = 60.0
LOOK_EVERY_S = 0.02
SEARCH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin:/sbin"


class Missing(RuntimeError):
    """A server that is not installed; the text says what to install."""


class DidNotStart(RuntimeError):
    """A server that ended or never answered, with the end of its log."""


class ZoneSpec(msgspec.Struct, frozen=True):
    """A zone to serve. `metadata` are PowerDNS's settings for it; `minimum` is the SOA's negative TTL."""

    name: str
    metadata: tuple[tuple[str, str], ...] = ()
    minimum: int = 5
    records: tuple[str, ...] = ()
    """Further lines of the zone file."""
    address: str = HOST
    """Of its first name server."""

    def text(self, *, serial: int = 1) -> str:
        """The zone file."""
        z = self.name
        lines = (
            f"{z}. 60 IN SOA ns1.{z}. hostmaster.{z}. {serial} 3600 600 86400 {self.minimum}",
            f"{z}. 60 IN NS ns1.{z}.",
            f"ns1.{z}. 60 IN A {self.address}",
            *self.records,
        )
        return "\n".join(lines) + "\n"


def binary(name: str, package: str) -> str:
    """Path of a program.

    Raises:
        Missing: it is not installed.
    """
    found = shutil.which(name, path=SEARCH)
    if found is None:
        raise Missing(f"{name} is not installed (Debian: apt-get install {package})")
    return found


class Process:
    """A child in a process group of its own, with its output in a file."""

    def __init__(self, arguments: Sequence[str], directory: Path, name: str) -> None:
        self.log = directory / f"{name}.log"
        setpriv = shutil.which("setpriv")
        # A test run that is killed can't clean up: then the kernel ends its servers.
        guard = [setpriv, "--pdeathsig", "KILL"] if setpriv else []
        with self.log.open("ab") as out:
            self._child = subprocess.Popen(
                [*guard, *arguments],
                cwd=directory,
                stdout=out,
                stderr=out,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self.pid = self._child.pid

    @property
    def ended(self) -> bool:
        """Whether it is gone."""
        return self._child.poll() is not None

    def wait(self) -> None:
        """Until it ends by itself.

        Raises:
            TimeoutExpired: it does not within `START_S`.
        """
        self._child.wait(timeout=START_S)

    def await_ready(self, ready: Callable[[], bool], what: str) -> None:
        """Until it is ready; looked at often, and at once if it ends.

        Raises:
            DidNotStart: it ended, or was not ready within `START_S`; it is killed then.
        """
        deadline = time.monotonic() + START_S
        while not ready():
            if self.ended or time.monotonic() > deadline:
                self.kill()
                raise DidNotStart(f"{what}; its log ends:\n{self.tail()}")
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(timeout=LOOK_EVERY_S)

    def tail(self) -> str:
        """The end of its output."""
        return self.log.read_text(errors="replace")[-2000:]

    def signal(self, number: int) -> None:
        """Signal its whole group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def stop(self) -> None:
        """TERM, and KILL if it does not go; stopped processes are woken to hear it."""
        if not self.ended:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(timeout=3)
        self.kill()

    def kill(self) -> None:
        """KILL, and collect it."""
        self.signal(signal.SIGKILL)
        self._child.wait(timeout=10)


class Running:
    """A server that answers. A context manager: leaving it stops the server and removes its files."""

    def __init__(
        self, kind: ProviderKind, port: int, zones: tuple[ZoneSpec, ...], process: Process, directory: Path
    ) -> None:
        self.kind = kind
        self.port = port
        self.zones = zones
        self.process = process
        self.directory = directory
        self.also: list[Process] = []
        """Processes that end with it: a secondary."""

    def access(self, zone: str, *, timeout_s: float = 5.0, published: tuple[str, ...] = ()) -> ZoneAccess:
        """How a transport reaches a zone here."""
        return ZoneAccess(zone, HOST, self.port, Signer(key()), timeout_s, published)

    def zone_config(self, zone: str) -> ZoneConfig:
        """The same as configuration; the key's secret lies in a file of the server's directory."""
        file = self.directory / "client.key"
        if not file.exists():
            file.touch(mode=0o600)
            file.write_text(KEY_SECRET)
        return ZoneConfig(
            name=zone, provider=self.kind, server=f"{HOST}:{self.port}", key_name=KEY_NAME, key_file=str(file)
        )

    def stop(self) -> None:
        """End it, for sure."""
        for process in (*self.also, self.process):
            process.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> Running:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class Starter(Protocol):
    """Starts one kind of server; each of the modules beside this one has one."""

    def __call__(self, zones: tuple[ZoneSpec, ...]) -> Running:
        """Start it with these zones, wait until it answers for each."""
        ...


def key(name: str = KEY_NAME, secret: str = KEY_SECRET) -> dns.tsig.Key:
    """The key that may update every zone here, or another one."""
    return dns.tsig.Key(dns.name.from_text(name), secret, dns.tsig.HMAC_SHA256)


@contextlib.contextmanager
def workplace(kind: str) -> Iterator[Path]:
    """A temporary directory with a short path (control sockets have 108 bytes), removed if the start fails."""
    directory = Path(tempfile.mkdtemp(prefix=f"hf-{kind}-"))
    try:
        yield directory
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise


def await_answer(process: Process, port: int, zones: tuple[ZoneSpec, ...], host: str = HOST) -> None:
    """Wait until every zone's SOA is answered with authority.

    Raises:
        DidNotStart: the process ended, or did not answer in `START_S`; the process is killed.
    """
    for zone in zones:
        process.await_ready(
            lambda zone=zone: answers(port, zone.name, host),  # type: ignore[misc]
            f"{process.log.name}: no answer for {zone.name}",
        )


def answers(port: int, zone: str, host: str = HOST) -> bool:
    """Whether the server answers for a zone with authority now."""
    query = dns.message.make_query(zone, "SOA", flags=0)
    try:
        answer = dns.query.tcp(query, host, timeout=1.0, port=port)
    except (OSError, EOFError, dns.exception.DNSException):
        return False
    return bool(answer.answer)


def run(arguments: Sequence[str], directory: Path, environment: Mapping[str, str] | None = None) -> str:
    """A program that ends by itself, with more environment if given; its output.

    Raises:
        DidNotStart: it failed.
    """
    done = subprocess.run(
        list(arguments),
        cwd=directory,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if done.returncode:
        raise DidNotStart(f"{arguments[0]}: {done.stdout}{done.stderr}")
    return done.stdout


PYTHON = sys.executable
