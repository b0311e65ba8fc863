"""A provider on DNS in memory, run without an event loop, with a server that can be told to misbehave."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from holdfast.model.records import RRset
from holdfast.nameserver.memory import MemoryDns
from holdfast.nameserver.zone import Zone
from holdfast.ports.operation import Loop, Operation

ZONE = "unit.test"
T = TypeVar("T")
Lie = Callable[[Operation[Any], Any], Any]


class World:
    """Zone `unit.test` with more records, and everything that was asked. `lie` sees each answer on its way."""

    def __init__(self, *rrsets: RRset, lie: Lie | None = None) -> None:
        apex = (
            RRset(ZONE, "SOA", 60, (f"ns1.{ZONE} hostmaster.{ZONE} 1 3600 600 86400 5",)),
            RRset(ZONE, "NS", 60, (f"ns1.{ZONE}",)),
        )
        self.dns = MemoryDns([Zone.of(ZONE, (*apex, *rrsets))])
        self.asked: list[Operation[Any]] = []
        self.lie = lie

    def run(self, loop: Loop[T]) -> T:
        """Run a coroutine to its end."""
        answer: Any = None
        while True:
            try:
                operation = loop.send(answer)
            except StopIteration as stop:
                value: T = stop.value
                return value
            self.asked.append(operation)
            answer = self.dns.answer(operation)
            if self.lie is not None:
                answer = self.lie(operation, answer)

    def zone(self) -> Zone:
        """The zone as it is."""
        found = self.dns.zone(ZONE)
        assert found is not None
        return found


def a(label: str, *addresses: str) -> RRset:
    """An address RRset."""
    return RRset(f"{label}.{ZONE}", "A", 30, tuple(sorted(addresses)))
