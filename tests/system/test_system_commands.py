"""Commands beside a running `up`: status, plan, history, check, and every word of a person, refused ones too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from quickstart_world import ADDRESSES, NAME, TARGETS, Quickstart, quickstart

from servers.process import HOST


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Quickstart]:
    """One running quickstart for all tests of this file; each leaves it as it found it."""
    with quickstart(tmp_path_factory.mktemp("commands")) as made:
        made.demo_up()
        yield made


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Quickstart]:
    """A quickstart that nothing runs in."""
    with quickstart(tmp_path) as made:
        yield made


def as_json(world: Quickstart, *command: str) -> Any:
    """A command's one JSON document."""
    return msgspec.json.decode(world.ok(*command, "--format", "json"))


def refused(world: Quickstart, *command: str) -> str:
    """What a refused word says: exit 3, one line."""
    said = world.run(*command)
    assert said.code == 3, said
    assert said.err.startswith("holdfast: ")
    assert len(said.err.splitlines()) == 1, said
    return said.err


def test_status_shows_what_dns_and_store_show(world: Quickstart) -> None:
    """Text and JSON agree: the plan, the zone's fence at it, the name's addresses, three enactors."""
    status = as_json(world, "status")
    assert status["scope"] == "quickstart"
    assert status["store"] == "answers"
    assert status["zones"][0]["fence"] == status["plan"]
    assert set(status["names"][0]["served"]) == set(ADDRESSES)
    assert [e["enactor"] for e in status["enactors"]] == ["enactor-a", "enactor-b", "enactor-c"]
    assert status["unhealthy"] == []
    text = world.ok("status")
    assert "scope quickstart   mode enforce   store answers" in text
    assert all(f"enactor enactor-{x}: plan " in text for x in "abc")
    assert all(address in text for address in ADDRESSES)


def test_plan_has_no_difference_once_converged(world: Quickstart) -> None:
    """`--detailed-exitcode` is 0 then, in both formats."""
    assert "0 names differ from what DNS serves" in world.ok("plan", "--detailed-exitcode")
    plan = as_json(world, "plan", "--detailed-exitcode")
    assert plan["changes"] == []
    assert plan["plan"]["generation"] >= 1


def test_history_tells_who_applied_what_and_how_old_it_was(world: Quickstart) -> None:
    """Creation and write of generation 1, with the plan's age at the write; filters keep to what was asked."""
    text = world.ok("history", NAME, "--generation", "1")
    assert re.search(r"plan\.created +\[1\.1-", text)
    assert re.search(r"write\.applied +\[1\.1-.*\(plan \d+\.\d{3} s old at the write\)", text)
    steps = as_json(world, "history", "--kind", "write")
    assert steps
    assert {step["record"]["kind"].split(".")[0] for step in steps} == {"write"}
    assert steps[0]["plan_age_s"] >= 0
    assert "no events fit" in world.ok("history", "--generation", "999")


def test_check_says_what_would_be_managed(world: Quickstart) -> None:
    """Text names scope, zone and name; JSON is the list of findings, all warnings for a good file."""
    text = world.ok("check", world.file.name)
    assert "scope quickstart, mode enforce" in text
    assert f"{NAME} ttl 5: 4 targets under 2 zone labels" in text
    assert all(p["severity"] == "warning" for p in as_json(world, "check", world.file.name)["problems"])


def test_check_of_a_wrong_file_in_json(alone: Quickstart) -> None:
    """Exit 65, and each finding carries its line for programs."""
    alone.file.write_text(alone.text().replace("rise = 2", "rise = 0"))
    said = alone.run("check", alone.file.name, "--format", "json")
    assert said.code == 65
    found = msgspec.json.decode(said.out)["problems"]
    line = next(i for i, text in enumerate(alone.file.read_text().splitlines(), start=1) if text == "rise = 0")
    assert [p["line"] for p in found if p["severity"] == "error"] == [line]


def test_drain_and_undrain_move_the_name(world: Quickstart) -> None:
    """Out by word, shown by status with the reason, said twice changes nothing; undrain brings it back."""
    assert "drain 127.0.0.13: kernel upgrade" in world.ok("drain", "127.0.0.13", "--reason", "kernel upgrade")
    world.until_answers("127.0.0.11", "127.0.0.12", "127.0.0.14")
    status = world.ok("status")
    assert re.search(rf"drained {NAME}/right-1 by \S+: kernel upgrade", status)
    assert as_json(world, "status")["directives"]["drained"][0]["reason"] == "kernel upgrade"
    assert "undrain right-1" in world.ok("undrain", "right-1")
    world.until_answers(*ADDRESSES)
    assert "drained" not in world.ok("status")
    assert "word.spoken" in world.ok("history", "--kind", "word")


def test_draining_everything_never_empties_the_name(world: Quickstart) -> None:
    """I2, R12: the word takes targets out one after the other, and the last one stays."""
    for target in TARGETS:
        world.ok("drain", target, "--reason", "all of them")
    world.until(lambda: len(world.answer()) == 1, "one address is left")
    world.steady(0.5, lambda answer: len(answer) == 1)
    for target in TARGETS:
        world.ok("undrain", target)
    world.until_answers(*ADDRESSES)


