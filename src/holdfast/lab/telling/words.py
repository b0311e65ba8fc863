"""Operations, results and documents in words. Nothing here decides; what is unknown is shown as it is."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from holdfast.lab.world.targets import Turn
from holdfast.model.fence import Fence, parse_fence
from holdfast.ports.clock import Fired, Idle, Now, Rest
from holdfast.ports.disk import Promote
from holdfast.ports.dns import (
    Answer,
    Ask,
    Existence,
    Prerequisite,
    Rcode,
    Response,
    Servers,
    SetRRset,
    Transfer,
    Update,
    ZoneContent,
)
from holdfast.ports.operation import CouldNotAsk, Operation
from holdfast.ports.probe import NextResults
from holdfast.ports.store import ABSENT, Commit, Committed, Compare, Entry, Get, GetMany, Lost, Range

VALUE_MAX = 100
LISTED_MAX = 3
_HASH = re.compile(r"[0-9a-f]{32}")
_RESTS = {
    Rest.POLL: "rests until there is something to do",
    Rest.RETRY: "rests before it tries again",
    Rest.TURN: "has lost its turn, and rests for a moment",
}


def key_text(key: str) -> str:
    """A store key; hashes shortened as identities show them."""
    return _HASH.sub(lambda found: found[0][:8], key)


def document_text(value: bytes | None) -> str:
    """What a document says, in a few words."""
    if value is None:
        return "nothing"
    try:
        found = msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _short(value.decode(errors="replace"))
    if not isinstance(found, dict):
        return _short(str(found))
    return _known(found) or _short(_HASH.sub(lambda h: h[0][:8], msgspec.json.encode(found).decode()))


def _known(found: dict[str, Any]) -> str:
    """Documents that every scope has, by their fields."""
    match found:
        case {"incarnation": int(inc), "generation": int(gen), "hash": str(hash_)}:
            return f"plan {inc}.{gen}-{hash_[:8]}"
        case {"incarnation": int(inc), "generation": int(gen), "sections": list()}:
            return f"plan {inc}.{gen}, its head"
        case {"names": list(names)} if all(isinstance(n, dict) for n in names):
            return f"names {', '.join(str(n.get('name', '?')) for n in names)}"
        case {"revision": int(revision)}:
            return f"revision {revision}"
        case {"selector": _, "id": str(freeze)}:
            return f"freeze {freeze}"
        case _:
            return ""


def _short(text: str, most: int = VALUE_MAX) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."


def rdatas_text(rtype: str, rdatas: tuple[str, ...] | None) -> str:
    """An RRset's data; a fence and a serial in words."""
    if rdatas is None:
        return "nothing"
    if rtype == "SOA":
        return f"serial {rdatas[0].split()[2]}"
    if rtype == "TXT" and len(rdatas) == 1:
        fence = parse_fence(rdatas[0].strip('"'))
        if fence is not None:
            return fence_text(fence)
    return " ".join(rdatas)


def fence_text(fence: Fence) -> str:
    """A fence: which plan, which freezes, by whom."""
    frozen = "frozen altogether" if fence.freeze_all else f"frozen by {', '.join(fence.freezes)}"
    return f"fence at {fence.identity}, {frozen if fence.frozen else 'no freeze'} (by {fence.writer})"


def did(operation: Operation[Any]) -> str:
    """What an actor does with an operation, without its outcome."""
    match operation:
        case Get(key=key):
            return f"reads {key_text(key)}"
        case GetMany(keys=keys):
            return f"reads {', '.join(key_text(k) for k in keys)}"
        case Range(prefix=prefix):
            return f"lists {prefix}*"
        case Commit():
            return _commit(operation)
        case Ask(name=name, rtype=rtype, server=server):
            return f"asks {server or 'the primary'} for {name} {rtype}"
        case Transfer(zone=zone):
            return f"reads all of zone {zone}"
        case Servers(zone=zone):
            return f"asks for the name servers of {zone}"
        case Update(zone=zone, changes=()):
            return f"asks the primary of {zone} whether {'; '.join(required(p) for p in operation.prerequisites)}"
        case Update(zone=zone):
            return f"writes to zone {zone}"
        case Idle(rest=rest):
            return _RESTS[rest]
        case Fired(timers=timers):
            return f"looks whether a timer has run out ({', '.join(timers)})"
        case Promote(name=name):
            return f"saves {name} on its disk"
        case Now():
            return "looks at the clock"
        case NextResults():
            return "waits for results of probes"
        case Turn(down=down):
            return f"fate has it that {', '.join(sorted(down)) or 'no target'} is down from now on"
        case _:
            return type(operation).__name__


