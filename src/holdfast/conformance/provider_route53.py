"""A writer of the provider suite that speaks Route 53's API, with a tap between provider and transport."""

from __future__ import annotations

from collections import deque
from typing import ClassVar

from holdfast.conformance.provider_world import AnyWriter, Verdict
from holdfast.model.fence import fence_owner
from holdfast.model.records import RRset
from holdfast.ports.dns import DeleteRRset, SetRRset
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.provider import ZoneProvider
from holdfast.ports.route53 import (
    Accepted,
    BatchRefused,
    ChangeRecordSets,
    ListRecordSets,
    NotAllowed,
    RecordPage,
    RecordSet,
    SetAction,
    SetChange,
    Start,
)
from holdfast.providers.route53.names import to_api
from holdfast.runtime.ports import Route53Api, answer_route53

BatchAnswer = Accepted | BatchRefused | NotAllowed | CouldNotAsk
_TRIES = 50


class Route53Writer(AnyWriter):
    """One provider on the API."""

    reads_wildcards: ClassVar[bool] = False

    def __init__(self, provider: ZoneProvider, api: Route53Api) -> None:
        super().__init__(provider)
        self.api = api
        self._fates: deque[str] = deque()
        self._held: list[ChangeRecordSets] = []
        self.sent: list[tuple[ChangeRecordSets, BatchAnswer]] = []
        answer_route53(self.answers, api)
        self.answers.register(ChangeRecordSets, self._change)

    async def _change(self, op: ChangeRecordSets) -> BatchAnswer:
        fate = self._fates.popleft() if self._fates else ""
        if fate == "hold":
            self._held.append(op)
            return CouldNotAsk("held back by the tap", maybe_applied=True)
        answer = await self.api.change_sets(op)
        self.sent.append((op, answer))
        return CouldNotAsk("reply lost by the tap", maybe_applied=True) if fate == "reply" else answer

    def lose_reply(self) -> None:
        """See `AnyWriter`."""
        self._fates.append("reply")

    def hold(self) -> None:
        """See `AnyWriter`."""
        self._fates.append("hold")

    async def deliver_held(self) -> Verdict:
        """The first that was held back."""
        return self._verdict(self._held[0], await self.api.change_sets(self._held[0]))

    async def deliver_again(self) -> Verdict:
        """The last that was sent."""
        op = self.sent[-1][0]
        return self._verdict(op, await self.api.change_sets(op))

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """By the answers to batches; those that were turned away unread (throttled) said nothing."""
        return tuple(self._verdict(op, a) for op, a in self.sent if not isinstance(a, CouldNotAsk))

    def _verdict(self, op: ChangeRecordSets, answer: BatchAnswer) -> Verdict:
        if isinstance(answer, Accepted):
            return Verdict.APPLIED
        assert isinstance(answer, BatchRefused), answer
        fences = {to_api(c.record_set.name) for c in op.changes if c.record_set.rtype == "TXT"}
        moved = any(fence in message for fence in fences for message in answer.messages)
        return Verdict.MOVED if moved else Verdict.IN_THE_WAY

    async def foreign(self, *changes: SetRRset | DeleteRRset) -> None:
        """A person at the console: whatever stands at a name and type is deleted, and the new is created."""
        batch: list[SetChange] = []
        for change in changes:
            target = change.rrset if isinstance(change, SetRRset) else change
            there = await self._there(target.name, target.rtype)
            batch.extend(SetChange(SetAction.DELETE, s) for s in there)
            if isinstance(change, SetRRset):
                batch.append(SetChange(SetAction.CREATE, _as_set(change.rrset)))
        for _ in range(_TRIES):
            answer = await self.api.change_sets(ChangeRecordSets(self.zone, tuple(batch)))
            if not (isinstance(answer, CouldNotAsk) and not answer.maybe_applied):
                break
        assert isinstance(answer, Accepted), answer

    async def _there(self, name: str, rtype: str) -> tuple[RecordSet, ...]:
        page = await self.api.list_sets(ListRecordSets(self.zone, Start(name, rtype), 300))
        assert isinstance(page, RecordPage), page
        return tuple(s for s in page.sets if (s.name, s.rtype) == (name, rtype))

    async def content(self) -> frozenset[tuple[str, str]]:
        """By listing all of it."""
        found: set[tuple[str, str]] = set()
        start: Start | None = Start(self.zone)
        while start is not None:
            page = await self.api.list_sets(ListRecordSets(self.zone, start, 300))
            assert isinstance(page, RecordPage), page
            found.update((s.name, s.rtype) for s in page.sets)
            start = page.following
        return frozenset(found)

    @property
    def fence_name(self) -> str:
        """Where the suite's fence stands."""
        return fence_owner("suite", self.zone)


def _as_set(rrset: RRset) -> RecordSet:
    domains = rrset.rtype in ("CNAME", "NS")
    values = tuple(f"{r}." if domains else r for r in rrset.rdatas)
    return RecordSet(rrset.name, rrset.rtype, rrset.ttl, values)
