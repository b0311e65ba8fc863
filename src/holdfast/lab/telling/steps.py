"""Each step of a run as a value: who did what, why it was allowed, how it went, what the world is after it."""

from __future__ import annotations

import enum
from typing import Any

import msgspec

from holdfast.lab.steps import State
from holdfast.lab.system import System
from holdfast.lab.tape import Line, Run
from holdfast.lab.telling.beliefs import Beliefs, Stale, changed_rrsets
from holdfast.lab.telling.observed import Observer, World, message_text
from holdfast.lab.telling.words import (
    came,
    compared,
    did,
    document_text,
    intended,
    key_text,
    rdatas_text,
    required,
)
from holdfast.lab.world.outcomes import STORE
from holdfast.lab.world.store import StoreCell
from holdfast.lab.world.targets import Targets, described
from holdfast.nameserver.updating import RFC, decide
from holdfast.nameserver.zone import Zone
from holdfast.ports.clock import Fired, Idle, Now
from holdfast.ports.disk import Promote
from holdfast.ports.dns import Rcode, Response, Update
from holdfast.ports.operation import CouldNotAsk, Operation
from holdfast.ports.probe import NextResults
from holdfast.ports.store import Commit, Committed

THE_WORLD = "the world"
STALE_MAX = 3


class Kind(enum.Enum):
    """What sort of step it is."""

    READ = "read"
    WRITE = "write"
    REFUSED = "refused"
    OWN = "own"
    """A rest, a timer, its disk: nothing that others see."""
    FAULT = "fault"
    DELIVERY = "delivery"


class Condition(msgspec.Struct, frozen=True):
    """A prerequisite or compare; `held` None if the message did not get there with this step."""

    text: str
    held: bool | None


class Change(msgspec.Struct, frozen=True):
    """Something that the step changed, before and after."""

    what: str
    was: str
    now: str

    def text(self) -> str:
        """In one line."""
        return f"{self.what}: {self.was} -> {self.now}"


class Told(msgspec.Struct, frozen=True):
    """One step. `conditions` empty on a write: it set none. `intended` is what a write without effect would do,
    and `already` says that it was taken and all of it was so before."""

    number: int
    who: str
    kind: Kind
    did: str
    conditions: tuple[Condition, ...]
    stale: tuple[Stale, ...]
    came: str
    changes: tuple[Change, ...]
    intended: tuple[str, ...]
    says: tuple[str, ...]
    world: World
    broke: str = ""
    already: bool = False


class Telling(msgspec.Struct, frozen=True):
    """A whole run, with the world before its first step."""

    start: World
    steps: tuple[Told, ...]
    actors: tuple[str, ...]


def told(run: Run) -> Telling:
    """Every step of a run, told."""
    system = run.system
    observer, beliefs, senders = Observer(system), Beliefs(system), _Senders()
    start = observer.see(system.start)
    steps = [_step(run, line, observer, beliefs, senders) for line in run.lines]
    return Telling(start, tuple(steps), tuple(a.name for a in system.actors))


def _step(run: Run, line: Line, observer: Observer, beliefs: Beliefs, senders: _Senders) -> Told:
    system, step = run.system, line.step
    before, after = cells_of(system, line.state), cells_of(system, step.after)
    writes = _writes(step.operation)
    stale = beliefs.stale(step.actor, before) if writes and step.actor >= 0 else ()
    conditions = _conditions(system, line, before) if writes else ()
    kind = _kind(line, conditions, writes=writes)
    changes = tuple(_changes(before, after))
    beliefs.take(line.number, step, before, after)
    return Told(
        number=line.number,
        who=line.who,
        kind=kind,
        did=senders.did(system, line),
        conditions=conditions,
        stale=stale[:STALE_MAX],
        came=_came(line),
        changes=changes,
        intended=() if changes or not writes else intended(step.operation),
        says=tuple(e.text for e in line.events),
        world=observer.see(step.after),
        broke=run.broken if run.broken and line.number == run.broken_at else "",
        already=writes and not changes and _taken(step.result),
    )


def _taken(result: Any) -> bool:
    """Whether store or server took the write."""
    return isinstance(result, Committed) or (isinstance(result, Response) and result.rcode is Rcode.NOERROR)