def _commit(commit: Commit) -> str:
    verb = "commits" if commit.puts else "deletes"
    keys = [*(p.key for p in commit.puts), *commit.deletes]
    return f"{verb} {', '.join(key_text(key) for key in keys) or 'nothing'}"


def intended(operation: Operation[Any] | None) -> tuple[str, ...]:
    """What a write is to change, one line for each key or RRset."""
    match operation:
        case Commit(puts=puts, deletes=deletes):
            written = [f"{key_text(p.key)} := {document_text(p.value)}" for p in puts]
            return (*written, *(f"delete {key_text(key)}" for key in deletes))
        case Update(changes=changes):
            return tuple(_set(c) if isinstance(c, SetRRset) else f"delete {c.name} {c.rtype}" for c in changes)
        case _:
            return ()


def _set(change: SetRRset) -> str:
    r = change.rrset
    return f"{r.name} {r.rtype} := {rdatas_text(r.rtype, r.rdatas)}"


def required(p: Prerequisite) -> str:
    """A prerequisite of an update."""
    if p.existence is Existence.RRSET_IS:
        return f"{p.name} {p.rtype} is {rdatas_text(p.rtype, p.rdatas)}"
    words = {
        Existence.RRSET_EXISTS: f"{p.name} {p.rtype} exists",
        Existence.RRSET_ABSENT: f"{p.name} {p.rtype} does not exist",
        Existence.NAME_IN_USE: f"{p.name} exists",
        Existence.NAME_ABSENT: f"{p.name} does not exist",
    }
    return words[p.existence]


def compared(compare: Compare) -> str:
    """A condition of a commit."""
    if compare.revision == ABSENT:
        return f"{key_text(compare.key)} does not exist"
    return f"{key_text(compare.key)} is as it was read (revision {compare.revision})"


def came(operation: Operation[Any] | None, result: Any) -> str:
    """How it went; empty where there is nothing to say."""
    match result:
        case CouldNotAsk(reason=reason, maybe_applied=maybe):
            return f"{reason}; it may have been applied" if maybe else reason
        case Answer(rrset=None, rcode=rcode):
            return "nothing there" if rcode is Rcode.NOERROR else f"nothing there ({rcode.value})"
        case Answer(rrset=rrset) if rrset is not None:
            return rdatas_text(rrset.rtype, rrset.rdatas)
        case Response(rcode=rcode):
            asked = isinstance(operation, Update) and not operation.changes
            if rcode is Rcode.NOERROR:
                return "yes" if asked else "applied"
            return f"no ({rcode.value})" if asked else f"refused ({rcode.value})"
        case Committed():
            return "committed"
        case Lost():
            return "refused: somebody was quicker"
        case ZoneContent(rrsets=rrsets):
            return f"{len(rrsets)} RRsets"
        case Entry(value=value):
            return document_text(value)
        case tuple() if isinstance(operation, GetMany):
            return "; ".join(document_text(None if e is None else e.value) for e in result)
        case tuple() if isinstance(operation, Range):
            return _listed(result)
        case None if isinstance(operation, Get):
            return "nothing there"
        case _:
            return ""


def _listed(entries: tuple[Entry, ...]) -> str:
    if not entries:
        return "none"
    keys = [key_text(e.key) for e in entries[:LISTED_MAX]]
    more = len(entries) - len(keys)
    return f"{', '.join(keys)}{f' and {more} more' if more else ''}"
