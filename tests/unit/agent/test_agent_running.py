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
linger = "10ms"
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


async def test_it_waits_for_its_service_and_says_each_thing_once(tmp_path: Path) -> None:
    """Started first it says once that nobody answers, and where; it holds its lease when the service has come;
    what the service is told later, here that it leaves, is no new grant to who reads the log.
    """
    place = Place(tmp_path)
    (tmp_path / "agent.toml").write_text(FILE.format(url=place.url, key_file=place.key_file))
    file = load_agent(str(tmp_path / "agent.toml"))
    assert isinstance(file, AgentFile)
    said, stop = Said(), asyncio.Event()
    agent = asyncio.create_task(run_agent(file, stop, say=said.say))
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
