"""What the provider suite stands on: writers with a connection each, and a tap on what goes over it.

The tap sits between provider and transport, where a network would misbehave: it notes each message with its
answer, loses replies and requests, and keeps messages so that a test can deliver them later, freshly signed.
"""

from __future__ import annotations

import abc
import enum
from collections import deque
from collections.abc import Iterable
from typing import ClassVar, TypeVar

import msgspec

from holdfast.model.fence import Fence, fence_owner
from holdfast.model.identity import Identity
from holdfast.model.records import RRset
from holdfast.ports.dns import (
    Answer,
    Ask,
    AskMany,
    DeleteRRset,
    Rcode,
    Response,
    Servers,
    SetRRset,
    Transfer,
    Update,
    ZoneContent,
)
from holdfast.ports.operation import CouldNotAsk, Loop
from holdfast.ports.provider import (
    FenceAbsent,
    FencedWrite,
    FenceReading,
    FenceUnreadable,
    PinFence,
    PinRepair,
    RRsetChange,
    WriteResult,
    Wrote,
    ZoneProvider,
    ZoneRRsets,
)
from holdfast.runtime.driver import Answers, drive
from holdfast.runtime.ports import DnsTransport

SCOPE = "suite"
TTL_S = 30
T = TypeVar("T")


class Sent(msgspec.Struct, frozen=True):
    """One message that changes something, and what came of it at the server."""

    update: Update
    response: Response | CouldNotAsk


class Tap:
    """A transport that misbehaves on order. Messages that change nothing (read-back) pass unharmed."""

    def __init__(self, below: DnsTransport) -> None:
        self._below = below
        self._fates: deque[str] = deque()
        self.sent: list[Sent] = []
        self.held: list[Update] = []

    def lose_reply(self) -> None:
        """The next message is applied, its reply is lost."""
        self._fates.append("reply")

    def hold(self) -> None:
        """The next message does not arrive before the sender gives up; see `held`, `deliver`."""
        self._fates.append("hold")

    async def deliver(self, update: Update) -> Response | CouldNotAsk:
        """A message arrives (again, or late); the transport signs it now."""
        return await self._below.update(update)

    @property
    def rcodes(self) -> tuple[Rcode, ...]:
        """What the server answered to each message that changes something."""
        return tuple(s.response.rcode for s in self.sent if isinstance(s.response, Response))

    async def ask(self, op: Ask) -> Answer | CouldNotAsk:
        """Passed on."""
        return await self._below.ask(op)

    async def ask_many(self, op: AskMany) -> tuple[Answer | CouldNotAsk, ...]:
        """Passed on."""
        return await self._below.ask_many(op)

    async def transfer(self, op: Transfer) -> ZoneContent | CouldNotAsk:
        """Passed on."""
        return await self._below.transfer(op)

    async def servers(self, op: Servers) -> tuple[str, ...] | CouldNotAsk:
        """Passed on."""
        return await self._below.servers(op)

    async def update(self, op: Update) -> Response | CouldNotAsk:
        """Passed on, unless a fate waits for it."""
        if not op.changes:
            return await self._below.update(op)
        fate = self._fates.popleft() if self._fates else ""
        if fate == "hold":
            self.held.append(op)
            return CouldNotAsk("held back by the tap", maybe_applied=True)
        response = await self._below.update(op)
        self.sent.append(Sent(op, response))
        return CouldNotAsk("reply lost by the tap", maybe_applied=True) if fate == "reply" else response


class Verdict(enum.Enum):
    """What the server said to one message that changes something."""

    APPLIED = "applied"
    MOVED = "the fence, or the serial, is not what was pinned"
    IN_THE_WAY = "something else stands in the way"


