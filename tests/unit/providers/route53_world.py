"""Route 53's provider on the fake's rules without wire, and a place to interfere at each request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from holdfast.model.configuration import Answers
from holdfast.model.fence import Fence, fence_owner
from holdfast.model.identity import Identity
from holdfast.model.records import RRset
from holdfast.ports.operation import CouldNotAsk, Loop, Operation
from holdfast.ports.provider import FencedWrite, PinFence, RRsetChange, WriteResult
from holdfast.ports.route53 import (
    Accepted,
    BatchRefused,
    ChangeRecordSets,
    InSync,
    ListRecordSets,
    RecordSet,
    SetAction,
    SetChange,
)
from holdfast.providers.route53.names import to_api
from holdfast.providers.route53.provider import Route53Provider
from holdfast.runtime.route53.transport import change_of, page_of
from servers.route53_engine import Refusal, Route53

SCOPE, ZONE, ZONE_ID = "s", "r53.test", "Z1"
T = TypeVar("T")


class World:
    """A zone. `interfere` is called with each operation before it is answered; a value answers in its place."""

    def __init__(self, answers: Answers = Answers.SIMPLE) -> None:
        self.engine = Route53(((ZONE_ID, ZONE),), lambda: 1e9)
        self.provider = Route53Provider(ZONE, answers)
        self.interfere: Callable[[Operation[Any]], Any] = lambda op: None
        self.asked: list[Operation[Any]] = []

    def run(self, loop: Loop[T]) -> T:
        """A coroutine of the provider, to its end."""
        value: Any = None
        while True:
            try:
                op = loop.send(value)
            except StopIteration as end:
                result: T = end.value
                return result
            self.asked.append(op)
            value = self.interfere(op)
            if value is None:
                value = self.answer(op)

    def answer(self, op: Operation[Any]) -> Any:
        """What the fake says."""
        match op:
            case ListRecordSets(start=start, items_max=items):
                parameters = {"HostedZoneId": ZONE_ID, "StartRecordName": start.raw or to_api(start.name)}
                more = {"StartRecordType": start.rtype, "StartRecordIdentifier": start.identifier}
                parameters |= {k: v for k, v in more.items() if v}
                return page_of(self.engine.call("ListResourceRecordSets", {**parameters, "MaxItems": str(items)}))
            case ChangeRecordSets(changes=changes):
                return self.change(*changes)
            case InSync(change_id=change):
                info = self.engine.call("GetChange", {"Id": change})["ChangeInfo"]
                return info["Status"] == "INSYNC"
        raise TypeError(type(op).__name__)

    def change(self, *changes: SetChange) -> Accepted | BatchRefused:
        """One batch, of anybody."""
        batch = {"Changes": [change_of(c) for c in changes]}
        try:
            found = self.engine.call("ChangeResourceRecordSets", {"HostedZoneId": ZONE_ID, "ChangeBatch": batch})
        except Refusal as refusal:
            return BatchRefused(refusal.messages)
        return Accepted(found["ChangeInfo"]["Id"])

    def put(self, label: str, rtype: str, *values: str) -> None:
        """A foreign writer's record set."""
        name = f"{label}.{ZONE}"
        assert isinstance(self.change(SetChange(SetAction.UPSERT, RecordSet(name, rtype, 5, values))), Accepted)

    def put_fence(self, fence: Fence) -> None:
        """A fence, whatever stood there."""
        one = RecordSet(fence_owner(SCOPE, ZONE), "TXT", 5, (fence.rdata(),))
        assert isinstance(self.change(SetChange(SetAction.UPSERT, one)), Accepted)

    def write(self, pin: Fence, after: Fence | None, *changes: RRsetChange) -> WriteResult:
        """One message pinned to a fence."""
        return self.run(self.provider.write(SCOPE, FencedWrite(PinFence(pin), after, changes)))

    def before(self, kind: type[Operation[Any]], act: Callable[[], Any], *, nth: int = 1) -> None:
        """Act once, just before the `nth` operation of a kind is answered; a value answers in its place."""
        left = [nth]

        def interfere(op: Operation[Any]) -> Any:
            if isinstance(op, kind):
                left[0] -= 1
                if left[0] == 0:
                    return act()
            return None

        self.interfere = interfere


def fence(generation: int, *, sequence: int = 0, freezes: tuple[str, ...] = ()) -> Fence:
    """A fence of a generation."""
    return Fence(Identity(1, generation, f"{generation:032x}"), freezes=freezes, sequence=sequence, writer="w")


def address(label: str, *values: str) -> RRsetChange:
    """An address set that is to be there."""
    name = f"{label}.{ZONE}"
    return RRsetChange(name, "A", None, RRset(name, "A", 5, tuple(sorted(values))))


SILENCE = CouldNotAsk("no route")
