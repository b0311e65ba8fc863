"""An actor's disk: atomic, private, inside its directory; and ids."""

from __future__ import annotations

import os
import random
import re
import stat
from pathlib import Path

import pytest

from holdfast.ports.disk import DiskFailed, Load, Promote, Stage
from holdfast.ports.random import NewId
from holdfast.runtime.disk import BadName, DirectoryDisk
from holdfast.runtime.ids import Ids


async def test_staging_changes_nothing_until_promoted(tmp_path: Path) -> None:
    """Absent, then old, then new: a crash between the two steps leaves the document as it was."""
    disk = DirectoryDisk(tmp_path / "actors" / "a")
    assert await disk.load(Load("plan")) is None
    assert await disk.stage(Stage("plan", b"old")) is None
    assert await disk.load(Load("plan")) is None
    assert await disk.promote(Promote("plan")) is None
    assert await disk.stage(Stage("plan", b"new")) is None
    assert await DirectoryDisk(tmp_path / "actors" / "a").load(Load("plan")) == b"old"
    assert await disk.promote(Promote("plan")) is None
    assert await disk.load(Load("plan")) == b"new"


async def test_files_are_private_whatever_lay_there(tmp_path: Path) -> None:
    """0600, also when a left-over temporary file was readable for all."""
    disk = DirectoryDisk(tmp_path)
    (tmp_path / "plan.tmp").write_bytes(b"left over")
    (tmp_path / "plan.tmp").chmod(0o644)
    await disk.stage(Stage("plan", b"x"))
    await disk.promote(Promote("plan"))
    assert stat.S_IMODE((tmp_path / "plan").stat().st_mode) == 0o600


async def test_file_and_directory_are_flushed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file before the rename, the directory after it: else a power cut may undo either."""
    order: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def note_fsync(handle: int) -> None:
        order.append("directory" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        fsync(handle)

    def note_replace(self: Path, target: Path) -> Path:
        order.append("rename")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(Path, "replace", note_replace)
    disk = DirectoryDisk(tmp_path)
    await disk.stage(Stage("plan", b"x"))
    await disk.promote(Promote("plan"))
    assert order == ["file", "rename", "directory"]


@pytest.mark.parametrize(
    "name", ["", "..", "../plan", "a/b", "/etc/passwd", ".hidden", "plan.tmp", "a\0b", "x" * 101]
)
async def test_names_stay_inside(tmp_path: Path, name: str) -> None:
    """A name that could leave the directory, or meet a temporary file, is an error of the program."""
    disk = DirectoryDisk(tmp_path)
    for operation in (disk.load(Load(name)), disk.stage(Stage(name, b"")), disk.promote(Promote(name))):
        with pytest.raises(BadName):
            await operation


async def test_failures_are_values_that_name_the_path(tmp_path: Path) -> None:
    """A directory that can't be used, a promotion of nothing: `DiskFailed`, never an exception."""
    (tmp_path / "file").write_text("")
    blocked = DirectoryDisk(tmp_path / "file")
    for result in (
        await blocked.load(Load("plan")),
        await blocked.stage(Stage("plan", b"")),
        await DirectoryDisk(tmp_path).promote(Promote("plan")),
    ):
        assert isinstance(result, DiskFailed)
        assert str(tmp_path) in result.reason


async def test_ids() -> None:
    """Six of a-z and 2-7, seldom twice; repeatable with a seed."""
    ids = Ids()
    made = {await ids.new_id(NewId()) for _ in range(1000)}
    assert all(re.fullmatch("[a-z2-7]{6}", id_) for id_ in made)
    assert len(made) > 990
    assert await Ids(random.Random(1)).new_id(NewId()) == await Ids(random.Random(1)).new_id(NewId())
