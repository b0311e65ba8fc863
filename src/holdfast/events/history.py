"""Reads back what the processes of a machine wrote: merged by time, filtered, plans joined with their writes.

Several processes write to one directory at the same time, and any may be killed in the middle of a line: a
line that can't be read is skipped and counted, never an error.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from holdfast.events.record import Record, parse_line
from holdfast.model.identity import Identity

APPLYING: Final = frozenset({"fence.raised", "write.applied"})
"""Kinds by which a plan reaches DNS."""


class Question(msgspec.Struct, frozen=True):
    """What to look for; empty fields do not filter. `since` and `until` are ISO 8601 in UTC, as `Record.at`.

    `kind` is a whole kind or the part before the dot (`write` finds `write.applied`). `name` finds what names it
    in its field or text, and what concerns no name in particular (a plan, a zone). With a name, `zone`
    leaves in what concerns no zone in particular. `limit` keeps the latest.
    """

    name: str = ""
    zone: str = ""
    generation: int | None = None
    kind: str = ""
    actor: str = ""
    since: str = ""
    until: str = ""
    limit: int = 0

    def takes(self, record: Record) -> bool:
        """Whether a record is wanted."""
        return (
            self._takes_place(record)
            and (
                self.generation is None or (record.plan is not None and record.plan.generation == self.generation)
            )
            and (not self.kind or record.kind == self.kind or record.kind.startswith(self.kind + "."))
            and (not self.actor or record.actor == self.actor)
            and (not self.since or record.at >= self.since)
            and (not self.until or record.at <= self.until)
        )

    def _takes_place(self, record: Record) -> bool:
        # Plans are of the whole scope: who asks for a name wants to see who planned it, too.
        if self.zone and record.zone != self.zone and (record.zone or not self.name):
            return False
        return not self.name or record.name in ("", self.name) or self.name in record.text


class Found(msgspec.Struct, frozen=True):
    """Records in order of time, and how many lines could not be read (torn, or of another format)."""

    records: tuple[Record, ...]
    unreadable: int


class Step(msgspec.Struct, frozen=True):
    """A record with what the others say of its plan.

    `plan_age_s`: from `plan.created` to this record; None where no creation is on record, or for kinds that do
    not write. `behind`: how many generations newer the newest plan was at that moment (R1: 0 for a quick
    enactor).
    """

    record: Record
    plan_age_s: float | None = None
    behind: int | None = None


def read_history(directory: Path, question: Question | None = None) -> Found:
    """The wanted records of all processes, merged by time; an absent directory has none."""
    question = Question() if question is None else question
    unreadable = 0
    wanted: list[Record] = []
    for record in _records(directory):
        if record is None:
            unreadable += 1
        elif question.takes(record):
            wanted.append(record)
    if question.limit:
        return Found(tuple(heapq.nlargest(question.limit, wanted, key=_order)[::-1]), unreadable)
    return Found(tuple(sorted(wanted, key=_order)), unreadable)


def join_plans(records: Iterable[Record], *, created: Iterable[Record]) -> tuple[Step, ...]:
    """Join writes with the creation of their plans by identity; both in order of time.

    `created` are the `plan.created` records (read without the filter that `records` had).
    """
    steps: list[Step] = []
    pending = [record for record in created if record.plan is not None]
    at: dict[Identity, Record] = {}
    for record in pending:
        assert record.plan is not None
        at.setdefault(record.plan, record)
    newest, passed = 0, 0
    for record in records:
        while passed < len(pending) and _order(pending[passed]) <= _order(record):
            plan = pending[passed].plan
            newest = max(newest, 0 if plan is None else plan.generation)
            passed += 1
        steps.append(_step(record, at, newest))
    return tuple(steps)


def history(directory: Path, question: Question | None = None) -> tuple[tuple[Step, ...], int]:
    """What `holdfast history` shows: steps, and the number of unreadable lines."""
    found = read_history(directory, question)
    created = read_history(directory, Question(kind="plan.created")).records
    return join_plans(found.records, created=created), found.unreadable


def _step(record: Record, created: dict[Identity, Record], newest: int) -> Step:
    if record.kind not in APPLYING or record.plan is None:
        return Step(record)
    behind = max(0, newest - record.plan.generation) if newest else None
    birth = created.get(record.plan)
    if birth is None:
        return Step(record, behind=behind)
    return Step(record, plan_age_s=(record.when() - birth.when()).total_seconds(), behind=behind)


def _order(record: Record) -> tuple[str, str, int]:
    return record.at, record.process, record.sequence


def _records(directory: Path) -> Iterator[Record | None]:
    """Every line of every file; None for one that can't be read."""
    for path in sorted(directory.glob("*.jsonl")):
        try:
            with path.open("rb") as file:
                for line in file:
                    if line.strip():
                        yield parse_line(line)
        except FileNotFoundError:
            continue  # Rotated away between the listing and the reading.
