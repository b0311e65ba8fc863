"""The difference between two plans, name by name, with before and after: for `holdfast plan`, `history`, status.

Sections that both plans share, by object or by digest, are not looked into: at 427,000 names a plan that moved
three of them is compared in milliseconds.
"""

from __future__ import annotations

import msgspec

from holdfast.model.plan import Plan, Section, SectionRef
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
    old, new = _names(before, shared), _names(after, shared)
    changed = (
        NameChange(old.get(key), new.get(key))
        for key in sorted(old.keys() | new.keys())
        if old.get(key) is not new.get(key) and old.get(key) != new.get(key)
    )
    return tuple(changed)


def section_difference(before: tuple[Section, ...], after: tuple[Section, ...]) -> int:
    """How many names differ, before digests are known: sections that are the same object are skipped."""
    same = {id(s) for s in before} & {id(s) for s in after}
    old = {order(r): r for s in before if id(s) not in same for r in s.names}
    new = {order(r): r for s in after if id(s) not in same for r in s.names}
    return sum(1 for key in old.keys() | new.keys() if old.get(key) != new.get(key))


def _names(plan: Plan, shared: set[SectionRef]) -> dict[tuple[str, str], NameRecords]:
    return {
        order(records): records
        for ref, section in zip(plan.head.sections, plan.sections, strict=True)
        if ref not in shared
        for records in section.names
    }