def test_rollback_holds_an_older_generation_until_resume(world: Quickstart) -> None:
    """R13: the old content as a new, higher generation; a drain waits for `resume`, and then counts."""
    before = as_json(world, "status")["plan"]["generation"]
    world.ok("drain", "left-1", "--reason", "to have something to roll back")
    world.until_answers(*ADDRESSES[1:])
    world.ok("rollback", str(before), "--reason", "it was better before")
    world.until_answers(*ADDRESSES)
    status = world.ok("status")
    assert f"rollback to generation {before} by" in status
    assert "it was better before (`holdfast resume` ends it)" in status
    assert as_json(world, "status")["plan"]["generation"] > before + 1
    world.ok("resume")
    world.until_answers(*ADDRESSES[1:])
    world.ok("undrain", "left-1")
    world.until_answers(*ADDRESSES)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("drain", "left-9", "--reason", "x"), "there is no target left-9; did you mean"),
        (("undrain", "left-1"), "is not drained; drained: nothing"),
        (("rollback", "0", "--reason", "x"), "no generation 0"),
        (("resume",), "no rollback is in force"),
        (("retire", NAME, "--reason", "x"), f"{NAME} is still in the configuration"),
        (("release", NAME, "--reason", "x"), f"{NAME} is still in the configuration"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_words_that_make_no_sense_are_refused(world: Quickstart, command: tuple[str, ...], words: str) -> None:
    """Exit 3 and one line that says why; the words stay as they were."""
    before = as_json(world, "status")["directives"]
    assert words in refused(world, *command)
    assert as_json(world, "status")["directives"] == before


def test_freeze_and_thaw(world: Quickstart) -> None:
    """A freeze is in every fence and in the status until it is thawed; a mistyped id ends nothing and says so."""
    said = world.ok("freeze", "scope", "--reason", "drill")
    assert "acknowledged by 1 of 1 zones" in said
    (frozen,) = as_json(world, "status")["freezes"]
    id_ = frozen["id"]
    assert as_json(world, "status")["zones"][0]["freezes"] == [id_]
    text = refused(world, "thaw", "nosuch", "--yes")
    assert f"there is no freeze nosuch; in force: {id_}" in text
    assert as_json(world, "status")["zones"][0]["freezes"] == [id_]
    assert "thawed" in world.ok("thaw", id_, "--yes")
    assert as_json(world, "status")["freezes"] == []
    assert as_json(world, "status")["zones"][0]["freezes"] == []
    assert "in force: none" in refused(world, "thaw", id_, "--yes")


@pytest.mark.parametrize("word", ["retire", "release"])
def test_a_name_gone_from_the_file_is_kept_until_a_word(alone: Quickstart, word: str) -> None:
    """Orphaned and kept; `retire` removes it from DNS, `release` lets go of it and its data stay."""
    keep = alone.text().replace("[[prober]]", OTHER.format(port=alone.backend_port) + "[[prober]]", 1)
    alone.file.write_text(keep)
    alone.demo_up()
    alone.until(lambda: alone.answer("old.quickstart.test"), "the second name is served")
    alone.file.write_text(alone.text())
    alone.until_event("config.applied", "revision 2")
    alone.until(lambda: "old.quickstart.test (orphaned)" in alone.ok("status"), "status says orphaned")
    assert alone.answer("old.quickstart.test") == {ADDRESSES[0]}
    alone.ok(word, "old.quickstart.test", "--reason", "moved")
    alone.until(lambda: "(orphaned)" not in alone.ok("status"), "no longer orphaned")
    if word == "retire":
        alone.until(lambda: not alone.answer("old.quickstart.test"), "retired")
    else:
        alone.steady(0.5, lambda _: alone.answer("old.quickstart.test") == {ADDRESSES[0]})
    assert alone.answer() == frozenset(ADDRESSES)


OTHER = """[[endpoint]]
name = "old.quickstart.test"
ttl = 5

[endpoint.check]
kind = "tcp"
interval = "200ms"
timeout = "150ms"

[[endpoint.target]]
name = "only"
ipv4 = "127.0.0.11"
port = {port}
label = "left"

"""


def test_commands_without_a_running_up_are_clear(alone: Quickstart) -> None:
    """Nothing runs: status still answers and says what does not; plan says how to begin; no traceback anywhere."""
    config = ("--config", alone.file.name)
    status = alone.ok("status", *config)
    assert "newest plan none yet" in status
    assert "there is no plan yet" in alone.ok("plan", *config)
    assert "no events fit" in alone.ok("history", *config)
    stale = alone.run("demo", "stale", *config)
    assert stale.code == 1
    assert stale.err.startswith("holdfast: ")
    assert "Traceback" not in stale.err
    unknown = alone.run("statsu")
    assert unknown.code == 64
    assert "Did you mean `holdfast status`?" in unknown.err
    which = alone.run("status")
    assert which.code == 64
    assert "name it with --config FILE" in which.err
    assert str(HOST) not in which.err
