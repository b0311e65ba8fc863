"""The clusters' names in the store: one transaction for them and the configuration; retiring the deleted.

    POST /records   read both -> `accept` -> write both, by compare-and-set -> answer

    asked to delete --delete_after--> due --a batch of at most delete_share in each limits.window--> retired

A deleted name stays in the configuration, in DNS and under its checks until it is retired: an ExternalDNS that
restarts with an empty view, or a pod that is rolled, takes its deletion back at no cost (ExternalDNS issues 414,
1289, 2858). Retiring is the word that a person gave beforehand by the [external_dns] table; it stands in the words
like any other. All timers are of this process: a restart waits again. Several may run: they compare, and who comes
second starts a new window with the first one's batch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import msgspec

from holdfast.documents.reading import Document, Garbled, absent, interpret
from holdfast.externaldns.accepting import Accepted, Unacceptable, accept
from holdfast.externaldns.contract import Changes
from holdfast.externaldns.marks import Affix
from holdfast.externaldns.merging import stored_with
from holdfast.externaldns.rules import Served, served
from holdfast.model.codec import encode
from holdfast.model.configuration import ExternalDns, StoredConfiguration
from holdfast.model.directives import Directives, Word
from holdfast.model.external import ClusterName, ClusterNames
from holdfast.model.keys import Keys
from holdfast.ports.clock import ATTEMPT_MAX, Arm, Disarm, Fired, Idle, Rest
from holdfast.ports.events import Emit, Event
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.store import COMMIT_BYTES_MAX, Commit, Committed, Compare, GetMany, Lost, Put

Narrow: TypeAlias = Callable[[Served], Served]
"""What one caller may do of what the configuration lets clusters do."""
ACTOR: Final = "external-dns"
ATTEMPTS: Final = 8
"""Other writers of the configuration are people and the registrar: losing so often means that all is not well."""
WINDOW: Final = "external-dns/window/"
DUE: Final = "external-dns/due/"


class Situation(msgspec.Struct, frozen=True):
    """Both documents and the words, in one snapshot."""

    stored: Document[StoredConfiguration]
    names: Document[ClusterNames] | None
    words: Document[Directives] | None
    rules: Served

    @property
    def document(self) -> ClusterNames:
        """The clusters' names; empty when none were written."""
        return ClusterNames() if self.names is None else self.names.value


async def situation(keys: Keys) -> Situation | CouldNotAsk:
    """What the store has; `CouldNotAsk` also when it has nothing that a cluster could write to."""
    entries = await GetMany((keys.config, keys.external_dns, keys.words))
    if isinstance(entries, CouldNotAsk):
        return entries
    config, names, words = entries
    if config is None:
        return CouldNotAsk("the store has no configuration yet: apply the file")
    stored = interpret(config, StoredConfiguration)
    found = None if names is None else interpret(names, ClusterNames)
    said = None if words is None else interpret(words, Directives)
    for one in (stored, found, said):
        if isinstance(one, Garbled):
            return CouldNotAsk(f"{one.key} in the store: {one.why}")
    assert isinstance(stored, Document), "a garbled one is told above"
    rules = served(stored.value.configuration)
    if rules is None:
        return CouldNotAsk("the configuration in the store has no [external_dns]: apply the file that has it")
    assert not isinstance(found, Garbled), "told above"
    assert not isinstance(said, Garbled), "told above"
    return Situation(stored, found, said, rules)


def all_of(rules: Served) -> Served:
    """The rules as they are: for a caller who may do all that the configuration lets clusters do."""
    return rules


async def write_changes(
    keys: Keys, changes: Changes, affix: Affix, narrow: Narrow = all_of
) -> Accepted | Unacceptable | CouldNotAsk:
    """Take a batch by the rules as `narrow` leaves them, durably and in one transaction, or nothing of it."""
    return await write_accepted(keys, lambda found: accept(found.document, changes, narrow(found.rules), affix))


async def write_accepted(
    keys: Keys, decide: Callable[[Situation], Accepted | Unacceptable]
) -> Accepted | Unacceptable | CouldNotAsk:
    """Write what `decide` makes of the situation; decided again after a lost race."""
    for _ in range(ATTEMPTS):
        found = await situation(keys)
        if isinstance(found, CouldNotAsk):
            return found
        decided = decide(found)
        if isinstance(decided, Unacceptable):
            await Emit(Event("external.refused", ACTOR, decided.text))
            return decided
        written = await _commit(keys, found, decided.names)
        if isinstance(written, CouldNotAsk):
            return written
        if isinstance(written, Committed):
            await _tell(decided)
            return decided
    return CouldNotAsk(f"lost {ATTEMPTS} races for the configuration in a row")


