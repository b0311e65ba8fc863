"""The embedded authoritative server: sockets around `answering`, keepers around the zones.

For one machine and for tests, not for the Internet at large: no DNSSEC, no NOTIFY, no response-rate limiting.
Every zone is durable before it answers (R15), in a data directory of its own that one server owns at a time.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import random
import socket
from collections.abc import Callable
from typing import Final

from holdfast.nameserver.answering import Answerer
from holdfast.nameserver.changes import ZoneUpdate
from holdfast.nameserver.journal import Journal
from holdfast.nameserver.keeping import ZoneKeeper, open_zone
from holdfast.nameserver.keys import load_keys
from holdfast.nameserver.settings import NameserverProblem, ServerSettings
from holdfast.nameserver.signing import unix_time_s
from holdfast.nameserver.sockets import listen_pair
from holdfast.nameserver.streams import Streams
from holdfast.nameserver.zone import Zone
from holdfast.ports.dns import Rcode
from holdfast.ports.events import Event

_DATAGRAMS_PER_TURN: Final = 64
"""Read in one go before other work gets its turn."""
_DATAGRAM_BYTES_MAX: Final = 65535


def drop_event(event: Event) -> None:
    """The sink of who does not want events."""


class EmbeddedServer:
    """An authoritative server in this process. `start`, then `addresses`; `stop` when done."""

    def __init__(
        self,
        settings: ServerSettings,
        *,
        emit: Callable[[Event], None] = drop_event,
        uniform: Callable[[], float] = random.random,
    ) -> None:
        self._settings = settings
        self._emit = emit
        self._uniform = uniform
        self._keepers: dict[str, ZoneKeeper] = {}
        self._datagrams: list[socket.socket] = []
        self._streams: Streams | None = None
        self._lock: int | None = None
        self._answerer: Answerer | None = None
        self.addresses: tuple[tuple[str, int], ...] = ()

    async def start(self) -> None:
        """Load keys and zones, listen, serve.

        Raises:
            NameserverProblem: a sentence for people (`AddressOccupied` for the sockets); nothing stays open.
        """
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def _start(self) -> None:
        settings = self._settings
        keys = load_keys(settings.keys)
        for zone in settings.zones:
            for name in zone.keys:
                if name not in keys:
                    raise NameserverProblem(f"zone {zone.name}: key {name} is not among the keys of the server")
        self._own_directory()
        self._open_zones()
        self._answerer = Answerer(
            {name: keeper.zone for name, keeper in self._keepers.items()},
            keys=keys,
            grants={zone.name: frozenset(zone.keys) for zone in settings.zones},
            report=self._report,
            udp_bytes_max=settings.udp_bytes_max,
            answers_max=settings.answers_max,
            uniform=self._uniform,
        )
        self._streams = Streams(
            self._answerer, self._submit, connections_max=settings.connections_max, idle_s=settings.idle_s
        )
        for keeper in self._keepers.values():
            keeper.start()
        await self._listen(self._streams)

    async def _listen(self, streams: Streams) -> None:
        loop = asyncio.get_running_loop()
        bound = []
        for host, port in self._settings.listen:
            datagram, stream = listen_pair(host, port)
            self._datagrams.append(datagram)
            bound.append((host, int(datagram.getsockname()[1])))
            await streams.listen(stream)
            loop.add_reader(datagram, self._read_datagrams, datagram)
        self.addresses = tuple(bound)

    def _own_directory(self) -> None:
        directory = self._settings.data_directory
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NameserverProblem(
                f"{directory} is in use by another embedded DNS; stop that one, or give this one its own directory"
            ) from None
        except OSError as error:
            raise NameserverProblem(f"can't use {directory} for the zones' data: {error}") from error

    def _open_zones(self) -> None:
        for zone in self._settings.zones:
            journal = Journal(self._settings.data_directory, zone.name)
            try:
                opened = open_zone(zone, journal, now_s=unix_time_s(), report=self._report)
            except OSError as error:
                journal.close()
                raise NameserverProblem(f"can't read or write the data of zone {zone.name}: {error}") from error
            self._keepers[zone.name] = ZoneKeeper(opened, journal, changed=self._forget, report=self._report)

    async def stop(self) -> None:
        """Stop listening, finish the updates that were taken, close the files."""
        loop = asyncio.get_running_loop()
        for sock in self._datagrams:
            loop.remove_reader(sock)
            sock.close()
        self._datagrams.clear()
        if self._streams is not None:
            await self._streams.stop()
        for keeper in self._keepers.values():
            await keeper.stop()
        self._keepers.clear()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def serial(self, zone: str) -> int:
        """The serial that a zone is served with."""
        return self._keepers[zone].zone.serial

    def zone(self, zone: str) -> Zone:
        """A zone as it is served now; not to be changed."""
        return self._keepers[zone].zone

    def _forget(self) -> None:
        assert self._answerer is not None
        self._answerer.forget()

    def _submit(self, update: ZoneUpdate) -> asyncio.Future[Rcode]:
        return self._keepers[update.zone].submit(update)

    def _read_datagrams(self, sock: socket.socket) -> None:
        answerer = self._answerer
        assert answerer is not None
        for _ in range(_DATAGRAMS_PER_TURN):
            try:
                wire, peer = sock.recvfrom(_DATAGRAM_BYTES_MAX)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                continue  # an ICMP error of an earlier answer
            answer = answerer.take(wire, stream=False)
            if isinstance(answer, bytes):
                try:
                    sock.sendto(answer, peer)
                except OSError:
                    continue  # a full buffer or a vanished peer: UDP may lose answers, the client asks again

    def _report(self, kind: str, text: str) -> None:
        self._emit(Event(kind=kind, actor="nameserver", text=text))
