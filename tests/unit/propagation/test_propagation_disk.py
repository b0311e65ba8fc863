"""Both shipped loops and real release directories: what a host has on disk is what it is said to have."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from holdfast.model.delivery import Host, Publish, Published
from holdfast.ports.events import Emit
from holdfast.ports.release import AskNewer, Command, Ready
from holdfast.ports.store import Commit, Get, Range
from holdfast.propagation.agent import config_loop
from holdfast.propagation.desk import DeliverySettings
from holdfast.propagation.loop import delivery_loop
from holdfast.runtime.clock import ProcessClock
from holdfast.runtime.delivery import DeliveryInbox
from holdfast.runtime.driver import Answers, drive
from holdfast.runtime.ports import register_clock
from holdfast.runtime.releases import Releases
from holdfast.stores.memory import MemoryState

WAIT_S = 50.0
OLD, NEW = Host("h", "old"), Host("h", "new")


class Room:
    """A service on a store in memory."""

    def __init__(self) -> None:
        self.state = MemoryState()
        self.events: list[str] = []

    @asynccontextmanager
    async def serves(self) -> AsyncIterator[DeliveryInbox]:
        """A run of the service."""
        inbox = DeliveryInbox()
        answers = Answers()
        inbox.register(answers)
        for kind in (Get, Range, Commit):
            answers.register(kind, self._stored)
        answers.register(Emit, self._emitted)
        async with _running(drive(delivery_loop("t", DeliverySettings()), answers)):
            yield inbox

    async def _stored(self, op: Any) -> Any:
        return self.state.apply(op)

    async def _emitted(self, op: Emit) -> None:
        self.events.append(op.event.kind)


@asynccontextmanager
async def _running(loop: Any) -> AsyncIterator[None]:
    task = asyncio.ensure_future(loop)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


class Follower:
    """A host's process on a directory: what it said of its readiness, and what lay in `current` then."""

    def __init__(self, inbox: DeliveryInbox, directory: Path) -> None:
        self._inbox = inbox
        self.directory = directory
        self.said: list[tuple[Ready, dict[str, str]]] = []
        self._news = asyncio.Event()

    @asynccontextmanager
    async def follows(self, host: Host, commands: dict[Any, str] | None = None) -> AsyncIterator[Follower]:
        """A run of the host's loop."""
        answers = Answers()
        Releases(self.directory, commands or {}).register(answers)
        register_clock(answers, ProcessClock())
        answers.register(AskNewer, self._asks)
        answers.register(Ready, self._says)
        async with _running(drive(config_loop(host), answers)):
            yield self

    def asks(self, inbox: DeliveryInbox) -> None:
        """Another run of the service; what was said before is over."""
        self._inbox = inbox
        self.said.clear()

    async def _asks(self, op: AskNewer) -> Any:
        return await self._inbox.call(op.poll, timeout_s=WAIT_S)

    async def _says(self, op: Ready) -> None:
        self.said.append((op, files(self.directory)))
        self._news.set()

    async def until(self, holds: Callable[[Ready, dict[str, str]], bool]) -> dict[str, str]:
        """Wait until it says something with which this holds; the files of that moment."""
        async with asyncio.timeout(WAIT_S):
            while not (self.said and holds(*self.said[-1])):
                self._news.clear()
                await self._news.wait()
        return self.said[-1][1]


def files(directory: Path) -> dict[str, str]:
    """What daemons read."""
    current = directory / "current"
    return {file.name: file.read_text() for file in current.glob("[!.]*")} if current.exists() else {}


async def publish(inbox: DeliveryInbox, selector: str, name: str, content: str) -> int:
    """A document."""
    found = await inbox.call(Publish(selector, name, content.encode()), timeout_s=WAIT_S)
    assert isinstance(found, Published), found
    return found.generation


async def test_a_host_that_changes_its_role_has_the_files_of_the_new_one(tmp_path: Path) -> None:
    """Its desired generation stays the same number, that of the newest document for all: it is not ready with the
    old role's files. It is also given them at once, though its last process ended before it could report.
    """
    async with Room().serves() as inbox:
        await publish(inbox, "role/old", "pool", "old")
        await publish(inbox, "role/new", "pool", "new")
        assert await publish(inbox, "all", "motd", "hello") == 3
        follower = Follower(inbox, tmp_path)
        async with follower.follows(OLD):
            assert await follower.until(lambda said, _: said.ready) == {"pool": "old", "motd": "hello"}
        follower.said.clear()
        async with follower.follows(NEW):
            assert await follower.until(lambda said, _: said.ready) == {"pool": "new", "motd": "hello"}


