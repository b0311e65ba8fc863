"""What one process of a scope has open: file, store, DNS, providers, events. Actors and commands share it.

with a good file:  open_scene(loaded, process) -> Scene -> answers(actor) -> drive(loop, answers)
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from holdfast.config.own_keys import KeyNotMade, ensure_keys, local_zones
from holdfast.config.settings import Loaded, ServiceSettings
from holdfast.events.jsonl import JsonLinesSink
from holdfast.events.record import Record
from holdfast.model.configuration import Configuration, ZoneConfig
from holdfast.model.keys import Keys
from holdfast.ports.operation import Loop
from holdfast.ports.provider import ZoneProvider
from holdfast.ports.signing import BelievesPlans, SignsPlans
from holdfast.providers.factory import provider_for
from holdfast.runtime.clock import Pacing, ProcessClock
from holdfast.runtime.disk import DirectoryDisk
from holdfast.runtime.dns import DnsTransport
from holdfast.runtime.driver import Answers, drive
from holdfast.runtime.ports import ProbeEngine, actor_answers
from holdfast.service.opening import CannotOpen as CannotOpen
from holdfast.service.signing import believer_of, signer_of
from holdfast.stores.opening import open_store
from holdfast.stores.port import Store
from holdfast.stores.refusal import Refused

T = TypeVar("T")
log = logging.getLogger("holdfast.service")


class Providers(Mapping[str, ZoneProvider]):
    """Providers by zone: a live view, so that a changed file reaches running actors."""

    def __init__(self) -> None:
        self._by_zone: dict[str, ZoneProvider] = {}

    def __getitem__(self, zone: str) -> ZoneProvider:
        return self._by_zone[zone]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_zone)

    def __len__(self) -> int:
        return len(self._by_zone)

    def set(self, zones: tuple[ZoneConfig, ...]) -> None:
        """Serve exactly these zones; unchanged ones keep their provider."""
        for zone in zones:
            self._by_zone.setdefault(zone.name, provider_for(zone))
        for gone in self._by_zone.keys() - {z.name for z in zones}:
            del self._by_zone[gone]


class Scene:
    """See the module. Made by `open_scene`."""

    def __init__(self, loaded: Loaded, store: Store, dns: DnsTransport, events: JsonLinesSink) -> None:
        self.loaded = loaded
        self.store = store
        self.dns = dns
        self.events = events
        self.providers = Providers()
        self.providers.set(loaded.configuration.zones)

    @property
    def keys(self) -> Keys:
        """Keys of the scope."""
        return Keys(self.loaded.configuration.scope)

    @property
    def service(self) -> ServiceSettings:
        """This machine's part of the file."""
        return self.loaded.service

    @cached_property
    def signs(self) -> SignsPlans | None:
        """The planner's key of this machine, if it has one.

        Raises:
            CannotOpen: it can't be used.
        """
        return signer_of(self.service)

    @cached_property
    def believes(self) -> BelievesPlans | None:
        """The keys whose plans are believed here; None believes all.

        Raises:
            CannotOpen: one can't be used.
        """
        return believer_of(self.service)

    def answers(self, actor: str, *, probes: ProbeEngine | None = None, pacing: Pacing | None = None) -> Answers:
        """The answers of one actor; its disk is a directory of its own below the state directory."""
        return actor_answers(
            store=self.store,
            clock=ProcessClock(subscribe=self.store.subscribe, pacing=pacing),
            events=self.events,
            disk=DirectoryDisk(Path(self.service.state) / "actors" / actor),
            dns=self.dns,
            probes=probes,
        )

    async def ask(self, loop: Loop[T], actor: str = "command") -> T:
        """Run one short loop to its end: what commands do."""
        return await drive(loop, self.answers(actor))


@asynccontextmanager
async def open_scene(
    loaded: Loaded, process: str, *, then: Callable[[Record], None] | None = None
) -> AsyncIterator[Scene]:
    """Open everything; closes it again in reverse.

    Raises:
        CannotOpen: with what to do about it.
    """
    _prepare(loaded)
    store = _open_store(loaded)
    dns = DnsTransport.of(local_zones(loaded.configuration, loaded.service))
    events = JsonLinesSink(events_directory(loaded.service), process, then=then)
    try:
        yield Scene(loaded, store, dns, events)
    finally:
        events.close()
        await dns.close()
        await store.close()


def _open_store(loaded: Loaded) -> Store:
    try:
        return open_store(loaded.service.store)
    except Refused as error:
        raise CannotOpen(str(error)) from error


def _prepare(loaded: Loaded) -> None:
    """Directories and keys of this machine."""
    file = loaded.service.store.path
    for directory in (Path(loaded.service.state), *([Path(file).parent] if file else [])):
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CannotOpen(f"the directory {directory} cannot be made: {error.strerror}") from error
    made = ensure_keys(loaded.configuration, loaded.service)
    if isinstance(made, KeyNotMade):
        raise CannotOpen(made.text)


def events_directory(service: ServiceSettings) -> Path:
    """Where the processes of this machine write their events."""
    return Path(service.state) / "events"


def same_scope(old: Configuration, new: Configuration) -> bool:
    """Whether a changed file may be taken over while running: the scope is what everything is keyed by."""
    return old.scope == new.scope
