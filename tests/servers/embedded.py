"""The embedded server as a process of its own: `python -m servers.embedded DIRECTORY PORT ZONE...`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from holdfast.model.configuration import ProviderKind
from holdfast.nameserver.server import EmbeddedServer
from holdfast.nameserver.settings import KeySettings, NameServer, ServerSettings, ZoneSettings
from servers.ports import free_port
from servers.process import (
    HOST,
    KEY_NAME,
    KEY_SECRET,
    PYTHON,
    Process,
    Running,
    ZoneSpec,
    await_answer,
    workplace,
)


def start_embedded(zones: tuple[ZoneSpec, ...]) -> Running:
    """One embedded server."""
    with workplace("embedded") as directory:
        port = free_port()
        file = directory / "server.key"
        file.touch(mode=0o600)
        file.write_text(KEY_SECRET)
        paths = os.pathsep.join(path for path in sys.path if path)
        arguments = [PYTHON, "-m", "servers.embedded", str(directory), str(port), *(z.name for z in zones)]
        process = Process(["env", f"PYTHONPATH={paths}", *arguments], directory, "embedded")
        await_answer(process, port, zones)
        return Running(ProviderKind.EMBEDDED, port, zones, process, directory)


async def _serve(directory: Path, port: int, zones: list[str]) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    server = EmbeddedServer(
        ServerSettings(
            listen=((HOST, port),),
            data_directory=directory / "data",
            zones=tuple(ZoneSettings(z, (NameServer(f"ns1.{z}", (HOST,)),), (KEY_NAME,)) for z in zones),
            keys=(KeySettings(KEY_NAME, file=str(directory / "server.key")),),
        )
    )
    await server.start()
    await stop.wait()
    await server.stop()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]))
