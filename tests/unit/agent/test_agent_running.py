"""An agent whose lease service is not there yet: each thing that happens is one line, and said once."""

from __future__ import annotations

import asyncio
from pathlib import Path

from holdfast.service.agent.file import AgentFile, load_agent
from holdfast.service.agent.running import run_agent
from service_here import Place, serving

FILE = """format = 1
server = "{url}"
key_file = "{key_file}"
[target]
role = "api"
name = "h1"
ipv4 = "127.0.0.41"
port = 8100
[drain]
linger = "{linger}"
"""


class Said:
    """What the agent says, and waiting for it."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._more = asyncio.Event()

    def say(self, kind: str, text: str) -> None:
        """As `run_agent` wants it."""
        self.lines.append(f"{kind} {text}")
        self._more.set()

    async def until(self, word: str) -> None:
        """Wait for a line with it."""
        async with asyncio.timeout(20):
            while not any(word in line for line in self.lines):
                self._more.clear()
                await self._more.wait()


def agent_file(directory: Path, place: Place, *, linger: str = "10ms") -> AgentFile:
    """The agent's file, read."""
    path = directory / "agent.toml"
    path.write_text(FILE.format(url=place.url, key_file=place.key_file, linger=linger))
    found = load_agent(str(path))
    assert isinstance(found, AgentFile), found
    return found


async def test_it_waits_for_its_service_and_says_each_thing_once(tmp_path: Path) -> None:
    """Started first it says once that nobody answers, and where; it holds its lease when the service has come;
    what the service is told later, here that it leaves, is no new grant to who reads the log.
    """
    place = Place(tmp_path)
    file = agent_file(tmp_path, place)
    said, stop = Said(), asyncio.Event()
    agent = asyncio.create_task(run_agent(file, stop, asyncio.Event(), say=said.say))
    await said.until("attempts failed")
    async with serving(place):
        await said.until("lease.granted")
        stop.set()
        assert await asyncio.wait_for(agent, 20)
    lines = [line for line in said.lines if "answers again" not in line]
    assert [line.split()[0] for line in lines] == [
        "lease.service",
        "lease.granted",
        "agent.drains",
        "agent.drains",
        "lease.moved",
        "agent.left",
    ]
    assert lines[0] == f"lease.service {place.url}: ConnectError: All connection attempts failed"


async def test_told_twice_to_end_it_does_not_wait(tmp_path: Path) -> None:
    """The first signal drains, which may take minutes; the second releases the lease, and it was not drained."""
    place = Place(tmp_path)
    file = agent_file(tmp_path, place, linger="5m")
    said, stop, hurry = Said(), asyncio.Event(), asyncio.Event()
    async with serving(place):
        agent = asyncio.create_task(run_agent(file, stop, hurry, say=said.say))
        await said.until("lease.granted")
        stop.set()
        await said.until("waits 300 s")
        hurry.set()
        assert not await asyncio.wait_for(agent, 20)
    assert said.lines[-1] == "agent.left its lease is released"


async def test_a_store_that_is_lost_costs_the_service_a_new_start(tmp_path: Path) -> None:
    """Its file deleted under it, the service takes the leases over anew, and a holder is granted its lease again
    with a higher token: nobody has to start anything.
    """
    place = Place(tmp_path, ttl="2s")
    file = agent_file(tmp_path, place)
    said, stop = Said(), asyncio.Event()
    async with serving(place):
        agent = asyncio.create_task(run_agent(file, stop, asyncio.Event(), say=said.say))
        await said.until("lease.granted")
        before = int(said.lines[-1].split()[-1])
        for store in (tmp_path / "holdfast-state").glob("store.sqlite*"):
            store.unlink()
        said.lines.clear()
        await said.until("lease.granted")
        assert int(said.lines[-1].split()[-1]) > before
        stop.set()
        await asyncio.wait_for(agent, 20)
