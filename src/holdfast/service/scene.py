"""What one process of a scope has open: file, store, DNS, providers, events. Actors and commands share it.

with a good file:  open_scene(loaded, process) -> Scene -> answers(actor) -> drive(loop, answers)
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

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

if TYPE_CHECKING:
    from holdfast.runtime.route53.transport import Route53Transport

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

    def __init__(
        self,
        loaded: Loaded,
        store: Store,
        dns: DnsTransport,
        events: JsonLinesSink,
        route53: Route53Transport | None = None,
    ) -> None:
        self.loaded = loaded
        self.route53 = route53
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
            route53=self.route53,
            probes=probes,
        )

    async def ask(self, loop: Loop[T], actor: str = "command") -> T:
        """Run one short loop to its end: what commands do."""
        return await drive(loop, self.answers(actor))


@asynccontextmanager
async def open_scene(
    loaded: Loaded, process: str, *, then: Callable[[Record], None] | None = None, keys: bool = True
) -> AsyncIterator[Scene]:
    """Open everything; closes it again in reverse. Without `keys` no zone can be reached: a prober has none.

    Raises:
        CannotOpen: with what to do about it.
    """
    _prepare(loaded)
    store = _open_store(loaded)
    zones = local_zones(loaded.configuration, loaded.service) if keys else ()
    dns = DnsTransport.of(zones)
    route53 = open_route53(zones)
    events = JsonLinesSink(events_directory(loaded.service), process, then=then)
    try:
        yield Scene(loaded, store, dns, events, route53)
    finally:
        events.close()
        await dns.close()
        if route53 is not None:
            await route53.close()
        await store.close()


def open_route53(zones: tuple[ZoneConfig, ...]) -> Route53Transport | None:
    """What zones on Route 53 are reached with; None without any.

    Raises:
        CannotOpen: its libraries or credentials are missing.
    """
    hosted = tuple(zone for zone in zones if zone.route53 is not None)
    if not hosted:
        return None
    try:
        # Imported here: only these zones need the extra `route53`.
        from holdfast.runtime.route53.credentials import NoCredentials
        from holdfast.runtime.route53.transport import Route53Transport
    except ImportError as error:
        raise CannotOpen(f"zones on Route 53 need {error.name}: pip install 'holdfast[route53]'") from error
    try:
        return Route53Transport(hosted)
    except NoCredentials as error:
        raise CannotOpen(f"zone {hosted[0].name}: {error}") from error


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
