"""Puts an actor's table of answers together: every operation of `holdfast.ports` that it may be asked."""

from __future__ import annotations

from typing import Protocol

from holdfast.ports.clock import Arm, Disarm, Fired, Idle, Now
from holdfast.ports.disk import DiskFailed, Load, Promote, Stage
from holdfast.ports.dns import Answer, Ask, AskMany, Response, Servers, Transfer, Update, ZoneContent
from holdfast.ports.events import Emit, Event
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.probe import NextResults, ProbeResult, Watch
from holdfast.ports.random import NewId
from holdfast.ports.route53 import (
    Accepted,
    BatchRefused,
    ChangeRecordSets,
    GetHostedZone,
    HostedZone,
    InSync,
    ListRecordSets,
    NotAllowed,
    RecordPage,
)
from holdfast.ports.store import Commit, Get, GetMany, Range
from holdfast.runtime.clock import ProcessClock
from holdfast.runtime.driver import Answers
from holdfast.runtime.ids import Ids
from holdfast.stores.port import Store


class DnsTransport(Protocol):
    """Answers `ports.dns` (`holdfast.runtime.dns`)."""

    async def ask(self, op: Ask) -> Answer | CouldNotAsk:
        """One question."""
        ...

    async def ask_many(self, op: AskMany) -> tuple[Answer | CouldNotAsk, ...]:
        """Several questions, pipelined."""
        ...

    async def transfer(self, op: Transfer) -> ZoneContent | CouldNotAsk:
        """A zone transfer."""
        ...

    async def servers(self, op: Servers) -> tuple[str, ...] | CouldNotAsk:
        """The zone's name servers."""
        ...

    async def update(self, op: Update) -> Response | CouldNotAsk:
        """One UPDATE."""
        ...


class Route53Api(Protocol):
    """Answers `ports.route53` (`holdfast.runtime.route53`)."""

    async def list_sets(self, op: ListRecordSets) -> RecordPage | CouldNotAsk:
        """One page."""
        ...

    async def change_sets(self, op: ChangeRecordSets) -> Accepted | BatchRefused | NotAllowed | CouldNotAsk:
        """One batch."""
        ...

    async def in_sync(self, op: InSync) -> bool | CouldNotAsk:
        """The state of a change."""
        ...

    async def hosted_zone(self, op: GetHostedZone) -> HostedZone | NotAllowed | CouldNotAsk:
        """The zone."""
        ...


class ProbeEngine(Protocol):
    """Answers `ports.probe` (`holdfast.probes`)."""

    async def watch(self, op: Watch) -> None:
        """Probe exactly these targets."""
        ...

    async def next_results(self, op: NextResults) -> tuple[ProbeResult, ...]:
        """Results since the last call."""
        ...


class Disk(Protocol):
    """Answers `ports.disk` (`holdfast.runtime.disk`)."""

    async def load(self, op: Load) -> bytes | DiskFailed | None:
        """A document."""
        ...

    async def stage(self, op: Stage) -> DiskFailed | None:
        """Write the temporary file."""
        ...

    async def promote(self, op: Promote) -> DiskFailed | None:
        """Put it in place."""
        ...


class EventSink(Protocol):
    """Takes events without ever waiting (`holdfast.events`)."""

    def emit(self, event: Event) -> None:
        """Hand over one event; returns at once, whatever becomes of it."""
        ...


def actor_answers(
    *,
    store: Store,
    clock: ProcessClock,
    events: EventSink,
    disk: Disk | None = None,
    dns: DnsTransport | None = None,
    route53: Route53Api | None = None,
    probes: ProbeEngine | None = None,
    ids: Ids | None = None,
) -> Answers:
    """The answers of one actor. `clock` must be its own; what is None leads to `NoAnswer` when asked."""
    answers = Answers()
    register_store(answers, store)
    register_clock(answers, clock)

    async def emit(op: Emit) -> None:
        events.emit(op.event)

    answers.register(Emit, emit)
    answers.register(NewId, (Ids() if ids is None else ids).new_id)
    if disk is not None:
        answers.register(Load, disk.load)
        answers.register(Stage, disk.stage)
        answers.register(Promote, disk.promote)
    if dns is not None:
        _answer_dns(answers, dns)
    if route53 is not None:
        answer_route53(answers, route53)
    if probes is not None:
        answers.register(Watch, probes.watch)
        answers.register(NextResults, probes.next_results)
    return answers


def register_store(answers: Answers, store: Store) -> None:
    """Answer the store's operations."""
    answers.register(Get, store.get)
    answers.register(GetMany, store.get_many)
    answers.register(Range, store.range)
    answers.register(Commit, store.commit)


def register_clock(answers: Answers, clock: ProcessClock) -> None:
    """Answer `ports.clock`."""
    answers.register(Arm, clock.arm)
    answers.register(Fired, clock.fired)
    answers.register(Disarm, clock.disarm)
    answers.register(Idle, clock.idle)
    answers.register(Now, clock.now)
    answers.on_restart(clock.forget)


def _answer_dns(answers: Answers, dns: DnsTransport) -> None:
    answers.register(Ask, dns.ask)
    answers.register(AskMany, dns.ask_many)
    answers.register(Transfer, dns.transfer)
    answers.register(Servers, dns.servers)
    answers.register(Update, dns.update)


def answer_route53(answers: Answers, api: Route53Api) -> None:
    """Answer `ports.route53`."""
    answers.register(ListRecordSets, api.list_sets)
    answers.register(ChangeRecordSets, api.change_sets)
    answers.register(InSync, api.in_sync)
    answers.register(GetHostedZone, api.hosted_zone)
