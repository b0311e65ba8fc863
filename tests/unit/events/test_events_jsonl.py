"""The JSON-lines sink: never waits, counts what it drops, rotates, survives torn lines and a refusing disk."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from holdfast.events import jsonl
from holdfast.events.jsonl import JsonLinesSink
from holdfast.events.record import Record, parse_line, record_of, render_line
from holdfast.model.identity import Identity
from holdfast.ports.events import Event

PLAN = Identity(1, 44, "ab" * 16)


def event(text: str) -> Event:
    """An event with everything set."""
    data = (("rrsets", 2), ("recovered", False))
    return Event(
        kind="write.applied", actor="enactor-a", text=text, plan=PLAN, zone="z.test", name="a.z.test", data=data
    )


def lines(path: Path) -> list[Record]:
    """The readable records of a file."""
    found = [parse_line(line) for line in path.read_bytes().splitlines()]
    return [record for record in found if record is not None]


def test_a_line_has_all_of_the_event_and_the_stamp(tmp_path: Path) -> None:
    """Time in UTC with milliseconds, process, order, and every field of the event; format 1."""
    sink = JsonLinesSink(tmp_path, "up-1", unix_s=lambda: 1760943492.3459)
    sink.emit(event("wrote"))
    sink.close()
    line = json.loads((tmp_path / "up-1.jsonl").read_text())
    assert line == {
        "at": "2025-10-20T06:58:12.345Z",
        "process": "up-1",
        "kind": "write.applied",
        "actor": "enactor-a",
        "text": "wrote",
        "sequence": 1,
        "plan": {"incarnation": 1, "generation": 44, "hash": "ab" * 16},
        "zone": "z.test",
        "name": "a.z.test",
        "data": {"rrsets": 2, "recovered": False},
        "format": 1,
    }


def test_a_record_survives_the_file() -> None:
    """What is rendered is parsed again; other formats and garbage are None."""
    record = record_of(event("x"), unix_s=0.0, process="p", sequence=3)
    assert parse_line(render_line(record)) == record
    assert parse_line(render_line(record)[:-5]) is None
    assert parse_line(b'{"format": 2, "at": "2025-10-20T06:58:12Z"}') is None
    assert parse_line(render_line(record).replace(b'"format":1', b'"format":2')) is None
    assert parse_line(render_line(record).replace(record.at.encode(), b"yesterday")) is None
    assert parse_line(b"\xff") is None


def test_a_full_queue_drops_counts_and_reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the disk hangs, `emit` returns at once; afterwards the file says how many are missing."""
    disk_goes_on = threading.Event()
    writing = threading.Event()
    append = jsonl._RotatingFile.append

    def hang(self: jsonl._RotatingFile, some: list[bytes]) -> int:
        writing.set()
        assert disk_goes_on.wait(10)
        return append(self, some)

    monkeypatch.setattr(jsonl._RotatingFile, "append", hang)
    seen: list[Record] = []
    sink = JsonLinesSink(tmp_path, "p", queue_max=5, then=seen.append)
    sink.emit(event("first"))
    assert writing.wait(10)
    for number in range(20):
        sink.emit(event(str(number)))
    assert sink.dropped == 15
    disk_goes_on.set()
    sink.close()
    records = lines(tmp_path / "p.jsonl")
    reports = [record for record in records if record.kind == "events.dropped"]
    assert [record.data["count"] for record in reports] == [15]
    assert len(records) == 1 + 5 + 1
    assert len(seen) == 21 + 1, "a live view is told of all, and of the hole"


def test_a_refusing_disk_is_retried_and_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A directory that can't be made loses events, says so once, and is used as soon as it can be."""
    place = tmp_path / "events"
    place.write_text("in the way")
    sink = JsonLinesSink(place, "p")
    sink.emit(event("lost"))
    sink.close()
    assert sink.dropped == 1
    assert caplog.text.count("events are not written to") == 1
    place.unlink()
    again = JsonLinesSink(place, "p")
    again.emit(event("kept"))
    again.close()
    assert [record.text for record in lines(place / "p.jsonl")] == ["kept"]


def test_files_rotate_and_the_oldest_go(tmp_path: Path) -> None:
    """No file grows above the limit, only so many are kept, and what is kept is a gapless end."""
    sink = JsonLinesSink(tmp_path, "p", bytes_max=2000, files_kept=3)
    for number in range(100):
        sink.emit(event(str(number)))
    sink.close()
    files = sorted(tmp_path.glob("p*.jsonl"))
    assert len(files) == 4
    assert max(path.stat().st_size for path in files) <= 2000
    numbers = sorted(int(record.text) for path in files for record in lines(path))
    assert numbers == list(range(numbers[0], 100))


def test_a_short_write_loses_what_did_not_fit() -> None:
    """A disk that fills up in the middle: only whole lines count as written."""
    some = [b"aaaa\n", b"bbbb\n", b"cccc\n"]
    assert [jsonl._lost(some, written) for written in (15, 14, 10, 9, 5, 0)] == [0, 1, 1, 2, 2, 3]


def test_a_torn_line_does_not_swallow_the_next(tmp_path: Path) -> None:
    """After a kill in the middle of a line the next process's first event is readable."""
    whole = render_line(record_of(event("before"), unix_s=0.0, process="p", sequence=1))
    (tmp_path / "p.jsonl").write_bytes(whole + whole[:40])
    sink = JsonLinesSink(tmp_path, "p")
    sink.emit(event("after"))
    sink.close()
    assert [record.text for record in lines(tmp_path / "p.jsonl")] == ["before", "after"]


def test_a_deleted_file_is_made_again(tmp_path: Path) -> None:
    """Whoever deletes the file of a running process loses what was in it, not what comes."""
    file = jsonl._RotatingFile(tmp_path / "deep", "p", bytes_max=10_000, files_kept=2)
    assert file.append([b"first\n"]) == 0
    (tmp_path / "deep" / "p.jsonl").unlink()
    assert file.append([b"second\n"]) == 0
    file.close()
    assert (tmp_path / "deep" / "p.jsonl").read_bytes() == b"second\n"


def test_a_process_name_is_a_file_name(tmp_path: Path) -> None:
    """A name that could leave the directory, or look like a rotated file, is refused."""
    for name in ("", "../up", "a.b", "x" * 101):
        with pytest.raises(ValueError, match="process name"):
            JsonLinesSink(tmp_path, name)


def test_emitting_after_close_is_no_error(tmp_path: Path) -> None:
    """An actor that is still ending may emit: it is counted as dropped."""
    sink = JsonLinesSink(tmp_path, "p")
    sink.close()
    sink.emit(event("late"))
    sink.close()
    assert sink.dropped == 1


def test_a_faulty_observer_is_no_matter_of_the_actor(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """An exception in metrics or live view is logged; the event is written and the actor goes on."""

    def broken(record: Record) -> None:
        raise KeyError(record.kind)

    sink = JsonLinesSink(tmp_path, "p", then=broken)
    sink.emit(event("kept"))
    sink.close()
    assert [record.text for record in lines(tmp_path / "p.jsonl")] == ["kept"]
    assert "the observer failed on write.applied" in caplog.text
