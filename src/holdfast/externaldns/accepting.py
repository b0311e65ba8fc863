"""A batch of changes onto the document of clusters' names: all of it, or nothing. Pure.

    change                 name in the document           becomes
    create, update new     absent, or asked to delete     present with these addresses
    create                 the same                       as it is (a batch that comes twice is no error)
    create                 other addresses                refused: stale, the cluster looks again
    update                 what `updateOld` says, or new  present with `updateNew`
    delete                 absent                         as it is
    delete                 what it says                   deletion asked for; retired later (`writing`)
    delete, update         other addresses                refused: stale
    any                    another cluster's              refused: its owner writes it

A stale batch is answered with a status that ExternalDNS retries after it has read the records again.
"""

from __future__ import annotations

import msgspec

from holdfast.externaldns.contract import Changes, Endpoint
from holdfast.externaldns.marks import OWNED_RECORD, Affix, mark_of
from holdfast.externaldns.rules import Served, addresses_of, is_mark, name_of, refused
from holdfast.model.external import ClusterName, ClusterNames, Mark


class Unacceptable(msgspec.Struct, frozen=True):
    """Nothing of the batch was taken. `retry`: the next look at the records puts it right."""

    text: str
    retry: bool


class Accepted(msgspec.Struct, frozen=True):
    """The document as it becomes; equal to what it was when the batch changes nothing."""

    names: ClusterNames
    created: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()


class _Stop(Exception):
    def __init__(self, text: str, *, retry: bool = False) -> None:
        super().__init__(text)
        self.retry = retry


def accept(before: ClusterNames, changes: Changes, rules: Served, affix: Affix) -> Accepted | Unacceptable:
    """The table at the top."""
    batch = _Batch(before, rules, affix)
    try:
        batch.take(changes)
    except _Stop as stop:
        return Unacceptable(str(stop), stop.retry)
    return batch.result()


class _Batch:
    def __init__(self, before: ClusterNames, rules: Served, affix: Affix) -> None:
        self.before, self.rules, self.affix = before, rules, affix
        self.names = {n.name: n for n in before.names}
        self.marks = {m.name: m for m in before.marks}

    def take(self, changes: Changes) -> None:
        for new in changes.create or ():
            self._put(new, None)
        # Pairs are found by what they are about: a place in a list says less.
        by_key = {_key(old): old for old in changes.update_old or ()}
        for new in changes.update_new or ():
            self._put(new, by_key.get(_key(new), Endpoint()))
        # Families that a batch moves (A goes, AAAA comes) are put first, so that the name is not empty between.
        for gone in changes.delete or ():
            self._delete(gone)

    def _put(self, new: Endpoint, old: Endpoint | None) -> None:
        if is_mark(new):
            self._mark(new)
            return
        why = refused(new, self.rules)
        if why:
            raise _Stop(f"{_shown(new)} is {why}")
        name, addresses = name_of(new), addresses_of(new)
        held = self._held(name, new)
        has = () if held.deleted_at else _family(held, new.record_type)
        said = () if old is None else addresses_of(_as(old, new.record_type))
        if has and has != addresses and (old is None or (said and said != has)):
            raise _Stop(f"{_shown(new)} has {', '.join(has)} now: the batch rests on older records", retry=True)
        kept = ClusterName(name=name, ttl=0) if held.deleted_at else held
        ttl = new.record_ttl or (0 if held.deleted_at else held.ttl) or self.rules.policy.ttl
        self.names[name] = msgspec.structs.replace(
            _with_family(kept, new.record_type, addresses),
            ttl=ttl,
            owner=new.label("owner") or held.owner,
            resource=new.label("resource") or held.resource,
        )

    def _delete(self, gone: Endpoint) -> None:
        if gone.record_type == "TXT":
            # The mark's text may have changed with the version of ExternalDNS: its name is what it is known by.
            self.marks.pop(name_of(gone), None)
            return
        why = refused(gone, self.rules, addresses=False)
        if why:
            raise _Stop(f"{_shown(gone)} is {why}")
        name = name_of(gone)
        if name not in self.names or self.names[name].deleted_at:
            return
        held = self._held(name, gone)
        has, said = _family(held, gone.record_type), addresses_of(gone)
        if has and said and has != said:
            raise _Stop(f"{_shown(gone)} has {', '.join(has)} now: the batch rests on older records", retry=True)
        without = _with_family(held, gone.record_type, ())
        if without.a or without.aaaa:
            self.names[name] = without
        elif has:
            self.names[name] = msgspec.structs.replace(held, deleted_at=self.before.revision + 1)

    def _mark(self, new: Endpoint) -> None:
        name = name_of(new)
        of = new.label(OWNED_RECORD).lower().removesuffix(".")
        mark = mark_of(name, new.values[0], ttl=new.record_ttl, affix=self.affix, of=of)
        why = self.rules.refuses_name(mark.of or name) if mark is not None else "no mark of ExternalDNS"
        if mark is None or why:
            raise _Stop(f"{_shown(new)} is {why}")
        self.marks[name] = mark

    def _held(self, name: str, new: Endpoint) -> ClusterName:
        held = self.names.get(name, ClusterName(name=name, ttl=0))
        owner = new.label("owner")
        if owner and held.owner and owner != held.owner and not held.deleted_at:
            raise _Stop(f"{name} is owned by {held.owner}, not by {owner}", retry=True)
        return held

    def result(self) -> Accepted:
        was = {n.name: n for n in self.before.present}
        now = {n.name: n for n in self.names.values() if not n.deleted_at}
        names = tuple(self.names[name] for name in sorted(self.names))
        marks: tuple[Mark, ...] = tuple(self.marks[name] for name in sorted(self.marks))
        after = msgspec.structs.replace(self.before, names=names, marks=marks)
        if after != self.before:
            after = msgspec.structs.replace(after, revision=self.before.revision + 1)
        return Accepted(
            after,
            created=tuple(sorted(now.keys() - was.keys())),
            updated=tuple(sorted(name for name in now.keys() & was.keys() if now[name] != was[name])),
            deleted=tuple(sorted(was.keys() - now.keys())),
        )


def _key(endpoint: Endpoint) -> tuple[str, str]:
    return name_of(endpoint), endpoint.record_type


def _as(endpoint: Endpoint, rtype: str) -> Endpoint:
    return msgspec.structs.replace(endpoint, record_type=rtype)


def _shown(endpoint: Endpoint) -> str:
    name = "".join(c if c.isprintable() else "?" for c in endpoint.dns_name[:253])
    return f"{name or '(no name)'} {endpoint.record_type[:16]}".rstrip()


def _family(name: ClusterName, rtype: str) -> tuple[str, ...]:
    return name.a if rtype == "A" else name.aaaa


def _with_family(name: ClusterName, rtype: str, addresses: tuple[str, ...]) -> ClusterName:
    if rtype == "A":
        return msgspec.structs.replace(name, a=addresses)
    return msgspec.structs.replace(name, aaaa=addresses)
