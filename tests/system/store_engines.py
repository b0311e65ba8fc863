"""Stores on real servers, for whole processes: how a file names one, how it goes away, how it becomes older."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Protocol

from holdfast.config.store_address import StoreSettings
from servers.etcd import Etcd, start_etcd
from servers.postgres import DATABASE, USER, Postgres, start_postgres


class Engine(Protocol):
    """A running store. A context manager: leaving it ends it."""

    name: str

    def lines(self) -> tuple[str, ...]:
        """What stands in `[service]`."""
        ...

    def settings(self) -> StoreSettings:
        """The same for a client of the test's own."""
        ...

    def out(self) -> None:
        """Nobody is answered any more."""
        ...

    def back(self) -> None:
        """Everybody is answered again."""
        ...

    def strike(self) -> None:
        """KILL to whoever leads; what is acknowledged must be there afterwards."""
        ...

    def save(self, to: Path) -> None:
        """A backup as it is now."""
        ...

    def restore(self, backup: Path) -> None:
        """The store is the backup from now on, under running processes."""
        ...

    def __enter__(self) -> Engine: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class OnPostgres:
    """One PostgreSQL."""

    name = "postgresql"

    def __init__(self) -> None:
        self._server: Postgres = start_postgres()

    def lines(self) -> tuple[str, ...]:
        server = self._server
        return f'store = "{server.address()}"', f'store_password_file = "{server.password_file}"'

    def settings(self) -> StoreSettings:
        return self._server.settings()

    def out(self) -> None:
        self._server.kill()

    def back(self) -> None:
        self._server.start()

    def strike(self) -> None:
        self._server.kill()
        self._server.start()

    def save(self, to: Path) -> None:
        self._server.run("pg_dump", *self._where(), "-Fc", "-n", "holdfast", "-f", self._dump(to), DATABASE)

    def restore(self, backup: Path) -> None:
        how = ("--clean", "--if-exists", "--single-transaction", "-d", DATABASE)
        self._server.run("pg_restore", *self._where(), *how, self._dump(backup))

    def _dump(self, name: Path) -> Path:
        # In the server's own directory: its programs run as a user who can't write elsewhere.
        return self._server.directory / name.name

    def _where(self) -> tuple[object, ...]:
        return "-h", self._server.directory, "-p", self._server.port, "-U", USER

    def __enter__(self) -> OnPostgres:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()


class OnEtcd:
    """Three members of etcd."""

    name = "etcd"

    def __init__(self) -> None:
        self._server: Etcd = start_etcd()

    def lines(self) -> tuple[str, ...]:
        return (f'store = "{self._server.address()}"',)

    def settings(self) -> StoreSettings:
        return self._server.settings()

    def out(self) -> None:
        """A majority is gone: the member that is left answers nothing."""
        self._server.kill(*self._server.members[:2])

    def back(self) -> None:
        self._server.start(*self._server.members[:2])

    def strike(self) -> None:
        leader = self._server.leader()
        self._server.kill(leader)
        self._server.start(leader)

    def save(self, to: Path) -> None:
        self._server.save(to)

    def restore(self, backup: Path) -> None:
        self._server.restore(backup)

    def __enter__(self) -> OnEtcd:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()


ENGINES: dict[str, Callable[[], Engine]] = {OnPostgres.name: OnPostgres, OnEtcd.name: OnEtcd}