async def _commit(
    keys: Keys, found: Situation, after: ClusterNames, words: Directives | None = None
) -> Committed | Lost | CouldNotAsk:
    """The names, what the configuration becomes by them, and words if there are some."""
    stored = stored_with(found.stored.value, after)
    if after == found.document and stored is None and words is None:
        return Committed(0)
    puts = [Put(keys.external_dns, encode(after))]
    compares = [found.stored.unchanged(), _place(keys.external_dns, found.names)]
    if stored is not None:
        puts.append(Put(keys.config, encode(stored)))
    if words is not None:
        puts.append(Put(keys.words, encode(words)))
        compares.append(_place(keys.words, found.words))
    size = sum(len(put.value) for put in puts)
    if size > COMMIT_BYTES_MAX:
        return CouldNotAsk(f"configuration and clusters' names would be {size} bytes, {COMMIT_BYTES_MAX} fit")
    result = await Commit(tuple(compares), tuple(puts))
    if isinstance(result, CouldNotAsk) and result.maybe_applied:
        again = await situation(keys)
        if isinstance(again, Situation) and again.document == after:
            return Committed(0)
    return result


def _place(key: str, found: Document[ClusterNames] | Document[Directives] | None) -> Compare:
    return absent(key) if found is None else found.unchanged()


async def _tell(accepted: Accepted) -> None:
    parts = (
        ("created", accepted.created),
        ("updated", accepted.updated),
        ("to be deleted", accepted.deleted),
    )
    text = "; ".join(f"{what}: {_few(names)}" for what, names in parts if names)
    if text:
        keys = ("created", "updated", "deleted")
        data = tuple((key, len(names)) for key, (_, names) in zip(keys, parts, strict=True))
        await Emit(Event("external.accepted", ACTOR, text, data=data))


def _few(names: tuple[str, ...], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


async def retire_loop(scope: str) -> None:
    """Retire what was asked to be deleted, when it is due and the pace allows, for ever."""
    keys = Keys(scope)
    attempt, trouble = 0, ""
    while True:
        found = await situation(keys)
        if isinstance(found, CouldNotAsk):
            if found.reason != trouble:
                await Emit(Event("external.waits", ACTOR, f"deleted names are not retired now: {found.reason}"))
            attempt, trouble = min(attempt + 1, ATTEMPT_MAX), found.reason
            await Idle(Rest.RETRY, (keys.external_dns, keys.config), attempt=attempt)
            continue
        rest = await _retire(keys, found)
        attempt = min(attempt + 1, ATTEMPT_MAX) if rest is Rest.RETRY else 0
        trouble = ""
        await Idle(rest, (keys.external_dns, keys.config), attempt=attempt)


async def _retire(keys: Keys, found: Situation) -> Rest:
    waiting = [n for n in found.document.names if n.deleted_at]
    if not waiting:
        return Rest.POLL
    policy = found.rules.policy
    for name in waiting:
        await Arm(_due(name), policy.delete_after_s)
    fired = await Fired(tuple(_due(n) for n in waiting))
    due = tuple(n for n in waiting if _due(n) in fired)
    if not due or not await _window_open(found):
        return Rest.POLL
    batch = due[: most_at_once(policy, len(found.document.names))]
    after = _without(found.document, batch)
    written = await _commit(keys, found, after, _words(found, batch))
    if isinstance(written, Lost):
        return Rest.TURN
    if isinstance(written, CouldNotAsk):
        return Rest.RETRY
    await Disarm(tuple(_due(n) for n in batch))
    await Arm(f"{WINDOW}{after.retired}", found.stored.value.configuration.limits.window_s)
    left = len(due) - len(batch)
    held = f"; {left} more wait: at most {policy.delete_share:.0%} of the names in a window" if left else ""
    names = tuple(n.name for n in batch)
    text = f"{_few(names)} retired: nothing in the cluster has asked for it for {policy.delete_after_s:g} s{held}"
    await Emit(Event("external.retired", ACTOR, text, data=(("names", len(batch)), ("left", left))))
    return Rest.POLL


async def _window_open(found: Situation) -> bool:
    """Whether the window of the last batch, whoever wrote it, is over for this process."""
    batch = found.document.retired
    if batch == 0:
        return True
    timer = f"{WINDOW}{batch}"
    await Arm(timer, found.stored.value.configuration.limits.window_s)
    return timer in await Fired((timer,))


def most_at_once(policy: ExternalDns, names: int) -> int:
    """How many names a window may retire: the share, at least one."""
    return max(1, int(policy.delete_share * names))


def _due(name: ClusterName) -> str:
    return f"{DUE}{name.name}/{name.deleted_at}"


def _without(names: ClusterNames, batch: tuple[ClusterName, ...]) -> ClusterNames:
    gone = {n.name for n in batch}
    return msgspec.structs.replace(
        names,
        revision=names.revision + 1,
        names=tuple(n for n in names.names if n.name not in gone),
        retired=names.retired + 1,
    )


def _words(found: Situation, batch: tuple[ClusterName, ...]) -> Directives:
    before = Directives() if found.words is None else found.words.value
    gone = {n.name for n in batch}
    spoken = (
        Word(n.name, f"external-dns/{n.owner or 'unknown'}", "its cluster asks for it no more") for n in batch
    )
    return msgspec.structs.replace(
        before,
        revision=before.revision + 1,
        retired=tuple(sorted((*(w for w in before.retired if w.subject not in gone), *spoken))),
        released=tuple(w for w in before.released if w.subject not in gone),
    )
