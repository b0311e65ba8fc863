"""R10: bringing a file's configuration into the store, by compare-and-set on what this file was last applied as.

    store empty                                  -> Applied (created)
    store has the very content                   -> Unchanged (and from now on it is this file's)
    store has the revision this file made        -> Applied (replaced)
    store has anything else                      -> NotMine: somebody applied another file, or by force
    somebody was quicker between read and write  -> NotMine, with what they wrote

Rejected: the newest file wins. A machine that was away for a week and starts again holds an old file; it would
put last week's configuration under a newer number (2025, one room to the left).
"""

from __future__ import annotations

import hashlib
from typing import TypeAlias

import msgspec

from holdfast.config import names
from holdfast.config.difference import Change, describe
from holdfast.documents.configuration import replace_configuration
from holdfast.documents.reading import Document, Garbled, interpret
from holdfast.model.codec import Unreadable, decode, encode
from holdfast.model.configuration import (
    Configuration,
    EndpointConfig,
    ExternalDns,
    GroupConfig,
    StoredConfiguration,
    target_key,
)
from holdfast.model.directives import Directives
from holdfast.model.keys import Keys
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.store import Committed, Entry, GetMany, Lost


class LastApplied(msgspec.Struct, frozen=True):
    """What a file became when it was applied: a revision of the document, in one history of the store.

    `incarnation` is 0 when the store had none yet (the first plan brings it); the digest then tells a revision
    of this file from one of the same number in a store that was lost and begun again.
    """

    incarnation: int
    revision: int
    digest: str


class Applied(msgspec.Struct, frozen=True):
    """The store has this file's configuration now. `last` is to be remembered."""

    last: LastApplied
    changes: tuple[Change, ...]


class Unchanged(msgspec.Struct, frozen=True):
    """The store had it already. `last` is to be remembered."""

    last: LastApplied


class NotMine(msgspec.Struct, frozen=True):
    """The store has another configuration than this file was last applied as: run that one, and say so.

    `changes` are what applying by force would change; `configuration` is the store's.
    """

    origin: str
    revision: int
    changes: tuple[Change, ...]
    configuration: Configuration

    def __str__(self) -> str:
        return (
            f"the store has revision {self.revision} from {self.origin}, not what this file was last applied as;"
            f" it stays in force ({len(self.changes)} differences; `apply --force` replaces it)"
        )


class BadWord(msgspec.Struct, frozen=True):
    """`--remove-target` names something that this file does not remove."""

    text: str


ApplyResult: TypeAlias = Applied | Unchanged | NotMine | BadWord | Garbled | CouldNotAsk


class _Situation(msgspec.Struct, frozen=True):
    incarnation: int
    current: Document[StoredConfiguration] | None
    drained: frozenset[str]


def with_members(configuration: Configuration, before: StoredConfiguration | None) -> Configuration:
    """A file's configuration with the members that joined by lease, as the store has them: no file names them."""
    if before is None or not any(group.role for group in configuration.groups):
        return configuration
    known = {(g.name, g.role): g.targets for g in before.configuration.groups if g.role}
    groups = tuple(
        msgspec.structs.replace(g, targets=known.get((g.name, g.role), ())) if g.role else g
        for g in configuration.groups
    )
    return msgspec.structs.replace(configuration, groups=groups)


def with_brought(configuration: Configuration, before: StoredConfiguration | None) -> Configuration:
    """A file's configuration with all that the store has and no file names: members by lease, clusters' names."""
    configuration = with_members(configuration, before)
    policy = configuration.external_dns
    if before is None or policy is None:
        return configuration
    own = {e.name for e in configuration.endpoints} | {g.name for g in configuration.groups}
    zones = sorted((z.name for z in configuration.zones), key=len, reverse=True)
    kept: list[EndpointConfig] = []
    for e in before.configuration.endpoints:
        zone = next((z for z in zones if names.within(e.name, z)), "")
        served = zone and any(names.within(e.name, domain) for domain in policy.domains)
        if e.source and served and not {e.name, e.group} & own:
            kept.append(msgspec.structs.replace(e, zone=zone))
    used = {e.group for e in kept}
    groups = tuple(with_policy(g, policy) for g in before.configuration.groups if g.source and g.name in used)
    return msgspec.structs.replace(
        configuration,
        endpoints=tuple(sorted((*configuration.endpoints, *kept), key=lambda e: (e.name, e.zone))),
        groups=tuple(sorted((*configuration.groups, *groups), key=lambda g: g.name)),
    )


def with_policy(group: GroupConfig, policy: ExternalDns) -> GroupConfig:
    """A cluster's group as the file has such groups kept."""
    return msgspec.structs.replace(
        group, check=policy.check, floor_share=policy.floor_share, fail_open_share=policy.fail_open_share
    )


def digest(configuration: Configuration) -> str:
    """SHA-256 of the canonical bytes."""
    return hashlib.sha256(encode(configuration)).hexdigest()


