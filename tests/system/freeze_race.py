"""A freeze raced against three enactors: shipped loops with connections and disks of their own, a real server.

A round: a new revision is applied, the planner publishes a generation, three enactors race to write it, and at a
random moment a freeze is ordered. From its acknowledgement on every zone must stand still (its serial moves with
each change; on Route 53 the sum of all that it holds), while further generations come and every enactor has seen
them. Then thaw, and all is written.
"""

from __future__ import annotations

import asyncio
import random
import time
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import msgspec

from holdfast.config.loading import load
from holdfast.config.settings import Loaded
from holdfast.documents.freezes import read_freezes
from holdfast.documents.plans import read_newest
from holdfast.documents.reading import Document, read_all
from holdfast.events.jsonl import JsonLinesSink
from holdfast.killswitch.freeze import Outcome, freeze, thaw
from holdfast.model.configuration import ProviderKind, ZoneConfig
from holdfast.model.freeze import Selector
from holdfast.model.identity import Identity
from holdfast.model.report import EnactorReport
from holdfast.ports.dns import Answer, Ask
from holdfast.ports.operation import Loop
from holdfast.ports.provider import FenceFound
from holdfast.ports.route53 import ListRecordSets, RecordPage, Start
from holdfast.runtime.clock import Pacing
from holdfast.runtime.dns import DnsTransport
from holdfast.runtime.route53.transport import Route53Transport
from holdfast.service.actors import run_enactor, run_planner
from holdfast.service.applying import apply_file
from holdfast.service.scene import Scene
from holdfast.stores.memory import MemoryStore
from servers.process import Running

SCOPE = "race"
PERSON = "freeze"
ZONES = ("one.race.test", "two.race.test")
ENACTORS = ("enactor-a", "enactor-b", "enactor-c")
FURTHER = 2
"""Generations that are published while all is frozen."""
PATIENCE_S = 60.0
PACING = Pacing(retry_base_s=0.02, retry_cap_s=0.2)


class Round(msgspec.Struct, frozen=True):
    """What came of one. `landed` are zones that had the new generation when the freeze was acknowledged."""

    number: int
    ordered_after_s: float
    landed: int
    breaches: tuple[str, ...]


class Stand(msgspec.Struct, frozen=True):
    """A zone as its server shows it. `serial` moves with each change."""

    zone: str
    serial: int
    fence: str
    writer: str
    identity: Identity
    ttl: int


class Race:
    """Everything running. Made by `racing`."""

    def __init__(self, scenes: dict[str, Scene], file: Path, text: Callable[[int], str], seed: int) -> None:
        self._scenes, self._file, self._text = scenes, file, text
        self._rng = random.Random(seed)
        self._revision = 0
        self._usual_s = 0.05
        self._person = scenes["person"]

    async def settle(self) -> None:
        """Apply a revision, and wait until DNS has it everywhere."""
        newest = await self._publish()
        await self._until(lambda: self._reported(newest, "converged"))

    async def round(self, number: int) -> Round:
        """See the module."""
        before = await self._newest()
        after_s = self._rng.uniform(0.0, 2.0 * self._usual_s)
        publishing = asyncio.create_task(self._publish())
        await asyncio.sleep(after_s)
        outcome = await self._person.ask(self._freeze())
        assert outcome.complete, outcome.text
        assert not outcome.store, outcome.store
        stood = await self._stand()
        # Who wrote the fence last stands in it: a raise between the acknowledgement and this look is seen too.
        breaches = [f"round {number}: raised by {one.writer}: {one}" for one in stood if one.writer != PERSON]
        await publishing
        for _ in range(FURTHER):
            newest = await self._publish()
            await self._until(lambda newest=newest: self._reported(newest, "frozen"))  # type: ignore[misc]
        breaches += [
            f"round {number}: frozen by {outcome.id}, and {was} became {now}"
            for was, now in zip(stood, await self._stand(), strict=True)
            if was != now
        ]
        began_s = time.monotonic()
        thawed = await self._person.ask(
            thaw(SCOPE, self._person.providers, actor="thaw", freeze_id=outcome.id, by="race")
        )
        assert thawed.complete, thawed.text
        await self._until(lambda: self._reported(newest, "converged"))
        self._usual_s = 0.9 * self._usual_s + 0.1 * (time.monotonic() - began_s)
        return Round(number, after_s, sum(one.identity > before for one in stood), tuple(breaches))

    def _freeze(self) -> Loop[Outcome]:
        return freeze(SCOPE, self._person.providers, actor=PERSON, selector=Selector(), reason="race", by="race")

    async def _publish(self) -> Identity:
        """A new revision of the file, and the plan that comes of it."""
        before = await self._newest()
        self._revision += 1
        await asyncio.to_thread(self._file.write_text, self._text(self._revision))
        self._person.loaded = loaded(self._file)
        await apply_file(self._person, actor="person")
        newest = before
        while newest == before:
            await asyncio.sleep(0.002)
            newest = await self._newest()
        return newest

    async def _newest(self) -> Identity:
        found = await self._person.ask(read_newest(self._person.keys))
        return found.value if isinstance(found, Document) else Identity(0, 0, "")

    async def _reported(self, plan: Identity, state: str) -> bool:
        """Whether every enactor knows the plan, and says this of every zone."""
        found = await self._person.ask(read_all(self._person.keys.enactors, EnactorReport))
        assert isinstance(found, tuple)
        reports = [d.value for d in found if isinstance(d, Document)]
        return len(reports) == len(ENACTORS) and all(
            r.plan == plan and len(r.zones) == len(ZONES) and all(z.state == state for z in r.zones)
            for r in reports
        )

    async def _until(self, condition: Callable[[], object]) -> None:
        deadline_s = time.monotonic() + PATIENCE_S
        while not await condition():  # type: ignore[misc]
            assert time.monotonic() < deadline_s, await self._told()
            await asyncio.sleep(0.005)

    async def _told(self) -> str:
        reports = await self._person.ask(read_all(self._person.keys.enactors, EnactorReport))
        freezes = await self._person.ask(read_freezes(self._person.keys))
        return f"nothing moves after {PATIENCE_S:g} s: newest {await self._newest()}, {reports}, {freezes}"

    async def _stand(self) -> tuple[Stand, ...]:
        return tuple([await self._stands(zone) for zone in ZONES])

    async def _stands(self, zone: str) -> Stand:
        person = self._person
        fence = await person.ask(person.providers[zone].read_fence(SCOPE))
        assert isinstance(fence, FenceFound), fence
        serial, ttl = await (self._by_dns(zone) if person.route53 is None else self._by_api(zone))
        return Stand(zone, serial, fence.fence.rdata(), fence.fence.writer, fence.fence.identity, ttl)

    async def _by_dns(self, zone: str) -> tuple[int, int]:
        """The serial, and the TTL of an address set."""
        soa, data = [
            await self._person.dns.ask(Ask(zone, name, kind)) for name, kind in ((zone, "SOA"), (f"a.{zone}", "A"))
        ]
        assert isinstance(soa, Answer), soa
        assert isinstance(data, Answer), data
        assert soa.rrset is not None
        assert data.rrset is not None
        return int(soa.rrset.rdatas[0].split()[2]), data.rrset.ttl

    async def _by_api(self, zone: str) -> tuple[int, int]:
        """The sum of all record sets, the fence with its sequence among them, and the TTL of an address set."""
        assert self._person.route53 is not None
        page = await self._person.route53.list_sets(ListRecordSets(zone, Start(zone), 300))
        assert isinstance(page, RecordPage), page
        assert page.following is None
        (ttl,) = [s.ttl for s in page.sets if (s.name, s.rtype) == (f"a.{zone}", "A")]
        return zlib.crc32(repr(page.sets).encode()), ttl