class AnyWriter(abc.ABC):
    """One provider on a connection of its own, as one enactor has it, whatever it speaks."""

    reads_wildcards: ClassVar[bool] = True
    """A wildcard's answer is seen where the fence is absent (R2)."""

    def __init__(self, provider: ZoneProvider) -> None:
        self.provider = provider
        self.answers = Answers()

    @abc.abstractmethod
    def lose_reply(self) -> None:
        """The next message is applied, its reply is lost."""
        ...

    @abc.abstractmethod
    def hold(self) -> None:
        """The next message does not arrive before the sender gives up; see `deliver_held`."""
        ...

    @abc.abstractmethod
    async def deliver_held(self) -> Verdict:
        """The message that was held back arrives, signed now."""
        ...

    @abc.abstractmethod
    async def deliver_again(self) -> Verdict:
        """The last message that was sent arrives once more, signed now."""
        ...

    @property
    @abc.abstractmethod
    def verdicts(self) -> tuple[Verdict, ...]:
        """What the server said to each message that changes something."""
        ...

    @abc.abstractmethod
    async def foreign(self, *changes: SetRRset | DeleteRRset) -> None:
        """A writer that takes no part in the fence changes the zone."""
        ...

    @abc.abstractmethod
    async def content(self) -> frozenset[tuple[str, str]]:
        """Names and types of all that the zone holds."""
        ...

    @property
    def zone(self) -> str:
        """The zone that it writes."""
        return self.provider.zone

    def name(self, label: str) -> str:
        """A name in the zone."""
        return f"{label}.{self.zone}"

    async def run(self, loop: Loop[T]) -> T:
        """Run a coroutine of the provider."""
        return await drive(loop, self.answers)

    async def fence(self) -> FenceReading | CouldNotAsk:
        """The fence now."""
        return await self.run(self.provider.read_fence(SCOPE))

    async def read(self, *labels: str) -> ZoneRRsets:
        """What the primary holds at these names; fails the test if it can't be asked."""
        found = await self.run(self.provider.read_rrsets(tuple(self.name(label) for label in labels)))
        assert isinstance(found, ZoneRRsets), found
        return found

    async def addresses(self, label: str) -> tuple[str, ...]:
        """The A records of a name."""
        return tuple(r for s in (await self.read(label)).rrsets if s.rtype == "A" for r in s.rdatas)

    async def send(self, pin: Fence, after: Fence | None, *changes: RRsetChange) -> WriteResult:
        """One message pinned to a fence; without `after` it leaves it as it is, or moves its sequence."""
        return await self.run(self.provider.write(SCOPE, FencedWrite(PinFence(pin), after, changes)))

    async def repair(self, after: Fence, *changes: RRsetChange) -> WriteResult:
        """One repair of what is read now; once more if the proof of the serial has moved it."""
        result: WriteResult | None = None
        for _ in range(2):
            result = await self.run(self.provider.write(SCOPE, FencedWrite(await self.pin(), after, changes)))
            if isinstance(result, Wrote):
                break
        assert result is not None
        return result

    async def pin(self) -> PinRepair:
        """The pin of a repair, read now."""
        soa = await self.run(self.provider.read_soa())
        seen = await self.fence()
        assert not isinstance(soa, CouldNotAsk), soa
        assert isinstance(seen, FenceAbsent | FenceUnreadable), seen
        return PinRepair(seen, soa)

    async def begin(self, *changes: RRsetChange) -> Fence:
        """Put up the first fence, with data."""
        first = fence(1)
        self.wrote(await self.repair(first, *changes), first)
        return first

    def wrote(self, result: WriteResult, after: Fence, *, recovered: bool = False) -> None:
        """The message is applied, and the zone's fence is exactly this."""
        assert isinstance(result, Wrote), result
        assert (result.fence, result.recovered) == (after, recovered)
        propagates = self.provider.capabilities.propagates and not recovered
        assert bool(result.change) == propagates, "a change that propagates has a name to ask for"

    def kept(self, result: WriteResult, pin: Fence, *, recovered: bool = False) -> Fence:
        """A message that only pins is applied; the fence now: the pinned one, or moved on where that can't be."""
        after = self.after(pin)
        self.wrote(result, after, recovered=recovered)
        return after

    def after(self, pin: Fence) -> Fence:
        """The fence after a message that only pins (R0)."""
        moved = 0 if self.provider.capabilities.pins_unchanged else 1
        return msgspec.structs.replace(pin, sequence=pin.sequence + moved)

    def absent(self, wildcard_text: str) -> FenceAbsent:
        """How an absent fence reads below a wildcard with this text."""
        return FenceAbsent(wildcard_text if self.reads_wildcards else "")

    def refused_in_message(self) -> bool:
        """R4: the last message was refused for its guards; or none was sent, where the look before it sufficed."""
        if self.provider.capabilities.guards:
            return self.verdicts[-1] is Verdict.IN_THE_WAY
        return Verdict.IN_THE_WAY not in self.verdicts

    def change(
        self, label: str, after: Iterable[str] | None, *, before: Iterable[str] | None = None, rtype: str = "A"
    ) -> RRsetChange:
        """A change of one RRset."""
        name = self.name(label) if label else self.zone
        return RRsetChange(name, rtype, _rrset(name, rtype, before), _rrset(name, rtype, after))

    def delete(self, label: str, rtype: str) -> DeleteRRset:
        """The removal of an RRset, for `foreign`."""
        return DeleteRRset(self.name(label), rtype)

    def delete_fence(self) -> DeleteRRset:
        """The removal of the fence, for `foreign`."""
        return DeleteRRset(fence_owner(SCOPE, self.zone), "TXT")

    def set(self, label: str, rtype: str, *rdatas: str) -> SetRRset:
        """An RRset for `foreign`."""
        return SetRRset(RRset(self.name(label) if label else self.zone, rtype, TTL_S, rdatas))


