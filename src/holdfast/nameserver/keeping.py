"""The one owner of a served zone: takes updates in order, makes them durable, then visible, then answers.

Updates that arrive while the disk flushes form the next group, judged one after the other on a draft and
written as one record: many writers share one flush. Questions see only what is durable, so that a fence that
somebody has read can't be gone after a crash (R15).

The serial never falls. Kept data carry it. Where there are none, or they were damaged, it starts at Unix time
(at least one above what is known): above everything that the zone has ever had, as long as it averaged less
than one effective update per second over its life. Losing the data *and* exceeding that is the stated gap.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from holdfast.model.records import RRset
from holdfast.nameserver.changes import ZoneUpdate
from holdfast.nameserver.journal import Journal
from holdfast.nameserver.settings import ZoneSettings
from holdfast.nameserver.updating import decide
from holdfast.nameserver.zone import (
    Delta,
    Node,
    Zone,
    node_of,
    pick,
    serial_after,
    serial_newer,
    soa_serial,
    soa_with_serial,
)
from holdfast.ports.dns import Rcode

GROUP_MAX = 64
"""Updates in one record: bounds how long the first waits for the last."""

REFRESH_S, RETRY_S, EXPIRE_S = 3600, 600, 1209600


class Draft:
    """A zone with changes that are not durable yet, for judging the next update of a group."""

    def __init__(self, zone: Zone) -> None:
        self.origin = zone.origin
        self.delta: dict[str, Node] = {}
        self._zone = zone

    def node(self, name: str) -> Node:
        """RRsets at a name, the draft's before the zone's."""
        node = self.delta.get(name)
        return self._zone.node(name) if node is None else node

    def rrset(self, name: str, rtype: str) -> RRset | None:
        """Exactly this RRset."""
        return pick(self.node(name), rtype)

    @property
    def soa(self) -> RRset | None:
        """The SOA at the apex."""
        return self.rrset(self.origin, "SOA")


class ZoneKeeper:
    """Keeps one zone. `zone` is what is durable and served; `report` gets (kind, sentence)."""

    def __init__(
        self,
        zone: Zone,
        journal: Journal,
        *,
        changed: Callable[[], None],
        report: Callable[[str, str], None],
    ) -> None:
        self.zone = zone
        self._journal = journal
        self._changed = changed
        self._report = report
        self._waiting: list[tuple[ZoneUpdate, asyncio.Future[Rcode]]] = []
        self._wake = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to take updates."""
        self._task = asyncio.create_task(self._run(), name=f"zone {self.zone.origin}")

    async def stop(self) -> None:
        """Finish what was taken, then close the files. Later updates get SERVFAIL."""
        self._stopping = True
        self._wake.set()
        if self._task is not None:
            await self._task
        self._journal.close()

    def submit(self, update: ZoneUpdate) -> asyncio.Future[Rcode]:
        """Queue an update; the future is done when it is durable, or refused."""
        future: asyncio.Future[Rcode] = asyncio.get_running_loop().create_future()
        if self._stopping:
            future.set_result(Rcode.SERVFAIL)
        else:
            self._waiting.append((update, future))
            self._wake.set()
        return future

    async def _run(self) -> None:
        while self._waiting or not self._stopping:
            if not self._waiting:
                self._wake.clear()
                await self._wake.wait()
                continue
            group, self._waiting = self._waiting[:GROUP_MAX], self._waiting[GROUP_MAX:]
            await self._commit(group)

    async def _commit(self, group: list[tuple[ZoneUpdate, asyncio.Future[Rcode]]]) -> None:
        draft = Draft(self.zone)
        rcodes = []
        for update, _ in group:
            decision = decide(draft, update)
            draft.delta.update(decision.delta)
            rcodes.append(decision.rcode)
        if draft.delta and not await self._make_durable(draft.delta):
            rcodes = [Rcode.SERVFAIL] * len(group)
        for (_, future), rcode in zip(group, rcodes, strict=True):
            if not future.done():
                future.set_result(rcode)
        if self._journal.wants_compaction:
            await self._compact()

    async def _make_durable(self, delta: Delta) -> bool:
        try:
            await asyncio.to_thread(self._journal.append, delta)
        except OSError as error:
            self._report("dns.disk_failed", f"update of {self.zone.origin} refused with SERVFAIL: {error}")
            return False
        self.zone.absorb(delta)
        self._changed()
        return True

    async def _compact(self) -> None:
        try:
            await asyncio.to_thread(self._journal.compact, self.zone)
        except OSError as error:
            self._report("dns.disk_failed", f"no new snapshot of {self.zone.origin}: {error}")


def open_zone(settings: ZoneSettings, journal: Journal, *, now_s: int, report: Callable[[str, str], None]) -> Zone:
    """The zone from disk, or a new one; its apex as the settings say, and that durable.

    Raises:
        OSError: the disk refuses.
    """
    loaded = journal.load()
    zone = loaded.zone or Zone(settings.name, {}, {})
    if loaded.damage:
        report("dns.data_damaged", loaded.damage)
    fresh = zone.soa is None or bool(loaded.damage)
    delta = _apex_delta(settings, zone, floor=now_s if fresh else None)
    if delta:
        zone.absorb(delta)
        journal.append(delta)
    if loaded.damage:
        journal.compact(zone)
    return zone


def _apex_delta(settings: ZoneSettings, zone: Zone, *, floor: int | None) -> Delta:
    """What must change for the apex to be as configured. Other records at these names stay."""
    wanted: dict[str, dict[str, RRset]] = {}
    for rrset in _apex(settings, zone.serial):
        wanted.setdefault(rrset.name, {})[rrset.rtype] = rrset
    delta: dict[str, Node] = {}
    for name, types in wanted.items():
        node = node_of({**{r.rtype: r for r in zone.node(name)}, **types})
        if node != zone.node(name):
            delta[name] = node
    if delta or floor is not None:
        node = delta.get(settings.name, zone.node(settings.name))
        delta[settings.name] = _with_serial(node, _serial_from(zone, floor))
    return delta


def _serial_from(zone: Zone, floor: int | None) -> int:
    if zone.soa is None:
        return floor or 1
    after = serial_after(soa_serial(zone.soa.rdatas[0]))
    return floor if floor is not None and serial_newer(floor, after) else after


def _with_serial(node: Node, serial: int) -> Node:
    return tuple(
        RRset(r.name, "SOA", r.ttl, (soa_with_serial(r.rdatas[0], serial),)) if r.rtype == "SOA" else r
        for r in node
    )


def _apex(settings: ZoneSettings, serial: int) -> list[RRset]:
    zone = settings.name
    hosts = tuple(sorted(server.name for server in settings.name_servers))
    primary = settings.name_servers[0].name
    mailbox = settings.hostmaster or f"hostmaster.{zone}"
    soa = f"{primary} {mailbox} {serial} {REFRESH_S} {RETRY_S} {EXPIRE_S} {settings.negative_ttl}"
    rrsets = [RRset(zone, "SOA", settings.ttl, (soa,)), RRset(zone, "NS", settings.ttl, hosts)]
    for server in settings.name_servers:
        for rtype, colon in (("A", False), ("AAAA", True)):
            addresses = tuple(sorted(a for a in server.addresses if (":" in a) is colon))
            if addresses and (server.name == zone or server.name.endswith(f".{zone}")):
                rrsets.append(RRset(server.name, rtype, settings.ttl, addresses))
    return rrsets