def cells_of(system: System, state: State) -> dict[str, Any]:
    """The shared cells by name."""
    return {name: system.cell(state, i) for i, name in enumerate(system.cell_names)}


def _writes(operation: Operation[Any] | None) -> bool:
    return isinstance(operation, Commit) or (isinstance(operation, Update) and bool(operation.changes))


def _kind(line: Line, conditions: tuple[Condition, ...], *, writes: bool) -> Kind:
    step = line.step
    if step.actor < 0:
        return Kind.FAULT if step.operation is None or step.result is None else Kind.DELIVERY
    if step.operation is None or step.cost:
        return Kind.FAULT
    if isinstance(step.operation, Idle | Fired | Promote | Now | NextResults):
        return Kind.OWN
    if not writes:
        return Kind.READ
    refused = any(c.held is False for c in conditions) or "refused" in came(step.operation, step.result)
    return Kind.REFUSED if refused else Kind.WRITE


def _came(line: Line) -> str:
    """The outcome; a fault by its label, which says what became of the message, then what the actor saw."""
    how = came(line.step.operation, line.step.result)
    if line.step.operation is None or isinstance(line.step.operation, Idle):
        return "woken by a hint" if line.step.result is True else ""
    label = line.label if line.step.actor >= 0 else ""
    return f"{label}: {how}" if label and how else label or how


def _conditions(system: System, line: Line, before: dict[str, Any]) -> tuple[Condition, ...]:
    """Each condition with whether it held when the message got there."""
    operation, result = line.step.operation, line.step.result
    arrived = not isinstance(result, CouldNotAsk) or line.step.wrote >= 0
    if isinstance(operation, Commit):
        store = before[STORE]
        assert isinstance(store, StoreCell)
        revisions = {e.key: e.revision for e in store.entries}
        return tuple(
            Condition(compared(c), revisions.get(c.key, 0) == c.revision if arrived else None)
            for c in operation.compares
        )
    assert isinstance(operation, Update)
    zone = before[operation.zone]
    quirks = dict(system.scenario.quirks).get(operation.zone, RFC)
    return tuple(
        Condition(required(p), not decide(zone, Update(operation.zone, (p,), ()), quirks).why if arrived else None)
        for p in operation.prerequisites
    )


def _changes(before: dict[str, Any], after: dict[str, Any]) -> list[Change]:
    found: list[Change] = []
    for name, now in after.items():
        was = before[name]
        if was is now:
            continue
        if isinstance(now, Zone):
            found += [
                Change(f"{owner} {rtype}", rdatas_text(rtype, old), rdatas_text(rtype, new))
                for owner, rtype, old, new in changed_rrsets(was, now)
            ]
        elif isinstance(now, Targets):
            found += [Change(*change) for change in described(was, now)]
        else:
            found += _documents(was, now)
    return found


def _documents(was: StoreCell, now: StoreCell) -> list[Change]:
    keys = sorted({e.key for e in (*was.entries, *now.entries)})
    return [
        Change(key_text(key), document_text(was.get(key)), document_text(now.get(key)))
        for key in keys
        if was.get(key) != now.get(key)
    ]


class _Senders:
    """Who sent which message that is in flight, and when."""

    def __init__(self) -> None:
        self._sent: list[tuple[Operation[Any], str, int]] = []

    def did(self, system: System, line: Line) -> str:
        """What a step does; a delivery says whose message it is."""
        step = line.step
        if step.actor < 0 and step.operation is not None:
            sent = next((s for s in self._sent if s[0] == step.operation), None)
            whose = "a message" if sent is None else f"{sent[1]}'s message of step {sent[2]}"
            if sent is not None:
                self._sent.remove(sent)
            lost = step.result is None
            return f"{whose} {'is lost for good' if lost else 'arrives'}: {message_text(step.operation)}"
        if step.actor >= 0 and len(system.flight(step.after)) > len(system.flight(line.state)):
            operation = step.operation or system.pending(line.state, step.actor)
            assert isinstance(operation, Operation)
            self._sent.append((operation, line.who, line.number))
        return line.label if step.operation is None else did(step.operation)
