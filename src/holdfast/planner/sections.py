"""How a plan's names fall into sections, and the memory that spares encoding the unchanged ones.

Boundaries follow from content alone: a section ends after a name whose checksum says so (one in `SPREAD`), or
when it would outgrow a store's request (R14). A name that comes or goes moves the boundaries of its own section
and, at a cut by size, of few after it; all others stay the same objects with the same bytes. Any two planners
cut alike, whatever they planned before.

Rejected: cutting every n names. One new name at the front would change every section.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Final

import msgspec

from holdfast.model.codec import encode
from holdfast.model.plan import Section, SectionRef
from holdfast.model.records import NameRecords

SPREAD: Final = 1024
"""Mean names in a section; a power of two."""
COST_MAX: Final = 700_000
"""Estimated bytes at which a section is cut: under etcd's 1.5 MiB and our 1 MiB a transaction, with room."""


def cost(records: NameRecords) -> int:
    """Estimated encoded bytes. Weights do not move it, so health alone never moves a boundary."""
    return (
        110
        + len(records.name)
        + len(records.zone)
        + len(records.group)
        + 48 * len(records.a)
        + 72 * len(records.aaaa)
    )


def order(records: NameRecords) -> tuple[str, str]:
    """Sort key of names in a plan."""
    return (records.zone, records.name)


def partition(names: Sequence[NameRecords], known: Iterable[Section] = ()) -> tuple[Section, ...]:
    """Cut sorted names into sections; a section equal to one in `known` is that object."""
    by_first = {order(section.names[0]): section for section in known if section.names}
    sections: list[Section] = []
    start = size = 0
    for index, records in enumerate(names):
        weight = cost(records)
        if size and size + weight > COST_MAX:
            sections.append(_intern(tuple(names[start:index]), by_first))
            start, size = index, 0
        size += weight
        if zlib.crc32(records.name.encode()) & (SPREAD - 1) == 0:
            sections.append(_intern(tuple(names[start : index + 1]), by_first))
            start, size = index + 1, 0
    if start < len(names):
        sections.append(_intern(tuple(names[start:]), by_first))
    return tuple(sections)


def _intern(names: tuple[NameRecords, ...], by_first: Mapping[tuple[str, str], Section]) -> Section:
    held = by_first.get(order(names[0]))
    return held if held is not None and held.names == names else Section(names=names)


def offsets(sections: Sequence[Section]) -> list[int]:
    """Position of each section's first name among all names."""
    return list(accumulate((len(section.names) for section in sections), initial=0))[:-1]


def replaced(sections: tuple[Section, ...], changes: Mapping[int, NameRecords]) -> tuple[Section, ...]:
    """The sections with the names at these positions replaced, as `partition` would cut the result."""
    if any(cost(old) != cost(changes[at]) for at, old in _at(sections, changes)):
        names = [records for section in sections for records in section.names]
        for at, records in changes.items():
            names[at] = records
        return partition(names, sections)
    result = list(sections)
    begins = offsets(sections)
    for index, at_here in _by_section(begins, changes).items():
        names = list(sections[index].names)
        for at in at_here:
            names[at - begins[index]] = changes[at]
        result[index] = Section(names=tuple(names))
    return tuple(result)


def _at(sections: tuple[Section, ...], positions: Iterable[int]) -> Iterable[tuple[int, NameRecords]]:
    begins = offsets(sections)
    for index, here in _by_section(begins, positions).items():
        for at in here:
            yield at, sections[index].names[at - begins[index]]


def _by_section(begins: Sequence[int], positions: Iterable[int]) -> dict[int, list[int]]:
    """Positions grouped by the section that holds them; one walk over both in order."""
    grouped: dict[int, list[int]] = {}
    index = 0
    for at in sorted(positions):
        while index + 1 < len(begins) and begins[index + 1] <= at:
            index += 1
        grouped.setdefault(index, []).append(at)
    return grouped


class Encoded(msgspec.Struct, frozen=True):
    """A section's canonical bytes and what a head says of it."""

    section: Section
    data: bytes
    ref: SectionRef


class Encoder:
    """Bytes and digests of sections, remembered by object: a pure memory, which never changes a result.

    It holds what the last `keep` named, so its size is that of one plan.
    """

    def __init__(self) -> None:
        self._held: dict[int, Encoded] = {}

    def encoded(self, section: Section) -> Encoded:
        """The section's bytes and digest."""
        held = self._held.get(id(section))
        if held is None:  # an id is only valid while we hold its object, which `Encoded.section` does
            data = encode(section)
            ref = SectionRef(digest=hashlib.sha256(data).hexdigest(), count=len(section.names))
            held = self._held[id(section)] = Encoded(section=section, data=data, ref=ref)
        return held

    def bytes_of(self, section: Section) -> bytes:
        """The section's canonical bytes."""
        return self.encoded(section).data

    def refs(self, sections: Iterable[Section]) -> tuple[SectionRef, ...]:
        """What a head says of these sections."""
        return tuple(self.encoded(section).ref for section in sections)

    def keep(self, sections: Iterable[Section]) -> None:
        """Forget all but these."""
        held = self._held
        self._held = {id(section): held[id(section)] for section in sections if id(section) in held}
