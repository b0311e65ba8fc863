"""The scratch name that `providers verify route53` works on: batches, fenced writes, what stands there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

import msgspec

from holdfast.model.configuration import Answers, Route53Settings
from holdfast.model.fence import Fence
from holdfast.model.identity import Identity
from holdfast.model.records import RRset
from holdfast.ports.operation import CouldNotAsk, Loop
from holdfast.ports.provider import (
    FencedWrite,
    PinFence,
    RRsetChange,
    WriteResult,
    ZoneRRsets,
)
from holdfast.ports.route53 import (
    Accepted,
    BatchRefused,
    ChangeRecordSets,
    ListRecordSets,
    NotAllowed,
    RecordPage,
    RecordSet,
    SetChange,
    Start,
)
from holdfast.providers.route53.provider import Route53Provider
from holdfast.runtime.driver import Answers as Handlers
from holdfast.runtime.driver import drive
from holdfast.runtime.ports import answer_route53
from holdfast.runtime.route53.transport import Route53Transport

SCOPE: Final = "verify"
GENERATIONS: Final = 10
TTL_S: Final = 5
TRIES: Final = 60
WAIT_S: Final = 1.0

T = TypeVar("T")
BatchAnswer = Accepted | BatchRefused | NotAllowed | CouldNotAsk


class CannotVerify(Exception):
    """Nothing was tried; the text says why and what to do."""


class Plan(msgspec.Struct, frozen=True):
    """What to verify, and how long."""

    settings: Route53Settings
    name: str
    """The scratch name: nothing may stand at it or below it."""
    generations: int = GENERATIONS
    burst: bool = True
    """Ask faster than is allowed, to see the throttle."""
    wait_s: float = WAIT_S


class Bench:
    """The scratch name with a transport, as a zone of its own within the hosted zone."""

    def __init__(self, plan: Plan, transport: Route53Transport) -> None:
        self.plan = plan
        self.zone = plan.name
        self.transport = transport
        self.handlers = Handlers()
        answer_route53(self.handlers, transport)

    def provider(self, answers: Answers = Answers.SIMPLE) -> Route53Provider:
        """The shipped provider on the scratch name, with this form of answers."""
        return Route53Provider(self.zone, answers)

    async def run(self, loop: Loop[T]) -> T:
        """Run a loop of the provider."""
        return await drive(loop, self.handlers)

    async def again(self, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Ask until the answer says something: throttled, or busy with another batch, is no answer."""
        answer = await ask()
        for _ in range(TRIES):
            if not (isinstance(answer, CouldNotAsk) and not answer.maybe_applied):
                break
            await asyncio.sleep(self.plan.wait_s)
            answer = await ask()
        return answer

    async def change(self, *changes: SetChange) -> BatchAnswer:
        """One batch, as the API has it."""
        op = ChangeRecordSets(self.zone, changes)
        return await self.again(lambda: self.transport.change_sets(op))

    async def write(
        self, pin: Fence, after: Fence, *changes: RRsetChange, answers: Answers = Answers.SIMPLE
    ) -> WriteResult:
        """One fenced write by the shipped provider."""
        write = FencedWrite(PinFence(pin), after, changes)
        return await self.again(lambda: self.run(self.provider(answers).write(SCOPE, write)))

    async def sets(self) -> tuple[RecordSet, ...]:
        """All that stands at the scratch name and below it."""
        found: list[RecordSet] = []
        start: Start | None = Start(self.zone)
        while start is not None:
            at = start
            page = await self.again(lambda at=at: self.transport.list_sets(ListRecordSets(self.zone, at, 300)))  # type: ignore[misc]
            if not isinstance(page, RecordPage):
                raise CannotVerify(f"the zone can't be listed: {page.reason}")
            mine = [s for s in page.sets if s.name == self.zone or s.name.endswith(f".{self.zone}")]
            found.extend(mine)
            start = page.following if len(mine) == len(page.sets) else None
        return tuple(found)

    def name(self, label: str) -> str:
        """A name below the scratch name."""
        return f"{label}.{self.zone}"

    def address(self, label: str, *values: str) -> RRsetChange:
        """A change that puts addresses at a name."""
        name = self.name(label)
        return RRsetChange(name, "A", None, RRset(name, "A", TTL_S, values))

    async def addresses(self, label: str) -> tuple[str, ...]:
        """What is at a name now."""
        seen = await self.again(lambda: self.run(self.provider().read_rrsets((self.name(label),))))
        return tuple(r for s in seen.rrsets for r in s.rdatas) if isinstance(seen, ZoneRRsets) else ("unknown",)


def fence_at(generation: int, *, writer: str = "verify", sequence: int = 0) -> Fence:
    """The fence of a generation on the scratch name."""
    return Fence(Identity(0, generation, f"{generation:032x}"), sequence=sequence, writer=writer)
