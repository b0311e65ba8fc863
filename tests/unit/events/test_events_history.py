"""Reading back: merged over processes, filtered, plans joined with their writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.events.history import Question, history, read_history
from holdfast.events.record import Record, record_of, render_line
from holdfast.model.identity import Identity
from holdfast.ports.events import Event

EIGHT = Identity(1, 8, "8" * 32)
NINE = Identity(1, 9, "9" * 32)


def record(unix_s: float, kind: str, process: str, *, plan: Identity | None = None, **fields: str) -> Record:
    """A record at a time."""
    made = Event(
        kind=kind,
        actor=fields.get("actor", process),
        text=fields.get("text", kind),
        plan=plan,
        zone=fields.get("zone", ""),
        name=fields.get("name", ""),
    )
    return record_of(made, unix_s=unix_s, process=process, sequence=int(unix_s * 1000))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """What a planner and two enactors wrote, one file torn, one rotated."""
    planner = [
        record(10.0, "plan.created", "planner", plan=EIGHT),
        record(20.0, "plan.created", "planner", plan=NINE),
    ]
    one = [
        record(10.25, "fence.raised", "one", plan=EIGHT, zone="z.test"),
        record(20.125, "fence.raised", "one", plan=NINE, zone="z.test"),
        record(20.5, "write.applied", "one", plan=NINE, zone="z.test", name="api.z.test"),
    ]
    two = [
        record(21.0, "write.refused", "two", plan=EIGHT, zone="z.test", text="api.z.test: the fence moved"),
        record(22.0, "write.applied", "two", plan=EIGHT, zone="other.test", name="api.other.test"),
    ]
    (tmp_path / "planner.jsonl").write_bytes(b"".join(map(render_line, planner)))
    (tmp_path / "one.1.jsonl").write_bytes(render_line(one[0]))
    (tmp_path / "one.jsonl").write_bytes(b"".join(map(render_line, one[1:])))
    (tmp_path / "two.jsonl").write_bytes(b"".join(map(render_line, two)) + render_line(two[0])[:30])
    return tmp_path


def kinds(place: Path, question: Question) -> list[str]:
    """Kinds of what is found."""
    return [f"{r.process} {r.kind}" for r in read_history(place, question).records]


def test_processes_merge_by_time(place: Path) -> None:
    """All files, rotated ones too, are one sequence; the torn line is counted, not an error."""
    found = read_history(place)
    assert [r.at for r in found.records] == sorted(r.at for r in found.records)
    assert len(found.records) == 7
    assert found.unreadable == 1


def test_filters(place: Path) -> None:
    """By kind or its first part, zone, name, generation, actor, time, and the latest few."""
    assert kinds(place, Question(kind="write.refused")) == ["two write.refused"]
    assert len(kinds(place, Question(kind="write"))) == 3
    assert len(kinds(place, Question(kind="wri"))) == 0
    assert kinds(place, Question(zone="other.test")) == ["two write.applied"]
    assert kinds(place, Question(name="api.z.test", kind="write")) == ["one write.applied", "two write.refused"]
    assert len(kinds(place, Question(generation=9))) == 3
    assert kinds(place, Question(actor="planner", generation=9)) == ["planner plan.created"]
    assert kinds(place, Question(since="1970-01-01T00:00:21.000Z", until="1970-01-01T00:00:21.500Z")) == [
        "two write.refused"
    ]
    assert kinds(place, Question(limit=2)) == ["two write.refused", "two write.applied"]


def test_plan_age_at_the_write(place: Path) -> None:
    """A write is joined with its plan's creation by identity, also if the filter left the creation out."""
    steps, unreadable = history(place, Question(kind="write"))
    assert [(s.record.process, s.plan_age_s, s.behind) for s in steps] == [
        ("one", 0.5, 0),
        ("two", None, None),
        ("two", 12.0, 1),
    ]
    assert unreadable == 1
    steps, _ = history(place, Question(kind="fence"))
    assert [(s.plan_age_s, s.behind) for s in steps] == [(0.25, 0), (0.125, 0)]


def test_a_write_without_its_plan(tmp_path: Path) -> None:
    """A plan that was created elsewhere has no age here, rather than a wrong one."""
    (tmp_path / "one.jsonl").write_bytes(render_line(record(5.0, "write.applied", "one", plan=NINE)))
    steps, _ = history(tmp_path)
    assert [(s.plan_age_s, s.behind) for s in steps] == [(None, None)]


def test_no_directory_is_no_history(tmp_path: Path) -> None:
    """Nothing was written yet: nothing is found."""
    assert read_history(tmp_path / "none").records == ()
