"""A run in words: who did what, how it went, and where which property broke. One line a step."""

from __future__ import annotations

from typing import Any

from holdfast.lab.engines.found import Outcome
from holdfast.lab.tape import Line, Run
from holdfast.ports.clock import Fired, Idle
from holdfast.ports.disk import Promote
from holdfast.ports.dns import (
    Answer,
    Ask,
    DeleteRRset,
    Existence,
    Prerequisite,
    Response,
    Servers,
    SetRRset,
    Transfer,
    Update,
)
from holdfast.ports.operation import CouldNotAsk, Operation
from holdfast.ports.store import Commit, Committed, Entry, Get, GetMany, Lost, Range


def tell(run: Run) -> str:
    """The whole story."""
    width = max((len(line.who) for line in run.lines), default=0)
    lines = [tell_line(line, width) for line in run.lines]
    if run.broken:
        lines.append(f"     => BROKEN: {run.broken}")
    return "\n".join(lines)


def tell_line(line: Line, width: int = 0) -> str:
    """One step, with the events that the code emitted on it below."""
    what = line.label if line.step.operation is None else _did(line.step.operation)
    how = _came(line.step.result)
    label = f" [{line.label}]" if line.label and line.step.operation is not None else ""
    text = f"{line.number:4}  {line.who:<{width}}  {what}{label}{f' -> {how}' if how else ''}"
    told = "".join(f"\n      {'':<{width}}    says: {event.text}" for event in line.events)
    return text + told


def _did(operation: Operation[Any]) -> str:
    match operation:
        case Get(key=key):
            return f"reads {key}"
        case GetMany(keys=keys):
            return f"reads {', '.join(keys)}"
        case Range(prefix=prefix):
            return f"lists {prefix}*"
        case Commit():
            return _commit(operation)
        case Ask(name=name, rtype=rtype):
            return f"asks the primary for {name} {rtype}"
        case Transfer(zone=zone):
            return f"transfers zone {zone}"
        case Servers(zone=zone):
            return f"asks for the name servers of {zone}"
        case Update():
            return _update(operation)
        case Idle(rest=rest):
            return f"rests ({rest.value})"
        case Fired(timers=timers):
            return f"looks which timers have fired ({', '.join(timers)})"
        case Promote(name=name):
            return f"renames {name}.tmp to {name} on its disk"
        case _:
            return f"{type(operation).__name__}"


def _commit(commit: Commit) -> str:
    writes = [f"put {p.key}" for p in commit.puts] + [f"delete {key}" for key in commit.deletes]
    guard = f", if {', '.join(c.key for c in commit.compares)} are as read" if commit.compares else ""
    return f"commits {', '.join(writes) or 'nothing'}{guard}"


def _update(update: Update) -> str:
    required = ", ".join(_required(p) for p in update.prerequisites)
    if not update.changes:
        return f"asks the primary whether {required}"
    changes = ", ".join(_changed(c) for c in update.changes)
    return f"sends: {changes}{f'; only if {required}' if required else ''}"


def _required(p: Prerequisite) -> str:
    if p.existence is Existence.RRSET_IS:
        return f"{p.name} {p.rtype} is {' '.join(p.rdatas)}"
    words = {
        Existence.RRSET_EXISTS: f"{p.name} {p.rtype} exists",
        Existence.RRSET_ABSENT: f"{p.name} {p.rtype} does not exist",
        Existence.NAME_IN_USE: f"{p.name} exists",
        Existence.NAME_ABSENT: f"{p.name} does not exist",
    }
    return words[p.existence]


def _changed(change: SetRRset | DeleteRRset) -> str:
    if isinstance(change, DeleteRRset):
        return f"delete {change.name} {change.rtype}"
    return f"{change.rrset.name} {change.rrset.rtype} := {' '.join(change.rrset.rdatas)}"


def _came(result: Any) -> str:
    match result:
        case None | False:
            return ""
        case True:
            return "woken by a hint"
        case CouldNotAsk(reason=reason):
            return reason
        case Answer(rrset=None, rcode=rcode):
            return f"nothing there ({rcode.value})"
        case Answer(rrset=rrset):
            assert rrset is not None
            return " ".join(rrset.rdatas)
        case Response(rcode=rcode):
            return rcode.value
        case Committed():
            return "committed"
        case Lost():
            return "lost: somebody was quicker"
        case Entry(value=value):
            return value.decode(errors="replace")[:80]
        case _:
            return ""


def report(outcome: Outcome, run: Run | None, command: str = "") -> str:
    """A search's end for people: the sentence with its bounds, the story of what broke, how to see it again."""
    parts = [outcome.sentence()]
    if run is not None:
        parts += ["", tell(run), f"     trace {run.trace}"]
    if command:
        parts += ["", f"See it again: {command}"]
    return "\n".join(parts)
