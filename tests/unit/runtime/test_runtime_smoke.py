"""A loop of operations runs on the production answers."""

from __future__ import annotations

from pathlib import Path

from holdfast.events.jsonl import JsonLinesSink
from holdfast.ports.clock import Idle, Rest
from holdfast.ports.disk import Load, Promote, Stage
from holdfast.ports.events import Emit, Event
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.random import NewId
from holdfast.ports.store import Commit, Committed, Entry, Get, Put
from holdfast.runtime.clock import Pacing, ProcessClock
from holdfast.runtime.disk import DirectoryDisk
from holdfast.runtime.driver import drive
from holdfast.runtime.ports import actor_answers
from holdfast.stores.memory import MemoryStore


async def _story() -> tuple[Entry | CouldNotAsk | None, bytes | None, str]:
    committed = await Commit(puts=(Put("s/a", b"1"),))
    assert isinstance(committed, Committed)
    entry = await Get("s/a")
    assert await Stage("plan", b"x") is None
    before = await Load("plan")
    assert before is None
    assert await Promote("plan") is None
    after = await Load("plan")
    assert isinstance(after, bytes)
    await Idle(Rest.TURN)
    await Emit(Event(kind="word.spoken", actor="test", text="done"))
    return entry, after, await NewId()


async def test_a_loop_reaches_store_disk_clock_sink_and_ids(tmp_path: Path) -> None:
    """Each port answers in production as its docstring says."""
    store = MemoryStore()
    sink = JsonLinesSink(tmp_path / "events", "test-1")
    clock = ProcessClock(subscribe=store.subscribe, pacing=Pacing(turn_min_s=0.0, turn_max_s=0.001))
    answers = actor_answers(store=store, clock=clock, events=sink, disk=DirectoryDisk(tmp_path / "disk"))
    entry, after, id_ = await drive(_story(), answers)
    sink.close()
    assert isinstance(entry, Entry)
    assert (entry.key, entry.value) == ("s/a", b"1")
    assert after == b"x"
    assert len(id_) == 6
    assert b'"kind":"word.spoken"' in (tmp_path / "events" / "test-1.jsonl").read_bytes()
