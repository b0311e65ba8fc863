"""The difference between two plans, name by name, with before and after: for `holdfast plan`, `history`, status.

Sections that both plans share, by object or by digest, are not looked into: at 427,000 names a plan that moved
three of them is compared in milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from holdfast.model.plan import Plan, Section
from holdfast.model.records import NameRecords
from holdfast.planner.sections import order


class NameChange(msgspec.Struct, frozen=True):
    """One name in two plans; None where a plan does not have it."""

    before: NameRecords | None
    after: NameRecords | None

    @property
    def records(self) -> NameRecords:
        """The name as the later plan that has it says."""
        records = self.after if self.after is not None else self.before
        assert records is not None, "a change has a before or an after"
        return records


def difference(before: Plan | None, after: Plan) -> tuple[NameChange, ...]:
    """Names whose records differ, sorted by (zone, name)."""
    if before is None:
        return tuple(NameChange(None, records) for section in after.sections for records in section.names)
    shared = set(before.head.sections) & set(after.head.sections)
    old, new = (
        [
            records
            for ref, section in zip(plan.head.sections, plan.sections, strict=True)
            if ref not in shared
            for records in section.names
        ]
        for plan in (before, after)
    )
    return tuple(NameChange(a, b) for a, b in _differing(old, new))


def section_difference(before: tuple[Section, ...], after: tuple[Section, ...]) -> int:
    """How many names differ, before digests are known: sections that are the same object are skipped."""
    same = {id(s) for s in before} & {id(s) for s in after}
    old = [r for s in before if id(s) not in same for r in s.names]
    new = [r for s in after if id(s) not in same for r in s.names]
    return len(_differing(old, new))


def _differing(
    old: Sequence[NameRecords], new: Sequence[NameRecords]
) -> list[tuple[NameRecords | None, NameRecords | None]]:
    """Pairs that differ, of two sorted runs. The same names in the same places need no look-up."""
    if not old:
        return [(None, r) for r in new]
    if len(old) == len(new):
        pairs = [(a, b) for a, b in zip(old, new, strict=True) if a is not b]
        if all(a.name == b.name and a.zone == b.zone for a, b in pairs):
            return [(a, b) for a, b in pairs if a != b]
    before, after = {order(r): r for r in old}, {order(r): r for r in new}
    return [
        (before.get(key), after.get(key))
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    ]