class Writer(AnyWriter):
    """A writer that speaks DNS."""

    def __init__(self, provider: ZoneProvider, transport: DnsTransport) -> None:
        super().__init__(provider)
        self.tap = Tap(transport)
        self.answers.register(Ask, self.tap.ask)
        self.answers.register(AskMany, self.tap.ask_many)
        self.answers.register(Transfer, self.tap.transfer)
        self.answers.register(Servers, self.tap.servers)
        self.answers.register(Update, self.tap.update)

    def lose_reply(self) -> None:
        """See `Tap`."""
        self.tap.lose_reply()

    def hold(self) -> None:
        """See `Tap`."""
        self.tap.hold()

    async def deliver_held(self) -> Verdict:
        """The first that was held back."""
        return _verdict(await self.tap.deliver(self.tap.held[0]))

    async def deliver_again(self) -> Verdict:
        """The last that was sent."""
        return _verdict(await self.tap.deliver(self.tap.sent[-1].update))

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """By the response codes."""
        return tuple(_verdict(Response(rcode)) for rcode in self.tap.rcodes)

    async def foreign(self, *changes: SetRRset | DeleteRRset) -> None:
        """A writer that takes no part in the fence changes the zone."""
        response = await self.tap.deliver(Update(self.zone, (), changes))
        assert response == Response(Rcode.NOERROR), response

    async def content(self) -> frozenset[tuple[str, str]]:
        """By a zone transfer."""
        found = await self.tap.transfer(Transfer(self.zone))
        assert isinstance(found, ZoneContent), found
        return frozenset((r.name, r.rtype) for r in found.rrsets)


def _verdict(response: Response | CouldNotAsk) -> Verdict:
    assert isinstance(response, Response), response
    verdicts = {Rcode.NOERROR: Verdict.APPLIED, Rcode.NXRRSET: Verdict.MOVED}
    return verdicts.get(response.rcode, Verdict.IN_THE_WAY)


def _rrset(name: str, rtype: str, rdatas: Iterable[str] | None) -> RRset | None:
    return None if rdatas is None else RRset(name, rtype, TTL_S, tuple(sorted(rdatas)))


def fence(generation: int, *, writer: str = "suite", freezes: tuple[str, ...] = (), sequence: int = 0) -> Fence:
    """A fence of generation so-and-so; its plan's hash follows from the generation."""
    identity = Identity(incarnation=1, generation=generation, hash=f"{generation:032x}")
    return Fence(identity=identity, freezes=freezes, sequence=sequence, writer=writer)


def addresses(count: int, *, block: int = 0) -> tuple[str, ...]:
    """Addresses of a documentation network, all different up to 65,536."""
    return tuple(f"198.{18 + block}.{i >> 8 & 255}.{i & 255}" for i in range(count))
