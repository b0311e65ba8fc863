"""What applying a configuration would change, in words: above all what would *not* happen at once.

A name that vanishes is kept (decision 7); a target that vanishes is capacity that leaves, so it is charged to
the velocity limit unless a person took it out by word (R11). Both surprise people, so both are said before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import msgspec

from holdfast.model.configuration import (
    Configuration,
    EndpointConfig,
    GroupConfig,
    TargetConfig,
    target_key,
)

S = TypeVar("S", bound=msgspec.Struct)


class Change(msgspec.Struct, frozen=True, order=True):
    """One change: `kind` for programs, `subject` is what changes, `text` is for people."""

    kind: str
    subject: str
    text: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.text}"


def describe(
    before: Configuration | None, after: Configuration, *, by_word: frozenset[str] = frozenset()
) -> tuple[Change, ...]:
    """Changes from one configuration to another; `by_word` are target keys taken out by an explicit word."""
    if before is None:
        count = f"{len(after.endpoints)} names, {sum(len(g.targets) for g in after.groups)} targets"
        return (Change("first", after.scope, f"the store is empty: {count} would be taken over"),)
    return (
        *_scope(before, after),
        *_endpoints(before, after),
        *_groups(before, after, by_word),
        *_listed("zone", before.zones, after.zones),
        *_listed("prober", before.probers, after.probers),
    )


def text(changes: tuple[Change, ...]) -> str:
    """One line a change."""
    return "\n".join(f"  {c}" for c in changes) or "  nothing"


def _fields(before: S, after: S, *, but: tuple[str, ...] = ()) -> str:
    """`ttl 30 -> 60, group a -> b`: the fields that differ."""
    names = (f for f in before.__struct_fields__ if f not in but)
    pairs = ((name, getattr(before, name), getattr(after, name)) for name in names)
    return ", ".join(f"{name} {_shown(old)} -> {_shown(new)}" for name, old, new in pairs if old != new)


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return "+".join(str(v) for v in value) or "none"
    return str(getattr(value, "value", value)) or '""'


def _scope(before: Configuration, after: Configuration) -> Iterator[Change]:
    if before.mode is not after.mode:
        yield Change("mode", after.scope, f"mode {before.mode.value} -> {after.mode.value}")
    if before.allowed_prefixes != after.allowed_prefixes:
        gone = ", ".join(sorted(set(before.allowed_prefixes) - set(after.allowed_prefixes))) or "none"
        come = ", ".join(sorted(set(after.allowed_prefixes) - set(before.allowed_prefixes))) or "none"
        yield Change("prefixes", after.scope, f"allowed_prefixes: {come} added, {gone} removed")
    if before.limits != after.limits:
        yield Change("limits", after.scope, f"limits: {_fields(before.limits, after.limits)}")
    old, new = before.external_dns, after.external_dns
    if old != new:
        what = _fields(old, new, but=("check",)) if old is not None and new is not None else ""
        said = what or ("changed" if old is not None and new is not None else "begun" if old is None else "ended")
        yield Change("external-dns", after.scope, f"names from clusters: {said}")


def _endpoints(before: Configuration, after: Configuration) -> Iterator[Change]:
    old, new = ({(e.zone, e.name): e for e in c.endpoints} for c in (before, after))
    for key in sorted(old.keys() | new.keys()):
        yield from _endpoint(old.get(key), new.get(key))


def _endpoint(old: EndpointConfig | None, new: EndpointConfig | None) -> Iterator[Change]:
    if old is None and new is not None:
        yield Change("name-added", new.name, f"becomes managed, with group {new.group} and TTL {new.ttl}")
    elif new is None and old is not None:
        yield Change(
            "name-orphaned",
            old.name,
            "is orphaned: it stays in DNS exactly as it is until `retire` removes it or `release` lets go of it",
        )
    elif old is not None and new is not None and old != new:
        yield Change("name-changed", new.name, _fields(old, new))


def _groups(before: Configuration, after: Configuration, by_word: frozenset[str]) -> Iterator[Change]:
    old, new = ({g.name: g for g in c.groups} for c in (before, after))
    for name in sorted(old.keys() | new.keys()):
        was, now = old.get(name), new.get(name)
        if was is None and now is not None:
            yield Change("group-added", name, f"group of {len(now.targets)} targets is added")
        elif was is not None and now is None:
            yield Change("group-removed", name, "group is removed; names that used it keep what they have or move")
        elif was is not None and now is not None:
            yield from _group(was, now, by_word)


def _group(old: GroupConfig, new: GroupConfig, by_word: frozenset[str]) -> Iterator[Change]:
    changed = _fields(old, new, but=("targets", "check"))
    if changed:
        yield Change("group-changed", new.name, changed)
    if old.check != new.check:
        yield Change("check", new.name, f"check: {_fields(old.check, new.check)}")
    was, now = ({t.name: t for t in g.targets} for g in (old, new))
    for name in sorted(was.keys() | now.keys()):
        key = target_key(new.name, name)
        yield from _target(key, was.get(name), now.get(name), key in by_word)


def _target(key: str, old: TargetConfig | None, new: TargetConfig | None, by_word: bool) -> Iterator[Change]:
    if old is None and new is not None:
        yield Change("target-added", key, f"is added with weight {new.weight}; it serves once it is healthy")
    elif new is None and old is not None and by_word:
        yield Change("target-removed", key, f"is removed by word: {old.weight} of capacity leaves at once")
    elif new is None and old is not None:
        yield Change(
            "target-removed",
            key,
            f"is removed without a word: {old.weight} of capacity leaves within the velocity limit"
            f" (`drain {key}` first, or --remove-target {key}, exempts it)",
        )
    elif old is not None and new is not None and old != new:
        charged = " (the decrease is charged to the velocity limit)" if new.weight < old.weight else ""
        moved = (old.a, old.aaaa) != (new.a, new.aaaa)
        added = " (the new address is added before the old one leaves)" if moved else ""
        yield Change("target-changed", key, f"{_fields(old, new)}{charged}{added}")


def _listed(kind: str, before: tuple[S, ...], after: tuple[S, ...]) -> Iterator[Change]:
    old: dict[str, S] = {str(getattr(item, "name", "")): item for item in before}
    new: dict[str, S] = {str(getattr(item, "name", "")): item for item in after}
    for name in sorted(old.keys() | new.keys()):
        if name not in new:
            yield Change(f"{kind}-removed", name, f"{kind} is removed")
        elif name not in old:
            yield Change(f"{kind}-added", name, f"{kind} is added")
        elif old[name] != new[name]:
            yield Change(f"{kind}-changed", name, _fields(old[name], new[name]))
