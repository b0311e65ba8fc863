"""What one operation on a shared cell (the store, a zone) may come to: the plain outcome, and each fault."""

from __future__ import annotations

from typing import Any, NamedTuple

from holdfast.lab.world.faults import Fault, Faults
from holdfast.lab.world.store import StoreCell, store_answer
from holdfast.lab.world.targets import TARGETS, Targets, Turn, turned
from holdfast.nameserver.memory import MemoryDns
from holdfast.nameserver.updating import RFC, Quirks
from holdfast.nameserver.zone import Zone
from holdfast.ports.dns import Ask, AskMany, Rcode, Response, Servers, Transfer, Update
from holdfast.ports.operation import CouldNotAsk, Operation
from holdfast.ports.probe import NextResults
from holdfast.ports.store import Commit, Get, GetMany, Range

STORE = "store"
STORE_OPERATIONS = (Get, GetMany, Range, Commit)
DNS_OPERATIONS = (Ask, AskMany, Transfer, Servers, Update)


class Outcome(NamedTuple):
    """One way that an operation may go. `flies` is the message that stays in flight."""

    cost: int
    label: str
    result: Any
    cell: Any
    flies: Operation[Any] | None = None


def cell_of(operation: Operation[Any]) -> str:
    """The shared cell that an operation touches: `store`, a zone's name, the targets, or nothing."""
    if isinstance(operation, STORE_OPERATIONS):
        return STORE
    if isinstance(operation, NextResults | Turn):
        return TARGETS
    return operation.zone if isinstance(operation, DNS_OPERATIONS) else ""


def perform(
    cell: Any, operation: Operation[Any], *, quirks: Quirks = RFC, sinks: tuple[str, ...] = ()
) -> tuple[Any, Any]:
    """Result and new cell, nothing going wrong."""
    if isinstance(cell, StoreCell):
        return store_answer(cell, operation, sinks)
    if isinstance(cell, Targets):
        return None, turned(cell, operation) if isinstance(operation, Turn) else cell
    assert isinstance(cell, Zone)
    dns = MemoryDns([cell], quirks={cell.origin: quirks})
    result = dns.answer(operation)
    after = dns.zone(cell.origin)
    return result, cell if after == cell else after


def outcomes(
    cell: Any,
    operation: Operation[Any],
    faults: Faults,
    *,
    quirks: Quirks = RFC,
    sinks: tuple[str, ...] = (),
    cut: str = "",
) -> list[Outcome]:
    """All outcomes, the plain one first. `cut` is a partition in force: `requests` or `answers` are lost."""
    result, after = perform(cell, operation, quirks=quirks, sinks=sinks)
    writes = isinstance(operation, Commit) or (isinstance(operation, Update) and bool(operation.changes))
    lost = CouldNotAsk("no answer in time", maybe_applied=writes)
    if cut:
        return [Outcome(0, "is cut off", lost, after if cut == "answers" else cell)]
    found = [Outcome(0, "", result, after)]
    if not writes:
        if faults.allows(Fault.UNANSWERED):
            found.append(Outcome(1, "no answer", lost, cell))
        return found
    if faults.allows(Fault.LOST_REPLY) and after is not cell:
        found.append(Outcome(1, "applied, answer lost", lost, after))
    if faults.allows(Fault.DELAYED):
        found.append(Outcome(1, "times out, still in flight", lost, cell, operation))
    if faults.allows(Fault.DUPLICATED):
        found.append(Outcome(1, "applied, and a copy in flight", result, after, operation))
    if faults.allows(Fault.REFUSED):
        turned_away = Response(Rcode.SERVFAIL) if isinstance(operation, Update) else CouldNotAsk("busy")
        found.append(Outcome(1, "turned away", turned_away, cell))
    if faults.allows(Fault.DENIED) and isinstance(operation, Update):
        found.append(Outcome(1, "denied", Response(Rcode.NOTAUTH), cell))
    return found
