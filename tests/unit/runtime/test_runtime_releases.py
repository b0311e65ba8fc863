"""Release directories on disk: a switch is compared at the write, whoever was here meanwhile."""

from __future__ import annotations

import fcntl
from pathlib import Path

from holdfast.model.delivery import Delivery, File, Host
from holdfast.ports.operation import CouldNotAsk
from holdfast.ports.release import CurrentRelease, Discard, Stage, Switch
from holdfast.runtime.releases import LOCK, Releases

HOST = Host("h")


async def _staged(of: Releases, generation: int) -> None:
    files = (File("a", b"%d" % generation, 0o644),)
    assert await of.stage(Stage(Delivery(generation, files, snapshot=True), HOST)) is None


async def _current(of: Releases) -> int:
    return (await of.current(CurrentRelease())).generation


async def test_a_process_that_stood_still_cannot_bring_an_older_release_back(tmp_path: Path) -> None:
    """It compared with release 5 and was paused; its successor went on to 7; its own 6 is not made current."""
    paused, successor = Releases(tmp_path, {}), Releases(tmp_path, {})
    await _staged(paused, 5)
    assert await paused.switch(Switch(5, over=0)) is None
    await _staged(paused, 6)
    await _staged(successor, 7)
    assert await successor.switch(Switch(7, over=5)) is None
    refused = await paused.switch(Switch(6, over=5))
    assert isinstance(refused, CouldNotAsk)
    assert "7 current" in refused.reason
    assert await _current(paused) == 7
    assert (tmp_path / "current" / "a").read_bytes() == b"7"


async def test_a_release_that_another_process_removed_is_not_made_current(tmp_path: Path) -> None:
    """A link to nothing would be no configuration at all."""
    one, other = Releases(tmp_path, {}), Releases(tmp_path, {})
    await _staged(one, 5)
    await one.switch(Switch(5, over=0))
    await _staged(one, 6)
    await other.discard(Discard(5))
    assert isinstance(await one.switch(Switch(6, over=5)), CouldNotAsk)
    assert await _current(one) == 5


async def test_two_processes_switch_one_after_another(tmp_path: Path) -> None:
    """While another one is about it, nothing is switched, and it is said why."""
    releases = Releases(tmp_path, {})
    await _staged(releases, 5)
    with (tmp_path / LOCK).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused = await releases.switch(Switch(5, over=0))
    assert isinstance(refused, CouldNotAsk)
    assert "another process" in refused.reason
    assert await releases.switch(Switch(5, over=0)) is None
    assert await _current(releases) == 5