async def apply(
    keys: Keys,
    configuration: Configuration,
    *,
    origin: str,
    last_applied: LastApplied | None,
    force: bool = False,
    remove_targets: tuple[str, ...] = (),
) -> ApplyResult:
    """Put a configuration into the store if the store's is the one that this file was last applied as (R10).

    `remove_targets` are target keys that a person takes out by word: exempt from velocity (R11), as are targets
    that were drained before. After `CouldNotAsk(maybe_applied=True)` apply again: it says `Unchanged` if it did.
    """
    assert configuration.scope == keys.scope, "a configuration lies under its own scope"
    found = await _situation(keys)
    if isinstance(found, (Garbled, CouldNotAsk)):
        return found
    before = None if found.current is None else found.current.value
    said = digest(configuration)
    configuration = with_brought(configuration, before)
    removed = _removed(before, configuration, remove_targets, found.drained)
    if isinstance(removed, BadWord):
        return removed
    if before is not None and before.configuration == configuration:
        return Unchanged(LastApplied(found.incarnation, before.of_file, before.digest))
    if before is not None and not force and not _mine(before, found.incarnation, last_applied):
        return _not_mine(before, configuration, removed)
    stored = _stored(before, configuration, said, origin, last_applied, removed)
    written = await replace_configuration(keys, stored, found.current)
    if isinstance(written, Committed):
        before_configuration = None if before is None else before.configuration
        return Applied(
            LastApplied(found.incarnation, stored.revision, stored.digest),
            describe(before_configuration, configuration, by_word=removed),
        )
    if isinstance(written, Lost):
        return _lost(written.current[0], keys, configuration, removed)
    return written


async def preview(
    keys: Keys, configuration: Configuration, *, remove_targets: tuple[str, ...] = ()
) -> tuple[Change, ...] | BadWord | Garbled | CouldNotAsk:
    """What an apply would change, without applying."""
    found = await _situation(keys)
    if isinstance(found, (Garbled, CouldNotAsk)):
        return found
    before = None if found.current is None else found.current.value
    configuration = with_brought(configuration, before)
    removed = _removed(before, configuration, remove_targets, found.drained)
    if isinstance(removed, BadWord):
        return removed
    return describe(None if before is None else before.configuration, configuration, by_word=removed)


async def _situation(keys: Keys) -> _Situation | Garbled | CouldNotAsk:
    """Incarnation, configuration and words in one snapshot."""
    entries = await GetMany((keys.incarnation, keys.config, keys.words))
    if isinstance(entries, CouldNotAsk):
        return entries
    incarnation_entry, config_entry, words_entry = entries
    incarnation = _integer(incarnation_entry)
    if isinstance(incarnation, Garbled):
        return incarnation
    current = None if config_entry is None else interpret(config_entry, StoredConfiguration)
    if isinstance(current, Garbled):
        return current
    words = None if words_entry is None else interpret(words_entry, Directives)
    # Words that can't be read exempt nothing: what leaves is charged, which is the careful side.
    drained = words.value.drained if isinstance(words, Document) else ()
    return _Situation(incarnation, current, frozenset(word.subject for word in drained))


def _integer(entry: Entry | None) -> int | Garbled:
    if entry is None:
        return 0
    try:
        return decode(entry.value, int)
    except Unreadable as error:
        return Garbled(entry.key, str(error))


def _mine(current: StoredConfiguration, incarnation: int, last: LastApplied | None) -> bool:
    return (
        last is not None
        and last.incarnation in (0, incarnation)
        and (last.revision, last.digest) == (current.of_file, current.digest)
    )


def _targets(configuration: Configuration) -> dict[str, tuple[str, ...]]:
    """Addresses of each target by its key."""
    return {
        target_key(group.name, target.name): tuple(address for address in (target.a, target.aaaa) if address)
        for group in configuration.groups
        for target in group.targets
    }


def _removed(
    before: StoredConfiguration | None,
    after: Configuration,
    remove_targets: tuple[str, ...],
    drained: frozenset[str],
) -> frozenset[str] | BadWord:
    """Target keys that leave by word."""
    old = {} if before is None else _targets(before.configuration)
    new = _targets(after)
    gone = old.keys() - new.keys()
    for key in remove_targets:
        if key in new:
            return BadWord(f"--remove-target {key}: the file still has this target; take it out of the file first")
        if before is not None and key not in old and key not in before.removed_by_word:
            return BadWord(f"--remove-target {key}: the store's configuration has no such target")
    return frozenset(gone & (drained | set(remove_targets)))


def _stored(
    before: StoredConfiguration | None,
    configuration: Configuration,
    said: str,
    origin: str,
    last_applied: LastApplied | None,
    removed: frozenset[str],
) -> StoredConfiguration:
    old = {} if before is None else _targets(before.configuration)
    named = {address for addresses in _targets(configuration).values() for address in addresses}
    addresses = {address for key in removed for address in old[key]} - named
    # Also above what this file became in a history of the store that is gone: a plan adopted from there names it.
    highest = max(0 if before is None else before.revision, 0 if last_applied is None else last_applied.revision)
    return StoredConfiguration(
        revision=highest + 1,
        origin=origin,
        digest=said,
        configuration=configuration,
        removed_by_word=tuple(sorted(removed)),
        removed_addresses=tuple(sorted(addresses)),
    )


def _not_mine(before: StoredConfiguration, after: Configuration, removed: frozenset[str]) -> NotMine:
    return NotMine(
        origin=before.origin,
        revision=before.revision,
        changes=describe(before.configuration, after, by_word=removed),
        configuration=before.configuration,
    )


def _lost(entry: Entry | None, keys: Keys, after: Configuration, removed: frozenset[str]) -> ApplyResult:
    """Somebody else wrote between our read and our write."""
    if entry is None:
        return CouldNotAsk(f"{keys.config} was deleted meanwhile; apply again")
    winner = interpret(entry, StoredConfiguration)
    return winner if isinstance(winner, Garbled) else _not_mine(winner.value, after, removed)
