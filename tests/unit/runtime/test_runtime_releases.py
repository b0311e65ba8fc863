"""Release directories on disk: a switch is compared at the write, whoever was here meanwhile."""

from __future__ import annotations

import fcntl
import json
from pathlib import Path

import pytest

from holdfast.model.delivery import Delivery, File, Host
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.release import Command, CurrentRelease, Differs, Discard, Ran, Run, Stage, Staged, Switch
from holdfast.runtime.releases import LOADED, LOCK, MARK, Releases

HOST = Host("h")


async def _staged(of: Releases, generation: int, host: Host = HOST) -> str:
    files = (File("a", b"%d" % generation, 0o644),)
    staged = await of.stage(Stage(Delivery(generation, files, snapshot=True), host))
    assert isinstance(staged, Staged)
    return staged.name


async def _current(of: Releases) -> str:
    return (await of.current(CurrentRelease())).name


async def test_a_process_that_stood_still_cannot_bring_an_older_release_back(tmp_path: Path) -> None:
    """It compared with release 5 and was paused; its successor went on to 7; its own 6 is not made current."""
    paused, successor = Releases(tmp_path, {}), Releases(tmp_path, {})
    five = await _staged(paused, 5)
    assert await paused.switch(Switch(five, over="")) is None
    six, seven = await _staged(paused, 6), await _staged(successor, 7)
    assert await successor.switch(Switch(seven, over=five)) is None
    refused = await paused.switch(Switch(six, over=five))
    assert isinstance(refused, CouldNotAsk)
    assert f"{seven} current" in refused.reason
    assert await _current(paused) == seven
    assert (tmp_path / "current" / "a").read_bytes() == b"7"


async def test_the_same_generation_of_another_role_is_another_release(tmp_path: Path) -> None:
    """Two processes of two roles at one generation: neither writes over the other's files, or switches over it."""
    old, new = Releases(tmp_path, {}), Releases(tmp_path, {})
    mine = await _staged(old, 5, Host("h", "old"))
    await old.switch(Switch(mine, over=""))
    theirs = await _staged(new, 5, Host("h", "new"))
    assert theirs != mine != await _staged(old, 5, Host("h", "old"))
    assert await new.switch(Switch(theirs, over=mine)) is None
    later = await _staged(old, 6, Host("h", "old"))
    assert isinstance(await old.switch(Switch(later, over=mine)), CouldNotAsk)
    assert (await old.current(CurrentRelease())).host == Host("h", "new")


async def test_a_release_that_another_process_removed_is_not_made_current(tmp_path: Path) -> None:
    """A link to nothing would be no configuration at all. Nor is it validated: it would be refused for nothing."""
    one, other = Releases(tmp_path, {Command.VALIDATE: "true"}), Releases(tmp_path, {})
    five = await _staged(one, 5)
    await one.switch(Switch(five, over=""))
    six = await _staged(one, 6)
    await other.discard(Discard())
    assert isinstance(await one.run(Run(Command.VALIDATE, six)), CouldNotAsk)
    assert isinstance(await one.switch(Switch(six, over=five)), CouldNotAsk)
    assert await _current(one) == five


async def test_what_is_gone_back_to_stays(tmp_path: Path) -> None:
    """A third became current after this one was laid out: that is the one before it, and nobody removes it."""
    releases = Releases(tmp_path, {})
    five, six, seven = [await _staged(releases, generation) for generation in (5, 6, 7)]
    for release, over in ((five, ""), (six, five), (seven, six)):
        assert await releases.switch(Switch(release, over=over)) is None
    await releases.discard(Discard())
    assert (await releases.current(CurrentRelease())).before == six
    assert await releases.switch(Switch(six, over=seven, undoes=True)) is None
    assert (await releases.current(CurrentRelease())).before == five, "going back is no step forward"


async def test_a_reload_is_of_what_is_current_alone(tmp_path: Path) -> None:
    """A process that stood still before its reload does not tell the daemon of a release that was replaced."""
    said = tmp_path / "said"
    paused = Releases(tmp_path, {Command.RELOAD: f"readlink {{dir}} >> {said}"})
    five, six = await _staged(paused, 5), await _staged(paused, 6)
    await paused.switch(Switch(five, over=""))
    assert await paused.run(Run(Command.RELOAD, five)) == Ran(True)
    await paused.switch(Switch(six, over=five))
    found = await paused.run(Run(Command.RELOAD, five))
    assert isinstance(found, CouldNotAsk)
    assert said.read_text() == f"releases/{five}\n", "{dir} of a reload is the link: it leads to the newest"


