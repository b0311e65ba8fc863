"""A lease service in the test's own process, over real HTTP: a second cheaper than a process of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from holdfast.config.loading import load
from holdfast.config.settings import Loaded
from holdfast.service.leases.serving import run_leases
from holdfast.service.scene import open_scene
from servers.ports import free_port

FILE = """format = 1
scope = "t"
[service]
metrics_listen = ""
[leases]
listen = "127.0.0.1:{port}"
ttl = "{ttl}"
"""
KEY = "a token of thirty-two characters"


class Place:
    """Where it will serve, before it does."""

    def __init__(self, directory: Path, *, ttl: str = "3m") -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.key_file = directory / "holdfast-state" / "keys" / "leases.key"
        self.key_file.parent.mkdir(parents=True, mode=0o700)
        self.key_file.touch(mode=0o600)
        self.key_file.write_text(KEY)
        self.file = directory / "leases.toml"
        self.file.write_text(FILE.format(port=port, ttl=ttl))


@asynccontextmanager
async def serving(place: Place) -> AsyncIterator[None]:
    """Serve as long as the context lasts."""
    loaded = load(place.file)
    assert isinstance(loaded, Loaded)
    async with open_scene(loaded, "leases") as scene:
        service = asyncio.create_task(run_leases(scene))
        try:
            yield
        finally:
            service.cancel()
            await asyncio.gather(service, return_exceptions=True)
