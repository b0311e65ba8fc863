"""PostgreSQL: one cluster in a temporary directory, on a free port of 127.0.0.1 and a Unix socket.

It refuses to run as root, so root's tests run it as the user that Debian's package made for it, or as nobody.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import msgspec

from holdfast.config.store_address import StoreSettings, parse_address
from servers.ports import free_port
from servers.process import HOST, Missing, Process, run

PACKAGE = "postgresql"
USER = "holdfast"
PASSWORD = "a password only for tests"
DATABASE = "holdfast"


class Postgres:
    """A cluster that can be stopped, killed, paused and started again. A context manager."""

    def __init__(self, directory: Path, *, lines: tuple[str, ...] = ()) -> None:
        self.directory = directory
        self.port = free_port()
        self._bin = programs()
        self._data = directory / "data"
        self._as = _as_user(directory)
        self.process: Process | None = None
        self._initialise(lines)

    def _initialise(self, lines: tuple[str, ...]) -> None:
        secret = self.directory / "superuser"
        secret.write_text(PASSWORD)
        self._own(secret, 0o600)
        self.run("initdb", "-D", self._data, "-U", USER, "-E", "UTF8", "--locale=C", "-A", "scram-sha-256",
                 f"--pwfile={secret}", "--no-sync")  # fmt: skip
        with (self._data / "postgresql.conf").open("a") as file:
            settings = (
                f"port = {self.port}",
                f"listen_addresses = '{HOST}'",
                f"unix_socket_directories = '{self.directory}'",
                "max_connections = 120",
                "shared_buffers = 32MB",
                *lines,
            )
            file.write("\n".join(settings) + "\n")
        self.password_file = self.directory / "password"
        self.password_file.touch(mode=0o600)
        self.password_file.write_text(PASSWORD + "\n")

    def _own(self, path: Path, mode: int) -> None:
        path.chmod(mode)
        if self._as:
            shutil.chown(path, self._as[1])

    def run(self, program: str, *arguments: object) -> str:
        """One of PostgreSQL's own programs, to its end; its output."""
        command = [*self._prefix, str(self._bin / program), *map(str, arguments)]
        return run(command, self.directory, {"PGPASSWORD": PASSWORD, "LC_ALL": "C"})

    @property
    def _prefix(self) -> list[str]:
        if not self._as:
            return []
        uid, user = self._as
        gid = pwd.getpwnam(user).pw_gid
        # Changing the user makes the kernel forget that it should end with us (`Process`): asked for again.
        return ["setpriv", "--pdeathsig=KILL", f"--reuid={uid}", f"--regid={gid}", "--clear-groups"]

    def start(self) -> None:
        """Start it and wait until it takes connections.

        Raises:
            DidNotStart: with the end of its log.
        """
        command = [*self._prefix, str(self._bin / "postgres"), "-D", str(self._data)]
        self.process = Process(command, self.directory, "postgres")
        self.process.await_ready(self._ready, "postgres: no answer")

    def _ready(self) -> bool:
        command = [str(self._bin / "pg_isready"), "-q", "-h", HOST, "-p", str(self.port)]
        return subprocess.run(command, check=False).returncode == 0

    def stop(self) -> None:
        """Fast shutdown: sessions are told, and end."""
        assert self.process is not None
        self.process.signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait()
        self.process.kill()

    def kill(self) -> None:
        """KILL to all of it, as a machine that goes away."""
        assert self.process is not None
        self.process.kill()

    def use_tls(self, certificate: Path, key: Path) -> None:
        """Serve with this certificate from a restart on; every connection by TCP must be encrypted."""
        for source, name in ((certificate, "server.crt"), (key, "server.key")):
            shutil.copy(source, self._data / name)
            self._own(self._data / name, 0o600)
        self.stop()
        with (self._data / "postgresql.conf").open("a") as file:
            file.write("ssl = on\n")
        self.start()

    def pause(self) -> None:
        """Stop it where it stands: connections stay open and say nothing."""
        assert self.process is not None
        self._signal_tree(signal.SIGSTOP)

    def resume(self) -> None:
        """Go on."""
        self._signal_tree(signal.SIGCONT)

    def _signal_tree(self, number: int) -> None:
        # Its backends are in process groups of their own.
        assert self.process is not None
        for pid in _tree(self.process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def sql(self, text: str, database: str = DATABASE) -> str:
        """What psql prints for a statement."""
        where = ("-h", HOST, "-p", self.port, "-U", USER, "-d", database)
        return self.run("psql", *where, "-qAtX", "-v", "ON_ERROR_STOP=1", "-c", text).strip()

    def address(self, *, schema: str = "holdfast", database: str = DATABASE) -> str:
        """As it stands in a configuration."""
        return f"postgresql://{USER}@{HOST}:{self.port}/{database}?schema={schema}"

    def settings(self, *, schema: str = "holdfast", database: str = DATABASE) -> StoreSettings:
        """How a store reaches it."""
        return with_password(parse_address(self.address(schema=schema, database=database)), self.password_file)

    def close(self) -> None:
        """End it, for sure, and remove its files."""
        if self.process is not None:
            self._signal_tree(signal.SIGCONT)
            self._signal_tree(signal.SIGKILL)
            self.process.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> Postgres:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def with_password(settings: StoreSettings, file: Path) -> StoreSettings:
    """The same with a password file."""
    return msgspec.structs.replace(settings, password_file=str(file))


def start_postgres(*, lines: tuple[str, ...] = ()) -> Postgres:
    """A cluster that answers, with one database. `lines` go to its postgresql.conf.

    Raises:
        Missing: it is not installed.
    """
    programs()
    directory = Path(tempfile.mkdtemp(prefix="hf-pg-"))
    try:
        owner = _as_user(directory)
        if owner:
            shutil.chown(directory, owner[1])
        made = Postgres(directory, lines=lines)
        made.start()
        made.sql(f"CREATE DATABASE {DATABASE}", "postgres")
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    return made


def programs() -> Path:
    """Where its programs are: Debian keeps them apart by version.

    Raises:
        Missing: nowhere.
    """
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3].split(".")[0]))
    on_path = shutil.which("initdb")
    if not found and on_path is None:
        raise Missing(f"initdb is not installed (Debian: apt-get install {PACKAGE})")
    return (found[-1] if found else Path(str(on_path)).resolve()).parent


def _as_user(directory: Path) -> tuple[int, str] | None:
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_uid, name
    raise Missing("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")


def _tree(pid: int) -> Iterator[int]:
    """A process and its children."""
    yield pid
    children = Path(f"/proc/{pid}/task/{pid}/children")
    with contextlib.suppress(OSError):
        for child in children.read_text().split():
            yield from _tree(int(child))