async def test_what_comes_out_otherwise_than_the_service_means_is_not_kept(tmp_path: Path) -> None:
    """A change upon files that were edited by hand, or of another history: everything is asked for instead."""
    releases = Releases(tmp_path, {})
    await releases.switch(Switch(await _staged(releases, 5), over=""))
    found = await releases.stage(Stage(Delivery(6, (File("b", b"6", 0o644),), digest="of something else"), HOST))
    assert isinstance(found, Differs)
    assert "asking for everything" in found.reason
    assert len(list((tmp_path / "releases").iterdir())) == 1


async def test_what_a_command_left_beside_the_files_is_not_taken_further(tmp_path: Path) -> None:
    """A release has exactly what was published."""
    releases = Releases(tmp_path, {})
    await releases.switch(Switch(await _staged(releases, 5), over=""))
    (tmp_path / "current" / "cache").write_text("of a validation")
    staged = await releases.stage(Stage(Delivery(6, (File("sub/b", b"6", 0o600),)), HOST))
    assert isinstance(staged, Staged)
    laid = tmp_path / "releases" / staged.name
    assert sorted(path.name for path in laid.rglob("*")) == [MARK, "a", "b", "sub"]
    assert (laid / "sub" / "b").stat().st_mode & 0o777 == 0o600


async def test_a_directory_of_an_older_version_goes_on(tmp_path: Path) -> None:
    """Named by its generation, without digest and list of files, the one before as a number: it is current, its
    daemon has it, and the next change is laid upon it.
    """
    for generation in (3, 4):
        release = tmp_path / "releases" / f"{generation:012d}"
        release.mkdir(parents=True)
        (release / "a").write_text(str(generation))
        (release / "b").write_text("b")
        mark = {"generation": generation, "host": {"name": "h", "role": "", "group": ""}, "before": 3}
        (release / MARK).write_text(json.dumps(mark))
    (tmp_path / "current").symlink_to("releases/000000000004")
    (tmp_path / LOADED).write_text("4\n")
    releases = Releases(tmp_path, {})
    found = await releases.current(CurrentRelease())
    assert (found.name, found.generation, found.host, found.digest) == ("000000000004", 4, HOST, "")
    assert (found.before, found.loaded) == ("000000000003", True)
    staged = await releases.stage(Stage(Delivery(5, (File("a", b"5", 0o644),)), HOST))
    assert isinstance(staged, Staged)
    assert await releases.switch(Switch(staged.name, over=found.name)) is None
    await releases.discard(Discard())
    assert [(tmp_path / "current" / name).read_text() for name in "ab"] == ["5", "b"]
    assert await releases.switch(Switch(found.name, over=staged.name, undoes=True)) is None
    assert (await releases.current(CurrentRelease())).loaded


async def test_two_processes_switch_one_after_another(tmp_path: Path) -> None:
    """While another one is about it, nothing is switched, and it is said why."""
    releases = Releases(tmp_path, {})
    five = await _staged(releases, 5)
    with (tmp_path / LOCK).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused = await releases.switch(Switch(five, over=""))
    assert isinstance(refused, CouldNotAsk)
    assert "another process" in refused.reason
    assert await releases.switch(Switch(five, over="")) is None
    assert await _current(releases) == five


async def test_commands_get_a_path_that_holds_where_they_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The directory may be given relative to where the follower was started; a command runs in the release."""
    monkeypatch.chdir(tmp_path)
    releases = Releases(Path("lb"), {Command.VALIDATE: "test -f {dir}/a && pwd"})
    staged = await _staged(releases, 5)
    assert await releases.run(Run(Command.VALIDATE, staged)) == Ran(True, f"{tmp_path}/lb/releases/{staged}")
    failed = Releases(Path("lb"), {Command.VALIDATE: "false"})
    assert await failed.run(Run(Command.VALIDATE, staged)) == Ran(False, "validate: exit 1: false")
