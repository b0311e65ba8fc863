"""TXT ownership records that an ExternalDNS left in a zone, as ownership in the store. Pure.

A name is taken over if every address record of it is marked (a mark of the old form stands for A), all by one
owner, and the rules allow the name. It is taken as it is: no answer changes. What stays behind is said, with the
reason; so are the TXT records that nothing reads any more.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from holdfast.externaldns.accepting import Accepted
from holdfast.externaldns.adjusting import LeftOut
from holdfast.externaldns.marks import Affix, mark_of, resource_of
from holdfast.externaldns.rules import Served
from holdfast.model.external import ClusterName, ClusterNames, Mark
from holdfast.model.records import RRset


class Converted(msgspec.Struct, frozen=True):
    """What a zone's marks become."""

    names: tuple[ClusterName, ...]
    marks: tuple[Mark, ...]
    left_out: tuple[LeftOut, ...]


def convert(rrsets: Iterable[RRset], rules: Served, affix: Affix, *, owner: str = "") -> Converted:
    """Marked names of a zone. Given an `owner`, only its own."""
    held: dict[str, dict[str, RRset]] = {}
    for rrset in rrsets:
        held.setdefault(rrset.name, {})[rrset.rtype] = rrset
    marks: dict[str, list[Mark]] = {}
    left: list[LeftOut] = []
    for mark in sorted(_marks(held, affix), key=lambda m: m.name):
        if owner and mark.owner != owner:
            continue
        if mark.of:
            marks.setdefault(mark.of, []).append(mark)
        else:
            left.append(LeftOut(mark.name, "TXT", "a mark without the prefix or suffix that the file gives"))
    names: list[ClusterName] = []
    kept: list[Mark] = []
    for name, found in sorted(marks.items()):
        why = _refused(name, held.get(name, {}), found, rules)
        if why:
            left.append(LeftOut(name, ",".join(sorted({m.rtype or "A" for m in found})), why))
            continue
        names.append(_name(name, held[name], found))
        kept.extend(found)
    return Converted(tuple(names), tuple(sorted(kept, key=lambda m: m.name)), tuple(left))


def _marks(held: dict[str, dict[str, RRset]], affix: Affix) -> Iterable[Mark]:
    for name, types in held.items():
        for text in types["TXT"].rdatas if "TXT" in types else ():
            mark = mark_of(name, text, affix=affix)
            if mark is not None:
                yield mark


def _refused(name: str, types: dict[str, RRset], marks: list[Mark], rules: Served) -> str:
    why = rules.refuses_name(name)
    if why:
        return why
    families = {rtype: types[rtype] for rtype in ("A", "AAAA") if rtype in types}
    if "CNAME" in types:
        return "an alias: holdfast keeps addresses"
    if not families:
        return "marked, and without an address"
    unmarked = sorted(families.keys() - {mark.rtype or "A" for mark in marks})
    if unmarked:
        return f"its {', '.join(unmarked)} is marked by nobody: somebody else's"
    owners = sorted({mark.owner for mark in marks})
    if len(owners) > 1:
        return f"marked by {' and '.join(owners)}"
    ttls = {rtype: rrset.ttl for rtype, rrset in families.items()}
    if len(set(ttls.values())) > 1:
        return f"its families differ in TTL ({', '.join(f'{t} {s} s' for t, s in ttls.items())}): make them equal"
    return ""


def _name(name: str, types: dict[str, RRset], marks: list[Mark]) -> ClusterName:
    a, aaaa = (tuple(sorted(types[rtype].rdatas)) if rtype in types else () for rtype in ("A", "AAAA"))
    ttl = next(types[rtype].ttl for rtype in ("A", "AAAA") if rtype in types)
    return ClusterName(name, ttl, a, aaaa, marks[0].owner, resource_of(marks[0]))


def onto(before: ClusterNames, found: Converted) -> Accepted:
    """The document with what was converted; names that it has already stay as they are."""
    known = {n.name for n in before.names}
    new = tuple(n for n in found.names if n.name not in known)
    marks = {m.name: m for m in found.marks if m.of not in known} | {m.name: m for m in before.marks}
    if not new:
        return Accepted(before)
    after = msgspec.structs.replace(
        before,
        revision=before.revision + 1,
        names=tuple(sorted((*before.names, *new), key=lambda n: n.name)),
        marks=tuple(marks[name] for name in sorted(marks)),
    )
    return Accepted(after, created=tuple(n.name for n in new))