async def test_a_role_for_which_nothing_is_published_takes_no_files_away_and_is_not_ready(tmp_path: Path) -> None:
    """A misspelt role: the daemon keeps its files, and it is said why the host is not ready."""
    async with Room().serves() as inbox:
        await publish(inbox, "role/old", "pool", "old")
        follower = Follower(inbox, tmp_path)
        async with follower.follows(OLD):
            await follower.until(lambda said, _: said.ready)
        follower.said.clear()
        async with follower.follows(NEW):
            assert await follower.until(lambda said, _: bool(said.why)) == {"pool": "old"}
    said, _ = follower.said[-1]
    assert not said.ready
    assert said.why == "nothing is published for it, and what is current was made for host h, role old"


async def test_a_restored_store_that_went_on_to_the_same_number_is_seen_by_the_contents(tmp_path: Path) -> None:
    """Generation 2 was published, lost, and given again while nobody could ask: hosts at 2 have other files."""
    room = Room()
    follower = Follower(DeliveryInbox(), tmp_path)
    async with room.serves() as inbox:
        await publish(inbox, "all", "a", "1")
        copy = room.state.clone()
        await publish(inbox, "all", "b", "lost")
        follower.asks(inbox)
        async with follower.follows(OLD):
            assert await follower.until(lambda said, _: said.ready) == {"a": "1", "b": "lost"}
    room.state = copy
    async with room.serves() as inbox:
        assert await publish(inbox, "all", "c", "new") == 2
        follower.asks(inbox)
        async with follower.follows(OLD):
            assert await follower.until(lambda said, _: said.ready) == {"a": "1", "c": "new"}
        await publish(inbox, "all", "c", "newer")


async def test_a_change_laid_upon_a_lost_history_is_noticed_by_the_host(tmp_path: Path) -> None:
    """It was at 5 of the old history, and 6 of the new one is offered as a change: it asks for everything."""
    room = Room()
    follower = Follower(DeliveryInbox(), tmp_path)
    async with room.serves() as inbox:
        for name in "abcd":
            await publish(inbox, "all", name, "1")
        copy = room.state.clone()
        await publish(inbox, "all", "lost", "1")
        follower.asks(inbox)
        async with follower.follows(OLD):
            await follower.until(lambda said, _: said.ready)
    room.state = copy
    async with room.serves() as inbox:
        await publish(inbox, "all", "a", "2")
        assert await publish(inbox, "all", "b", "2") == 6
        follower.asks(inbox)
        async with follower.follows(OLD):
            found = await follower.until(lambda said, _: said.ready)
    assert found == {"a": "2", "b": "2", "c": "1", "d": "1"}


async def test_a_release_directory_of_an_older_version_goes_on(tmp_path: Path) -> None:
    """It is ready with what it has, without a reload; a new role and a new document reach it."""
    release = tmp_path / "releases" / "000000000001"
    release.mkdir(parents=True)
    (release / "pool").write_text("old")
    mark = {"generation": 1, "host": {"name": "h", "role": "old", "group": ""}, "before": 0}
    (release / ".holdfast.json").write_text(json.dumps(mark))
    (tmp_path / "current").symlink_to("releases/000000000001")
    (tmp_path / "loaded").write_text("1\n")
    async with Room().serves() as inbox:
        await publish(inbox, "role/old", "pool", "old")
        follower = Follower(inbox, tmp_path)
        async with follower.follows(OLD, {Command.RELOAD: "false"}):
            await follower.until(lambda said, _: said.ready and said.applied == 1)
        assert (tmp_path / "current").readlink() == Path("releases/000000000001")
        async with follower.follows(OLD):
            await publish(inbox, "all", "motd", "hello")
            found = await follower.until(lambda said, _: said.ready and said.applied == 2)
            assert found == {"pool": "old", "motd": "hello"}
        async with follower.follows(NEW):
            await follower.until(lambda said, lies: said.ready and lies == {"motd": "hello"})


async def test_a_host_that_cannot_switch_does_not_fill_its_disk(tmp_path: Path) -> None:
    """`current` is a directory of somebody else's: it is said, and nothing of each try stays."""
    (tmp_path / "current").mkdir()
    async with Room().serves() as inbox:
        await publish(inbox, "all", "a", "1")
        follower = Follower(inbox, tmp_path)
        for _ in range(3):
            follower.asks(inbox)
            async with follower.follows(OLD):
                await follower.until(lambda said, _: bool(said.why))
                assert follower.said[-1][0].why == f"{tmp_path / 'current'}: Is a directory"
        assert list((tmp_path / "releases").iterdir()) == []