@asynccontextmanager
async def racing(directory: Path, running: Running, *, seed: int) -> AsyncIterator[Race]:
    """Planner and enactors run; the first plan is in DNS."""
    zones = [running.zone_config(zone) for zone in ZONES]

    def text(revision: int) -> str:
        return "\n".join(
            [
                f'format = 1\nscope = "{SCOPE}"\nmode = "enforce"\nallowed_prefixes = ["192.0.2.0/24"]\n'
                f'[service]\nstate = "{directory / "state"}"\n',
                *map(_zone_text, zones),
                '[[group]]\nname = "pool"\n[group.check]\nkind = "none"\n',
                *(
                    f'[[group.target]]\nname = "t{n}"\nipv4 = "192.0.2.{n}"\nport = 80\nlabel = "l{n}"\n'
                    for n in (1, 2)
                ),
                *(
                    f'[[endpoint]]\nname = "{name}.{z.name}"\ngroup = "pool"\nttl = {revision}\n'
                    for z in zones
                    for name in ("a", "b", "c")
                ),
            ]
        )

    file = directory / "race.toml"
    file.write_text(text(1))
    async with AsyncExitStack() as stack:
        store = MemoryStore()
        stack.push_async_callback(store.close)
        events = JsonLinesSink(directory / "events", "race")
        stack.callback(events.close)
        scenes = {}
        for name in ("person", "planner", *ENACTORS):
            hosted = running.kind is ProviderKind.ROUTE53
            transport = DnsTransport([] if hosted else [running.access(zone) for zone in ZONES])
            stack.push_async_callback(transport.close)
            api = Route53Transport(zones) if hosted else None
            if api is not None:
                stack.push_async_callback(api.close)
            scenes[name] = Scene(loaded(file), store, transport, events, api)
        race = Race(scenes, file, text, seed)
        actors = [asyncio.create_task(run_planner(scenes["planner"], "planner", pacing=PACING))]
        for turn, name in enumerate(ENACTORS):
            acting = run_enactor(scenes[name], name, turn=turn, turns=len(ENACTORS), pacing=PACING)
            actors.append(asyncio.create_task(acting))
        try:
            await race.settle()
            yield race
        finally:
            for actor in actors:
                actor.cancel()
            await asyncio.gather(*actors, return_exceptions=True)


def _zone_text(zone: ZoneConfig) -> str:
    if zone.route53 is None:
        where = f'provider = "{zone.provider.value}"\nserver = "{zone.server}"\n'
        return (
            f'[[zone]]\nname = "{zone.name}"\n{where}key_name = "{zone.key_name}"\nkey_file = "{zone.key_file}"\n'
        )
    keys = ("zone_id", "credentials_file", "endpoint")
    settings = "".join(f'{key} = "{getattr(zone.route53, key)}"\n' for key in keys)
    return f'[[zone]]\nname = "{zone.name}"\n[zone.provider]\nkind = "route53"\nrequests_per_s = 1000\n{settings}'


def loaded(file: Path) -> Loaded:
    """The file, which is good."""
    found = load(file)
    assert isinstance(found, Loaded), found
    return found
